"""Statements of sessions through the gateway, with an agent that has the real
one's HTTP side over a small interpreter."""

import time

import pytest

import repl
from procs import wait_for
from repl import Session

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def gateway(session_maker, cluster, workdir):
    return session_maker.gateway(cluster, settings=repl.settings(workdir))


@pytest.fixture(scope="module")
def session(gateway):
    return Session(gateway)


def test_a_statement_runs_and_its_result_is_read(session):
    r = session.post("1+1")

    assert r.status_code == 201
    assert list(r.json()) == ["id", "code", "state", "output", "progress",
                              "started", "completed"]
    done = session.result(r.json()["id"])
    assert done["output"] == {"status": "ok",
                              "execution_count": done["id"],
                              "data": {"text/plain": "2"}}
    assert done["code"] == "1+1" and done["progress"] == 1.0
    assert 0 < done["started"] <= done["completed"]
    session.wait("idle")


def test_polls_while_it_runs_tell_its_progress(session):
    sid = session.submit("progress(0.25); nap(60)")

    wait_for("progress", lambda: session.get(sid).json()["progress"] == 0.25)
    assert session.get(sid).json()["state"] == "running"
    assert session.get(sid).json()["output"] is None
    assert session.state() == "busy"
    r = session.gateway.post(f"{session.path}/statements/{sid}/cancel", {})
    assert (r.status_code, r.json()) == (200, {"msg": "canceled"})
    done = session.result(sid)
    assert done["state"] == "cancelled" and done["progress"] == 1.0
    session.wait("idle")


def test_polls_never_leave_the_machine(gateway):
    session = Session(gateway)
    # Who waits for the end when the agent goes deaf is told of it still.
    sid = session.submit("(nap(5), mode('deaf'), 'x' * 100000)[2]")
    wait_for("the result", lambda: session.get(sid).json()["output"])
    began = time.monotonic()

    for _ in range(60):
        r = session.get(sid)
        assert r.status_code == 200
        assert len(r.json()["output"]["data"]["text/plain"]) == 100002
        assert session.state() in ("idle", "busy")
        assert gateway.get(session.path).status_code == 200
        assert gateway.get(f"{session.path}/statements").status_code == 200

    # a call that nobody answers takes seconds
    assert time.monotonic() - began < 60
    session.delete()


def test_lists_are_paged_and_ordered_as_livys(gateway):
    session = Session(gateway)
    for i in range(5):
        session.result(session.submit(str(i)))

    def ids(query):
        r = gateway.get(f"{session.path}/statements{query}")
        assert r.status_code == 200, r.text
        assert r.json()["total_statements"] == 5
        return [s["id"] for s in r.json()["statements"]]

    assert ids("") == [0, 1, 2, 3, 4]
    assert ids("?from=1&size=2") == [1, 2]
    assert ids("?order=DESC&size=2") == [4, 3]
    assert ids("?order=%20desc%20&from=1&size=2") == [3, 2]
    assert ids("?order=bogus&size=1") == [0]
    assert ids("?from=-1&size=2") == [0]
    assert ids("?from=1000") == []
    assert ids("?size=-1") == []
    assert ids("?size=0") == []
    for name in ("from", "size"):
        r = gateway.get(f"{session.path}/statements?{name}=abc")
        assert (r.status_code, r.json()) == (
            400, {"msg": 'For input string: "abc"'})
    session.delete()


def test_more_statements_than_are_followed_are_listed_whole(gateway):
    session = Session(gateway)
    for i in range(300):
        last = session.submit(str(i))
    session.result(last)

    r = gateway.get(f"{session.path}/statements")

    listed = r.json()["statements"]
    assert [s["id"] for s in listed] == list(range(300))
    assert all(s["output"]["data"]["text/plain"] == str(s["id"])
               for s in listed)
    assert session.get(0).json() == listed[0]
    session.delete()


