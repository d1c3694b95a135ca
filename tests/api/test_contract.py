"""The checklist of Livy's REST interface, a test a line: those of its lines
that are about HTTP, ids and names, lists, creation, batches, logs and access.
The numbers are the checklist's own; what holds for batches and for sessions is
asked of both. A line with which the gateway means to
differ has a row in golden/differences, which says why; what is asked here is
then what the gateway does instead."""

import gzip
import json
import re
import socket
import ssl
import zlib

import pytest
import requests

from golden import replay
from procs import wait_for
from rig import JOBS, SRC

pytestmark = pytest.mark.local

REJECTED = "Rejected, Reason: "
JSON = "application/json;charset=utf-8"
FORM = "application/x-www-form-urlencoded"
VIEW = ["id", "name", "owner", "proxyUser", "state", "appId", "appInfo", "log"]
LINES = 300     # of the job whose log is paged
OF_BATCHES = (86,)
SESSION = ["id", "name", "appId", "owner", "proxyUser", "state", "kind",
           "appInfo", "log", "ttl", "idleTimeout", "driverMemory",
           "driverCores", "executorMemory", "executorCores", "conf",
           "archives", "files", "heartbeatTimeoutInSecond", "jars",
           "numExecutors", "pyFiles", "queue"]

CHECKS = {}     # checklist number: function(Rig) that asserts
TITLES = {}


def line(number, title):
    def keep(check):
        assert number not in CHECKS
        CHECKS[number], TITLES[number] = check, title
        return check
    return keep


def row(number, title, method, path, status, body=None, sent=None,
        headers=None, want=None):
    """A line that is one exchange: body is the answer's, as JSON or as the
    beginning of a text ("…" at its end), want its headers."""
    if path.startswith("/batches") and number not in OF_BATCHES:
        row(f"{number}-sessions", title, method,
            path.replace("/batches", "/sessions"), status, body, sent,
            headers, want)

    @line(number, title)
    def check(rig):
        r = rig.ask(method, path, sent, headers)
        assert r.status_code == status, r.text
        rig.like(r, body)
        for name, value in (want or {}).items():
            assert rig.header(r, name) == value, name


class Rig:
    """The gateway and what the checks ask of it; others for lines that need
    one of their own."""

    OTHERS = {"counting": {}, "empty": {},
              "forgetting": {"retention.batches": "1s"},
              "acting": {"livy.impersonation": True},
              "guarded": {"livy.csrf_protection": True},
              "walled": {"livy.access_control": True,
                         "livy.impersonation": True,
                         "livy.superusers": ["sue"],
                         "livy.modify_users": ["mo"],
                         "livy.view_users": ["vi"],
                         "livy.allowed_users": ["ana", "bob", "eve"]}}

    def __init__(self, maker, cluster):
        self.maker, self.cluster, self.others = maker, cluster, {}
        self.gateway = self.make("contract", {})
        self.job = f"file://{JOBS}/lines.py"
        self.hold = f"file://{JOBS}/hold.py"
        self.logged = self.create(args=[str(LINES)])["id"]
        self.gateway.wait_state(self.logged, "success")
        self.gateway.wait_line(self.logged, f"line {LINES - 1}")
        self.whole = self.log("?size=-1")

    def make(self, name, settings):
        return self.maker.gateway(self.cluster, settings={
            "gateway": name, "livy.local_dirs": [str(JOBS)],
            "sessions.agent_file": str(SRC / "tests/api/fake_agent.py"),
            **settings})

    def other(self, name):
        if name not in self.others:
            self.others[name] = self.make(name, self.OTHERS[name])
        return self.others[name]

    def ask(self, method, path, sent=None, headers=None, **kwargs):
        if isinstance(sent, str):
            sent = sent.replace("JOB", self.job).encode()
        elif sent is not None and not isinstance(sent, bytes):
            sent = json.dumps(sent).replace("JOB", self.job).encode()
        headers = {"Content-Type": "application/json" if sent else None,
                   **(headers or {})}
        return self.gateway.call(method, path, data=sent, headers=headers,
                                 **kwargs)

    @staticmethod
    def like(r, body):
        if body is None:
            return
        if body == "":
            assert r.content == b""
        elif isinstance(body, str) and body.endswith("…"):
            assert r.json().startswith(body[:-1]), r.text
        else:
            assert r.json() == body

    @staticmethod
    def header(r, name):
        value = r.headers.get(name)
        return sorted(value.split(", ")) if name == "Allow" and value \
            else value

    def create(self, **body):
        """The view of a new batch, which ends at once unless told else."""
        r = self.ask("POST", "/batches", {"file": "JOB", "args": ["0"],
                                          **body})
        assert r.status_code == 201, r.text
        return r.json()

    def drop(self, name, kind="batches"):
        r = self.ask("DELETE", f"/{kind}/{name}")
        assert (r.status_code, r.json()) == (200, {"msg": "deleted"})

    def session(self, **body):
        """The view of a session that has been made and deleted."""
        r = self.ask("POST", "/sessions", body)
        assert r.status_code == 201, r.text
        self.drop(r.json()["id"], "sessions")
        return r.json()

    def refused(self, body, words, status=400, path="/batches"):
        r = self.ask("POST", path, body)
        assert r.status_code == status, r.text
        self.like(r, words if isinstance(words, str) else
                  {"msg": REJECTED + words[0]})

    def spec(self, **body):
        """The spec of the application that a batch has become."""
        batch = self.create(**body)["id"]
        app = self.cluster.kube.app(self.gateway.object_name(batch))
        self.drop(batch)
        return app["spec"]

    def raw(self, *parts):
        """What comes back for these bytes; a part is sent when the parts
        before it have been answered."""
        context = ssl.create_default_context(
            cafile=str(self.gateway.pki / "ca.crt"))
        got, lines = b"", 0
        with socket.create_connection(("127.0.0.1", self.gateway.port), 60) \
                as plain, context.wrap_socket(
                    plain, server_hostname="127.0.0.1") as s:
            for part in parts:
                s.sendall(part.replace(
                    b"TOKEN", self.gateway.token.encode()))
                lines += 1
                more = b"x"
                while more and got.count(b"HTTP/1.") < lines:
                    more = s.recv(65536)
                    got += more
            while more:
                more = s.recv(65536)
                got += more
        return got

    def log(self, query):
        r = self.ask("GET", f"/batches/{self.logged}/log{query}")
        assert r.status_code == 200, r.text
        return r.json()


