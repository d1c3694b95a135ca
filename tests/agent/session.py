"""A session agent under spark-submit, and what a gateway says to it."""

import concurrent.futures
import copy
import http.client
import json
import os
import pathlib
import secrets
import signal
import subprocess
import time

AGENT = pathlib.Path(__file__).parents[2] / "deploy/agent/livy_agent.py"

# Small heaps and few partitions: the tests share a machine.
CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
    "spark.sql.session.timeZone": "UTC",
}


# Seconds that no machine takes for what goes at once. What it is told from
# takes a minute, or leaves something else behind.
SOON = 30
# And to wait for anything: a start of Spark among other work takes long.
DEADLINE = 300


class HttpError(Exception):
    def __init__(self, status, body):
        Exception.__init__(self, status, body)
        self.status, self.body = status, body


def environment(python):
    """What the driver container would have, for a venv's pyspark."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SPARK_", "PYSPARK_", "LIVY_"))}
    env.update(PYSPARK_PYTHON=python, PYSPARK_DRIVER_PYTHON=python,
               SPARK_LOCAL_IP="127.0.0.1",
               SPARK_DRIVER_BIND_ADDRESS="127.0.0.1", TZ="UTC",
               PATH=os.path.dirname(python) + os.pathsep + env["PATH"])
    return env


def spark_submit(python):
    return [os.path.join(os.path.dirname(python), "spark-submit")]


class Session:
    def __init__(self, python, folder, master="local[2]", conf=None,
                 submit=(), environ=None, **settings):
        self.python, self.folder = python, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token = secrets.token_hex(16)
        self.token_file = self.folder / "token"
        self.token_file.write_text(self.token + "\n")
        self.ready = self.folder / "ready"
        self.log = self.folder / "driver.log"
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir(exist_ok=True)
        self.conn = self.kind = None
        self.used = 0.0         # when the kept connection was
        command = spark_submit(python) + ["--master", master]
        for key, value in dict(CONF, **(conf or {})).items():
            command += ["--conf", "%s=%s" % (key, value)]
        command += list(submit) + [
            "local://%s" % AGENT, "--port", "0",
            "--token-file", str(self.token_file),
            "--ready-file", str(self.ready)]
        for key, value in settings.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, env=dict(environment(python), TMPDIR=str(self.tmp),
                              **(environ or {})),
            cwd=str(self.folder),
            stdin=subprocess.DEVNULL, stdout=open(self.log, "wb"),
            stderr=subprocess.STDOUT, start_new_session=True)

    def connect(self):
        deadline = time.monotonic() + DEADLINE
        while not self.ready.exists():
            if self.process.poll() is not None or \
                    time.monotonic() > deadline:
                raise RuntimeError(self.log.read_text()[-3000:])
            time.sleep(0.02)
        host, port = self.ready.read_text().strip().rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=90)

    def raw(self, method, path, body=None, token=None, conn=None):
        """(status, bytes) of a request on the kept connection."""
        if conn is None:
            # The agent closes what was idle for minutes.
            if self.conn is None or time.monotonic() - self.used > 60:
                self.conn = self.connect()
            conn, self.used = self.conn, time.monotonic()
        headers = {"X-Livy-Token": self.token if token is None else token}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            conn.request(method, path, body, headers)
            answer = conn.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, OSError):
            conn.close()
            raise

    def at_once(self, count, method, path, body=None):
        """The same request on so many connections; their answers."""
        def one(_):
            conn = self.connect()
            try:
                return self.raw(method, path, body, conn=conn)
            finally:
                conn.close()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def call(self, method, path, body=None, **more):
        status, raw = self.raw(method, path, body, **more)
        value = json.loads(raw.decode("utf-8"))
        if status >= 400:
            raise HttpError(status, value)
        return value

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def state(self):
        return self.get("/v1/state")["state"]

    def wait_for(self, *states, timeout=DEADLINE):
        """Long-polls until the session is in one of the states."""
        deadline = time.monotonic() + timeout
        since = -1
        while time.monotonic() < deadline:
            view = self.get("/v1/state?since=%d&wait=5" % since)
            if view["state"] in states:
                return view
            since = view["version"]
            if self.process.poll() is not None:
                break
        raise AssertionError("not %s but %s\n%s" % (
            states, view["state"], self.log.read_text()[-3000:]))

    def submit(self, code, kind=None, **more):
        body = dict(more, code=code)
        if kind or self.kind:
            body["kind"] = kind or self.kind
        return self.post("/v1/statements", body)["id"]

    def result(self, number, timeout=DEADLINE):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            view = self.get("/v1/statements/%d?wait=20" % number)
            if view["state"] in ("available", "cancelled"):
                return view
        raise AssertionError("statement %d: %s" % (number, view["state"]))

    def run(self, code, kind=None, timeout=DEADLINE):
        return self.result(self.submit(code, kind), timeout)["output"]

    def text(self, code, kind=None, timeout=DEADLINE):
        """text/plain of a statement that must be good."""
        output = self.run(code, kind, timeout)
        assert output["status"] == "ok", output
        return output["data"]["text/plain"]

    def error(self, code, kind=None):
        output = self.run(code, kind)
        assert output["status"] == "error", output
        return output

    def running(self, code, kind=None, until=None):
        """Submits code and waits until it runs, or until it has said so in
        a file."""
        number = self.submit(code, kind)
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            view = self.get("/v1/statements/%d" % number)
            if view["state"] != "waiting" and \
                    (until is None or os.path.exists(until)):
                return number
            assert view["state"] in ("waiting", "running"), view
            time.sleep(0.02)
        raise AssertionError("it does not run")

    def cancel(self, number):
        """Cancels; returns the end view and how long that took."""
        began = time.monotonic()
        self.post("/v1/statements/%d/cancel" % number)
        view = self.result(number)
        return view, time.monotonic() - began

    def of_kind(self, kind):
        """The same session for statements of one kind."""
        other = copy.copy(self)
        other.kind, other.conn = kind, None
        return other

    def family(self):
        """Pids of the agent, which is the first, and of its kernel."""
        parents, agents = {}, []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if words[1:2] != [bytes(AGENT)]:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
            if bytes(self.ready) in words:
                agents.append(int(entry.name))
        return agents + [pid for pid, parent in sorted(parents.items())
                         if parent in agents]

    def wait_exit(self, timeout=DEADLINE):
        return self.process.wait(timeout)

    def close(self):
        if self.process.poll() is None:
            try:
                self.post("/v1/stop")
                self.process.wait(60)
            except (OSError, HttpError, http.client.HTTPException,
                    RuntimeError, subprocess.TimeoutExpired):
                pass
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        if self.conn is not None:
            self.conn.close()