MISSING = {
    "statement": ("statements/77", 404, "Statement not found"),
    "negative": ("statements/-1", 404, "Statement not found"),
    "no int": ("statements/abc", 400, {"msg": 'For input string: "abc"'}),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there(session, name):
    path, status, answer = MISSING[name]

    r = session.gateway.get(f"{session.path}/{path}")

    assert (r.status_code, r.json()) == (status, answer)


def test_cancel_says_so_of_any_statement(session):
    for sid in ("77", "-1", "0"):
        r = session.gateway.post(f"{session.path}/statements/{sid}/cancel",
                                 {})
        assert (r.status_code, r.json()) == (200, {"msg": "canceled"})
    r = session.gateway.post(f"{session.path}/statements/abc/cancel", {})
    assert (r.status_code, r.json()) == (
        400, {"msg": 'For input string: "abc"'})


RPC = ("java.util.concurrent.ExecutionException: "
       "org.apache.livy.rsc.rpc.RpcException: ")
BODIES = {
    "unknown field": ({"code": "1", "bogus": 1}, 400,
                      'Unrecognized field "bogus" (class '
                      "org.apache.livy.ExecuteRequest), not marked as "
                      'ignorable (3 known properties: "msg_type", "kind", '
                      '"code"])'),
    "no code": ({}, 500, RPC + "java.lang.NullPointerException: Cannot "
                'invoke "String.toCharArray()" because "s" is null'),
    "bad kind": ({"code": "1", "kind": "bogus"}, 500, RPC +
                 "java.lang.IllegalArgumentException: Invalid kind: bogus"),
    "list": ([], 400, "Cannot deserialize value of type "
             "`org.apache.livy.ExecuteRequest` from Array value"),
    "null": (None, 500, "java.lang.NullPointerException: Cannot invoke "
             '"org.apache.livy.ExecuteRequest.code()" because "content" '
             "is null"),
    "code list": ({"code": ["1"]}, 400, "Cannot deserialize value of type "
                  "`java.lang.String` from Array value"),
}


@pytest.mark.parametrize("name", BODIES)
def test_bad_bodies_are_refused_in_livys_words(session, name):
    body, status, words = BODIES[name]

    r = session.gateway.call("POST", f"{session.path}/statements",
                             data=__import__("json").dumps(body))

    assert r.status_code == status
    assert r.json().startswith(words)


def test_a_bad_body_is_refused_before_the_session_is_looked_for(gateway):
    r = gateway.call("POST", "/sessions/999999/statements", data="{")
    assert r.status_code == 400
    r = gateway.post("/sessions/999999/statements", {"code": "1"})
    assert (r.status_code, r.json()) == (
        404, {"msg": "Session '999999' not found."})


def test_code_that_is_a_number_runs(session):
    r = session.gateway.post(f"{session.path}/statements", {"code": 5})
    assert session.result(r.json()["id"])["output"]["data"][
        "text/plain"] == "5"


def test_a_shared_session_needs_a_kind(gateway):
    session = Session(gateway, {"kind": "shared"})

    r = session.post("1")

    assert r.status_code == 500
    assert r.json().startswith(
        RPC + "java.lang.IllegalArgumentException: Code type should be "
        "specified if session kind is shared")
    assert session.post("1", body={"kind": "pyspark"}).status_code == 201
    session.delete()


def test_what_a_starting_session_says(gateway):
    session = Session(gateway, {"kind": "pyspark",
                                "conf": {"spark.fake.delay": "999"}}, wait=False)
    words = "java.lang.IllegalStateException: Session is in state starting"

    assert (session.post("1").status_code, session.post("1").json()) == (
        500, words)
    r = gateway.post(f"{session.path}/completion",
                     {"code": "a", "kind": "pyspark"})
    assert (r.status_code, r.json()) == (500, words)
    r = gateway.get(f"{session.path}/statements")
    assert (r.status_code, r.json()) == (
        200, {"total_statements": 0, "statements": []})
    assert session.get(0).status_code == 404
    assert session.state() == "starting"
    session.delete()


def test_a_session_of_a_long_request_is_as_its_driver_says(gateway):
    conf = {f"spark.x.{i}": "v" * 10000 for i in range(4)}
    session = Session(gateway, {"kind": "pyspark", "conf": conf,
                                "jars": ["https://store.example/a.jar"]})

    assert session.run("6*7") == "42"
    session.wait("idle")
    view = gateway.get(session.path).json()
    assert (view["state"], view["conf"], view["jars"]) == (
        "idle", conf, ["https://store.example/a.jar"])
    sid = session.submit("nap(60)")
    wait_for("it to run",
             lambda: session.get(sid).json()["state"] == "running")
    assert gateway.get(session.path).json()["state"] == "busy"
    assert session.post("1").status_code == 201
    session.delete()


def test_completion_is_the_agents(session):
    r = session.gateway.post(f"{session.path}/completion", {
        "code": "prog", "kind": "pyspark", "cursor": "4"})
    assert (r.status_code, r.json()) == (200, {"candidates": ["progress"]})
    r = session.gateway.post(f"{session.path}/completion", {"code": "prog"})
    assert r.status_code == 500 and "Invalid kind: null" in r.json()


def test_interrupt_cancels_all_and_the_session_lives(session):
    running, waiting = session.submit("nap(60)"), session.submit("2")
    wait_for("it to run",
             lambda: session.get(running).json()["state"] == "running")

    r = session.gateway.call("POST", f"{session.path}/interrupt")

    assert (r.status_code, r.json()) == (200, {"msg": "interrupted"})
    assert session.result(running)["state"] == "cancelled"
    assert session.result(waiting)["state"] == "cancelled"
    session.wait("idle")
    assert session.run("3") == "3"


@pytest.mark.parametrize("size", [300 << 10, 2 << 20, 9 << 20])
def test_long_results_come_whole(session, size):
    text = session.run(f"'y' * {size}")

    assert text == "'" + "y" * size + "'"


def test_long_code_goes_through(session):
    code = "len('" + "z" * (3 << 20) + "')"

    assert session.run(code) == str(3 << 20)


def test_long_code_with_a_longer_result(session):
    """Its code comes by itself, its result to whoever asks."""
    sid = session.submit(f"'{'z' * (300 << 10)}' * 8")
    session.wait("idle")
    time.sleep(0.5)

    output = session.result(sid)["output"]

    assert len(output["data"]["text/plain"]) == 8 * (300 << 10) + 2


def test_a_repeated_key_gives_the_same_statement(session):
    first = session.post("1", headers={"Idempotency-Key": "k1"}).json()
    again = session.post("1", headers={"Idempotency-Key": "k1"})
    other = session.post("1", headers={"Idempotency-Key": "k2"}).json()

    assert again.status_code == 201
    assert again.json()["id"] == first["id"] != other["id"]
    lines = [session.post("1\r\n2", headers={"Idempotency-Key": "k3"})
             for _ in range(2)]
    assert [r.status_code for r in lines] == [201, 201]
    for code, more in (("2", {}), ("1", {"kind": "sql"})):
        r = session.post(code, headers={"Idempotency-Key": "k1"}, body=more)
        assert r.status_code == 400
        assert r.json()["msg"] == "Idempotency-Key: this request id was " \
            "sent before with other code, as statement %d" % first["id"]


def test_a_lost_reply_makes_no_second_statement(gateway):
    session = Session(gateway)
    session.run("mode('lost-post')")

    sid = session.submit("7")

    session.result(sid)
    r = gateway.get(f"{session.path}/statements").json()
    assert [s["code"] for s in r["statements"]] == ["mode('lost-post')", "7"]
    session.delete()


# Files

def upload(session, verb, part, name, data):
    return session.gateway.call("POST", f"{session.path}/{verb}",
                                files={part: (name, data)})


def test_files_are_passed_on_to_the_driver(session):
    data = bytes(range(256)) * 20000

    for verb, part in (("upload-file", "file"), ("upload-jar", "jar"),
                       ("upload-pyfile", "file[]")):
        r = upload(session, verb, part, f"{verb}.bin", data)
        assert (r.status_code, r.text) == (200, "")
        assert session.run(f"len(files['{verb}.bin'])") == str(len(data))


def test_an_upload_without_its_part_is_refused(session):
    r = upload(session, "upload-jar", "file", "a", b"x")
    assert (r.status_code, r.json()) == (400, "No jar sent!")
    r = upload(session, "upload-file", "nope", "a", b"x")
    assert (r.status_code, r.json()) == (400, "No file sent!")
    r = session.gateway.call("POST", f"{session.path}/upload-file")
    assert (r.status_code, r.json()) == (400, "No file sent!")


def test_added_files_follow_livys_rules(session):
    def add(verb, body):
        r = session.gateway.post(f"{session.path}/{verb}", body)
        return r.status_code, r.json() if r.text else ""

    assert add("add-file", {"uri": "s3://b/x"}) == (200, "")
    assert session.run("files['s3://b/x']") == "'file'"
    assert add("add-jar", {"uri": "/etc/passwd"}) == (400, {
        "msg": "requirement failed: Local path /etc/passwd cannot be added "
        "to user sessions."})
    assert add("add-jar", {"uri": "x.jar"}) == (400, {
        "msg": "requirement failed: Path 'x.jar' is not absolute."})
    assert add("add-jar", {}) == (
        500, "java.lang.NullPointerException: Cannot invoke "
        '"String.length()" because "this.input" is null')
    assert add("add-jar", {"uri": "::"}) == (
        500, "java.net.URISyntaxException: Expected scheme name at index 0: "
        "::")


def test_jobs_are_refused_clearly(session):
    def job(verb, body):
        r = session.gateway.post(f"{session.path}/{verb}", body)
        return r.status_code, r.json()

    none = (400, {"msg": "requirement failed: no job provided."})
    assert job("submit-job", {}) == none
    assert job("run-job", {"job": "", "jobType": "spark"}) == none
    assert job("submit-job", {"job": "***"})[0] == 400
    assert job("submit-job", {"job": "AAAA"})[0] == 501
    r = session.gateway.get(f"{session.path}/jobs/5")
    assert (r.status_code, r.json()) == (
        500, "java.util.NoSuchElementException: key not found: 5")
    r = session.gateway.call("POST", f"{session.path}/jobs/5/cancel")
    assert (r.status_code, r.text) == (200, "")


# The end

def test_a_dead_session_still_tells_its_statements(gateway, cluster):
    session = Session(gateway)
    assert session.run("6*7") == "42"
    running = session.submit("nap(3600)")
    wait_for("it to run",
             lambda: session.get(running).json()["state"] == "running")

    cluster.kube.delete("pods", f"livy-st-s-{session.id}-driver")

    session.wait("dead", "killed", seconds=120)
    assert session.get(0).json()["output"]["data"]["text/plain"] == "42"
    cut = session.get(running).json()
    assert (cut["state"], cut["output"]["ename"]) == (
        "available", "SessionEnded")
    r = session.post("1")
    assert (r.status_code, r.json()) == (
        500, "java.lang.IllegalStateException: Session is in state "
        + session.state())
    r = gateway.post(f"{session.path}/add-file", {"uri": "s3://b/x"})
    assert (r.status_code, r.json()) == (
        400, {"msg": "requirement failed: Session isn't active."})
    assert session.delete().status_code == 200
    assert session.get(0).status_code == 404


def test_an_idle_session_ends_by_itself(gateway):
    session = Session(gateway, {"kind": "pyspark", "idleTimeout": "2s"},
                      wait=False)

    session.wait("dead", "shutting_down")
    session.wait("dead")
    wait_for("its last words", lambda: "stub agent: ending: idle for 2 s" in
             gateway.get(f"{session.path}/log?size=-1").json()["log"],
             exceptions=(KeyError,))
