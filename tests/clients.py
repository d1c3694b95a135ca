"""Real clients of Livy, from PyPI, each in a virtual environment and a
process of its own, for which tests/spark/clients has a program."""

import json
import os
import pathlib
import queue
import subprocess
import threading

from environments import environment
from procs import as_tests_user, give
from rig import PLACE, SRC

PROGRAMS = SRC / "tests" / "spark" / "clients"
SLOW = 600      # seconds that one thing to do may take on a busy machine


class ClientError(Exception):
    """What the client raised, as text."""


class Client:
    """One program of a client, which signs in by user and password."""

    def __init__(self, folder, packages, program, gateway, path=""):
        python = environment(PLACE, packages) / "bin" / "python"
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        give(self.folder)
        self.log = self.folder / f"{program}.log"
        env = dict(os.environ)
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
            env.pop(name, None)
        ca = str(gateway.pki / "ca.crt")
        env.update(
            HOME=str(self.folder), AIRFLOW_HOME=str(self.folder / "airflow"),
            LIVY_URL=gateway.url + path, LIVY_HOST="https://127.0.0.1",
            LIVY_PORT=str(gateway.port), LIVY_USER="carl",
            LIVY_PASSWORD=gateway.password, LIVY_CA=ca,
            REQUESTS_CA_BUNDLE=ca, SSL_CERT_FILE=ca)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                as_tests_user([str(python),
                               str(PROGRAMS / f"{program}.py")]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env=env, cwd=self.folder)
        self.lock, self.number, self.waiting = threading.Lock(), 0, {}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).put(answer)
        for left in list(self.waiting.values()):
            left.put({"error": "the client's process ended:\n" +
                      self.tail()})

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def start(self, do, **arguments):
        """Begins a thing; the function that waits for its result."""
        answers = queue.Queue()
        with self.lock:
            self.number += 1
            self.waiting[self.number] = answers
            line = json.dumps(
                {"id": self.number, "do": do, "with": arguments}) + "\n"
            try:
                self.process.stdin.write(line)
                self.process.stdin.flush()
            except BrokenPipeError:
                raise ClientError("the client's process has ended:\n" +
                                  self.tail()) from None

        def result():
            try:
                answer = answers.get(timeout=SLOW)
            except queue.Empty:
                raise TimeoutError(f"{do} took {SLOW} s:\n" +
                                   self.tail()) from None
            if "error" in answer:
                raise ClientError(answer["error"])
            return answer["result"]
        return result

    def do(self, do, **arguments):
        return self.start(do, **arguments)()

    def stop(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass    # it ended by itself
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
