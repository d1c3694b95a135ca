#!/usr/bin/python3 -B
"""The session agent of an image without Spark: takes the real one's options,
waits for its token, and tells its state to whoever has it."""

import argparse
import http.server
import json
import os
import signal
import sys
import time

parser = argparse.ArgumentParser()
for option in ("kind", "name", "port", "token-file", "idle-timeout", "ttl",
               "heartbeat-timeout"):
    parser.add_argument("--" + option, required=True)
ARGS = parser.parse_args()
CONF = json.loads(os.environ["FAKE_SPARK_CONF"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.headers.get("X-Livy-Token") == TOKEN
        body = json.dumps({
            "protocol": 1, "state": "idle", "kind": ARGS.kind,
            "name": ARGS.name, "options": vars(ARGS)} if good else
            {"error": "no"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("X-Livy-Agent-Protocol", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


print("agent: kind", ARGS.kind, flush=True)
if "fake.exit" in CONF:
    sys.exit(int(CONF["fake.exit"]))
if CONF.get("fake.hang"):     # deaf to everything but SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)
with open(ARGS.token_file) as f:
    TOKEN = f.read().strip()
server = http.server.ThreadingHTTPServer(
    (os.environ["SPARK_DRIVER_BIND_ADDRESS"], int(ARGS.port)), Handler)
print("agent: listens", flush=True)
server.serve_forever()
