"""What real Livy answered, sent to the gateway in the recorded order. The
table golden/volatile says what is masked, golden/differences what is meant."""

import re

import pytest

from golden import replay
from procs import wait_for
from rig import JOBS, SRC

pytestmark = pytest.mark.local

# These exchanges were recorded after the batch had got so far.
AFTER = {"pi_get_done": "success", "jar_get_done": "success",
         "jar_no_class_get": "dead", "file_absent_get": "dead",
         "exit_3_get": "dead", "sleep_get": "running"}
SUITES = {suite: replay.load(suite) for suite in (
    "http", "create", "batches", "impersonation", "uioff", "acl")}
# What a suite's gateway is set to beyond the rest, and who may come to it.
SETTINGS = {"impersonation": {"livy.impersonation": True,
                              "fastcgi.identity": "none"},
            "acl": {"fastcgi.identity": "none"}}
SIGN_IN = {"impersonation": ("none",), "acl": ("none",)}
# Livy reads both kinds of create by the same rules: what was recorded of
# sessions and is not about them is asked of batches, too.
SUITES["create_batches"] = replay.load("create", "create_batches")
EXCHANGES = {e.id: e for exchanges in SUITES.values() for e in exchanges}


def adapt(e, line, body):
    if e.suite == "create_batches":
        line = line.replace("/sessions", "/batches", 1)
        body = body.replace(b'"kind": "pyspark"',
                            b'"file": "%s/pi.py"' % str(JOBS).encode())
    return line, body


# Fields of sessions, and what Livy says of one in a batch.
OF_SESSIONS = re.compile(rb'"(kind|ttl|idleTimeout|heartbeatTimeoutInSecond)'
                         rb'"\s*:')
UNKNOWN, = (e.answer.body for e in SUITES["batches"]
            if e.name == "create_kind_field")


def of_batches(e, answer):
    if not answer.body or e.suite != "create_batches":
        return answer
    field = OF_SESSIONS.search(adapt(e, e.line, e.body)[1])
    if field and re.search("CreateInteractiveRequest|Rejected", answer.body):
        answer.body = UNKNOWN.replace('\\"kind\\"',
                                      '\\"%s\\"' % field[1].decode())
    answer.body = answer.body.replace("interactive.CreateInteractive",
                                      "batch.CreateBatch")
    return answer


@pytest.fixture(scope="module")
def players(session_maker, cluster):
    made = {}

    def player(suite):
        if suite not in made:
            gateway = session_maker.gateway(cluster, sign_in=SIGN_IN.get(
                    suite, ("bearer", "basic")), settings={
                "gateway": f"g{suite}"[:12].rstrip("_").replace("_", "-"),
                "livy.local_dirs": [str(JOBS)],
                "sessions.agent_file": str(SRC / "tests/api/fake_agent.py"),
                **SETTINGS.get(suite, {})})
            made[suite] = replay.Player(gateway, SUITES[suite], JOBS, adapt,
                                        AFTER)
        return made[suite]
    return player


@pytest.mark.parametrize("exchange", [
    e for e in EXCHANGES if not EXCHANGES[e].skipped()])
def test_exchange(exchange, players):
    e = EXCHANGES[exchange]
    want = of_batches(e, e.expected())

    answer = players(exchange.partition("/")[0]).answers[exchange]

    assert replay.comparable(e.id, answer, want) == \
        replay.comparable(e.id, want, want)


def test_every_difference_names_an_exchange():
    import fnmatch
    known = [*EXCHANGES, *(name for suite in (
        "pyspark", "spark", "sql", "sparkr")
        for of in ("stub", "real") for e in replay.load(suite, of=of)
        for name in e.known_as)]
    unused = [pattern for pattern, _, _ in replay.DIFFERENCES
              if not pattern.startswith("contract/") and
              not any(fnmatch.fnmatchcase(e, pattern) for e in known)]

    assert unused == []


@pytest.mark.parametrize("suite", ["create", "create_batches"])
def test_the_error_lists_leave_nothing(suite, players, cluster):
    gateway = players(suite).gateway.settings["gateway"]

    assert wait_for("the list", lambda: [
        a for a in cluster.kube.apps()
        if a.startswith(f"livy-{gateway}-")] == [])
