"""The main job, from HTTPS requests to results, with progress on the screen:
a PySpark batch, then statements of three languages in one session.

    mainjob.py run          submits examples/wordcount.py and follows it, then
                            a Python, an SQL and a Scala statement
    mainjob.py get PATH     one GET, its body to standard output

The folder of the installation is in LIVY_FCGI_HOME."""

import json
import os
import pathlib
import pwd
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request

from listeners import listeners, loopback

TEXT = "/usr/share/common-licenses/GPL-3"
DEADLINE = 300  # seconds for all of it
ENDED = {"success", "dead", "killed", "error"}
SERVICE_USER = "livy-fcgi"

state_dir = os.environ["LIVY_FCGI_HOME"]


class Failed(Exception):
    pass


def kept(name):
    return pathlib.Path(state_dir, name).read_text().strip()


class Gateway:
    def __init__(self):
        port = os.environ.get("UP_PORT_https") or kept("kept/port.https")
        self.url = "https://127.0.0.1:" + port
        self.headers = {
            "Authorization": "Bearer " + kept("private/token"),
            "Content-Type": "application/json",
        }
        context = ssl.create_default_context(
            cafile=os.path.join(state_dir, "ca.crt"))
        # Straight to this machine, whatever proxies are set.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context))

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data,
                                         headers=self.headers, method=method)
        try:
            with self.opener.open(request, timeout=30) as reply:
                return reply.read()
        except urllib.error.HTTPError as error:
            text = error.read(2000).decode("utf-8", "replace")
            raise Failed(f"{method} {path}: {error.code} {text}") from None
        except OSError as error:
            raise Failed(f"{method} {path}: {error}") from None

    def json(self, method, path, body=None):
        return json.loads(self.call(method, path, body))


class Screen:
    """States on a line of their own, results as they are, the rest of the
    log cut to the width of the screen."""

    def __init__(self):
        self.start = time.monotonic()
        self.width = max(40, shutil.get_terminal_size((100, 24)).columns)

    def state(self, text):
        took = time.monotonic() - self.start
        print(f"    {took:5.1f} s  {text}", flush=True)

    @staticmethod
    def result(text):
        print("             " + text, flush=True)

    def code(self, kind, text):
        label = f"{kind}> "
        for line in text.splitlines():
            print((" " * max(0, 13 - len(label)) + label + line)
                  [:self.width], flush=True)
            label = "... "

    def log(self, line):
        text = "".join(c if c.isprintable() else " " for c in line)
        if text.startswith("RESULT "):
            self.result(text[7:])
        elif text.strip():
            print(("           | " + text)[:self.width], flush=True)


class Log:
    """New lines of a batch's log. It is a window on the driver's last lines,
    followed by a section that says why a driver is not there."""

    def __init__(self, gateway, batch):
        self.gateway, self.path = gateway, f"/batches/{batch}/log?size=1000"
        self.lines, self.reasons = [], []
        self.results = 0

    def show(self, screen):
        sections = {"stdout:": [], "stderr:": [],
                    "Kubernetes Diagnostics:": []}
        section = "stdout:"
        for line in self.gateway.json("GET", self.path)["log"]:
            if line.strip() in sections:
                section = line.strip()
            else:
                sections[section].append(line)
        lines = sections["stdout:"] + sections["stderr:"]
        for line in self.added(lines):
            self.results += line.startswith("RESULT ")
            screen.log(line)
        self.lines = lines
        reasons = sections["Kubernetes Diagnostics:"]
        for line in reasons:
            if line not in self.reasons:
                screen.log(line)
        self.reasons = reasons

    def added(self, lines):
        """What follows the longest overlap with the lines known."""
        for start in range(len(self.lines) + 1):
            rest = self.lines[start:]
            if lines[:len(rest)] == rest:
                return lines[len(rest):]


def watch_listeners(seen):
    alone = pwd.getpwuid(os.getuid()).pw_name == SERVICE_USER
    found = listeners(state_dir, alone)
    seen |= found
    open_ones = sorted(f"{a}:{p}" for a, p in found if not loopback(a))
    if open_ones:
        raise Failed("not on a loopback address: " + ", ".join(open_ones))


