"""How a session begins and ends, and that nothing of it stays."""

import os
import re
import signal
import time

import pytest
from procs import alive
from session import HttpError

# Code that goes on in the JVM when the statement is over.
THREAD = "sc._jvm.java.util.concurrent.Executors.newFixedThreadPool(1)" \
    ".prestartAllCoreThreads()"


def folders(session):
    """What there is of the agent below its TMPDIR."""
    return [name for name in os.listdir(str(session.tmp))
            if name.startswith("livy-agent-")]


def gone(pids, timeout=60):
    """Whether none of the processes is left, within a time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def make(start):
    made = []

    def go(**more):
        made.append(start(**dict({"linger": "1s"}, **more)))
        return made[-1]

    yield go
    for session in made:
        session.close()     # one Spark at a time


def test_while_starting_it_refuses_and_a_stop_ends_all_there_is(make):
    session = make(kind="pyspark", heartbeat_timeout="5m")

    assert session.state() == "starting"
    with pytest.raises(HttpError) as refused:
        session.submit("1")
    session.wait_for("idle")
    family = session.family()
    session.text(THREAD)
    session.text("import os; os.system('sleep 3600 &')")
    session.running("import time; time.sleep(3600)")
    session.post("/v1/stop")

    assert refused.value.status == 409
    assert refused.value.body["error"] == "Session is in state starting"
    assert session.wait_exit() == 0
    assert len(family) >= 2 and gone(family)
    assert folders(session) == []


def test_sigterm_ends_it_well(make):
    session = make(kind="pyspark")
    session.wait_for("idle")
    family = session.family()
    agent = family[0]

    os.kill(agent, signal.SIGTERM)

    assert session.wait_exit() == 0
    assert gone(family)


def test_sigterm_while_it_starts_ends_it_well(make):
    session = make(kind="pyspark")
    assert session.state() == "starting"
    family = session.family()

    os.kill(family[0], signal.SIGTERM)

    assert session.wait_exit() == 0
    assert gone(family)
    assert folders(session) == []


def test_no_clock_runs_while_it_starts_and_ttl_ends_it(make):
    session = make(kind="sql", ttl="1s", heartbeat_timeout="2s",
                   idle_timeout="2s")

    assert session.wait_exit() == 0
    said = session.log.read_text()
    ready = re.search(r"is ready after ([\d.]+) s", said)
    assert float(ready.group(1)) > 2
    assert said.index("ending the session: ") > ready.start()
    assert "ttl of 1 s" in said


def stopped(session):
    """After Spark was stopped by a statement."""
    view = session.wait_for("dead")

    assert view["reason"] == "the SparkContext was stopped"
    with pytest.raises(HttpError) as refused:
        session.submit("1")
    assert refused.value.body["error"] == "Session is in state dead"
    assert session.wait_exit() == 1


def test_stopping_spark_in_scala_ends_the_session_with_a_reason(make):
    session = make(kind="spark")
    session.wait_for("idle")
    session.run("spark.stop()")

    stopped(session)


@pytest.mark.latest
def test_stopping_spark_in_python_ends_the_session_with_a_reason(make):
    session = make(kind="pyspark")
    session.wait_for("idle")
    session.run("spark.stop()")

    stopped(session)


def test_system_exit_in_scala_leaves_nobody(make):
    session = make(kind="spark")
    session.wait_for("idle")
    session.text("1")
    session.text("1", "pyspark")
    family = session.family()

    session.submit("System.exit(7)")

    assert session.wait_exit() == 7
    assert len(family) >= 2 and gone(family)


@pytest.mark.latest
def test_system_exit_in_python_leaves_nobody(make):
    session = make(kind="pyspark")
    session.wait_for("idle")
    family = session.family()

    session.submit("sc._jvm.java.lang.System.exit(7)")

    assert session.wait_exit() == 7
    assert len(family) >= 2 and gone(family)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_jvm_leaves_nobody(make, number):
    session = make(kind="pyspark")
    session.wait_for("idle")
    family = session.family()
    jvm = int(open("/proc/%d/stat" % family[0]).read().split()[3])

    assert jvm != os.getpid()
    os.kill(jvm, number)

    session.wait_exit()
    assert gone(family)
    assert folders(session) == []


def test_a_killed_agent_leaves_nobody(make):
    session = make(kind="pyspark")
    session.wait_for("idle")
    family = session.family()
    session.running("import time; time.sleep(3600)")

    assert folders(session) != []
    os.kill(family[0], signal.SIGKILL)

    assert session.wait_exit() != 0
    assert gone(family)
    assert folders(session) == []


def test_spark_that_does_not_start_says_why(make):
    session = make(kind="pyspark", conf={"spark.executor.memory": "100m"})

    assert session.wait_exit() == 1
    assert re.search("the session did not start: .*Executor memory",
                     session.log.read_text())


def test_kinds_of_one_language_start_no_other(make):
    session = make(kind="sql")
    session.wait_for("idle")
    assert len(session.family()) == 1

    assert session.run("select 1")["status"] == "ok"
    view, _ = session.cancel(session.submit("1", "pyspark"))   # it starts
    assert view["state"] == "cancelled"
    assert session.text("1+1", "pyspark") == "2"
    assert len(session.family()) == 2
    error = session.error("1", "sparkr")
    assert error["ename"] == "InterpreterError"
    assert error["evalue"] == "Fail to start interpreter"
    assert error["traceback"][0].startswith("kind sparkr: ")
