#!/usr/bin/python3 -B
"""A session agent that never comes further than starting: takes the real
one's options, and tells its state to whoever has the token."""

import argparse
import http.server
import json
import os
import signal
import sys
import time
import urllib.parse

parser = argparse.ArgumentParser()
for option in ("kind", "name", "port", "token-file", "idle-timeout", "ttl",
               "heartbeat-timeout"):
    parser.add_argument("--" + option, required=True)
ARGS = parser.parse_args()
CONF = json.loads(os.environ["FAKE_SPARK_CONF"])
STATE = {
    "protocol": 1, "instance": "fake", "version": 1, "state": "starting",
    "reason": None, "kind": ARGS.kind, "name": ARGS.name, "total": 0,
    "next": 0, "waiting": 0, "running": None, "ageMs": 0, "idleMs": 0,
    "applicationId": None, "sparkUiUrl": None, "sparkVersion": None,
    "scalaVersion": None, "javaVersion": None, "pythonVersion": None,
    "changed": []}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.headers.get("X-Livy-Token") == TOKEN
        query = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
        if good and int(query.get("since", -1)) >= 1:
            time.sleep(min(60, float(query.get("wait", 0))))
        body = json.dumps({**STATE, "options": vars(ARGS)} if good else
                          {"error": "no"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("X-Livy-Agent-Protocol", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


print("agent: kind", ARGS.kind, flush=True)
if "spark.fake.exit" in CONF:
    sys.exit(int(CONF["spark.fake.exit"]))
if CONF.get("spark.fake.hang"):     # deaf to everything but SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)
with open(ARGS.token_file) as f:
    TOKEN = f.read().strip()
server = http.server.ThreadingHTTPServer(
    (os.environ["SPARK_DRIVER_BIND_ADDRESS"], int(ARGS.port)), Handler)
print("agent: listens", flush=True)
server.serve_forever()
