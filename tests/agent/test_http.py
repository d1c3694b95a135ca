"""What the agent answers over HTTP, whatever runs."""

import ast
import json
import os
import subprocess
import threading
import time

import pytest
from session import AGENT, SOON, HttpError


def test_the_agent_is_one_file_of_python_3_8():
    text = AGENT.read_bytes()

    ast.parse(text, feature_version=(3, 8))

    assert len(text) < 1 << 20


@pytest.mark.on("spark35")
def test_the_agent_uses_nothing_newer_than_python_3_8(python):
    tool = os.path.join(os.path.dirname(python), "vermin")
    if not os.path.exists(tool):
        pytest.skip("the environment has no vermin")
    done = subprocess.run([tool, "--target=3.8-", "--violations", "--no-tips",
                           str(AGENT)], stdout=subprocess.PIPE, check=False)

    assert done.returncode == 0, done.stdout.decode()


def test_without_the_token_there_is_nothing(shared):
    for token in ("", "wrong", shared.token[:-1], shared.token + "x"):
        status, body = shared.raw("GET", "/v1/state", token=token)
        assert status == 401
        assert shared.token.encode() not in body


def test_an_answer_names_the_protocol(shared):
    shared.conn.request("GET", "/v1/state",
                        headers={"X-Livy-Token": shared.token})
    answer = shared.conn.getresponse()
    answer.read()

    assert answer.headers["X-Livy-Agent-Protocol"] == "1"
    assert shared.get("/v1/state")["protocol"] == 1


def test_user_code_has_no_token(shared):
    seen = shared.text("""
import os, glob
found = []
for path in glob.glob('/proc/[0-9]*/environ') + \\
        glob.glob('/proc/[0-9]*/cmdline'):
    try:
        found.append(open(path, 'rb').read())
    except OSError:
        pass
token = %r[::-1]
token.encode() in b''.join(found), token in repr(dict(os.environ))
""" % shared.token[::-1], "pyspark")

    assert seen == "(False, False)"


def test_a_kernel_cannot_read_the_agents_memory(shared):
    agent = shared.family()
    if os.geteuid() == 0:
        pytest.skip("root reads any process's memory")

    assert agent
    assert shared.error("open('/proc/%d/mem', 'rb')" % agent[0], "pyspark"
                        )["ename"] == "PermissionError"


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/", None, 404),
    ("GET", "/v2/state", None, 404),
    ("DELETE", "/v1/state", None, 405),
    ("POST", "/v1/statements", "{", 400),
    ("POST", "/v1/statements", "[]", 400),
    ("POST", "/v1/statements", "{}", 400),
    ("POST", "/v1/statements", {"code": 5}, 400),
    ("POST", "/v1/statements", {"code": "1", "kind": "bogus"}, 400),
    ("POST", "/v1/statements", {"code": "1"}, 400),
    ("POST", "/v1/statements", {"code": "1", "kind": "shared"}, 400),
    ("GET", "/v1/statements/99999", None, 404),
    ("GET", "/v1/statements?from=x", None, 400),
    ("POST", "/v1/completion", {"code": "a"}, 400),
    ("POST", "/v1/add/jar", {}, 400),
    ("POST", "/v1/add/jar", {"uri": "/no/such.jar"}, 400),
    ("POST", "/v1/upload/file?name=..", "x", 400),
    ("POST", "/v1/upload/file?name=a%2Fb", "x", 400),
])
def test_a_bad_request_is_refused_and_the_connection_stays(
        shared, method, path, body, status):
    with pytest.raises(HttpError) as err:
        shared.call(method, path, body)

    assert err.value.status == status
    assert err.value.body["error"]
    assert shared.state() in ("idle", "busy")


def test_livys_words_for_a_kind_that_is_missing_or_wrong(shared):
    with pytest.raises(HttpError) as missing:
        shared.submit("1")
    with pytest.raises(HttpError) as wrong:
        shared.submit("1", "bogus")

    assert missing.value.body["error"] == \
        "Code type should be specified if session kind is shared"
    assert wrong.value.body["error"] == "Invalid kind: bogus"


