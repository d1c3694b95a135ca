"""What a run of Prophecy's needs beside a gateway: its libraries, a store
that serves them, and its execution service, which a driver's event socket
asks for work."""

import base64
import fcntl
import hashlib
import http.server
import json
import os
import pathlib
import queue
import shutil
import ssl
import struct
import subprocess
import threading
import urllib.request

from rig import PLACE

JAR = ("https://repo1.maven.org/maven2/io/prophecy/prophecy-libs_2.12/"
       "3.3.0-7.0.21/prophecy-libs_2.12-3.3.0-7.0.21.jar")
WHEELS = ("prophecy-libs==2.1.18", "websocket-client==1.9.2")


def libraries():
    """Their files by name, the jar and the wheels; once fetched they are
    kept. OSError: they cannot be had."""
    folder = PLACE / "clients" / "prophecy"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            fetch(folder)
            (folder / "complete").touch()
    return {path.name: path.read_bytes() for path in folder.iterdir()
            if path.suffix in (".jar", ".whl")}


def fetch(folder):
    name = JAR.rpartition("/")[2]
    with urllib.request.urlopen(JAR, timeout=60) as answer, \
            open(folder / name, "wb") as out:
        shutil.copyfileobj(answer, out)
    home = pathlib.Path(os.environ["LIVY_TEST_SPARK_HOME"])
    pip = [str(home.parents[3] / "bin" / "python"), "-m", "pip"]
    done = subprocess.run(
        [*pip, "download", "--no-deps", "--retries", "5", "-q", "-d",
         str(folder), *WHEELS], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise OSError(done.stdout[-500:])


class Server(http.server.ThreadingHTTPServer):
    """Serves files by path; with certificates by TLS, and then its /eventws
    is Prophecy's execution service: it takes one notification, sends the
    request and puts both and the answer into heard."""

    daemon_threads = True

    def __init__(self, files, pki=None, request=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.request = files, request
        self.heard = queue.Queue()
        if pki:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(pki / "server.crt", pki / "server.key")
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.address = "127.0.0.1:%d" % self.server_port
        self.url = f"http{'s' if pki else ''}://{self.address}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that goes away is no error; who waits for it says so."""

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 120

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(send=False)

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.talk()
        else:
            self.answer()

    def answer(self, send=True):
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if send:
            self.wfile.write(data)

    # RFC 6455, as far as two that agree need it

    def talk(self):
        key = self.headers["Sec-WebSocket-Key"] + \
            "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(
            hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        event = self.receive()
        self.send(json.dumps(self.server.request))
        self.server.heard.put((self.path, event, self.receive()))

    def receive(self):
        first, second = self.rfile.read(2)
        assert first == 0x81, "one frame of text"
        assert second & 0x80, "a client masks"
        size = second & 0x7f
        if size > 125:
            form = "!H" if size == 126 else "!Q"
            size, = struct.unpack(form, self.rfile.read(
                struct.calcsize(form)))
        mask = self.rfile.read(4)
        data = bytes(b ^ mask[i % 4]
                     for i, b in enumerate(self.rfile.read(size)))
        return json.loads(data)

    def send(self, text):
        data = text.encode()
        assert len(data) < 65536
        head = struct.pack("!BB", 0x81, len(data)) if len(data) < 126 else \
            struct.pack("!BBH", 0x81, 126, len(data))
        self.wfile.write(head + data)
        self.wfile.flush()
