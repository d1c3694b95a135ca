"""What real Livy answered of sessions, sent through nginx to sessions of real
Spark in the recorded order, with what statements print compared whole. The
tables of tests/golden and tests/agent say what is masked and what is meant."""

import concurrent.futures
import json
import re

import pytest

from golden import outputs, replay
from rig import JOBS

pytestmark = pytest.mark.local

SUITES = {suite: replay.load(suite, of="real")
          for suite in ("pyspark", "spark", "sql", "sparkr")}
EXCHANGES = {e.id: e for exchanges in SUITES.values() for e in exchanges
             if not e.skipped()}
STATEMENTS = {s["name"]: s for s in outputs.STATEMENTS}
# The recorded server's zone, and what is quick on a machine that tests share:
# a JVM that lives for a minute has no use for its best code.
CONF = {"spark.sql.session.timeZone": "UTC", "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions":
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def adapt(e, line, body):
    if e.name == "create":
        asked = json.loads(body)
        asked["conf"] = {**asked.get("conf", {}), **CONF}
        body = json.dumps(asked).encode()
    return line, body


def play(suite, gateway):
    answers = replay.Player(gateway, SUITES[suite], JOBS, adapt,
                            patience=300).answers
    for answer in answers.values():
        for key, value in CONF.items():
            answer.body = re.sub(f',?"{key}":"{re.escape(value)}"', "",
                                 answer.body)
        answer.body = answer.body.replace('"conf":{,', '"conf":{')
    return answers


@pytest.fixture(scope="module")
def answers(session_maker, spark_cluster):
    """All suites at once: most of their time is that drivers start."""
    gateways = {suite: session_maker.gateway(spark_cluster, settings={
        "gateway": "g" + suite, "livy.local_dirs": [str(JOBS)]})
        for suite in SUITES}
    with concurrent.futures.ThreadPoolExecutor(len(SUITES)) as pool:
        played = list(pool.map(play, gateways, gateways.values()))
    yield {k: a for answers in played for k, a in answers.items()}
    for gateway in gateways.values():
        gateway.stop()


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_recorded_exchange(name, answers):
    e = EXCHANGES[name]
    want = e.expected()

    assert replay.comparable(e.id, answers[name], want) == \
        replay.comparable(e.id, want, want)


def exchange_of(name):
    suite, _, statement = name.partition("/")
    return f"{suite}/statement_get_{statement}"


# Only the environment of tests/agent has matplotlib for certain.
@pytest.mark.parametrize("name", [
    n for n in STATEMENTS if "matplot" not in n and
    not isinstance(outputs.recorded(STATEMENTS[n]), int)])
def test_a_recorded_output(name, answers):
    statement = outputs.read(answers[exchange_of(name)].body)

    got, want = outputs.comparable(name, statement["output"],
                                   outputs.recorded(STATEMENTS[name]))

    assert got == want
    assert statement["output"]["execution_count"] == statement["id"]
