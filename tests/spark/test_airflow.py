"""The Airflow provider from PyPI, unmodified, through nginx with TLS and a
password: hook, operator, deferrable operator, retry and kill."""

import pytest

from clients import Client, ClientError
from procs import wait_for

pytestmark = pytest.mark.local

LINES = 250     # more than two pages of Airflow's


@pytest.fixture(scope="module")
def prefixed(session_maker, spark_cluster):
    """This gateway is restarted, and is below a path as well."""
    return session_maker.gateway(spark_cluster, prefix=True,
                                 settings={"gateway": "airflow"})


@pytest.fixture(scope="module")
def airflow(prefixed, workdir):
    client = Client(workdir / "airflow", "airflow", "airflow_client",
                    prefixed)
    yield client
    client.stop()


def printed(lines):
    return [x for x in lines if x.startswith("line ")]


def running(airflow, gateway, task):
    batch = wait_for(f"task {task} to have its batch",
                     lambda: airflow.do("batch_of", task=task), 300)
    gateway.wait_state(batch, "running", seconds=300)
    return batch


def test_an_operator_waits_and_shows_every_line_of_the_log(
        airflow, prefixed, job):
    done = airflow.do(
        "operator", task="waits", file=job("lines.py"), args=[LINES],
        polling_interval=1, name="airflow_waits", conf={"spark.x": 5},
        driver_memory="512m", num_executors=1)

    assert prefixed.state(done["result"]) == "success"
    assert printed(done["log"]) == [f"line {i}" for i in range(LINES)]
    assert done["xcom"]["app_id"].startswith("spark-")


def test_a_failing_batch_fails_its_task_with_the_log(airflow, job):
    with pytest.raises(ClientError, match="Batch .* did not succeed"):
        airflow.do("operator", task="fails", file=job("lines.py"),
                   args=["2", "3"], polling_interval=1)

    batch = airflow.do("batch_of", task="fails")
    log = airflow.do("hook", method="dump_batch_logs", args=[batch])["log"]
    assert printed(log) == ["line 0", "line 1"]
    assert airflow.do("hook", method="get_batch_state", args=[batch]
                      )["result"] == "dead"


def test_an_operator_that_does_not_wait(airflow, prefixed, job):
    done = airflow.do("operator", task="submits", file=job("lines.py"),
                      args=["1"])

    assert set(done["xcom"]) == {"app_id"}
    prefixed.wait_state(done["result"], "success", seconds=300)


def test_a_deferred_operator_goes_on_by_its_trigger(airflow, job):
    done = airflow.do("operator", task="defers", file=job("lines.py"),
                      args=["3"], polling_interval=1, deferrable=True)

    assert printed(done["log"]) == ["line 0", "line 1", "line 2"]
    assert done["xcom"]["app_id"].startswith("spark-")
    with pytest.raises(ClientError, match="did not succeed"):
        airflow.do("operator", task="defers.fails",
                   file=job("lines.py"), args=["1", "3"],
                   polling_interval=1, deferrable=True)


def test_a_killed_task_takes_its_batch_along(airflow, prefixed, job):
    ended = airflow.start("operator", task="killed", file=job("sleep.py"),
                          polling_interval=1)
    batch = running(airflow, prefixed, "killed")

    airflow.do("kill", task="killed")

    assert prefixed.get(f"/batches/{batch}").status_code == 404
    with pytest.raises(ClientError, match="not found|Unable to fetch"):
        ended()


def test_a_retry_finds_its_batch_after_a_restart_of_the_gateway(
        airflow, prefixed, job):
    """A worker of Airflow is lost, the gateway is killed meanwhile."""
    lost = airflow.start("operator", task="retried", file=job("slow.py"),
                         args=["40"], polling_interval=1)
    batch = running(airflow, prefixed, "retried")
    total = prefixed.get("/batches").json()["total"]
    prefixed.kill_master()
    with pytest.raises(ClientError):
        lost()
    prefixed.start_master()
    prefixed.wait_reads()

    airflow.do("operator", task="retried", file=job("slow.py"), args=["40"],
               polling_interval=1)

    assert airflow.do("kept", task="retried") == {"livy_batch_id": batch}
    assert prefixed.state(batch) == "success"
    assert prefixed.get("/batches").json()["total"] == total
    again = airflow.do("operator", task="retried", file=job("slow.py"),
                       polling_interval=1)
    assert again["result"] == batch     # which had ended well already


def test_below_a_path(airflow, prefixed, job):
    done = airflow.do(
        "operator", task="below", file=job("lines.py"), args=["2"],
        polling_interval=1, livy_endpoint_prefix="/livy/")

    assert printed(done["log"]) == ["line 0", "line 1"]
    batch = done["result"]
    hook = dict(prefix="livy", args=[batch])
    view = airflow.do("hook", method="get_batch", **hook)["result"]
    assert (view["id"], view["state"]) == (batch, "success")
    assert airflow.do("hook", method="delete_batch", **hook)["result"] == {
        "msg": "deleted"}
    with pytest.raises(ClientError, match=f"Session '{batch}' not found"):
        airflow.do("hook", method="get_batch", **hook)


def test_a_refusal_reaches_the_user_in_livys_words(airflow, job):
    with pytest.raises(ClientError, match=(
            "Status code: 400.*Path 'x.py' is not absolute")):
        airflow.do("operator", task="refused", file="x.py",
                   polling_interval=1)
    with pytest.raises(ClientError, match="Status code: 500.*ClassCast"):
        airflow.do("operator", task="text_for_number",
                   file=job("lines.py"), num_executors="2")
