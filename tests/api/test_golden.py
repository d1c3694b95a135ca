"""What real Livy answered, sent to the gateway in the recorded order. The
table golden/volatile says what is masked, golden/differences what is meant."""

import re

import pytest

from golden import replay
from procs import wait_for
from rig import JOBS, SRC

pytestmark = pytest.mark.local

FILES = "/livy/files"
# These exchanges were recorded after the batch had got so far.
AFTER = {"pi_get_done": "success", "jar_get_done": "success",
         "jar_no_class_get": "dead", "file_absent_get": "dead",
         "exit_3_get": "dead", "sleep_get": "running"}
SUITES = {suite: replay.load(suite) for suite in (
    "http", "create", "batches", "impersonation")}
# What a suite's gateway is set to beyond the rest, and who may come to it.
SETTINGS = {"impersonation": {"livy.impersonation": True,
                              "fastcgi.identity": "none"}}
SIGN_IN = {"impersonation": ("none",)}
# Livy reads both kinds of create by the same rules: what was recorded of
# sessions and is not about them is asked of batches, too.
SUITES["create_batches"] = replay.load("create", "create_batches")
EXCHANGES = {e.id: e for exchanges in SUITES.values() for e in exchanges}


class Player:
    """Sends a suite to an empty gateway once and keeps the answers."""

    def __init__(self, gateway, suite):
        self.gateway, self.ids, self.answers = gateway, {}, {}
        for e in SUITES[suite]:
            if (e.difference() or ("",))[0] != "skip":
                self.answers[e.id] = self.play(e)

    def play(self, e):
        if e.name in AFTER:
            name = re.search(r"batches/\d+", e.line)[0]
            self.gateway.wait_state(self.ids[name].rpartition("/")[2],
                                    AFTER[e.name])
        line = re.sub(r"(?<=/)(batches|sessions)/\d+", lambda m:
                      self.ids.get(m[0], m[0]), e.line)
        line, body = adapt(e, line, e.body)
        answer = replay.send(self.gateway.port, self.gateway.pki / "ca.crt",
                             self.gateway.token, e, line, body)
        recorded = e.answer.headers.get("location", "")
        if recorded and answer.status == 201:
            self.ids[recorded[1:]] = answer.headers["location"][1:]
        answer.body = answer.body.replace(str(JOBS), FILES)
        return answer


def adapt(e, line, body):
    body = body.replace(FILES.encode(), str(JOBS).encode())
    if e.suite == "create_batches":
        line = line.replace("/sessions", "/batches", 1)
        body = body.replace(b'"kind": "pyspark"',
                            b'"file": "%s/pi.py"' % str(JOBS).encode())
    return line, body


def of_batches(e, answer):
    if answer.body and e.suite == "create_batches":
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
            made[suite] = Player(gateway, suite)
        return made[suite]
    return player


@pytest.mark.parametrize("exchange", [
    e for e in EXCHANGES if (EXCHANGES[e].difference() or ("",))[0] != "skip"])
def test_exchange(exchange, players):
    e = EXCHANGES[exchange]
    want = of_batches(e, e.expected())

    answer = players(exchange.partition("/")[0]).answers[exchange]

    assert replay.comparable(e.id, answer, want) == \
        replay.comparable(e.id, want, want)


def test_every_difference_names_an_exchange():
    import fnmatch
    known = [*EXCHANGES, *(e.id for suite in ("pyspark", "spark", "sql")
                           for e in replay.load(suite))]
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
