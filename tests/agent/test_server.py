"""The agent's HTTP server and its store of statements, without Spark."""

import http.client
import itertools
import json
import os
import random
import socket
import statistics
import sys
import threading
import time

import pytest
from session import AGENT

sys.path.insert(0, str(AGENT.parent))
sys.dont_write_bytecode = True

import livy_agent  # noqa: E402

TOKEN = "0123456789abcdef" * 2


class Served:
    """An agent that runs nothing: the test takes and finishes."""

    def __init__(self, folder, **settings):
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN)
        ready = folder / "ready"
        self.conf = livy_agent.read_settings([
            "--port", "0", "--bind", "127.0.0.1", "--kind", "pyspark",
            "--token-file", str(self.token_file),
            "--ready-file", str(ready)])
        self.conf.update(settings)
        self.agent = livy_agent.Agent(self.conf)
        self.store = self.agent.store
        self.server = livy_agent.serve(self.agent, self.conf)
        self.port = int(ready.read_text().rsplit(":", 1)[1])
        self.store.set_state("idle")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def call(self, method, path, body=None, token=TOKEN):
        """(status, body) on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is not None:
                body = json.dumps(body)
            conn.request(method, path, body, {"X-Livy-Token": token})
            answer = conn.getresponse()
            return answer.status, answer.read()
        finally:
            conn.close()

    def get(self, path):
        status, body = self.call("GET", path)
        assert status == 200, body
        return json.loads(body)

    def run(self, code, output):
        """A statement that is over, with that output."""
        statement, _ = self.store.add(code, "pyspark", None)
        self.store.running = self.store.waiting.pop()
        self.store.queued -= statement.size
        self.store.finish(statement, output)
        return statement

    def close(self):
        ending = threading.Thread(target=self.server.shutdown)
        ending.start()
        self.connect().close()          # it looks up
        ending.join()
        self.server.server_close()
        self.agent.spark.clean()


@pytest.fixture
def serve(tmp_path):
    made = []

    def go(**settings):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Served(folder, **settings))
        return made[-1]

    yield go
    for served in made:
        served.close()


@pytest.fixture
def served(serve):
    return serve()


def head(path="/v1/state", method="GET", token=TOKEN, **more):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: x",
             "X-Livy-Token: " + token]
    lines += ["%s: %s" % (name.replace("_", "-"), value)
              for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_all(sock):
    data = b""
    try:
        while True:
            more = sock.recv(1 << 16)
            if not more:
                break
            data += more
    except ConnectionError:
        pass
    return data


def status_of(data):
    return int(data.split(b" ", 2)[1])


def test_whoever_sends_a_head_slowly_is_let_go(served, monkeypatch):
    monkeypatch.setattr(livy_agent, "HEAD_SECONDS", 0.5)
    sock = served.connect()
    began = time.monotonic()
    with pytest.raises(OSError):
        for byte in head() * 1000:
            sock.send(bytes([byte]))
            time.sleep(0.05)

    assert time.monotonic() - began < 60    # of a quarter of an hour
    assert served.call("GET", "/v1/state")[0] == 200


def test_whoever_sends_a_body_slowly_is_let_go(served, monkeypatch):
    monkeypatch.setattr(livy_agent, "HEAD_SECONDS", 0.5)
    sock = served.connect()
    sock.sendall(head("/v1/statements", "POST", Content_Length=1000))
    began = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - began < 60:
            sock.send(b" ")
            time.sleep(0.05)

    assert served.store.next == 0


def test_whoever_says_nothing_is_let_go(served, monkeypatch):
    monkeypatch.setattr(livy_agent, "HEAD_SECONDS", 0.3)

    assert read_all(served.connect()) == b""


def test_a_client_with_the_token_may_keep_its_connection(served,
                                                         monkeypatch):
    monkeypatch.setattr(livy_agent, "HEAD_SECONDS", 2)
    sock = served.connect()
    sock.sendall(head())
    assert status_of(sock.recv(1 << 16)) == 200
    time.sleep(3)
    sock.sendall(head())

    assert status_of(sock.recv(1 << 16)) == 200


def test_a_long_head_is_not_read_to_its_end(served):
    sock = served.connect()
    try:
        sock.sendall(head()[:-2] + b"".join(
            b"x%d: %s\r\n" % (i, b"y" * 9000) for i in range(90)))
    except OSError:
        pass

    assert b"200" not in read_all(sock)[:40]
    assert served.call("GET", "/v1/state")[0] == 200


def test_requests_sent_together_are_answered_in_order(served):
    sock = served.connect()
    sock.sendall(head("/v1/nothing") + head("/v1/statements/5") +
                 head("/v1/state", Connection="close"))
    answers = read_all(sock)

    assert [status_of(part) for part in
            answers.split(b"HTTP/1.1")[1:]] == [404, 404, 200]


@pytest.mark.parametrize("more, status", [
    ({"Content_Length": "x"}, 400),
    ({"Content_Length": "-1"}, 400),
    ({"Content_Length": "5\r\nContent-Length: 6"}, 400),
    ({"Content_Length": "5\r\nContent-Length: 5"}, 400),
    ({"Transfer_Encoding": "chunked"}, 411),
    ({"Content_Length": "5\r\nTransfer-Encoding: chunked"}, 411),
])
def test_a_body_of_unclear_length_ends_the_connection(served, more, status):
    sock = served.connect()
    sock.sendall(head("/v1/statements", "POST", **more) +
                 b"5\r\nGET /v1/state HTTP/1.1\r\n\r\n")
    answer = read_all(sock)

    assert status_of(answer) == status and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("path", [
    "/v1/../v1/state", "/v1/state/", "/v1/state%00", "/V1/state", "/v1//state",
    "/v1/state;x", "/v1/statements/+1", "/v1/statements/\xb2",
    "/v1/statements/1/../2", "/v1/add/../jar", "*", "/v1/statements/0x1"])
def test_a_path_is_taken_as_it_is(served, path):
    sock = served.connect()
    sock.sendall(head(path, Connection="close"))

    assert status_of(read_all(sock)) == 404


@pytest.mark.parametrize("data, status", [
    (b"BREW / HTTP/1.1\r\n\r\n", 501),
    (b"GET / HTTP/9.9\r\n\r\n", 505),
    (b"GET / JUNK/1.1\r\n\r\n", 400),
    (b"one\r\n\r\n", 400),
    (b"GET /" + b"x" * 70000, 414),
])
def test_what_is_no_request_gets_json_too(served, data, status):
    sock = served.connect()
    sock.sendall(data)
    answer = read_all(sock)

    if status == 414 and not answer:
        return                  # the bound of a head came first
    assert status_of(answer) == status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_a_body_is_asked_for_when_it_is_wanted(served):
    body = json.dumps({"code": "1"}).encode()
    sock = served.connect()
    sock.sendall(head("/v1/statements", "POST", Content_Length=len(body),
                      Expect="100-continue", Connection="close"))
    asked = sock.recv(100)
    sock.sendall(body)

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status_of(read_all(sock)) == 201


@pytest.mark.parametrize("token, size, status", [
    ("wrong", 10, 401), (TOKEN, 1 << 40, 413)])
def test_a_body_that_is_not_wanted_is_not_asked_for(served, token, size,
                                                    status):
    sock = served.connect()
    sock.sendall(head("/v1/statements", "POST", token, Content_Length=size,
                      Expect="100-continue"))

    assert status_of(read_all(sock)) == status


def test_without_the_token_a_connection_ends(served):
    sock = served.connect()
    sock.sendall(head(token="x" + TOKEN[1:]) + head())
    answer = read_all(sock)

    assert status_of(answer) == 401 and answer.count(b"HTTP/1.1") == 1


def test_the_token_is_compared_in_constant_time(served, monkeypatch):
    """By hmac.compare_digest alone, whatever it says."""
    asked = []
    monkeypatch.setattr(livy_agent.hmac, "compare_digest", lambda a, b:
                        asked.append({a, b}) or a == b"other")

    assert served.call("GET", "/v1/state", token="other")[0] == 200
    assert served.call("GET", "/v1/state")[0] == 401
    assert asked == [{b"other", TOKEN.encode()}, {TOKEN.encode()}]


def test_the_token_may_come_late_and_change(served):
    served.token_file.unlink()
    livy_agent.Handler.token = livy_agent.Token(str(served.token_file))
    assert served.call("GET", "/v1/state")[0] == 401
    assert served.call("GET", "/v1/state", token="")[0] == 401
    served.token_file.write_text(TOKEN + "\n")
    assert served.call("GET", "/v1/state")[0] == 200
    served.token_file.write_text("another")
    time.sleep(0.6)
    assert served.call("GET", "/v1/state", token="another")[0] == 200
    assert served.call("GET", "/v1/state")[0] == 401


def test_more_connections_than_there_may_be(serve):
    served = serve(connections=3)
    socks = [served.connect() for _ in range(3)]
    for sock in socks:
        sock.sendall(head())
        assert status_of(sock.recv(1 << 16)) == 200

    assert read_all(served.connect()) == b""
    socks[0].close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if served.call("GET", "/v1/state")[0] == 200:
                break
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    else:
        raise AssertionError("a place that was left is not given again")


def test_a_thread_that_is_not_to_be_had_costs_no_place(serve, monkeypatch):
    served = serve(connections=1)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert read_all(served.connect()) == b""

    assert served.call("GET", "/v1/state")[0] == 200


def test_whoever_waits_beyond_the_bound_is_told(serve):
    served = serve(waiters=1)
    version = served.get("/v1/state")["version"]
    sock = served.connect()
    sock.sendall(head("/v1/state?since=%d&wait=60" % version))
    wait_for(lambda: served.store.waiters == 1)

    assert served.call("GET", "/v1/state?since=%d&wait=60" % version)[
        0] == 429
    assert served.call("GET", "/v1/state?since=%d" % version)[0] == 200

    sock.close()                # its place is free soon
    wait_for(lambda: served.store.waiters == 0)


def wait_for(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_change_is_told_at_once(served):
    """A poll that waits ends with the change; most within a few
    milliseconds."""
    taken = []
    conn = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    for _ in range(50):
        version = served.store.version
        changed = []

        def change():
            wait_for(lambda: served.store.waiters == 1)
            changed.append(time.perf_counter())
            with served.store.cond:
                served.store.changed()

        thread = threading.Thread(target=change)
        thread.start()
        conn.request("GET", "/v1/state?since=%d&wait=30" % version,
                     headers={"X-Livy-Token": TOKEN})
        view = json.loads(conn.getresponse().read())
        taken.append(time.perf_counter() - changed[0])
        thread.join()
        assert view["version"] == version + 1
    conn.close()

    assert statistics.median(taken) < 0.1, sorted(taken)


def test_an_output_that_is_sent_along_is_not_touched(served):
    number = served.run("1", {"status": "ok", "data": {
        "application/json": livy_agent.Raw('{"d": 1.10, "é": 1e400}')}}).id
    _, body = served.call("GET", "/v1/state?text=1000")
    told, = served.get("/v1/state?text=10")["changed"]

    assert '{"d": 1.10, "é": 1e400}' in body.decode()
    assert json.loads(body)["changed"][0]["output"]["execution_count"] == \
        number
    assert "output" not in told and told["outputBytes"] > 10


def test_a_version_of_another_instance_is_none(served):
    served.run("1", livy_agent.ok({}))
    view = served.get("/v1/state")
    same = "/v1/state?since=%d&instance=%s" % (
        view["version"], view["instance"])

    assert served.get(same)["changed"] == []
    assert len(served.get(same + "0")["changed"]) == 1
    assert len(served.get("/v1/state?since=99999")["changed"]) == 1


def test_a_repeated_request_id(served):
    body = {"code": "1", "requestId": "a"}
    first = served.call("POST", "/v1/statements", body)
    again = served.call("POST", "/v1/statements", body)

    assert (first[0], again[0]) == (201, 200)
    assert json.loads(first[1])["id"] == json.loads(again[1])["id"] == 0
    assert served.store.next == 1


@pytest.mark.parametrize("other", [
    {"code": "2"}, {"code": "1 "}, {"code": ""},
    {"code": "1", "kind": "sql"}])
def test_a_request_id_is_of_one_code_and_kind(served, other):
    body = {"code": "1", "requestId": "a"}
    served.call("POST", "/v1/statements", body)
    status, said = served.call("POST", "/v1/statements",
                               dict(other, requestId="a"))

    assert status == 422
    assert json.loads(said) == {"id": 0, "error": "this request id was sent "
                                "before with other code, as statement 0"}
    assert served.store.next == 1
    assert served.call("POST", "/v1/statements", body)[0] == 200


def test_line_ends_make_no_other_code(served):
    for code, status in (("1\r\n2", 201), ("1\n2", 200)):
        assert served.call("POST", "/v1/statements", {
            "code": code, "requestId": "a"})[0] == status


def test_statements_wait_up_to_a_bound(serve):
    served = serve(queue=3)
    for _ in range(3):
        assert served.call("POST", "/v1/statements", {"code": "1"})[0] == 201
    assert served.call("POST", "/v1/statements", {"code": "1"})[0] == 429

    served = serve(session_bytes=1000)
    big = {"code": "x" * 700}
    assert served.call("POST", "/v1/statements", big)[0] == 201
    assert served.call("POST", "/v1/statements", big)[0] == 429
    assert served.store.queued < 1000
    served.agent.cancel(0)
    assert served.store.queued == 0
    assert served.call("POST", "/v1/statements", big)[0] == 201


def test_what_waits_pushes_no_result_out(serve):
    served = serve(statements=10)
    for _ in range(12):
        served.run("1", livy_agent.ok({}))
    for _ in range(5):
        served.store.add("1", "pyspark", None)
    served.run("1", livy_agent.ok({}))

    over = [s.id for s in served.store.statements.values() if s.over()]
    assert over == list(range(3, 12)) + [17]


def test_the_last_thousand_results_are_kept(served):
    for i in range(1005):
        served.run(str(i), livy_agent.ok({"text/plain": str(i)}))

    listed = served.get("/v1/statements?size=2000")

    assert listed["total_statements"] == 1000
    assert [(s["id"], s["code"], s["output"]["data"]["text/plain"])
            for s in listed["statements"]] == [
                (i, str(i), str(i)) for i in range(5, 1005)]
    assert served.call("GET", "/v1/statements/4")[0] == 404
    assert served.get("/v1/state")["next"] == 1005


def test_an_output_that_only_escapes_make_long(serve):
    served = serve(statement_bytes=1000)
    outputs = [json.loads(served.run("1", livy_agent.ok(
        {"text/plain": char * 1000})).output) for char in '"\0']

    assert outputs[0]["data"] == {"text/plain": '"' * 1000}
    assert outputs[1]["ename"] == "Error"
    assert "bytes of JSON, more than the 2500" in outputs[1]["evalue"]


class Thrown:
    """A Throwable of the JVM."""

    def __init__(self, text, message):
        self.toString, self.getMessage = lambda: text, lambda: message

    @staticmethod
    def getStackTrace():
        return [Thrown("a.B.c(D.scala:1)", None)]


@pytest.mark.parametrize("text, message, said", [
    ("a.E: why", "why", "why"), ("a.E", None, "a.E"),
    ("java.lang.OutOfMemoryError: Java heap space", "Java heap space",
     "java.lang.OutOfMemoryError: Java heap space: the rows of the result "
     "need more memory than the driver has"),
    ("a.E: java.lang.OutOfMemoryError", "java.lang.OutOfMemoryError",
     "java.lang.OutOfMemoryError")])
def test_what_an_error_of_sql_says(text, message, said):
    output = livy_agent.Sql.error(Thrown(text, message))

    assert (output["ename"], output["evalue"]) == ("Error", said)
    assert output["traceback"] == ["a.B.c(D.scala:1)"]


LONG_AGO = 60


def age(served):
    """Makes all that happened so far happen long ago."""
    served.store.used -= LONG_AGO
    served.store.seen -= LONG_AGO


@pytest.mark.parametrize("method, path, body, used", [
    ("GET", "/v1/state", None, False),
    ("GET", "/v1/state?seen=0", None, False),
    ("GET", "/v1/state?used=40000", None, True),
    ("GET", "/v1/state?used=55000", None, False),
    ("GET", "/v1/statements", None, False),
    ("GET", "/v1/statements/0?max=10", None, False),
    ("POST", "/v1/seen", {"agoMs": 0}, False),
    ("POST", "/v1/seen", {"agoMs": 0, "active": True}, True),
    ("POST", "/v1/statements/0/cancel", {}, True),
    ("POST", "/v1/completion", {"code": "a", "kind": "sql"}, True),
])
def test_what_is_activity(serve, method, path, body, used):
    served = serve(idle_timeout=50)
    served.run("1", livy_agent.ok({}))
    served.store.state = "idle"
    age(served)
    assert served.agent.too_old() == "idle for 50 s"

    assert served.call(method, path, body)[0] == 200

    assert (served.agent.too_old() is None) == used


def test_a_statement_is_activity_until_its_end(serve):
    served = serve(idle_timeout=50, ttl=50)
    goes_on = threading.Event()
    served.agent.run = lambda statement: goes_on.wait(20) and livy_agent.ok(
        {})
    served.agent.look_at_spark = lambda: None
    served.agent.start_runner()
    served.store.add("1", "pyspark", None)
    served.agent.born -= LONG_AGO
    age(served)
    assert served.agent.too_old() is None
    wait_for(lambda: served.store.running)
    age(served)
    assert served.agent.too_old() is None

    goes_on.set()
    wait_for(lambda: served.store.state == "idle")

    assert served.agent.too_old() == "older than its ttl of 50 s"
    served.conf["ttl"] = 0
    assert served.agent.too_old() is None
    age(served)
    assert served.agent.too_old() == "idle for 50 s"


@pytest.mark.parametrize("path, body", [
    ("/v1/seen", {"agoMs": 100}), ("/v1/completion?seen=100", {
        "code": "a", "kind": "sql"}), ("/v1/interrupt?used=100", {})])
def test_a_heartbeat_keeps_a_session_and_a_missed_one_ends_it(serve, path,
                                                              body):
    served = serve(heartbeat_timeout=50)
    assert served.agent.too_old() is None
    for state in ("idle", "busy"):
        served.store.state = state
        age(served)
        assert served.agent.too_old() == "no heartbeat for 50 s"
        assert served.call("POST", path, body)[0] == 200
        assert served.agent.too_old() is None


def test_no_clock_runs_before_idle_nor_after_the_end(serve):
    served = serve(heartbeat_timeout=50, idle_timeout=50, ttl=50)
    served.agent.born -= LONG_AGO
    age(served)
    for state in ("starting", "shutting_down", "error", "dead"):
        served.store.state = state
        assert served.agent.too_old() is None


def test_no_statement_comes_between_the_clock_and_the_end(served):
    answers = []
    posting = threading.Thread(target=lambda: answers.append(
        served.call("POST", "/v1/statements", {"code": "1"})[0]))

    def too_old():
        posting.start()
        posting.join(0.5)
        return "idle for 0 s"

    served.agent.too_old = too_old
    served.agent.live(os.getppid())
    posting.join()

    assert answers == [409]


def test_an_interruption_is_of_its_statement_alone(served):
    """While it is on its way its statement does not end."""
    agent, store = served.agent, served.store
    goes_on, seen = threading.Event(), []
    agent.run = lambda statement: goes_on.wait(20) and livy_agent.ok({})
    agent.look_at_spark = agent.cancel_jobs = lambda *_: None

    class Interpreter:
        @staticmethod
        def interrupt():
            goes_on.set()
            time.sleep(0.3)
            seen.append(store.running)

    agent.interpreter = lambda _: Interpreter
    agent.start_runner()
    statement, _ = store.add("1", "pyspark", None)
    store.add("2", "pyspark", None)
    wait_for(lambda: store.running is statement)
    agent.cancel(statement.id)
    wait_for(lambda: store.state == "idle")

    assert seen == [statement] and statement.state == "cancelled"


def test_garbage_does_not_end_it(served):
    chance = random.Random(7)
    good = head("/v1/statements", "POST", Content_Length=11) + b'{"code":1}\n'
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        sock = served.connect()
        sock.sendall(bytes(data[:chance.randrange(len(data))])
                     if chance.random() < 0.3 else bytes(data))
        sock.shutdown(socket.SHUT_WR)
        read_all(sock)
        sock.close()

    assert served.get("/v1/state")["state"] in ("idle", "busy")
    assert len(os.listdir("/proc/self/fd")) < 200


def test_an_upload_in_chunks_is_whole_or_not_taken(serve):
    served = serve(upload_bytes=5000)
    taken = []

    def keep(what, path):
        with open(path, "rb") as file:
            taken.append((what, os.path.basename(path), file.read()))

    served.agent.take_file = keep

    def upload(body):
        sock = served.connect()
        sock.sendall(head("/v1/upload/file?name=f", "POST",
                          Transfer_Encoding="chunked",
                          Expect="100-continue"))
        assert sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)

    whole = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
    assert status_of(upload(whole)) == 200
    assert taken == [("file", "f", b"hello world")]
    for end in (3, 8, 12, 20, 24):
        assert upload(whole[:end]) == b""
    assert upload(b"zz\r\nhello\r\n") == b""
    assert status_of(upload(b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" +
                            b"x" * 4096 + b"\r\n0\r\n\r\n")) == 413
    assert len(taken) == 1
    wait_for(lambda: len(copies(served)) == 1)      # of what was taken


def copies(served):
    """Folders with what was uploaded or fetched."""
    return [name for name in os.listdir(served.agent.spark.home)
            if name.startswith("files-")]


class Web:
    """A server whose one answer is what the test makes it."""

    def __init__(self, answer):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.answer = answer
        self.uri = "http://127.0.0.1:%d/a/f.jar" % self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with self.sock, self.sock.accept()[0] as conn:
            conn.recv(1 << 16)
            try:
                for data in self.answer:
                    conn.sendall(data)
            except OSError:     # let go
                pass


def chunk(size):
    return b"%x\r\n" % size + b"x" * size + b"\r\n"


def slowly(data):
    for byte in data * 100:
        yield bytes([byte])
        time.sleep(0.05)


GOOD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = GOOD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("answer, status, words", [
    ([GOOD + b"Content-Length: 5001\r\n\r\n"], 413, "more than 5000 bytes"),
    ([GOOD + b"\r\n" + b"x" * 5001], 413, "more than 5000 bytes"),
    ([CHUNKED, *[chunk(1000)] * 99], 413, "more than 5000 bytes"),
    ([GOOD + b"Content-Length: 5000\r\n\r\n" + b"x" * 4999], 400, "early"),
    ([CHUNKED, chunk(1000)], 400, "IncompleteRead"),
    ([b"HTTP/1.1 404 Not Found\r\n\r\n"], 400, "404"),
    ([b"garbage\r\n\r\n"], 400, "garbage"),
    (slowly(GOOD), 400, "longer than 0.5 s"),
    (itertools.chain([CHUNKED], slowly(chunk(1))), 400, "longer than 0.5 s"),
], ids=range(9))
def test_what_cannot_be_fetched_leaves_nothing(serve, answer, status, words):
    served = serve(fetch_bytes=5000,
                   fetch_timeout=0.5 if "longer" in words else 60)
    uri = Web(answer).uri
    code, said = served.call("POST", "/v1/add/jar", {"uri": uri})

    assert (code, words in json.loads(said)["error"]) == (status, True), said
    assert json.loads(said)["error"].startswith("cannot fetch " + uri)
    wait_for(lambda: not copies(served))


def test_what_is_fetched_is_whole(serve):
    served = serve(fetch_bytes=5000)
    taken = []
    served.agent.take_file = lambda what, path: taken.append(
        (what, os.path.basename(path), open(path, "rb").read()))

    for answer in ([GOOD + b"Content-Length: 5000\r\n\r\n", b"x" * 5000],
                   [CHUNKED, chunk(4000), chunk(1000), b"0\r\n\r\n"],
                   [GOOD + b"\r\n" + b"x" * 5000]):
        assert served.call("POST", "/v1/add/jar", {
            "uri": Web(answer).uri})[0] == 200
        assert taken.pop() == ("jar", "f.jar", b"x" * 5000)


class Frame:
    """A DataFrame of the JVM, as far as Sql asks."""

    def __init__(self, rows):
        self.rows, self.given = rows, 0

    def sql(self, *_):
        return self

    schema = sql

    def json(self):
        return '{"fields": [{"name": "v", "type": "string"}]}'

    def limit(self, most):
        self.rows = self.rows[:most]
        return self

    def read(self, frame):
        for row in self.rows:
            self.given += 1
            yield row


@pytest.mark.parametrize("row, fits", [
    (("x" * 100,), 9), (("é" * 50,), 9), (("\n" * 50,), 9),
    ((b"\0" * 50,), 9), ((["x" * 90], ("y",)), 9),
    (({"k" * 50: "x" * 43},), 9), (("x" * 990,), 1), (("x" * 1001,), 0)])
def test_sql_rows_are_read_up_to_the_bound_of_a_result(row, fits):
    frame = Frame([row] * 50)
    spark = livy_agent.Spark("")
    spark.clean()
    spark.jspark, spark.rows = frame, frame.read
    sql = livy_agent.Sql(spark, 40)
    statement = livy_agent.Statement(0, "select v", "sql")

    output = sql.run(statement, 1000)
    assert output["evalue"] == (
        "the first %d rows of the result have more than the 1000 bytes that "
        "a statement may have" % (fits + 1))
    assert frame.given == fits + 1

    frame.rows = [row] * fits
    data = sql.run(statement, 1000)["data"]["application/json"]
    assert len(json.loads(data)["data"]) == fits

    statement.state, frame.rows = "cancelling", [row]
    assert sql.run(statement, 1000)["evalue"] == "cancelled"
