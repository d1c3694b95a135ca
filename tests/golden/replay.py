"""Recorded exchanges of real Livy: reading them, sending them to a gateway in
the recorded order, and comparing what came back."""

import dataclasses
import fnmatch
import functools
import gzip
import http.client
import json
import pathlib
import re
import socket
import ssl

from procs import wait_for

HERE = pathlib.Path(__file__).parent
FILES = "/livy/files"       # the folder of that Livy's local files
SETTLED = ("idle", "busy", "dead", "error")
COMPARED = ("content-type", "location", "allow", "x-frame-options",
            "x-content-type-options", "x-xss-protection",
            "content-security-policy")


def table(name, columns):
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            row = line.split("\t")
            row += [""] * (columns - len(row))
            assert len(row) == columns, f"{name}: {line!r}"
            yield row


VOLATILE = list(table("volatile", 4))
DIFFERENCES = list(table("differences", 3))


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: str


class Exchange:
    """of: what plays the drivers, if that is not real Spark: rows of the
    table of differences may be about that alone, as "stub:suite/name"."""

    def __init__(self, suite, entry, of=""):
        self.suite, self.id = suite, f"{suite}/{entry['name']}"
        self.known_as = (self.id, f"{of}:{self.id}") if of else (self.id,)
        self.name = entry["name"]
        request, response = entry["request"], entry["response"]
        self.line, self.headers = request["line"], request["headers"]
        self.body = raw(request)
        self.answer = Answer(response["status"],
                             fold(response["headers"]),
                             response["body"])

    def difference(self):
        """(what instead, why) of the first row that names it, or None."""
        for pattern, instead, why in DIFFERENCES:
            if any(fnmatch.fnmatchcase(name, pattern)
                   for name in self.known_as):
                return (instead if instead == "skip" else
                        json.loads(instead)), why
        return None

    def skipped(self):
        return (self.difference() or ("",))[0] == "skip"

    def state(self):
        """That the recorded answer tells, of what it is about."""
        try:
            body = json.loads(self.expected().body or "")
        except ValueError:
            return ""
        return body.get("state") or "" if isinstance(body, dict) else ""

    def expected(self):
        instead = (self.difference() or ({}, ""))[0]
        return Answer(instead.get("status", self.answer.status),
                      instead.get("headers", self.answer.headers),
                      instead.get("body", self.answer.body))


def load(recorded, suite=None, of=""):
    return [Exchange(suite or recorded, e, of) for e in
            json.loads((HERE / f"{recorded}.json").read_text())]


def raw(request):
    """The body's bytes; the recorder wrote bytes that are no UTF-8 as \\xNN
    and left the ends of chunks bare."""
    body = (request["body"] or "").encode()
    if "Transfer-Encoding: chunked" in request["headers"]:
        return body.replace(b"\n", b"\r\n") + b"\r\n"
    if any("multipart/" in h for h in request["headers"]):
        return body.replace(b"\n", b"\r\n")
    said = [h for h in request["headers"] if h.startswith("Content-Length")]
    if said and said[0].split()[1] != str(len(body)):
        body = re.sub(rb"\\x([0-9a-f]{2})",
                      lambda m: bytes([int(m[1], 16)]), body)
    return body


def fold(lines):
    return {name.lower(): value for name, _, value in
            (line.partition(": ") for line in lines)}


@functools.lru_cache
def trusting(ca):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    return context


def send(port, ca, token, exchange, line, body):
    """Sends it as it was recorded, with our token and the right length."""
    context = trusting(str(ca))
    head = [line]
    if "no_host" not in exchange.name and "HTTP/" in line:
        head.append("Host: livy.example:8998")
    if exchange.name == "two_hosts":
        head.append("Host: other.example")
    head.append(f"Authorization: Bearer {token}")
    for h in exchange.headers:
        if h.startswith("Content-Length: ") and h[16:].isdigit():
            h = f"Content-Length: {len(body)}"
        head.append(h)
    if not any(h.startswith("Connection:") for h in head):
        head.append("Connection: close")
    with socket.create_connection(("127.0.0.1", port), 60) as plain, \
            context.wrap_socket(plain) as s:
        s.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        method = line.split()[0] if line.split() else "GET"
        response = http.client.HTTPResponse(s, method=method)
        try:
            response.begin()
        except (http.client.BadStatusLine, ConnectionError):
            return Answer(0, {}, "")    # none, or HTTP/0.9's bare body
        return Answer(response.status,
                      {k.lower(): v for k, v in response.getheaders()},
                      decode(response))


