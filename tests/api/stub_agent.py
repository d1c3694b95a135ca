#!/usr/bin/python3 -B
"""The session agent of an image without Spark: the real one's HTTP side and
statement queue over a small interpreter, Python's eval and exec. Code may
call
    progress(share)     what the statement tells of itself
    nap(seconds)        sleeps until it is over or cancelled
    mode(name, times)   makes the agent misbehave from now on; MODES
    view(text)          hides or shows what GET /v1/state says: {"key": value}
    end(status)         ends the driver, once its client is answered
GET /v1/calls says how often it was asked for what, beside that.
The same modes by the conf spark.fake.mode, from the start."""

import collections
import contextlib
import importlib.util
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
import uuid

SRC = "@SRC@"
DELAY = "@DELAY@"      # seconds until it listens
spec = importlib.util.spec_from_file_location(
    "livy_agent", SRC + "/deploy/agent/livy_agent.py")
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)

CONF = json.loads(os.environ.get("FAKE_SPARK_CONF", "{}"))


class Cancelled(BaseException):
    pass


class Agent:
    """What the real one's handler calls."""

    def __init__(self, conf):
        self.conf, self.store = conf, real.Store(conf)
        self.instance = uuid.uuid4().hex
        self.born = time.monotonic()
        self.facts, self.lies = {}, {}
        self.ending = threading.Event()
        self.status = 0
        self.files, self.nap_on_file = {}, 0
        self.last_seconds = 0   # that it takes to end when it is told to
        self.calls = collections.Counter()
        self.names = {"progress": self.progress, "nap": self.nap,
                      "mode": self.set_mode, "view": self.lies.update,
                      "end": self.end, "time": time, "files": self.files,
                      "again": self.again, "agent": self}

    saw_client, too_old = real.Agent.saw_client, real.Agent.too_old
    close, cancel, interrupt = (real.Agent.close, real.Agent.cancel,
                                real.Agent.interrupt)

    def view(self):
        return dict(real.Agent.view(self), **self.lies)

    def again(self):
        """As after a restart of the container."""
        self.instance = uuid.uuid4().hex

    def set_mode(self, name, times=1 << 30):
        Handler.mode, Handler.times = name, times

    def progress(self, share):
        with self.store.cond:
            self.store.running.progress = share
            self.store.changed(self.store.running)

    def end(self, status):
        self.nap(0.5)
        os._exit(status)

    def nap(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.store.running.cancelling():
                raise Cancelled
            time.sleep(0.01)

    def stop_statement(self, statement):
        pass                    # nap() sees to it

    def work(self):
        while True:
            statement = self.store.take()
            self.store.finish(statement, self.run(statement.code))

    def run(self, code):
        if "sleep(" in code and "nap" not in code:
            code = "nap(30)"    # recorded code that takes its time
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                try:
                    value = eval(code, self.names)
                except SyntaxError:
                    value = exec(code, self.names)
        except Cancelled:
            return real.failed("Cancelled", "")
        except Exception as err:
            return real.failed(type(err).__name__, str(err),
                               traceback.format_exc().splitlines(True)[-1:])
        text = out.getvalue() + ("" if value is None else repr(value))
        return real.ok({real.TEXT: text})

    def complete(self, code, kind, cursor):
        return sorted(n for n in self.names if n.startswith(code[:cursor]))

    def add(self, what, uri):
        self.files[uri] = what

    def new_folder(self):
        import tempfile
        return tempfile.mkdtemp()

    def take_file(self, what, path):
        time.sleep(self.nap_on_file)
        self.files[os.path.basename(path)] = open(path, "rb").read()

    def live(self):
        while not self.ending.wait(0.05):
            why = self.too_old()
            if why:
                print("stub agent: ending:", why, flush=True)
                self.close(why)
        time.sleep(0.2)         # who waits hears of it
        os._exit(self.status)


class Handler(real.Handler):
    mode, times = CONF.get("spark.fake.mode", ""), 1 << 30

    def answer(self, method):
        path = self.path.partition("?")[0]
        if path == "/v1/calls":
            return self.reply(200, self.agent.calls)
        self.agent.calls[f"{method} {path}"] += 1
        mode = Handler.mode if Handler.times > 0 else ""
        if mode and not (mode == "lost-post" and method != "POST"):
            Handler.times -= 1
        if mode == "deaf":
            time.sleep(3600)
        elif mode == "garbage":
            self.wfile.write(b"\0\x01 this is no HTTP\r\n\r\n" * 100)
            self.close_connection = True
        elif mode == "no-json":
            self.send_bytes(b'{"instance": ' + b"[" * 100000)
        elif mode == "endless":
            self.send_bytes(b" " * (64 << 20))
        elif mode == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.send_header(real.PROTOCOL_HEADER, "1")
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.5)
        elif mode == "slam":
            self.connection.close()
            self.close_connection = True
        else:
            super().answer(method)

    def reply(self, status, body):
        if Handler.mode == "lost-post" and Handler.times >= 0 and \
                self.command == "POST":
            Handler.mode = ""
            self.close_connection = True
            return              # it was done, but nobody hears of it
        if Handler.mode == "late" and self.path.startswith("/v1/state?"):
            time.sleep(0.1)
        super().reply(status, body)

    def send_bytes(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(real.PROTOCOL_HEADER, "1")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def main():
    conf = real.read_settings(sys.argv[1:])
    print("stub agent: kind", conf["kind"], flush=True)
    agent = Agent(conf)

    def end(*_):
        time.sleep(agent.last_seconds)
        os._exit(143)
    signal.signal(signal.SIGTERM, end)
    real.Handler = Handler
    time.sleep(float(CONF.get("spark.fake.delay", DELAY)))
    real.serve(agent, conf)
    agent.store.set_state("idle")
    threading.Thread(target=agent.work, daemon=True).start()
    agent.live()


main()
