"""A FastCGI client that can also misbehave: nginx never leaves the secret
out, never cuts a body short and never stops in the middle of a record."""

import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
RESPONDER = 1


def record(kind, content=b"", request_id=1):
    """Content that is too long for a record makes several."""
    return b"".join(
        struct.pack("!BBHHBx", 1, kind, request_id, len(part), 0) + part
        for part in (content[i:i + 65535]
                     for i in range(0, len(content) or 1, 65535)))


def begin():
    return record(BEGIN, struct.pack("!HB5x", RESPONDER, 0))


def encode(params):
    out = b""
    for name, value in params.items():
        pair = [s.encode() if isinstance(s, str) else s for s in (name, value)]
        for s in pair:
            out += bytes([len(s)]) if len(s) < 128 else \
                struct.pack("!I", len(s) | 1 << 31)
        out += pair[0] + pair[1]
    return out


class Reply:
    def __init__(self, stdout, stderr, ended):
        self.stderr, self.ended = stderr, ended
        head, _, self.body = stdout.partition(b"\r\n\r\n")
        self.headers = {}
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        status = self.headers.get("status", "200" if stdout else "0")
        self.status = int(status.split()[0])


class Connection:
    def __init__(self, path, seconds=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(seconds)
        self.sock.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def send_request(self, params, body=b""):
        self.send(begin(), record(PARAMS, encode(params)), record(PARAMS),
                  record(STDIN, body) if body else b"", record(STDIN))

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def read_reply(self):
        out = {STDOUT: b"", STDERR: b""}
        stream = self.sock.makefile("rb")
        while True:
            head = stream.read(8)
            if len(head) < 8:
                return Reply(out[STDOUT], out[STDERR], ended=False)
            _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", head)
            content = stream.read(length + padding)[:length]
            if kind == END:
                return Reply(out[STDOUT], out[STDERR], ended=True)
            if kind in out:
                out[kind] += content


def request(path, params, body=b""):
    """One well-formed request with exactly these parameters."""
    with Connection(path) as c:
        c.send_request(params, body)
        return c.read_reply()
