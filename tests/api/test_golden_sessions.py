"""What real Livy answered of sessions, sent to the gateway in the recorded
order; the agent is the stub of this tier, so what statements print is masked
(tests/agent compares that). golden/volatile says what else is masked,
golden/differences what is meant."""

import json
import re

import pytest

import repl
from golden import replay
from procs import wait_for
from rig import JOBS

pytestmark = pytest.mark.local

FILES = "/livy/files"
SUITES = {suite: replay.load(suite) for suite in ("pyspark", "spark", "sql")}
EXCHANGES = {e.id: e for exchanges in SUITES.values() for e in exchanges}
SETTLED = ("idle", "busy", "dead", "error")


def recorded_state(e):
    """The state that the recorded answer tells, of session or statement."""
    try:
        body = json.loads(e.answer.body)
        return body.get("state") if isinstance(body, dict) else None
    except ValueError:
        return None


class Player:
    """Sends a suite to an empty gateway once and keeps the answers."""

    def __init__(self, gateway, suite):
        self.gateway, self.ids, self.answers = gateway, {}, {}
        for e in SUITES[suite]:
            if (e.difference() or ("",))[0] != "skip":
                self.answers[e.id] = self.play(e)

    def send(self, e):
        line = re.sub(r"(/sessions/0*)(\d+)", lambda m: m[1] + str(
            self.ids.get(m[2], m[2])), e.line)
        body = e.body.replace(FILES.encode(), str(JOBS).encode())
        return replay.send(self.gateway.port, self.gateway.pki / "ca.crt",
                           self.gateway.token, e, line, body)

    def play(self, e):
        answer = self.send(e)
        want = (e.expected().body and recorded_state(e)) or ""
        if e.line.startswith("GET") and "starting" not in e.name and \
                answer.status == 200 and (
                    want in SETTLED or "/statements/" in e.line):
            def as_recorded():
                nonlocal answer
                answer = self.send(e)
                return f'"state":"{want}"' in answer.body
            try:
                wait_for(e.id, as_recorded, 60 if "starting" in answer.body
                         else 5)
            except AssertionError:
                pass            # the comparison says how it differs
        recorded = e.answer.headers.get("location", "")
        if answer.status == 201 and recorded.count("/") == 2:
            self.ids[recorded.rpartition("/")[2]] = int(
                answer.headers["location"].rpartition("/")[2])
            if not any("starting" in x.name for x in SUITES[e.suite]):
                # it was recorded once it was ready
                wait_for("idle", lambda: '"idle"' in self.gateway.get(
                    answer.headers["location"]).text, 60)
        answer.body = answer.body.replace(str(JOBS), FILES)
        return answer


@pytest.fixture(scope="module")
def players(session_maker, workdir):
    cluster, made = session_maker.cluster(), {}

    def player(suite):
        if suite not in made:
            made[suite] = Player(session_maker.gateway(
                cluster, settings=repl.settings(
                    workdir, "g" + suite[-3:], delay=8,
                    **{"livy.local_dirs": [str(JOBS)]})), suite)
        return made[suite]
    return player


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_recorded_exchange(name, players):
    e = EXCHANGES[name]
    if (e.difference() or ("",))[0] == "skip":
        return
    want = e.expected()

    answer = players(name.partition("/")[0]).answers[name]

    assert replay.comparable(e.id, answer, want) == \
        replay.comparable(e.id, want, want)
