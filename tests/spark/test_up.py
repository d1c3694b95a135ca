"""deploy/local/up, down and env, in a folder and from a checkout of their
own: the first command, again, after violence, twice at once, and gone."""

import collections
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import requests

from build import VENVS
from procs import alive, listeners, wait_for
from rig import PLACE, SRC

pytestmark = pytest.mark.local

TEXT = "/usr/share/common-licenses/GPL-3"
LONG = 900


class Installation:
    def __init__(self, checkout, home):
        self.checkout, self.home = checkout, home
        self.private = home / "private"

    def command(self, name, *argv, **changes):
        env = dict(os.environ, LIVY_FCGI_HOME=str(self.home),
                   SPARK_HOME=os.environ["LIVY_TEST_SPARK_HOME"])
        env.update(changes)
        return subprocess.Popen(
            [str(self.checkout / "deploy/local" / name), *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", env=env)

    def run(self, name, *argv, **env):
        process = self.command(name, *argv, **env)
        text = process.communicate(timeout=LONG)[0]
        assert process.returncode == 0, f"{name} {argv}:\n{text}"
        return text

    def pids(self):
        """Of the services: name to process id."""
        return {p.stem: int(p.read_text().split()[0])
                for p in (self.private / "run").glob("*.pid")}

    def variables(self):
        text = self.run("env")
        return dict(re.findall(r"^export (LIVY_\w+)='(.*)'$", text, re.M))

    def get(self, path, **kwargs):
        v = self.variables()
        return requests.get(
            v["LIVY_URL"] + path, verify=v["LIVY_CA"], timeout=30,
            headers={"Authorization": "Bearer " + v["LIVY_TOKEN"]}, **kwargs)

    def kept(self):
        """What must not change from one up to the next."""
        return [(self.home / "ca.crt").read_text(),
                (self.private / "token").read_text(),
                (self.private / "password").read_text(),
                self.variables()["LIVY_URL"]]


def files(top):
    """Every file below a folder with its size and time."""
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns)
            for p in top.rglob("*")}


def new_folder(prefix):
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=PLACE / "home"))
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def up():
    """After the first up, whose preferred port somebody else holds."""
    top = new_folder("up-")
    shutil.copytree(SRC, top / "checkout", symlinks=True)
    installation = Installation(top / "checkout", top / "state")
    before = files(installation.checkout)
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", 8443))
        taken.listen()
    except OSError:
        pass    # then somebody else holds it, which is as good
    with taken:
        installation.output = installation.run("up", "--job")
    installation.untouched = files(installation.checkout) == before
    yield installation
    try:
        installation.run("down", "--purge")
    finally:
        shutil.rmtree(top, ignore_errors=True)


def test_the_first_command_shows_sparks_result(up):
    with open(TEXT, encoding="utf-8") as f:
        words = collections.Counter(
            w for w in re.split("[^a-z]+", f.read().lower()) if w)
    most = sorted(words.items(), key=lambda x: (-x[1], x[0]))[:10]

    assert f"{sum(words.values())} words" in up.output
    shown = re.findall(r"^ +([a-z]+) +(\d+)$", up.output, re.M)
    # of the batch, then of the SQL statement
    assert [(w, int(n)) for w, n in shown] == most + most[:3]
    longest = max(map(len, words))
    assert re.search(rf"^ +res\d+: Int = {longest}$", up.output, re.M)
    for word in ("state: starting", "state: success", "state: idle",
                 up.variables()["LIVY_URL"], "curl "):
        assert word in up.output, word


def test_the_checkout_is_left_as_it_was(up):
    assert up.untouched


def test_a_taken_port_names_its_holder_and_the_next_is_used(up):
    assert re.search(r"port 8443 for the gateway is taken by .", up.output)
    assert not up.variables()["LIVY_URL"].endswith(":8443")


