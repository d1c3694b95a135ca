"""A way to the API server that can swallow what passes: its connections stay
open and say nothing any more, those of that time for good."""

import socket
import threading


class Hole:
    def __init__(self, port):
        self.to, self.swallows = port, False
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listening.getsockname()[1]
        self.sockets, self.dead = [], set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one = self.listening.accept()[0]
            except OSError:
                return
            self.sockets.append(one)
            if self.swallows:
                self.dead.add(one)
                continue
            other = socket.create_connection(("127.0.0.1", self.to))
            self.sockets.append(other)
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self.relay, args=pair,
                                 daemon=True).start()

    def relay(self, source, sink):
        try:
            while data := source.recv(65536):
                if source not in self.dead:
                    sink.sendall(data)
            if source not in self.dead:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def swallow(self):
        self.swallows = True
        self.dead.update(self.sockets)

    def heal(self):
        self.swallows = False

    def close(self):
        for s in (self.listening, *self.sockets):
            s.close()