HEAD = b"Host: 127.0.0.1\r\nAuthorization: Bearer TOKEN\r\n"
ALLOW_LIST = ["GET", "HEAD", "POST"]
ALLOW_ITEM = ["DELETE", "GET", "HEAD"]

# General HTTP

row(1, "errors are JSON", "GET", "/batches/7777777", 404,
    want={"Content-Type": JSON})
row(2, "Accept: text/plain", "GET", "/batches?size=0", 200,
    headers={"Accept": "text/plain"}, want={"Content-Type": JSON})
row(3, "Accept of version 0.1", "GET", "/batches?size=0", 200,
    headers={"Accept": "application/vnd.livy.v0.1+json"})
row(4, "Accept of version 0.2", "GET", "/batches", 406,
    {"msg": "No value found for '0.2'"},
    headers={"Accept": "application/vnd.livy.v0.2+json"})
row(5, "HEAD", "HEAD", "/batches", 200, "")
row(6, "OPTIONS", "OPTIONS", "/batches", 405, "",
    want={"Allow": ALLOW_LIST, "Content-Type": JSON})
row(7, "PUT", "PUT", "/batches", 405, "", sent="{}",
    want={"Allow": ALLOW_LIST})
row(8, "DELETE of the list", "DELETE", "/batches", 405, "",
    want={"Allow": ALLOW_LIST})
row(9, "POST to an item", "POST", "/batches/7777777", 405, "", sent="{}",
    want={"Allow": ALLOW_ITEM})
row(10, "POST to what is only read", "POST", "/batches/7777777/state", 405,
    "", want={"Allow": ["GET", "HEAD"]})
row(12, "GET of an unknown path", "GET", "/foo", 404, "")
row(13, "POST to an unknown path", "POST", "/foo", 404, "", sent="{}")
row(14, "an unknown path below an item", "GET", "/batches/0/foo", 404, "",
    want={"Content-Type": JSON})
row(15, "an item with a slash", "GET", "/batches/0/", 404, "",
    want={"Content-Type": JSON})
row(29, "format in the query", "GET", "/batches?size=0&format=html", 200,
    want={"Content-Type": JSON})


@line(11, "TRACE and unknown methods")
def _(rig):
    for method in ("TRACE", "FOO", "PATCH"):
        r = rig.ask(method, "/batches")
        assert r.status_code == 405 and r.content == b"", method
        assert rig.header(r, "Allow") == ALLOW_LIST


@line(16, "the list with a slash")
def _(rig):
    assert rig.ask("GET", "/batches/?size=0").json() == \
        rig.ask("GET", "/batches?size=0").json()


@line(17, "POST to the list with a slash")
def _(rig):
    r = rig.ask("POST", "/batches/", {"file": "JOB"})
    assert r.status_code == 201, r.text
    rig.drop(r.json()["id"])


@line(18, "GET / leads to /ui")
def _(rig):
    r = rig.ask("GET", "/")
    assert (r.status_code, r.content) == (302, b"")
    assert r.headers["Location"] == rig.gateway.url + "/ui"


@line(19, "a method in a header")
def _(rig):
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method",
                 "X-Method-Override"):
        path = f"/batches/{rig.create()['id']}"
        r = rig.ask("POST", path, headers={name: "DELETE"})
        assert (r.status_code, r.json()) == (200, {"msg": "deleted"}), name
        assert rig.ask("GET", path).status_code == 404


@line(20, "a method in a parameter, of the query or of a form")
def _(rig):
    path = f"/batches/{rig.create()['id']}"
    r = rig.ask("POST", path + "?_method=DELETE")
    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})
    path = f"/batches/{rig.create()['id']}"
    r = rig.ask("POST", path, "_method=delete", {"Content-Type": FORM})
    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})


@line(21, "answers are packed")
def _(rig):
    packed = {"Accept-Encoding": "gzip"}
    r = rig.ask("GET", "/batches?size=0", headers=packed)
    assert r.headers["Content-Encoding"] == "gzip"
    assert "sessions" in r.json()
    assert "Content-Encoding" not in rig.ask(
        "GET", "/batches?size=0", headers={"Accept-Encoding": "identity"}
        ).headers


