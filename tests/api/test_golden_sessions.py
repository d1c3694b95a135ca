"""What real Livy answered of sessions, sent to the gateway in the recorded
order; the agent is the stub of this tier, so what statements print is masked
(tests/spark compares that). golden/volatile says what else is masked,
golden/differences what is meant."""

import pytest

import repl
from golden import replay
from rig import JOBS

pytestmark = pytest.mark.local

SUITES = {suite: replay.load(suite, of="stub")
          for suite in ("pyspark", "spark", "sql")}
EXCHANGES = {e.id: e for exchanges in SUITES.values() for e in exchanges}


@pytest.fixture(scope="module")
def players(session_maker, workdir):
    cluster, made = session_maker.cluster(), {}

    def player(suite):
        if suite not in made:
            made[suite] = replay.Player(session_maker.gateway(
                cluster, settings=repl.settings(
                    # what one says that starts is asked of this suite's
                    workdir, "g" + suite[-3:],
                    delay=20 if suite == "pyspark" else 0,
                    **{"livy.local_dirs": [str(JOBS)]})), SUITES[suite],
                JOBS, patience=120)
        return made[suite]
    return player


@pytest.mark.parametrize("name", [
    e for e in EXCHANGES if not EXCHANGES[e].skipped()])
def test_a_recorded_exchange(name, players):
    e = EXCHANGES[name]
    want = e.expected()

    answer = players(name.partition("/")[0]).answers[name]

    assert replay.comparable(e.id, answer, want) == \
        replay.comparable(e.id, want, want)