def follow(gateway, batch, screen):
    """Until the batch has ended; its last state."""
    log, seen, state, id_seen = Log(gateway, batch), set(), None, None
    while True:
        view = gateway.json("GET", f"/batches/{batch}")
        if view["state"] != state:
            state = view["state"]
            screen.state(f"state: {state}")
        if view["appId"] and view["appId"] != id_seen:
            id_seen = view["appId"]
            screen.state(f"application: {id_seen}")
        watch_listeners(seen)
        log.show(screen)
        if state in ENDED:
            return state, log, seen
        if time.monotonic() - screen.start > DEADLINE:
            raise Failed(f"still {state} after {DEADLINE} s")
        time.sleep(0.5)


def run_batch(gateway, screen):
    print(f"    POST {gateway.url}/batches", flush=True)
    batch = gateway.json("POST", "/batches", {
        "file": "local:///opt/examples/wordcount.py",
        "args": [TEXT],
        "conf": {"spark.log.level": "WARN"},
    })["id"]
    screen.state(f"accepted as batch {batch}")
    state, log, seen = follow(gateway, batch, screen)
    # The last lines may come a moment after the state.
    end = time.monotonic() + 10
    while state == "success" and not log.results and time.monotonic() < end:
        time.sleep(0.3)
        log.show(screen)
    if state != "success":
        raise Failed(f"batch {batch} ended as {state}")
    if not log.results:
        raise Failed(f"batch {batch} printed no result")
    return seen


# What is asked of a session, one after the other: the view that the first
# makes is there for the others.
STATEMENTS = (
    ("pyspark", f"""\
words = spark.read.text("file://{TEXT}").selectExpr(
    "explode(split(lower(value), '[^a-z]+')) AS word").where("word <> ''")
words.createOrReplaceTempView("words")
print(words.count(), "words")"""),
    ("sql", "SELECT word, count(*) AS n FROM words"
            " GROUP BY word ORDER BY n DESC, word LIMIT 3"),
    ("spark", 'spark.table("words").as[String].map(_.length).reduce(_ max _)'),
)


def wait_state(gateway, path, screen, done, bad):
    """Polls until the state is one of done; what it shows then."""
    end, state = time.monotonic() + DEADLINE, None
    while time.monotonic() < end:
        view = gateway.json("GET", path)
        if view["state"] != state and "kind" in view:
            screen.state(f"state: {view['state']}")
        state = view["state"]
        if state in done:
            return view
        if state in bad:
            raise Failed(f"{path} is {state}:\n" +
                         "\n".join(view.get("log") or []))
        time.sleep(0.1)
    raise Failed(f"{path} is still {state} after {DEADLINE} s")


def show_output(output, screen):
    if output["status"] != "ok":
        raise Failed("\n".join([f"{output['ename']}: {output['evalue']}",
                                *output["traceback"]]))
    table = output["data"].get("application/json")
    for row in table["data"] if table else ():
        screen.result("  ".join(map(str, row)))
    if not table:
        for line in output["data"]["text/plain"].splitlines():
            screen.result(line)


def run_session(gateway, screen):
    print(f"    POST {gateway.url}/sessions", flush=True)
    session = gateway.json("POST", "/sessions", {
        "kind": "shared", "conf": {"spark.log.level": "WARN"}})["id"]
    path = f"/sessions/{session}"
    screen.state(f"accepted as session {session}")
    try:
        wait_state(gateway, path, screen, {"idle"}, ENDED)
        for kind, code in STATEMENTS:
            screen.code(kind, code)
            statement = gateway.json("POST", path + "/statements",
                                     {"kind": kind, "code": code})["id"]
            said = wait_state(gateway, f"{path}/statements/{statement}",
                              screen, {"available"}, {"cancelled"})
            show_output(said["output"], screen)
            took = said["completed"] - said["started"]
            screen.state(f"statement {statement}, {took} ms")
    finally:
        gateway.call("DELETE", path)


def run():
    gateway, screen = Gateway(), Screen()
    seen = run_batch(gateway, screen)
    run_session(gateway, screen)
    watch_listeners(seen)
    screen.state(f"{len(seen)} listening sockets seen, all on loopback")


def main():
    try:
        if sys.argv[1:] == ["run"]:
            run()
        elif len(sys.argv) == 3 and sys.argv[1] == "get":
            sys.stdout.buffer.write(Gateway().call("GET", sys.argv[2]))
        else:
            sys.exit(__doc__)
    except Failed as error:
        sys.exit(f"the main job failed: {error}" if sys.argv[1] == "run"
                 else str(error))


main()
