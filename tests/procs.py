"""Processes of a test: started with a log of their own, ended by pid."""

import os
import pathlib
import signal
import subprocess
import time

# Deadlines are generous on purpose: a slow machine is no failure.
DEADLINE = float(os.environ.get("LIVY_TEST_DEADLINE", "120"))


def wait_for(what, condition, seconds=DEADLINE, exceptions=()):
    """The first true value of condition(); fails with what it waited for."""
    end = time.monotonic() + seconds
    pause, last = 0.01, None
    while True:
        try:
            last = condition()
            if last:
                return last
        except exceptions as e:
            last = repr(e)
        if time.monotonic() > end:
            raise AssertionError(
                f"waited {seconds:.0f} s for {what}; last: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def children(pid):
    """The live child processes of a process."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def descendants(pid):
    """Its children, theirs, and so on."""
    found = children(pid)
    for child in found:     # it grows meanwhile
        found += children(child)
    return found


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text() \
            .rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def titles(pid):
    """What ps shows of a process: its short name and its command line."""
    try:
        folder = pathlib.Path(f"/proc/{pid}")
        raw = folder.joinpath("cmdline").read_bytes()
        return folder.joinpath("comm").read_text() + \
            raw.replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Part:
    """One program of the system under test."""

    def __init__(self, name, folder, argv, env=None, as_root=False):
        self.name, self.argv = name, [str(a) for a in argv]
        if not as_root:
            self.argv = as_tests_user(self.argv)
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.env = dict(os.environ, **(env or {}))
        self.process = None

    def start(self):
        assert not self.running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=DEADLINE):
        return self.process.wait(seconds)

    def stop(self, seconds=DEADLINE):
        """Asks it to end; its exit status."""
        if self.process is None:
            return None
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end on SIGTERM")
        return self.process.returncode

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=30):
        return "\n".join(self.text().splitlines()[-lines:])


def give(*paths):
    """What a test of root's makes belongs to the tests' user all the same."""
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, int(os.environ["LIVY_TEST_UID"]),
                     int(os.environ["LIVY_TEST_GID"]))


def as_tests_user(argv):
    """A test that root runs still starts the parts as the tests' user."""
    if os.geteuid() != 0:
        return argv
    return ["setpriv", f"--reuid={os.environ['LIVY_TEST_UID']}",
            f"--regid={os.environ['LIVY_TEST_GID']}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--", *argv]


def listeners(pids):
    """The TCP addresses on which these processes listen, by ss."""
    out = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True,
                         check=True).stdout
    found = []
    for line in out.splitlines():
        if any(f"pid={pid}," in line for pid in pids):
            found.append(line.split()[3])
    return found