@line(22, "/version is not packed")
def _(rig):
    r = rig.ask("GET", "/version", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in r.headers and "version" in r.json()


@line(23, "Content-Encoding of a request: UTF-8 means nothing")
def _(rig):
    body = {"file": "JOB", "args": ["é"]}
    for path in ("/batches", "/batches?x"):
        r = rig.ask("POST", path, body, {"Content-Encoding": "UTF-8"})
        assert r.status_code == 201, r.text
        rig.drop(r.json()["id"])
    assert rig.ask("GET", "/batches", headers={"Content-Encoding": "UTF-8"}
                   ).status_code == 200


@line("23-packed", "packed requests are unpacked, within the limit")
def _(rig):
    body = json.dumps({"file": rig.job}).encode()
    for name, packed in (("gzip", gzip.compress(body)),
                         ("deflate", zlib.compress(body))):
        r = rig.ask("POST", "/batches", packed, {"Content-Encoding": name})
        assert r.status_code == 201, r.text
        rig.drop(r.json()["id"])
    r = rig.ask("POST", "/batches", body, {"Content-Encoding": "gzip"})
    assert (r.status_code, r.json()) == (
        500, "java.util.zip.ZipException: Not in GZIP format")
    bomb = gzip.compress(b'{"file": "' + b"x" * (32 << 20) + b'"}')
    r = rig.ask("POST", "/batches", bomb, {"Content-Encoding": "gzip"})
    assert r.status_code == 413


@line(24, "Expect: 100-continue")
def _(rig):
    body = json.dumps({"file": rig.job}).encode()
    got = rig.raw(
        b"POST /batches HTTP/1.1\r\n" + HEAD + b"Expect: 100-continue\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    first, _, rest = got.partition(b"\r\n\r\n")
    assert first == b"HTTP/1.1 100 Continue"
    assert rest.startswith(b"HTTP/1.1 201 ")
    rig.drop(re.search(rb"Location: /batches/(\d+)", rest)[1].decode())


def ask_too_much(rig, path, headers=None):
    """The answer may come, and the connection end, while it is being sent;
    whoever is then still sending has not seen it, and asks again."""
    for _ in range(20):
        try:
            return rig.ask("GET", path, headers=headers)
        except requests.ConnectionError:
            pass
    raise AssertionError(f"no answer to {path[:40]}")


@line(25, "a header that is too long")
def _(rig):
    r = ask_too_much(rig, "/batches", {"X-Long": "x" * 20000})
    assert r.status_code == 431 and "msg" in r.json()
    assert rig.ask("GET", "/batches", headers={f"X-{i}": "x" * 8000
                                               for i in range(5)}
                   ).status_code == 200


@line(26, "a URI that is too long")
def _(rig):
    r = ask_too_much(rig, "/batches?x=" + "x" * 20000)
    assert r.status_code == 414 and "msg" in r.json()
    assert rig.ask("GET", "/batches?size=0&x=" + "x" * 9000
                   ).status_code == 200


@line(27, "headers that protect browsers")
def _(rig):
    for path in ("/batches", "/batches/7777777", "/version", "/foo", "/"):
        headers = rig.ask("GET", path).headers
        assert headers["X-Frame-Options"] == "SAMEORIGIN", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-XSS-Protection"] == "1; mode=block", path
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'self';"), path


@line(28, "no version of the server")
def _(rig):
    assert rig.ask("GET", "/batches").headers.get("Server") == "nginx"


# Ids and names

def of_missing(number, title, name, status, text):
    @line(number, title)
    def check(rig):
        for kind in ("batches", "sessions"):
            for method, below in (("GET", ""), ("GET", "/state"),
                                  ("GET", "/log"), ("DELETE", "")):
                r = rig.ask(method, f"/{kind}/{name}{below}")
                assert (r.status_code, r.json()) == (
                    status, {"msg": text}), (kind, below)


of_missing(32, "an unknown id", "7777777", 404,
           "Session '7777777' not found.")
of_missing(33, "an unknown name", "abc", 404, "Session 'abc' not found.")
of_missing(34, "a negative id is a name", "-1", 404,
           "Session '-1' not found.")
of_missing(35, "an id that is no int", "99999999999", 400,
           'For input string: "99999999999"')


@line(30, "ids start at 0 and rise by 1")
def _(rig):
    ids = [rig.other("counting").submit({"file": rig.job})["id"]
           for _ in range(3)]
    assert ids == [0, 1, 2]


@line(31, "a rejected create and its id")
def _(rig):
    before = rig.create()["id"]
    rig.refused({}, ["requirement failed: File is required."])
    assert rig.create()["id"] == before + 1


@line(36, "a name is as good as an id")
def _(rig):
    batch = rig.create(name="contract-36")
    for below in ("", "/state", "/log"):
        r = rig.ask("GET", f"/batches/contract-36{below}")
        assert r.status_code == 200 and r.json()["id"] == batch["id"], below
    rig.drop("contract-36")


@line(37, "names are decoded")
def _(rig):
    batch = rig.create(name="a/b c")
    r = rig.ask("GET", "/batches/a%2Fb%20c")
    assert r.status_code == 200 and r.json()["id"] == batch["id"]
    rig.drop("a%2Fb%20c")


@line(38, "a name of digits")
def _(rig):
    rig.refused({"file": "JOB", "name": "123"},
                ["Invalid session name: 123"])


@line(39, "an empty name")
def _(rig):
    rig.refused({"file": "JOB", "name": ""}, ["Invalid session name: "])


@line(40, "a name that is taken")
def _(rig):
    batch = rig.create(name="contract-40")
    r = rig.ask("POST", "/batches", {"file": "JOB", "name": "contract-40"})
    assert r.status_code == 400
    assert re.fullmatch(re.escape(REJECTED) + r"Duplicate session name: "
                        r"Some\(contract-40\) for session \d+",
                        r.json()["msg"]), r.text
    rig.drop(batch["id"])


@line(41, "a name is free after DELETE")
def _(rig):
    for _ in range(2):
        batch = rig.create(name="contract-41")
        rig.gateway.wait_state(batch["id"], "success")
        r = rig.ask("POST", "/batches", {"file": "JOB",
                                         "name": "contract-41"})
        assert r.status_code == 400, r.text
        rig.drop(batch["id"])


@line(42, "a session and a batch may have one name")
def _(rig):
    batch = rig.create(name="contract-42")
    session = rig.ask("POST", "/sessions", {"name": "contract-42"}).json()
    for kind, view in (("batches", batch), ("sessions", session)):
        assert rig.ask("GET", f"/{kind}/contract-42").json()["id"] == \
            view["id"]
        rig.drop("contract-42", kind)


@line(43, "Location has the id")
def _(rig):
    r = rig.ask("POST", "/batches", {"file": "JOB", "name": "contract-43"})
    assert r.headers["Location"] == f"/batches/{r.json()['id']}"
    rig.drop("contract-43")


# Lists

row(48, "negative from and size", "GET", "/batches?from=-1&size=-5", 200)
row(50, "from that is no number", "GET", "/batches?from=abc", 400,
    {"msg": 'For input string: "abc"'})
row(51, "an empty from", "GET", "/batches?from=", 400,
    {"msg": 'For input string: ""'})
row(52, "a size that is no int", "GET", "/batches?size=1.5", 400,
    {"msg": 'For input string: "1.5"'})


@line(44, "an empty list")
def _(rig):
    r = rig.other("empty").get("/batches")
    assert r.text == '{"from":0,"total":0,"sessions":[]}'


@line(45, "the list's keys")
def _(rig):
    assert list(rig.ask("GET", "/batches").json()) == [
        "from", "total", "sessions"]


@line(46, "a page has 100")
def _(rig):
    page = rig.ask("GET", "/batches").json()
    assert len(page["sessions"]) == min(100, page["total"])


@line(47, "one entry of a list")
def _(rig):
    ids = [rig.create()["id"] for _ in range(2)]
    whole = rig.ask("GET", "/batches?size=100000").json()
    page = rig.ask("GET", "/batches?from=1&size=1").json()
    assert page["from"] == 1 and page["total"] >= 2
    assert page["sessions"][0]["id"] == whole["sessions"][1]["id"]
    for batch in ids:
        rig.drop(batch)


@line(49, "beyond the end of a list")
def _(rig):
    page = rig.ask("GET", "/batches?from=1000000").json()
    assert (page["from"], page["sessions"]) == (1000000, [])


@line(53, "a list ascends")
def _(rig):
    ids = [s["id"] for s in
           rig.ask("GET", "/batches?size=100000").json()["sessions"]]
    assert ids == sorted(ids)


@line(54, "a list shows everybody's")
def _(rig):
    batch = rig.create()["id"]
    bob = rig.gateway.client(token=rig.gateway.other_token)
    page = rig.ask("GET", "/batches?size=100000", session=bob).json()
    assert batch in [s["id"] for s in page["sessions"]]
    rig.drop(batch)


# Creation

NO_CONTENT = "No content to map due to end-of-input…"
LOCAL = "requirement failed: Local path {} cannot be added to user sessions."
REFUSALS = {
    60: ("malformed", '{"file":', "Unexpected end-of-input…"),
    61: ("an array", "[]", "Cannot deserialize value of type "
         "`org.apache.livy.server.batch.CreateBatchRequest` from Array…"),
    62: ("an unknown field", {"file": "JOB", "bogus": 1},
         'Unrecognized field "bogus" (class '
         'org.apache.livy.server.batch.CreateBatchRequest), not marked as '
         'ignorable (16 known properties: …'),
    66: ("a refused key of conf",
         {"file": "JOB", "conf": {"spark.master": "x"}},
         ["Blacklisted configuration values in session config: "
          "spark.master"]),
    67: ("two of them", {"file": "JOB", "conf": {
        "spark.master": "x", "spark.submit.deployMode": "y"}},
        ["Blacklisted configuration values in session config: "
         "spark.master, spark.submit.deployMode"]),
    68: ("a relative path", {"file": "JOB", "jars": ["x.jar"]},
         ["requirement failed: Path 'x.jar' is not absolute."]),
    69: ("a local file elsewhere", {"file": "file:///etc/passwd"},
         [LOCAL.format("/etc/passwd")]),
    71: ("no URI", {"file": "ht tp://a b"},
         ["java.net.URISyntaxException: Illegal character in scheme name at "
          "index 2: ht tp://a b"]),
    75: ("no file", {}, ["requirement failed: File is required."]),
}
for number, (title, sent, words) in REFUSALS.items():
    line(number, title)(lambda rig, sent=sent, words=words:
                        rig.refused(sent, words))
for number in (60, 61, 62, 66, 67, 68):
    title, sent, words = REFUSALS[number]
    if isinstance(sent, dict):
        sent = {k: v for k, v in sent.items() if k != "file"}
    if isinstance(words, str):
        words = words.replace("batch.CreateBatch",
                              "interactive.CreateInteractive").replace(
                                  "(16 known", "(17 known")
    line(f"{number}-sessions", title)(
        lambda rig, sent=sent, words=words:
        rig.refused(sent, words, path="/sessions"))
row(57, "no body", "POST", "/batches", 400, NO_CONTENT)
row(58, "a form", "POST", "/batches", 400, NO_CONTENT, sent='{"file": "JOB"}',
    headers={"Content-Type": FORM})
row(59, "a multipart form", "POST", "/batches", 400, NO_CONTENT,
    sent='--x\r\n\r\n{"file": "JOB"}\r\n--x--',
    headers={"Content-Type": "multipart/form-data; boundary=x"})


@line(55, "a create is 201 and the view")
def _(rig):
    r = rig.ask("POST", "/batches", {"file": "JOB"})
    assert r.status_code == 201 and r.headers["Content-Type"] == JSON
    assert r.json()["state"] in ("starting", "running")
    assert list(r.json()) == VIEW
    rig.drop(r.json()["id"])


@line(56, "Location is relative")
def _(rig):
    r = rig.ask("POST", "/batches", {"file": "JOB"})
    assert re.fullmatch(r"/batches/\d+", r.headers["Location"])
    rig.drop(r.json()["id"])


@line(63, "the type of JSON does not matter")
def _(rig):
    for content_type in (None, "text/plain", "application/xml"):
        r = rig.ask("POST", "/batches", {"file": "JOB"},
                    {"Content-Type": content_type})
        assert r.status_code == 201, r.text
        rig.drop(r.json()["id"])


@line(64, "what follows the object is not read")
def _(rig):
    r = rig.ask("POST", "/batches", '{"file": "JOB"} and more }')
    assert r.status_code == 201, r.text
    rig.drop(r.json()["id"])


@line(65, "the last of equal keys counts")
def _(rig):
    r = rig.ask("POST", "/batches", '{"file": "x", "file": "JOB"}')
    assert r.status_code == 201, r.text
    rig.drop(r.json()["id"])
    rig.refused('{"file": "JOB", "file": "x"}',
                ["requirement failed: Path 'x' is not absolute."])


@line(70, "a path without scheme is the default file system's")
def _(rig):
    # a local file that is allowed is one of the driver's image
    spec = rig.spec(file=str(JOBS / "lines.py"))
    assert spec["mainApplicationFile"] == f"local://{JOBS}/lines.py"


@line(72, "scalars in conf are texts")
def _(rig):
    conf = rig.spec(conf={"spark.a": 5, "spark.b": True, "spark.c": 1.50,
                          "spark.d": "x=y {z}", "spark.e": "",
                          "spark.f": None})["sparkConf"]
    assert {k: v for k, v in conf.items() if re.match(r"spark\.[a-f]$", k)} \
        == {"spark.a": "5", "spark.b": "true", "spark.c": "1.5",
            "spark.d": "x=y {z}", "spark.e": ""}


@line(73, "empty texts in file lists are left out")
def _(rig):
    jar = "https://example.org/x.jar"
    assert rig.spec(jars=["", jar, ""])["deps"]["jars"] == [jar]


# Batches

@line(76, "the fields of a view")
def _(rig):
    batch = rig.create()["id"]
    for r in (rig.ask("GET", f"/batches/{batch}").json(),
              rig.ask("GET", "/batches").json()["sessions"][-1]):
        assert list(r) == VIEW
        assert [type(r[k]) for k in ("id", "owner", "state", "log")] == [
            int, str, str, list]
    rig.drop(batch)


@line(77, "the fields of appInfo")
def _(rig):
    batch = rig.create()
    assert list(batch["appInfo"]) == ["driverLogUrl", "sparkUiUrl",
                                      "executorLogUrls"]
    rig.drop(batch["id"])


@line(78, "what is not set is null")
def _(rig):
    batch = rig.create()
    assert [batch[k] for k in ("name", "proxyUser", "appId")] == [None] * 3
    rig.drop(batch["id"])


@line(79, "scalars in args are texts, and texts are untouched")
def _(rig):
    args = ["${file}", "$HOME", "{{x}}", "", " a ", "é\n\"'\\", "-D"]
    assert rig.spec(args=[1, True, 1.5, *args])["arguments"] == \
        ["1", "true", "1.5", *args]
    for raw in ("1.50", "1e400", "-7", "18446744073709551614"):
        batch = rig.ask("POST", "/batches", '{"file": "JOB", "args": [%s]}'
                        % raw).json()["id"]
        app = rig.cluster.kube.app(rig.gateway.object_name(batch))
        assert app["spec"]["arguments"] == [raw]
        rig.drop(batch)
    rig.refused('{"file": "JOB", "args": [99999999999999999999]}', [
        "a number beyond 64 bits in 'args', send it as a string"])


@line(80, "only Livy's states are seen")
def _(rig):
    batch, seen = rig.create(args=["1"])["id"], set()
    wait_for("the end", lambda: seen.add(rig.gateway.state(batch)) or
             "success" in seen)
    assert seen <= {"starting", "running", "success"}
    rig.drop(batch)


def ends(number, title, status, state):
    @line(number, title)
    def check(rig):
        batch = rig.create(args=["1", str(status)])["id"]
        rig.gateway.wait_state(batch, state)
        rig.drop(batch)


ends(81, "exit code 0", 0, "success")
ends(82, "another exit code", 3, "dead")


@line(83, "DELETE of what runs")
def _(rig):
    batch = rig.create(file=rig.hold)["id"]
    rig.gateway.wait_state(batch, "running")
    rig.drop(batch)
    for method in ("GET", "DELETE"):
        r = rig.ask(method, f"/batches/{batch}")
        assert (r.status_code, r.json()) == (
            404, {"msg": f"Session '{batch}' not found."})


@line(84, "an ended batch stays for a while")
def _(rig):
    batch = rig.other("forgetting").submit({"file": rig.job, "args": ["0"]})["id"]
    rig.other("forgetting").wait_state(batch, "success")
    wait_for("its end", lambda: rig.other("forgetting").get(
        f"/batches/{batch}").status_code == 404)


@line(85, "what runs does not time out")
def _(rig):
    held = rig.other("forgetting").submit({"file": rig.hold})["id"]
    rig.other("forgetting").wait_state(held, "running")
    gone = rig.other("forgetting").submit({"file": rig.job, "args": ["0"]})["id"]
    wait_for("another's end", lambda: rig.other("forgetting").get(
        f"/batches/{gone}").status_code == 404)
    assert rig.other("forgetting").state(held) == "running"


row(86, "a batch has no statements", "GET", "/batches/0/statements", 404, "")


# Sessions: how they are created

@line(87, "an empty object is a shared session")
def _(rig):
    assert rig.session()["kind"] == "shared"


@line(88, "the fields of a session")
def _(rig):
    assert list(rig.session()) == SESSION


@line(89, "numbers that are not set are 0")
def _(rig):
    view = rig.session()
    assert [view[k] for k in ("driverCores", "executorCores", "numExecutors",
                              "heartbeatTimeoutInSecond")] == [0] * 4


@line(90, "what was asked is echoed as it was asked")
def _(rig):
    asked = {"conf": {"spark.a": "b"}, "jars": [f"{JOBS}/a.jar"],
             "files": ["https://example.org/f"], "archives": [],
             "pyFiles": [f"file://{JOBS}/lib/counting.py"], "queue": "q",
             "driverMemory": "600m", "driverCores": 2, "numExecutors": 3,
             "executorMemory": "700m", "executorCores": 4,
             "idleTimeout": "2h", "ttl": "3h"}
    view = rig.session(**asked)
    assert {k: view[k] for k in asked} == asked


@line(91, "other names of kinds")
def _(rig):
    for kind, shown in (("python", "pyspark"), ("r", "sparkr"),
                        ("scala", "spark"), ("sql", "sql")):
        assert rig.session(kind=kind)["kind"] == shown


def refused_session(number, title, sent, words):
    line(number, title)(lambda rig: rig.refused(sent, words,
                                                path="/sessions"))


refused_session(92, "an unknown kind", {"kind": "foo"},
                "Invalid kind: foo (through reference chain: …")
refused_session(93, "a kind of old", {"kind": "pyspark3"},
                "Invalid kind: pyspark3…")
refused_session(94, "no time", {"ttl": "abc"}, ["Invalid time string: abc"])
refused_session(95, "no unit of time", {"ttl": "5x"},
                ['Invalid suffix: "x"'])
refused_session(96, "a negative time", {"ttl": "-5"}, ["Invalid value: -5"])


@line(97, "a number is a time")
def _(rig):
    assert rig.session(ttl=5)["ttl"] == "5"


@line(98, "a heartbeat as a text")
def _(rig):
    assert rig.session(heartbeatTimeoutInSecond="7")[
        "heartbeatTimeoutInSecond"] == 7
    rig.refused({"heartbeatTimeoutInSecond": "x"}, "Cannot deserialize "
                'value of type `int` from String "x"…', path="/sessions")


@line(102, "DELETE of a session, and again")
def _(rig):
    session = rig.session()["id"]
    r = rig.ask("DELETE", f"/sessions/{session}")
    assert (r.status_code, r.json()) == (
        404, {"msg": f"Session '{session}' not found."})


# Logs

@line(109, "the fields of a log")
def _(rig):
    assert list(rig.log("")) == ["id", "from", "total", "log"]


@line(110, "the last 100 lines")
def _(rig):
    page = rig.log("")
    assert page["from"] == page["total"] - 100 and len(page["log"]) == 100


@line(111, "the first three")
def _(rig):
    page = rig.log("?from=0&size=3")
    assert page["from"] == 0 and page["log"] == rig.whole["log"][:3]


@line(112, "the last three")
def _(rig):
    page = rig.log("?size=3")
    assert page["from"] == page["total"] - 3
    assert page["log"] == rig.whole["log"][-3:]


@line(113, "all")
def _(rig):
    assert len(rig.whole["log"]) == rig.whole["total"] > 200
    assert rig.whole["from"] == 0


@line(114, "a negative from")
def _(rig):
    page = rig.log("?from=-5&size=2")
    assert page["from"] == page["total"] - 2
    assert page["log"] == rig.whole["log"][-2:]


@line(115, "size 0")
def _(rig):
    page = rig.log("?size=0")
    assert (page["from"], page["log"]) == (page["total"], [])


@line(116, "beyond the end")
def _(rig):
    page = rig.log("?from=5000")
    assert (page["from"], page["log"]) == (5000, [])


@line(117, "a view's log")
def _(rig):
    view = rig.ask("GET", f"/batches/{rig.logged}").json()
    assert 0 < len(view["log"]) <= 10


@line(118, "the markers")
def _(rig):
    lines = rig.whole["log"]
    assert lines[0] == "stdout: " and lines.count("\nstderr: ") == 1


@line(119, "the markers count in total")
def _(rig):
    lines = rig.whole["log"]
    said = [x for x in lines if x.startswith("line ")]
    assert len(said) >= 200
    assert said == [f"line {i}" for i in range(LINES)][-len(said):]
    assert rig.whole["total"] == len(lines) >= len(said) + 2


@line(120, "the diagnostics come last")
def _(rig):
    batch = rig.create(args=["1", "3"])["id"]
    rig.gateway.wait_state(batch, "dead")
    lines = rig.gateway.log_lines(batch)
    assert lines.index("\nKubernetes Diagnostics: ") > \
        lines.index("\nstderr: ")
    rig.drop(batch)


# Access

MISSING = "Missing Required Header for CSRF protection."


@line(158, "CSRF protection: a POST without X-Requested-By")
def _(rig):
    guarded = rig.other("guarded")
    for path, servlet in (("/batches", "batch.Batch"),
                          ("/sessions", "interactive.Interactive")):
        r = guarded.post(path, {"file": rig.job},
                         headers={"Accept": "application/json"})
        assert r.status_code == 400
        assert r.text == (
            '{\n"servlet":"org.apache.livy.server.' + servlet +
            'SessionServlet",\n"message":"' + MISSING + '",\n"url":"' +
            path + '",\n"status":"400"\n}')
        r = guarded.post(path, {"file": rig.job})
        assert r.status_code == 400 and f"<h2>HTTP ERROR 400 {MISSING}" in \
            r.text
        assert r.headers["Content-Type"].startswith("text/html")
        assert guarded.get(path).json()["total"] == 0
    for value in ("livy", ""):
        r = guarded.post("/batches", {"file": rig.job, "args": ["0"]},
                         headers={"X-Requested-By": value})
        assert r.status_code == 201, r.text


@line(159, "CSRF protection: a DELETE without X-Requested-By")
def _(rig):
    r = rig.other("guarded").delete(
        "/batches/0", headers={"Accept": "application/json"})
    assert (r.status_code, r.content) == (400, b"")


@line(160, "CSRF protection: reads need no header")
def _(rig):
    for method, status in (("GET", 200), ("HEAD", 200), ("OPTIONS", 405)):
        r = rig.other("guarded").call(method, "/batches")
        assert r.status_code == status, (method, r.text)


@line(162, "proxyUser without impersonation")
def _(rig):
    batch = rig.create(proxyUser="root")
    assert batch["proxyUser"] is None
    rig.drop(batch["id"])


@line(163, "the caller is the proxyUser")
def _(rig):
    batch = rig.other("acting").submit({"file": rig.job})
    assert batch["proxyUser"] == "ana"


@line(164, "another's proxyUser")
def _(rig):
    for path, body in (("/batches", {"file": rig.job, "proxyUser": "bob"}),
                       ("/batches?doAs=bob", {"file": rig.job})):
        r = rig.other("acting").post(path, body)
        assert (r.status_code, r.json()) == (403, {
            "msg": "User 'ana' not allowed to impersonate 'Some(bob)'."})


class Walled:
    """Who asks is a parameter that nginx sends."""

    def __init__(self, rig):
        self.rig, self.gateway = rig, rig.other("walled")

    def ask(self, user, method, path, body=None, **params):
        sent = json.dumps(body).encode() if body is not None else b""
        return self.gateway.fcgi(method, path, body=sent, LIVY_USER=user,
                                 **params)

    def made(self, user, kind="batches", query="", **body):
        if kind == "batches":
            body = {"file": self.rig.job, "args": ["3"], **body}
        r = self.ask(user, "POST", f"/{kind}{query}", body)
        assert r.status == 201, r.body
        return json.loads(r.body)


def answered(r):
    return r.status, json.loads(r.body)


@line(161, "who is not allowed")
def _(rig):
    walled = Walled(rig)
    for user in ("ana", "sue", "mo", "vi"):
        assert walled.ask(user, "GET", "/batches").status == 200, user
    r = walled.ask("mallory", "GET", "/batches")
    assert r.status == 403 and b"User not authorised to use Livy." in r.body
    assert r.headers["content-type"].startswith("text/html")
    r = walled.ask("mallory", "POST", "/batches", {"file": rig.job},
                   HTTP_ACCEPT="application/json")
    assert r.status == 403 and json.loads(r.body)["message"] == \
        "User not authorised to use Livy."
    assert answered(walled.ask("sue", "GET", "/batches"))[1]["total"] == \
        answered(walled.ask("ana", "GET", "/batches"))[1]["total"]


@line(165, "a superuser is whom doAs says, and the owner")
def _(rig):
    batch = Walled(rig).made("sue", query="?doAs=bob", proxyUser="ana")
    assert (batch["proxyUser"], batch["owner"]) == ("bob", "sue")


@line(166, "a stranger sees the view without its log")
def _(rig):
    walled = Walled(rig)
    for kind in ("batches", "sessions"):
        item = walled.made("ana", kind)["id"]

        def views(user, kind=kind, item=item):
            status, view = answered(walled.ask(user, "GET",
                                               f"/{kind}/{item}"))
            listed, = [v for v in answered(walled.ask(
                user, "GET", f"/{kind}?size=1000"))[1]["sessions"]
                if v["id"] == item]
            assert status == 200
            return view, listed
        for user, shown in (("ana", True), ("bob", False), ("vi", True),
                            ("mo", True), ("sue", True)):
            for view in views(user):
                assert bool(view["log"]) == shown, (user, view)
                assert (view["owner"], view["proxyUser"]) == ("ana", "ana")
        # nor by pretending
        assert walled.ask("bob", "GET", f"/{kind}/{item}?doAs=ana"
                          ).status == 403
        listed = answered(walled.ask(
            "bob", "GET", f"/{kind}?doAs=ana&size=1000"))[1]["sessions"]
        assert [v["log"] for v in listed if v["id"] == item] == [[]]
        assert walled.ask("sue", "DELETE", f"/{kind}/{item}").status == 200
    # nor on the status page
    failed = walled.made("ana", args=["1", "3"])["id"]
    walled.gateway.wait_state(failed, "dead")
    for user, shown in (("bob", False), ("vi", True)):
        view, = [one["view"] for one in answered(walled.ask(
            user, "GET", "/status/api/v1/overview"))[1]["failed"]
            if one["view"]["id"] == failed]
        assert bool(view["log"]) == shown, view


@line(167, "a stranger does not read the log")
def _(rig):
    walled = Walled(rig)
    for kind in ("batches", "sessions"):
        path = f"/{kind}/{walled.made('ana', kind)['id']}"
        reads = [f"{path}/log"]
        if kind == "sessions":
            reads += [f"{path}/statements", f"{path}/jobs/1",
                      f"{path}/statements/0"]
        for read in reads:
            assert answered(walled.ask("bob", "GET", read)) == (403, {}), read
            for user in ("ana", "vi", "mo", "sue"):
                assert walled.ask(user, "GET", read).status != 403, read
        assert walled.ask("bob", "GET", f"{path}/state").status == 200
        assert walled.ask("ana", "DELETE", path).status == 200


@line(168, "a stranger changes nothing, nor who may only view")
def _(rig):
    walled = Walled(rig)
    for kind in ("batches", "sessions"):
        path = f"/{kind}/{walled.made('ana', kind)['id']}"
        writes = [("DELETE", path, None)]
        if kind == "sessions":
            writes += [("POST", f"{path}/{below}", body) for below, body in (
                ("stop", None), ("connect", None), ("interrupt", None),
                ("statements", {"code": "1"}), ("statements/0/cancel", None),
                ("completion", {"code": "1", "kind": "spark"}),
                ("add-jar", {"uri": "https://example.org/a.jar"}),
                ("submit-job", {"job": "AAAA"}), ("jobs/1/cancel", None))]
        for write in writes:
            for user in ("bob", "vi"):
                assert answered(walled.ask(user, *write)) == (403, {}), write
        assert answered(walled.ask("mo", "DELETE", path)) == (
            200, {"msg": "deleted"})


@line(169, "the proxyUser may do what the owner may")
def _(rig):
    walled = Walled(rig)
    path = f"/batches/{walled.made('sue', proxyUser='bob')['id']}"
    assert answered(walled.ask("eve", "GET", f"{path}/log")) == (403, {})
    assert walled.ask("bob", "GET", f"{path}/log").status == 200
    assert answered(walled.ask("bob", "DELETE", path))[0] == 200


@line(170, "everybody sees a state")
def _(rig):
    batch = rig.create()["id"]
    bob = rig.gateway.client(token=rig.gateway.other_token)
    assert rig.ask("GET", f"/batches/{batch}/state", session=bob
                   ).status_code == 200
    rig.drop(batch)


@line(171, "without access lists everybody may delete")
def _(rig):
    batch = rig.create()["id"]
    bob = rig.gateway.client(token=rig.gateway.other_token)
    r = rig.ask("DELETE", f"/batches/{batch}", session=bob)
    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})