def test_env_is_what_a_client_needs(up):
    v = up.variables()

    assert set(v) == {"LIVY_URL", "LIVY_CA", "LIVY_TOKEN", "LIVY_USER",
                      "LIVY_PASSWORD"}
    assert up.get("/batches/0/state").json() == {"id": 0, "state": "success"}
    r = requests.get(v["LIVY_URL"] + "/batches", verify=v["LIVY_CA"],
                     auth=(v["LIVY_USER"], v["LIVY_PASSWORD"]), timeout=30)
    assert r.status_code == 200


def test_every_listener_is_on_loopback(up):
    pids = set(up.pids().values())
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in pids or int(fields[1]) in pids:
            pids.add(int(stat.parent.name))

    found = listeners(pids)

    assert found
    # a JVM that is about to end may still have its own, as IPv6 writes them
    assert all(a.startswith(("127.", "[::ffff:127.")) for a in found), found


def test_again_it_takes_seconds_and_changes_nothing(up):
    """Without what takes minutes."""
    kept, pids = up.kept(), up.pids()
    start = time.monotonic()

    text = up.run("up")

    print(f"up again: {time.monotonic() - start:.1f} s")
    assert "Building" in up.output and "Building" not in text
    assert "Installing" not in text
    assert up.kept() == kept
    assert up.pids() == pids


def test_after_kill_9_of_everything_it_comes_back(up):
    kept, pids = up.kept(), up.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    for pid in pids.values():
        wait_for(f"{pid} to end", lambda p=pid: not alive(p))

    up.run("up", "--no-job")

    assert up.kept() == kept
    assert up.get("/batches/0/state").json()["state"] == "success"


def test_twice_at_once_both_end_well(up):
    kept = up.kept()
    both = [up.command("up", "--no-job") for _ in range(2)]

    for process in both:
        text = process.communicate(timeout=LONG)[0]
        assert process.returncode == 0, text

    assert up.kept() == kept
    assert up.get("/batches").status_code == 200


def test_a_change_of_the_source_is_taken_up(up):
    kept = up.kept()
    path = up.checkout / "nginx" / "errors.conf"
    path.write_text(path.read_text().replace("Sign in first", "Changed"))

    up.run("up", "--no-job")

    assert up.kept() == kept
    v = up.variables()
    r = requests.get(v["LIVY_URL"] + "/batches", verify=v["LIVY_CA"],
                     timeout=30)
    assert r.status_code == 401 and "Changed" in r.text


def test_ids_go_on_after_down_and_up(up):
    total = up.get("/batches").json()["total"]
    pids = up.pids()

    up.run("down")
    assert not any(alive(p) for p in pids.values())
    up.run("up", "--no-job")

    assert up.get("/batches").json()["total"] == total


def test_purge_leaves_nothing(up):
    pids = up.pids()

    text = up.run("down", "--purge")

    assert not up.home.exists()
    assert not any(alive(p) for p in pids.values())
    assert "ackages" in text


def test_what_cannot_work_changes_nothing_and_names_the_mend(up):
    other = Installation(up.checkout, up.home.parent / "other")

    process = other.command("up", SPARK_HOME="/nonexistent")
    text = process.communicate(timeout=LONG)[0]

    assert process.returncode != 0
    assert "nothing was changed" in text and "SPARK_HOME" in text
    assert "mend:" in text
    assert not other.home.exists()


# Nothing can be fetched from here.
NO_NETWORK = {name: "http://127.0.0.1:9/" for name in (
    "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY",
    "PIP_INDEX_URL")}


def test_a_wheelhouse_is_enough_without_a_network(up):
    other = Installation(up.checkout, up.home.parent / "offline")
    wheels = up.home.parent / "wheels"
    subprocess.run(
        [PLACE / "venv/bin/pip", "download", "-q", "-d", wheels,
         *VENVS["venv"]],
        check=True, capture_output=True, timeout=LONG)
    try:
        text = other.run("up", "--wheelhouse", str(wheels), SPARK_HOME="",
                         **NO_NETWORK)

        assert "state: success" in text
        assert other.get("/batches/0/state").json()["state"] == "success"
    finally:
        other.run("down", "--purge")
    assert not other.home.exists()
