"""A stand-in for the gateway behind the status pages: canned views, and
every trouble on request. It serves the pages with nginx's own headers."""

import http.server
import json
import pathlib
import re
import threading
import time
import urllib.parse

NGINX = pathlib.Path(__file__).resolve().parent.parent / "nginx"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript",
         ".svg": "image/svg+xml"}
NOW_MS = int(time.time() * 1000)
MARKS = ("stdout: ", "\nstderr: ", "\nKubernetes Diagnostics: ")


def page_headers():
    """What page.conf adds to each answer."""
    text = (NGINX / "page.conf").read_text()
    return [(name, value.strip('"')) for name, value in re.findall(
        r'^add_header (\S+) ("[^"]*"|\S+) always;', text, flags=re.M)
        if "$" not in value]


def batch(number, state, story=(), **more):
    """A batch's view in Livy's order."""
    view = {"id": number, "name": None, "owner": "ana", "proxyUser": None,
            "state": state, "appId": None, "appInfo": {
                "driverLogUrl": None, "sparkUiUrl": None,
                "executorLogUrls": None},
            "log": [*MARKS[:2], *([MARKS[2], *story] if story else ())]}
    view.update(more)
    return view


def session(number, state, story=(), **more):
    view = batch(number, state, story)
    view.update({"kind": "pyspark", "ttl": None, "idleTimeout": "1h",
                 "driverMemory": "2g", "driverCores": 1,
                 "executorMemory": "4g", "executorCores": 2, "conf": {},
                 "archives": [], "files": [], "heartbeatTimeoutInSecond": 0,
                 "jars": [], "numExecutors": 2, "pyFiles": [], "queue": None})
    view.update(more)
    return view


def statement(number, code, output=None, state="available", **more):
    if output is not None:
        output = {"status": "ok", "execution_count": number, **output}
    return {"id": number, "code": code, "state": state, "output": output,
            "progress": 1.0 if state == "available" else 0.0,
            "started": NOW_MS - 600_000 + number * 60_000,
            "completed": NOW_MS - 600_000 + number * 60_000 + 1234
            if state == "available" else 0, **more}


class World:
    """What the stub answers; a test changes it as it goes."""

    def __init__(self):
        self.things = {"sessions": [], "batches": []}
        self.statements = {}    # session id: list
        self.logs = {}          # (kind, id): the driver's lines
        self.since = {}         # (kind, id): how long it has been there, ms
        self.ready = (200, "ok\n")
        self.watch = {"synced": True, "ageMs": 40, "dropped": 0}
        self.troubles = {}      # path prefix: (status, body, headers)
        self.token = None
        self.delay = 0
        self.asked = []         # (method, path with query)

    def find(self, kind, name):
        for view in self.things[kind]:
            if str(view["id"]) == name or view["name"] == name:
                return view
        return None

    def log(self, kind, view):
        return [MARKS[0], *self.logs.get((kind, view["id"]), ()),
                *view["log"][1:]]

    def overview(self):
        waiting, failed = [], []
        counts = {}
        for kind, views in self.things.items():
            states = {}
            for view in views:
                states[view["state"]] = states.get(view["state"], 0) + 1
                entry = {"kind": "batch" if kind == "batches" else "session",
                         "since": NOW_MS - self.since.get(
                             (kind, view["id"]), 5000), "view": view}
                if view["state"] == "starting":
                    waiting.append(entry)
                elif view["state"] in ("dead", "error"):
                    failed.append(entry)
            counts[kind] = {"total": len(views), "states": states}
        waiting.sort(key=lambda e: e["since"])
        failed.sort(key=lambda e: -e["since"])
        return {"now": NOW_MS, "watch": dict(
            self.watch, objects=sum(c["total"] for c in counts.values())),
            **counts, "waiting": waiting[:20], "failed": failed[:20]}

    def answer(self, method, path, query):
        """(status, body) of the API."""
        number = lambda key, none: int(query.get(key, [none])[0])
        parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
        if parts == ["version"]:
            return 200, {"branch": "v0.1.0", "version": "0.9.0-incubating"}
        if parts == ["readyz"]:
            return self.ready
        if parts == ["status", "api", "v1", "overview"]:
            return 200, self.overview()
        if parts[0] not in self.things:
            return 404, ""
        kind = parts[0]
        if len(parts) == 1:
            start, size = max(0, number("from", 0)), number("size", 100)
            views = self.things[kind]
            return 200, {"from": start, "total": len(views),
                         "sessions": views[start:start + max(0, size)]}
        view = self.find(kind, parts[1])
        if view is None:
            return 404, {"msg": f"Session '{parts[1]}' not found."}
        return self.of_item(method, kind, view, parts[2:], number)

    def of_item(self, method, kind, view, rest, number):
        statements = self.statements.get(view["id"], [])
        if method == "DELETE":
            self.things[kind].remove(view)
            return 200, {"msg": "deleted"}
        if rest == ["log"]:
            lines = self.log(kind, view)
            start, size = number("from", -1), number("size", 100)
            start = start if start >= 0 else max(0, len(lines) - size)
            return 200, {"id": view["id"], "from": start,
                         "total": len(lines),
                         "log": lines[start:start + size]}
        if rest == ["stop"]:
            view["state"] = "dead"
            return 204, ""
        if rest == ["statements"]:
            start, size = number("from", 0), number("size", 10 ** 9)
            return 200, {"total_statements": len(statements),
                         "statements": statements[start:start + size]}
        if len(rest) == 3:
            statements[int(rest[1])]["state"] = "cancelled"
            return 200, {"msg": "canceled"}
        if len(rest) == 2:
            return 200, statements[int(rest[1])]
        return 200, view


class Handler(http.server.BaseHTTPRequestHandler):
    def send(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else \
            body.encode() if isinstance(body, str) else \
            json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def api(self):
        world = self.server.world
        url = urllib.parse.urlsplit(self.path)
        kind = [("Content-Type", "application/json;charset=utf-8")]
        world.asked.append((self.command, self.path))
        time.sleep(world.delay)
        for prefix, (status, body, headers) in world.troubles.items():
            if self.path.startswith(prefix):
                return self.send(status, body, kind + list(headers))
        if world.token and self.headers["Authorization"] != \
                f"Bearer {world.token}":
            return self.send(401, {"msg": "Sign in first."}, kind + [
                ("WWW-Authenticate", 'Basic realm="livy-fcgi"')])
        status, body = world.answer(self.command, url.path,
                                    urllib.parse.parse_qs(url.query))
        return self.send(status, body, kind)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if not path.startswith("/ui/"):
            return self.api()
        file = NGINX / "status" / (path[4:] or "index.html")
        if "/" in path[4:] or not file.is_file():
            return self.send(404, "")
        return self.send(200, file.read_bytes(), [
            ("Content-Type", TYPES[file.suffix] + "; charset=utf-8"),
            *page_headers()])

    do_POST = do_DELETE = api

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:     # the page went away
            pass


class Stub:
    def __init__(self, world=None):
        self.world = world or World()
        self.server = None
        self.port = 0
        self.start()

    def start(self):
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.world = self.world
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}/"

    @property
    def url(self):
        return self.origin + "ui/"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