# Other

@line(172, "/version")
def _(rig):
    version = rig.ask("GET", "/version").json()
    assert list(version) == ["url", "branch", "revision", "version", "date",
                             "user"]
    assert all(isinstance(v, str) for v in version.values())
    assert re.match(r"\d+\.\d+\.\d+\S*$", version["version"])


@line(173, "/metrics/ping")
def _(rig):
    r = rig.ask("GET", "/metrics/ping")
    assert (r.status_code, r.text) == (200, "pong\n")
    assert r.headers["Content-Type"].startswith("text/plain")


row(174, "/metrics/healthcheck", "GET", "/metrics/healthcheck", 501, {})


@line(175, "an unknown page")
def _(rig):
    r = rig.ask("GET", "/ui/none")
    assert r.status_code == 404
    assert r.headers["Content-Type"].startswith("text/html")


# The whole checklist but the life of a session and its statements.
NUMBERS = [*range(1, 99), 102, *range(109, 121), *range(158, 176)]
DIFFERENCES = {pattern.removeprefix("contract/"): (instead, why)
               for pattern, instead, why in replay.DIFFERENCES
               if pattern.startswith("contract/")}


def label(number):
    """L-007, or L-007-sessions and the like."""
    whole, *rest = str(number).split("-")
    return "-".join([f"L-{int(whole):03d}", *rest])


@pytest.fixture(scope="module")
def contract(session_maker, cluster):
    return Rig(session_maker, cluster)


@pytest.mark.parametrize("number", CHECKS, ids=label)
def test_line(number, contract):
    CHECKS[number](contract)


def test_every_line_is_asked_or_is_a_difference():
    asked = {label(n) for n in CHECKS}
    skipped = {n for n, (instead, _) in DIFFERENCES.items()
               if instead == "skip"}
    told = {n for n, (instead, _) in DIFFERENCES.items()
            if instead == "asked"}

    assert skipped | told == set(DIFFERENCES)
    assert {label(n) for n in NUMBERS} - asked == skipped
    assert told <= asked
