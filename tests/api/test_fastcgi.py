"""What nginx never sends: broken records, cut bodies, silence. A worker
answers or drops it, and the next request is served as ever."""

import json
import pathlib
import struct
import time

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


# Records that no FastCGI server of ours ever sends. Whatever they are, the
# worker is there afterwards, holds nothing, and the others are served.

def open_files(gateway):
    return {pid: len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
            for pid in gateway.pids("worker")}


def header(kind, length, request_id=1, version=1, padding=0):
    return struct.pack("!BBHHBx", version, kind, request_id, length, padding)


def whole(gateway, body=b"", **more):
    params = gateway.fcgi_params(*(("POST", "/batches") if body else ()),
                                 body=body, **more)
    return params, fcgi.encode(params)


def shapes(gateway, body):
    """name: what a peer sends before it closes its side, and the status of
    the answer, 0 = none; of params that are cut it depends on where."""
    cut = (0, 400)
    _, params = whole(gateway)
    _, with_body = whole(gateway, body)
    begin = fcgi.begin()
    ends = fcgi.record(fcgi.PARAMS), fcgi.record(fcgi.STDIN)
    rest = fcgi.record(fcgi.PARAMS, params) + ends[0] + ends[1]
    good = begin + rest

    def role(number):
        return fcgi.record(fcgi.BEGIN, struct.pack("!HB5x", number, 0))
    return {
        "nothing": (b"", 0),
        "half a header": (begin[:5], 0),
        "a header without its content": (begin[:8], 0),
        "params without a begin": (rest, 0),
        "a body without params": (begin + fcgi.record(fcgi.STDIN, body), 400),
        "an unknown type": (fcgi.record(77, b"x" * 100) + good, 0),
        "an unknown type in params": (
            begin + fcgi.record(77, b"x" * 100) + rest, 400),
        "a management record": (
            header(9, 4, 0) + b"\0\0\0\0" + good, 200),
        "an unknown management record": (
            header(99, 8, 0) + b"z" * 8 + good, 0),
        "the filter role": (role(3) + rest, 400),
        "the authorizer role": (role(2) + rest, 400),
        "no role": (role(0xffff) + rest, 0),
        "a short begin": (fcgi.record(fcgi.BEGIN, b"\0\1\0") + rest, 0),
        "another version": (
            header(fcgi.BEGIN, 8, version=9) + begin[8:] + rest, 0),
        "two begins": (begin + begin + rest, 0),
        "a second request's id": (begin + fcgi.record(
            fcgi.PARAMS, params, request_id=2) + rest, 200),
        "an abort before params": (begin + fcgi.record(fcgi.ABORT), 400),
        "an abort in params": (begin + fcgi.record(
            fcgi.PARAMS, params[:50]) + fcgi.record(fcgi.ABORT), cut),
        "an abort in the body": (begin + fcgi.record(
            fcgi.PARAMS, with_body) + ends[0] + fcgi.record(
            fcgi.STDIN, body[:10]) + fcgi.record(fcgi.ABORT), 400),
        "a name longer than its record": (begin + fcgi.record(
            fcgi.PARAMS, b"\x7f\x7fabc") + ends[0] + ends[1], 0),
        "a length of two gigabytes": (begin + fcgi.record(
            fcgi.PARAMS, b"\xff\xff\xff\xff\x01x") + ends[0] + ends[1], 0),
        "params in pieces of one byte": (begin + b"".join(
            fcgi.record(fcgi.PARAMS, params[i:i + 1])
            for i in range(len(params))) + ends[0] + ends[1], 200),
        "half a record of params": (
            begin + fcgi.record(fcgi.PARAMS, params)[:-20], cut),
        "a record longer than what follows": (
            begin + header(fcgi.PARAMS, 65535) + params, cut),
        "half a record of the body": (begin + fcgi.record(
            fcgi.PARAMS, with_body) + ends[0] + fcgi.record(
            fcgi.STDIN, body)[:-5], 400),
        "a body in pieces, the last one cut": (begin + fcgi.record(
            fcgi.PARAMS, with_body) + ends[0] + b"".join(
            fcgi.record(fcgi.STDIN, body[i:i + 7])
            for i in range(0, len(body), 7))[:-3], 400),
        "a shorter body": (begin + fcgi.record(
            fcgi.PARAMS, whole(gateway, body + b" " * 9)[1]) + ends[0] +
            fcgi.record(fcgi.STDIN, body) + ends[1], 400),
        "a longer body": (begin + fcgi.record(
            fcgi.PARAMS, with_body) + ends[0] + fcgi.record(
            fcgi.STDIN, body + b" " * 9) + ends[1], 400),
        "bytes after the request": (good + b"\xff" * 500, 200),
    }


