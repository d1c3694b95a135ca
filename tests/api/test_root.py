"""A gateway that root starts gives root's rights up."""

import os
import pathlib
import pwd
import subprocess

import pytest

from maker import Maker

pytestmark = [pytest.mark.root, pytest.mark.local]


@pytest.fixture(scope="module")
def gateway(workdir, pki):
    maker = Maker(workdir, pki)
    yield maker.gateway(maker.cluster(), as_root=True, settings={
        "process.user": pwd.getpwuid(int(os.environ[
            "LIVY_TEST_UID"])).pw_name,
        "fastcgi.nginx_user": "daemon", "fastcgi.socket_mode": "0600"})
    maker.end()


ASK = """
import sys
sys.path.insert(0, sys.argv[1])
import fcgi_client
print(fcgi_client.request(sys.argv[2], eval(sys.argv[3])).status)
"""


def ask_as(user, gateway):
    """The status that a request by this user over the socket gets."""
    done = subprocess.run(
        ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
         "--", "/usr/bin/python3", "-B", "-c", ASK,
         str(pathlib.Path(__file__).parents[1]), str(gateway.socket),
         repr(gateway.fcgi_params())],
        capture_output=True, text=True, timeout=60)
    return int(done.stdout) if done.returncode == 0 else 0


def uids(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {int(x) for line in status.splitlines()
            if line.startswith(("Uid:", "Gid:")) for x in line.split()[1:]}


def test_no_process_keeps_a_right_of_root(gateway):
    for pid in (gateway.master.pid, *gateway.pids()):
        assert 0 not in uids(pid), pid
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert "CapPrm:\t0000000000000000" in status


def test_it_serves(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["1"]})["id"]

    gateway.wait_state(batch, "success")


def test_the_socket_is_the_users(gateway):
    info = gateway.socket.stat()

    assert info.st_uid == int(os.environ["LIVY_TEST_UID"])
    assert info.st_mode & 0o777 == 0o600


def test_only_nginxs_user_may_use_the_socket(gateway):
    """Even where the socket's mode lets anybody connect."""
    gateway.socket.chmod(0o666)

    assert ask_as("daemon", gateway) == 200
    assert ask_as("games", gateway) == 0
