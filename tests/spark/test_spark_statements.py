"""Statements of real Spark through the gateway: every kind, what they share,
cancelling, files, and what is left after the end."""

import os
import secrets
import time

import pytest

from procs import wait_for
from repl import Session

pytestmark = pytest.mark.local
SLOW = 300      # seconds that a start may take on a busy machine


def start(gateway, body):
    session = Session(gateway, body, wait=False)
    session.wait("idle", seconds=SLOW)
    return session


@pytest.fixture(scope="module")
def gateway(session_maker, spark_cluster):
    """Its id is nobody else's on this machine: drivers are found by it."""
    return session_maker.gateway(spark_cluster, settings={
        "gateway": "st" + secrets.token_hex(3)})


@pytest.fixture(scope="module")
def session(gateway):
    session = start(gateway, {"kind": "shared"})
    yield session
    session.delete()


def run(session, code, kind, seconds=SLOW):
    sid = session.submit(code, body={"kind": kind})
    done = session.result(sid, seconds=seconds)
    assert done["state"] == "available", done
    return done["output"]


def text(session, code, kind):
    output = run(session, code, kind)
    assert output["status"] == "ok", output
    return output["data"]["text/plain"]


def test_python_scala_and_sql_share_one_session(session):
    assert text(session, "1+1", "pyspark") == "2"
    assert text(session, "1+1", "spark").endswith("Int = 2\n")
    assert text(session, "spark.range(5).createOrReplaceTempView('v')",
                "pyspark") == ""

    output = run(session, "select sum(id) as s from v", "sql")

    assert output["data"]["application/json"]["data"] == [[10]]
    assert "10" in text(
        session, 'println(spark.sql("select sum(id) from v").first)', "spark")
    assert run(session, "1/0", "pyspark")["ename"] == "ZeroDivisionError"
    session.wait("idle", seconds=SLOW)


def test_a_running_job_tells_its_progress_and_is_cancelled(session):
    sid = session.submit(
        "import time\n"
        "sc.parallelize(range(4), 4).map(lambda x: time.sleep(600 * (x > 0)))"
        ".count()", body={"kind": "pyspark"})
    wait_for("progress", lambda: 0 < session.get(sid).json()["progress"] < 1,
             SLOW)

    r = session.gateway.post(f"{session.path}/statements/{sid}/cancel", {})

    assert r.json() == {"msg": "canceled"}
    assert session.result(sid, seconds=SLOW)["state"] == "cancelled"
    session.wait("idle", seconds=SLOW)
    assert text(session, "2", "pyspark") == "2"


def test_scala_is_completed(session):
    text(session, "val someName = 1", "spark")
    session.wait("idle", seconds=SLOW)

    def candidates():
        r = session.gateway.post(f"{session.path}/completion", {
            "code": "someN", "kind": "spark", "cursor": 5})
        assert r.status_code in (200, 503)
        return r.status_code == 200 and r.json()["candidates"]
    # there are none while the compiler has no time for them
    assert wait_for("candidates", candidates, SLOW) == ["someName"]


def test_an_uploaded_file_is_there_at_once(session):
    r = session.gateway.call("POST", f"{session.path}/upload-file", files={
        "file": ("words.txt", b"one two three\n" * 5000)})
    assert (r.status_code, r.text) == (200, "")
    r = session.gateway.call("POST", f"{session.path}/upload-pyfile", files={
        "file": ("mod_up.py", b"def f(x):\n    return x + 1\n")})
    assert (r.status_code, r.text) == (200, "")

    assert text(session, "from pyspark import SparkFiles\n"
                "len(open(SparkFiles.get('words.txt')).read())",
                "pyspark") == str(14 * 5000)
    assert text(session, "import mod_up\n"
                "sc.parallelize([1]).map(mod_up.f).collect()",
                "pyspark") == "[2]"


def test_long_outputs_come_whole(session):
    size = 3 << 20
    assert text(session, f"print('x' * {size})", "pyspark") == "x" * size


def driver_processes(session):
    """The processes of its driver, by the name that the agent was given."""
    mark = f"livy-{session.gateway.settings['gateway']}-s-{session.id}"
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if mark.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_a_killed_driver_is_dead_and_its_statements_are_kept(
        gateway, spark_cluster):
    session = start(gateway, {"kind": "pyspark"})
    assert session.run("6*7") == "42"
    running = session.submit("import time; time.sleep(600)")
    wait_for("it to run",
             lambda: session.get(running).json()["state"] == "running", SLOW)

    for pid in driver_processes(session):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass

    session.wait("dead", seconds=SLOW)
    kept = gateway.get(f"{session.path}/statements").json()
    assert [s["code"] for s in kept["statements"]] == [
        "6*7", "import time; time.sleep(600)"]
    assert kept["statements"][0]["output"]["data"]["text/plain"] == "42"
    assert kept["statements"][1]["output"]["status"] == "error"
    name = f"livy-{gateway.settings['gateway']}-s-{session.id}-statements"
    wait_for("what is kept", lambda: spark_cluster.kube.get(
        spark_cluster.kube.path("configmaps", name)))
    session.delete()


def test_an_idle_session_ends(gateway):
    session = Session(gateway, {"kind": "sql", "idleTimeout": "3s"}, wait=False)
    session.wait("dead", seconds=SLOW)
    began = time.monotonic()
    assert session.delete().status_code == 200
    assert time.monotonic() - began < 60
