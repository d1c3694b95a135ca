"""pylivy from PyPI, unmodified, through nginx with TLS and a password."""

import pytest

from clients import Client, ClientError

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def pylivy(spark_gateway, workdir):
    client = Client(workdir / "pylivy", "small", "pylivy_client",
                    spark_gateway)
    yield client
    client.stop()


def test_a_batch_is_waited_for_and_its_log_is_paged(pylivy, job):
    batch = pylivy.do("create", file=job("lines.py"), args=["150"],
                      name="pylivy", driver_memory="512m", num_executors=1,
                      spark_conf={"spark.x": "y"})

    assert pylivy.do("wait", batch=batch) == "success"
    lines = pylivy.do("log", batch=batch, from_=0, size=1000)
    first = lines.index("line 0")
    assert lines[first:first + 150] == [f"line {i}" for i in range(150)]
    assert pylivy.do("log", batch=batch, from_=first + 7, size=2) == [
        "line 7", "line 8"]
    assert len(pylivy.do("log", batch=batch)) == 100
    assert [batch, "success"] in pylivy.do("listed")


def test_a_failing_batch_is_dead(pylivy, job):
    batch = pylivy.do("create", file=job("lines.py"), args=["1", "2"])

    assert pylivy.do("wait", batch=batch) == "dead"


def test_a_killed_batch_is_gone(pylivy, spark_gateway, job):
    batch = pylivy.do("create", file=job("sleep.py"))
    spark_gateway.wait_state(batch, "running", seconds=300)

    pylivy.do("kill", batch=batch)

    with pytest.raises(ClientError, match="batch session not found"):
        pylivy.do("state", batch=batch)


def test_a_refusal_is_an_error_of_http(pylivy):
    with pytest.raises(ClientError, match="400 Client Error"):
        pylivy.do("create", file="relative.py")


@pytest.fixture(scope="module")
def session(pylivy):
    made = pylivy.do("open_session", kind="pyspark", name="pylivy",
                     driver_memory="700m", spark_conf={"spark.x": "a=b"})
    yield made
    pylivy.do("close", session=made)


def test_statements_give_values_and_errors(pylivy, session):
    def run(code):
        return pylivy.do("run", session=session, code=code)

    assert run("x = 20") == {"text": "", "json": None}
    assert run("x + 22") == {"text": "42", "json": None}
    assert run('print(spark.conf.get("spark.x"))')["text"] == "a=b"
    error = run("1/0")
    assert error["ename"] == "ZeroDivisionError"
    assert error["evalue"] == "division by zero"
    assert error["traceback"][0] == "Traceback (most recent call last):\n"


def test_tables_go_there_and_back(pylivy, session):
    table = {"n": [1, 2, 3], "s": ["a", "é", 'q"uote']}
    pylivy.do("upload", session=session, name="mine", table=table)

    assert pylivy.do("run", session=session, code="mine.count()")[
        "text"] == "3"
    assert pylivy.do("download", session=session, name="mine") == table
    many = pylivy.do("download", session=session,
                     name="spark.range(20000).withColumnRenamed('id', 'n')")
    assert many == {"n": list(range(20000))}


def test_sql_and_a_closed_session(pylivy, spark_gateway):
    session = pylivy.do("open_session", kind="sql", driver_memory="700m")

    assert pylivy.do("download_sql", session=session, query=(
        "SELECT id, concat('s', id) AS s FROM range(2)")) == {
            "id": [0, 1], "s": ["s0", "s1"]}
    pylivy.do("close", session=session)
    assert spark_gateway.get(f"/sessions/{session}").status_code == 404