def test_a_repeated_request_makes_no_second_statement(shared):
    body = {"code": "twice = globals().get('twice', 0) + 1; twice",
            "kind": "pyspark", "requestId": "r-1"}

    first = shared.raw("POST", "/v1/statements", body)
    again = shared.raw("POST", "/v1/statements", body)
    number = json.loads(first[1])["id"]

    assert (first[0], again[0]) == (201, 200)
    assert json.loads(again[1])["id"] == number
    assert shared.result(number)["output"]["data"]["text/plain"] == "1"


def test_a_statement_has_livys_seven_fields(shared):
    number = shared.submit("1+1", "pyspark")

    view = shared.result(number)

    assert list(view) == ["id", "code", "state", "output", "progress",
                          "started", "completed"]
    assert view["id"] == view["output"]["execution_count"] == number
    assert view["progress"] == 1.0
    assert 0 < view["started"] <= view["completed"]


def test_statements_are_paged_and_ordered_as_livy_does(shared):
    numbers = [shared.submit(str(i), "pyspark") for i in range(5)]
    shared.result(numbers[-1])
    total = shared.get("/v1/statements?size=0")["total_statements"]

    def ids(query):
        return [s["id"] for s in
                shared.get("/v1/statements?" + query)["statements"]]

    assert ids("order=DESC&size=2") == numbers[:-3:-1]
    assert ids("from=%d" % (total - 2)) == numbers[-2:]
    assert ids("from=-1&size=2") == ids("size=1")
    assert ids("from=%d" % (total + 5)) == []


def test_a_large_output_can_be_left_out_and_its_size_is_told(shared):
    number = shared.submit("print('x' * 100000)", "pyspark")
    shared.result(number)

    small = shared.get("/v1/statements/%d?max=1000" % number)
    told = {s["id"]: s["outputBytes"]
            for s in shared.get("/v1/state")["changed"]}

    assert small["output"] is None
    assert told[number] > 100000


def test_a_long_poll_ends_with_the_change_it_waits_for(shared):
    version = shared.get("/v1/state")["version"]
    other = shared.connect()
    timer = threading.Timer(0.3, shared.raw, (
        "POST", "/v1/statements", {"code": "1", "kind": "pyspark"}, None,
        other))
    timer.start()

    began = time.monotonic()
    view = shared.get("/v1/state?since=%d&wait=80&text=1000" % version)
    took = time.monotonic() - began
    timer.join()

    assert 0.2 < took < SOON
    assert view["version"] > version
    assert view["changed"]


def test_a_long_poll_without_a_change_ends_in_time(shared):
    shared.wait_for("idle")
    version = shared.get("/v1/state")["version"]

    began = time.monotonic()
    view = shared.get("/v1/state?since=%d&wait=1" % version)

    assert 0.9 < time.monotonic() - began < SOON
    assert view["version"] == version and view["changed"] == []


def test_sixty_four_clients_may_wait(shared):
    number = shared.submit("import time; time.sleep(3)", "pyspark")

    answers = shared.at_once(
        64, "GET", "/v1/statements/%d?wait=80" % number)

    assert len(answers) == 64
    assert {status for status, _ in answers} == {200}
    assert all(b'"available"' in body for _, body in answers)


def test_a_body_over_the_bound_is_refused(shared):
    conn = shared.connect()
    conn.putrequest("POST", "/v1/statements")
    conn.putheader("X-Livy-Token", shared.token)
    conn.putheader("Content-Length", str(1 << 40))
    conn.endheaders()
    answer = conn.getresponse()

    assert answer.status == 413


def test_a_client_that_goes_away_in_mid_answer_hurts_nobody(shared):
    number = shared.submit("print('y' * 5000000)", "pyspark")
    shared.result(number)
    for _ in range(5):
        conn = shared.connect()
        conn.request("GET", "/v1/statements/%d" % number,
                     headers={"X-Livy-Token": shared.token})
        conn.sock.recv(1000)
        conn.close()
    assert shared.text("40+2", "pyspark") == "42"