class Player:
    """Sends a suite to an empty gateway once and keeps the answers."""

    def __init__(self, gateway, exchanges, jobs, adapt=None, after=(),
                 patience=None):
        """jobs stands for FILES; after names exchanges that were recorded
        once their batch had got so far; patience: seconds that sessions are
        given to start in, if what they say is waited for."""
        self.gateway, self.jobs, self.patience = gateway, str(jobs), patience
        self.adapt = adapt or (lambda e, line, body: (line, body))
        self.after, self.ids, self.answers = dict(after), {}, {}
        self.starting = any("starting" in e.name for e in exchanges)
        for e in exchanges:
            if not e.skipped():
                self.answers[e.id] = self.play(e)

    def ours(self, match):
        """Refusals take no number here, of a statement neither."""
        kind, zeros, number, below, sid = match.groups()
        path = f"{kind}/{zeros}{self.ids.get((kind, number), number)}"
        return path if not sid else \
            f"{path}{below}{self.ids.get((number, sid), sid)}"

    def send(self, e):
        line = re.sub(r"(?<=/)(batches|sessions)/(0*)(\d+)(?:(/statements/)"
                      r"(\d+))?", self.ours, e.line)
        line, body = self.adapt(e, line, e.body.replace(
            FILES.encode(), self.jobs.encode()))
        return send(self.gateway.port, self.gateway.pki / "ca.crt",
                    self.gateway.token, e, line, body)

    def play(self, e):
        if e.name in self.after:
            number = re.search(r"batches/(\d+)", e.line)[1]
            self.gateway.wait_state(self.ids["batches", number],
                                    self.after[e.name])
        answer = self.settled(e) if self.patience else self.send(e)
        if answer.status == 201:
            self.made(e, answer)
        answer.body = answer.body.replace(self.jobs, FILES)
        return answer

    def settled(self, e):
        """What was recorded once a session or statement had got so far is
        asked for until it has; the comparison says if it never does."""
        answer, want = self.send(e), e.state()
        if not e.line.startswith("GET") or "starting" in e.name or \
                answer.status != 200 or not (
                    want in SETTLED or "/statements/" in e.line):
            return answer

        def as_recorded():
            nonlocal answer
            answer = self.send(e)
            return re.search(rf'"state":"({want}|available|cancelled)"',
                             answer.body)
        long = "starting" in answer.body or "/statements/" in e.line
        try:
            wait_for(e.id, as_recorded, self.patience / (1 if long else 10))
        except AssertionError:
            pass
        return answer

    def made(self, e, answer):
        recorded = e.answer.headers.get("location", "").split("/")
        path = answer.headers.get("location", "")
        if len(recorded) == 5:
            self.ids[recorded[2], recorded[4]] = path.rpartition("/")[2]
        if len(recorded) != 3:
            return
        self.ids[recorded[1], recorded[2]] = path.rpartition("/")[2]
        if self.patience and not self.starting:
            # it was recorded once it was ready
            wait_for(f"{path} to be idle", lambda: '"idle"' in
                     self.gateway.get(path).text, self.patience)


def decode(response):
    data = response.read()
    if response.getheader("Content-Encoding") == "gzip":
        data = gzip.decompress(data)
    return data.decode(errors="replace")


def mask(exchange_id, part, text):
    for pattern, of, expression, instead in VOLATILE:
        if of == part and fnmatch.fnmatchcase(exchange_id, pattern):
            text = re.sub(expression, instead, text)
    return text


def comparable(exchange_id, answer, want):
    """What is compared, in a form in which order of Allow and of the known
    properties in Jackson's sentence does not count."""
    shown = {"status": answer.status if want.status is not None else None}
    if want.headers is not None:
        shown["headers"] = {
            name: mask(exchange_id, "header", f"{name.title()}: {value}")
            for name, value in sorted(answer.headers.items())
            if name in COMPARED}
        if "allow" in shown["headers"]:
            shown["headers"]["allow"] = sorted(
                re.split(r"[:,] ?", shown["headers"]["allow"]))
    if want.body is not None:
        shown["body"] = re.sub(
            r"known properties: [^\]]*\]", lambda m: " ".join(
                sorted(re.findall(r"\w+", m[0]))),
            mask(exchange_id, "body", answer.body))
    return shown
