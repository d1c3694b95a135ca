"""What the gateway and nginx write down of a request, and what never."""

import json
import re

import pytest

from procs import wait_for

pytestmark = pytest.mark.local


def test_a_request_is_one_line(gateway, job):
    r = gateway.post("/batches", {"file": job("lines.py"), "args": ["0"]})
    request_id = r.headers["X-Request-ID"]

    lines = wait_for("the line", lambda: gateway.access_lines(request_id))

    assert len(lines) == 1, lines
    assert re.search(r" 'ana' POST /batches 201 \d+\.\d+ms$", lines[0])


def test_the_request_id_of_the_line_is_nginxs(gateway):
    request_id = gateway.get("/batches/4711").headers["X-Request-ID"]

    lines = wait_for("the line", lambda: gateway.access_lines(request_id))

    assert "/batches/4711 404" in lines[0]
    path = gateway.folder / "nginx-access.log"
    entry, = wait_for("nginx's line", lambda: [
        json.loads(x) for x in path.read_text().splitlines()
        if request_id in x])
    assert entry["user"] == "ana"


def test_what_a_client_sends_cannot_make_a_line(gateway):
    r = gateway.get("/batches/a%0A2026-01-01T00:00:00Z%20forged%1b[31m")
    request_id = r.headers["X-Request-ID"]

    wait_for("the line", lambda: gateway.access_lines(request_id))

    assert not [x for x in gateway.log().splitlines()
                if x.startswith("2026-01-01T00:00:00Z")]
    assert "\x1b" not in gateway.log()


def test_no_secret_is_ever_written(gateway, cluster, job):
    gateway.post("/batches", {"file": job("lines.py"), "args": ["0"],
                              "conf": {"spark.x": "confsecret4711"}})
    gateway.get("/batches?token=querysecret4711")
    gateway.call("GET", "/batches", session=gateway.client(
        token="wrongsecret4711"))

    written = gateway.log() + gateway.nginx_error() + (
        gateway.folder / "nginx-access.log").read_text()
    for secret in (gateway.token, gateway.password, gateway.secret,
                   cluster.tokens["gateway"], "confsecret4711",
                   "querysecret4711", "wrongsecret4711"):
        assert secret not in written


def test_no_secret_is_in_a_command_line_or_environment(gateway, cluster):
    import pathlib
    for pid in (gateway.master.pid, *gateway.pids()):
        for name in ("cmdline", "environ"):
            try:
                text = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
            except PermissionError:
                continue    # the process keeps itself closed: all the better
            for secret in (gateway.secret, cluster.tokens["gateway"]):
                assert secret.encode() not in text
