"""Where the tests live: one folder outside the checkout, with a copy of the
source, the builds and what runs leave behind; and who runs them. Started by
root, everything but the package manager runs as a system user, because
neither the local cluster nor a driver may be root."""

import fcntl
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
USER = "livy-fcgi-tests"


def is_root():
    return os.geteuid() == 0


def folder():
    if os.environ.get("TESTS_DIR"):
        return pathlib.Path(os.environ["TESTS_DIR"]).absolute()
    if is_root():
        return pathlib.Path("/var/cache/livy-fcgi-tests")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "livy-fcgi-tests"


class Place:
    def __init__(self):
        self.top = folder()
        if CHECKOUT == self.top or CHECKOUT in self.top.parents:
            sys.exit(f"tests/run: {self.top} is inside the checkout")
        self.src = self.top / "src"
        self.logs = self.top / "logs"
        self.user = self.find_user()
        for name in ("", "src", "logs", "home", "jobs", "clients"):
            path = self.top / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
            self.give(path)

    def find_user(self):
        if not is_root():
            return pwd.getpwuid(os.geteuid())
        try:
            return pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--home-dir",
                 str(self.top / "home"), "--shell", "/usr/sbin/nologin", USER],
                check=True)
            return pwd.getpwnam(USER)

    def give(self, path):
        if is_root():
            os.chown(path, self.user.pw_uid, self.user.pw_gid,
                     follow_symlinks=False)

    def lock(self):
        """One run at a time in a folder; held until this process ends."""
        self.lock_file = open(self.top / "lock", "w")
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("tests/run: waiting for another run in", self.top,
                  flush=True)
            fcntl.flock(self.lock_file, fcntl.LOCK_EX)

    def as_user(self, argv):
        """The command that runs argv as the tests' user."""
        argv = [str(a) for a in argv]
        if not is_root():
            return argv
        return ["setpriv", f"--reuid={self.user.pw_uid}",
                f"--regid={self.user.pw_gid}", "--clear-groups",
                "--inh-caps=-all", "--bounding-set=-all", "--"] + argv

    def environ(self, **more):
        env = dict(os.environ)
        env.pop("MAKEFLAGS", None)
        env.update(HOME=str(self.top / "home"), USER=self.user.pw_name,
                   LOGNAME=self.user.pw_name, LC_ALL="C.UTF-8",
                   TESTS_DIR=str(self.top), PYTHONDONTWRITEBYTECODE="1")
        env.pop("XDG_CACHE_HOME", None)
        env.update({k: str(v) for k, v in more.items()})
        return env

    def copy_source(self):
        """Brings src up to the checkout: its files, tracked or new, and none
        that are gone. What is changed gets the time of now, so that make
        sees it, whatever the checkout's times are."""
        listed = self.top / "src.list"
        before = set(json.loads(listed.read_text())) if listed.exists() else set()
        now = set(source_files())
        for name in sorted(before - now):
            (self.src / name).unlink(missing_ok=True)
        for name in sorted(now):
            self.copy_file(name)
        listed.write_text(json.dumps(sorted(now)))

    def copy_jobs(self):
        """The drivers' programs, where any user and any pod can read them."""
        source = self.src / "tests" / "spark" / "jobs"
        for path in source.rglob("*.py"):
            target = self.top / "jobs" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            target.parent.chmod(0o755)
            target.chmod(0o644)

    def copy_file(self, name):
        source, target = CHECKOUT / name, self.src / name
        mode = 0o755 if source.stat().st_mode & 0o100 else 0o644
        data = source.read_bytes()
        have = lstat(target)
        if have and have.st_mode & 0o777 == mode and \
                target.read_bytes() == data:
            return
        for parent in reversed(target.relative_to(self.src).parents):
            if not (self.src / parent).is_dir():
                (self.src / parent).mkdir()
                self.give(self.src / parent)
        target.unlink(missing_ok=True)
        target.write_bytes(data)
        target.chmod(mode)
        self.give(target)


def lstat(path):
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def source_files():
    """The checkout's files: what git tracks or would; without git, all."""
    try:
        out = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", CHECKOUT, "ls-files",
             "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout
        names = out.decode().rstrip("\0").split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(p.relative_to(CHECKOUT)) for p in CHECKOUT.rglob("*")
                 if not p.is_dir()]
    return [n for n in names if lstat(CHECKOUT / n)]
