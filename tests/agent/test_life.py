"""How a session begins and ends, and that nothing of it stays."""

import os
import re
import signal
import time

import pytest
from procs import alive
from session import HttpError

DAEMON_THREAD = "new Thread(() => Thread.sleep(3600000)).start()"


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


def test_while_starting_it_answers_and_refuses(make):
    session = make(kind="pyspark", heartbeat_timeout="20s")

    assert session.state() == "starting"
    with pytest.raises(HttpError) as refused:
        session.submit("1")
    session.wait_for("idle")
    family = session.family()
    session.text("import os; os.system('sleep 3600 &')")
    session.post("/v1/stop")

    assert refused.value.status == 409
    assert refused.value.body["error"] == "Session is in state starting"
    assert session.wait_exit() == 0
    assert len(family) >= 2 and gone(family)
    assert folders(session) == []


def test_stop_ends_busy_code_and_threads_that_stay(make):
    session = make(kind="shared")
    session.wait_for("idle")
    session.text(DAEMON_THREAD, "spark")
    family = session.family()
    session.running("import time; time.sleep(3600)", "pyspark")

    session.post("/v1/stop")

    assert session.wait_exit() == 0
    assert gone(family)


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


def test_idle_timeout_but_not_while_a_statement_runs(make):
    session = make(kind="pyspark", idle_timeout="5s")
    session.wait_for("idle")
    number = session.submit("import time; time.sleep(7); 'done'")

    assert session.result(number)["output"]["data"]["text/plain"] == "'done'"
    done = time.monotonic()
    time.sleep(2.5)
    session.text("'in time'")
    began = time.monotonic()
    assert session.wait_exit() == 0
    assert began - done >= 2.5
    assert time.monotonic() - began > 4.9
    assert "idle for 5 s" in session.log.read_text()


def test_polling_is_no_activity_but_forwarded_activity_is(make):
    session = make(kind="sql", idle_timeout="5s")
    session.wait_for("idle")
    for _ in range(6):
        time.sleep(1)
        session.post("/v1/seen", {"agoMs": 0, "active": True})
    active_until = time.monotonic()
    try:
        while time.monotonic() - active_until < 30:
            session.get("/v1/state")
            time.sleep(0.2)
    except OSError:
        pass

    assert session.wait_exit() == 0
    assert time.monotonic() - active_until < 25


def test_heartbeats_keep_it_and_missed_ones_end_it(make):
    session = make(kind="pyspark", heartbeat_timeout="5s")
    session.wait_for("idle")
    for _ in range(6):
        time.sleep(1)
        session.get("/v1/state?seen=100")
    session.running("import time; time.sleep(3600)")

    assert session.wait_exit() == 0
    assert "no heartbeat for 5 s" in session.log.read_text()


def test_no_clock_runs_while_it_starts_and_ttl_ends_it(make):
    session = make(kind="pyspark", ttl="1s", heartbeat_timeout="2s",
                   idle_timeout="2s")

    assert session.wait_exit() == 0
    said = session.log.read_text()
    ready = re.search(r"is ready after ([\d.]+) s", said)
    assert float(ready.group(1)) > 2
    assert said.index("ending the session: ") > ready.start()
    assert "ttl of 1 s" in said


@pytest.mark.both
@pytest.mark.parametrize("kind, code", [("pyspark", "spark.stop()"),
                                        ("spark", "spark.stop()")])
def test_stopping_spark_ends_the_session_with_a_reason(make, kind, code):
    session = make(kind=kind)
    session.wait_for("idle")
    session.run(code)

    view = session.wait_for("dead")

    assert view["reason"] == "the SparkContext was stopped"
    with pytest.raises(HttpError) as refused:
        session.submit("1")
    assert refused.value.body["error"] == "Session is in state dead"
    assert session.wait_exit() == 1


@pytest.mark.both
def test_system_exit_leaves_nobody(make):
    session = make(kind="shared")
    session.wait_for("idle")
    session.text("1", "spark")
    family = session.family()

    session.submit("System.exit(7)", "spark")

    assert session.wait_exit() == 7
    assert gone(family)


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
