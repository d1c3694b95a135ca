"""A session's driver with real Spark: the agent starts in it, and takes the
token that the gateway derives."""

import pytest

from agents import ask_agent, token_of
from procs import wait_for


@pytest.fixture
def session(spark_gateway):
    r = spark_gateway.post("/sessions", {
        "kind": "pyspark", "conf": {"spark.ui.enabled": "false"}})
    assert r.status_code == 201, r.text
    yield r.json()["id"]
    spark_gateway.delete(f"/sessions/{r.json()['id']}")


def test_the_agent_of_a_driver_says_idle(spark_gateway, spark_cluster,
                                         session):
    token = token_of(spark_gateway, spark_cluster, session)

    def state():
        r = ask_agent(spark_gateway, spark_cluster, session, token)
        return r.json() if r.status_code == 200 and \
            r.json()["state"] == "idle" else None
    told = wait_for("the agent to be idle", state, 180)

    assert told["kind"] == "pyspark" and told["protocol"] == 1
    assert told["applicationId"]
    assert ask_agent(spark_gateway, spark_cluster, session,
                     "0" * 64).status_code == 401
    lines = spark_gateway.get(f"/sessions/{session}/log").json()["log"]
    assert any("has started" in line for line in lines)
