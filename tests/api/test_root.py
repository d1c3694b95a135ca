"""A gateway that root starts gives root's rights up."""

import os
import pathlib
import pwd

import pytest

from maker import Maker

pytestmark = [pytest.mark.root, pytest.mark.local]


@pytest.fixture(scope="module")
def gateway(workdir, pki):
    if os.geteuid() != 0:
        pytest.skip("only root can give its rights up")
    maker = Maker(workdir, pki)
    yield maker.gateway(maker.cluster(), as_root=True, settings={
        "process.user": pwd.getpwuid(int(os.environ[
            "LIVY_TEST_UID"])).pw_name,
        "fastcgi.socket_mode": "0600"})
    maker.end()


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
