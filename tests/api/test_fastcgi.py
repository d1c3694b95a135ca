"""What nginx never sends: broken records, cut bodies, silence. A worker
answers or drops it, and the next request is served as ever."""

import json

import pytest

import fcgi_client as fcgi
from procs import wait_for

pytestmark = pytest.mark.local


@pytest.fixture(autouse=True)
def still_serves(gateway):
    workers = gateway.pids("worker")
    yield
    assert gateway.get("/batches").status_code == 200
    assert gateway.pids("worker") == workers, "a worker died"


def test_a_whole_request_is_answered(gateway):
    reply = gateway.fcgi("GET", "/batches")

    assert reply.status == 200 and reply.ended
    assert json.loads(reply.body)["from"] == 0


def test_a_body_shorter_than_it_said_is_400(gateway, cluster, job):
    before = cluster.kube.apps()
    body = json.dumps({"file": job("lines.py")}).encode()

    reply = gateway.fcgi("POST", "/batches", body=body,
                         CONTENT_LENGTH=str(len(body) + 10))

    assert reply.status == 400
    assert cluster.kube.apps() == before


def test_a_body_cut_off_makes_no_batch(gateway, cluster, job):
    before = cluster.kube.apps()
    body = json.dumps({"file": job("lines.py")}).encode()
    params = gateway.fcgi_params("POST", "/batches", body=body)

    with fcgi.Connection(gateway.socket) as c:
        c.send(fcgi.begin(), fcgi.record(fcgi.PARAMS, fcgi.encode(params)),
               fcgi.record(fcgi.PARAMS), fcgi.record(fcgi.STDIN, body))
        c.half_close()      # no record that ends the body
        reply = c.read_reply()

    assert reply.status in (0, 400)
    assert cluster.kube.apps() == before


def test_a_body_over_the_limit_is_413(gateway):
    reply = gateway.fcgi("POST", "/batches", body=b"x" * (3 << 20))

    assert reply.status == 413


@pytest.mark.parametrize("length", ["abc", "-1", "99999999999999999999",
                                    "1 2", "0x10"])
def test_a_length_that_is_none_is_refused(length, gateway):
    reply = gateway.fcgi("POST", "/batches", body=b"{}",
                         CONTENT_LENGTH=length)

    assert reply.status in (400, 413)


@pytest.mark.parametrize("missing", ["REQUEST_METHOD", "REQUEST_URI"])
def test_a_request_without_method_or_path_is_refused(missing, gateway):
    assert gateway.fcgi(**{missing: None}).status in (400, 403, 404)


def test_parameters_cut_off_are_no_request(gateway):
    params = fcgi.encode(gateway.fcgi_params())
    with fcgi.Connection(gateway.socket) as c:
        c.send(fcgi.begin(), fcgi.record(fcgi.PARAMS, params[:40]))
        c.half_close()
        reply = c.read_reply()

    assert reply.status in (0, 400, 403)


def test_noise_is_dropped(gateway):
    with fcgi.Connection(gateway.socket) as c:
        c.send(b"GET / HTTP/1.1\r\n\r\n" * 10)
        c.half_close()
        assert c.read_reply().status in (0, 400)


def test_a_client_that_leaves_harms_nobody(gateway):
    for _ in range(20):
        with fcgi.Connection(gateway.socket) as c:
            c.send_request(gateway.fcgi_params())


def test_long_values_are_refused_not_cut(gateway):
    for name in ("LIVY_USER", "REQUEST_URI", "HTTP_ACCEPT", "REQUEST_ID"):
        value = "/batches/" + "x" * 100000
        reply = gateway.fcgi(**{name: value})
        assert reply.status in (200, 400, 403, 404, 406, 414, 431), name


def test_silent_connections_do_not_stop_the_others(gateway):
    held = [fcgi.Connection(gateway.socket) for _ in range(3)]
    try:
        for _ in range(10):
            assert gateway.get("/batches").status_code == 200
    finally:
        for c in held:
            c.sock.close()
    wait_for("the workers to be back",
             lambda: gateway.get("/batches").status_code == 200)