def statuses(one_or_more):
    return one_or_more if isinstance(one_or_more, tuple) else (one_or_more,)


def send_shape(gateway, data):
    with fcgi.Connection(gateway.socket) as c:
        try:
            c.send(data)
            c.half_close()
            return c.read_reply()
        except OSError:
            return None     # closed on us, which is an answer


def test_whatever_records_come_the_worker_stays(gateway, cluster, job):
    before = cluster.kube.apps()
    body = json.dumps({"file": job("lines.py"), "args": ["1"]}).encode()

    for name, (data, status) in shapes(gateway, body).items():
        reply = send_shape(gateway, data)
        # closed on us, before all was sent, is no answer either
        assert (reply.status if reply else 0) in statuses(status), \
            (name, reply and reply.body)
        assert gateway.fcgi("GET", "/batches").status == 200, name

    assert cluster.kube.apps() == before, "a broken request made a batch"


def test_broken_records_leak_no_files(gateway, job):
    body = json.dumps({"file": job("lines.py")}).encode()
    broken = [data for data, _ in shapes(gateway, body).values()]
    for data in broken:     # once: what is opened for ever is open then
        send_shape(gateway, data)
    for _ in range(4 * gateway.settings["fastcgi.workers"]):
        gateway.get("/batches")
    before = open_files(gateway)

    for _ in range(8):
        for data in broken:
            send_shape(gateway, data)

    wait_for("as many files as before", lambda: all(
        n <= before[pid] + 1 for pid, n in open_files(gateway).items()))


def test_stalled_params_hold_one_worker_only(gateway):
    """And not for ever: its peer's silence is timed."""
    _, params = whole(gateway)
    held = [fcgi.Connection(gateway.socket) for _ in range(
        gateway.settings["fastcgi.workers"] - 1)]
    try:
        for c in held:
            c.send(fcgi.begin(), fcgi.record(fcgi.PARAMS, params[:60]))
        assert gateway.get("/batches").status_code == 200
        for c in held:      # that did not wait until they were let go
            c.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                c.sock.recv(1)
            c.sock.settimeout(30)
        for _ in range(20):
            assert gateway.get("/batches").status_code == 200
        for c in held:
            assert c.read_reply().status in (0, 400)
    finally:
        for c in held:
            c.sock.close()


def test_a_peer_that_stays_after_its_answer_holds_no_worker(gateway):
    """Its answer is whole, and nothing of it is lost by the close."""
    params = gateway.fcgi_params(path="/batches")
    held = [fcgi.Connection(gateway.socket) for _ in range(
        8 * gateway.settings["fastcgi.workers"])]
    start = time.monotonic()
    try:
        for c in held:
            c.send_request(params)
        for c in held:
            assert c.read_reply().ended
            assert c.sock.recv(1) == b""
    finally:
        for c in held:
            c.sock.close()
    # libfcgi would wait for each of them, two seconds: 16 for a worker's
    assert time.monotonic() - start < 12


def test_a_peer_that_does_not_read_its_answer_is_let_go(gateway, job):
    """The answer fits no socket's buffer, so the worker has to wait."""
    params = gateway.fcgi_params(path="/batches?size=100000")
    for _ in range(3):
        gateway.submit({"file": job("lines.py"), "args": ["x" * 100000]})
    held = [fcgi.Connection(gateway.socket) for _ in range(3)]
    try:
        for c in held:
            c.send_request(params)
        for _ in range(20):
            assert gateway.get("/batches").status_code == 200
    finally:
        for c in held:
            c.sock.close()
