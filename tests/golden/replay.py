"""Recorded exchanges of real Livy: reading them, sending them to a gateway,
and comparing what came back."""

import dataclasses
import fnmatch
import gzip
import http.client
import json
import pathlib
import re
import socket
import ssl

HERE = pathlib.Path(__file__).parent
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
    def __init__(self, suite, entry):
        self.suite, self.id = suite, f"{suite}/{entry['name']}"
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
            if fnmatch.fnmatchcase(self.id, pattern):
                return (instead if instead == "skip" else
                        json.loads(instead)), why
        return None

    def expected(self):
        instead = (self.difference() or ({}, ""))[0]
        return Answer(instead.get("status", self.answer.status),
                      instead.get("headers", self.answer.headers),
                      instead.get("body", self.answer.body))


def load(recorded, suite=None):
    return [Exchange(suite or recorded, e) for e in
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


def send(port, ca, token, exchange, line, body):
    """Sends it as it was recorded, with our token and the right length."""
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
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
