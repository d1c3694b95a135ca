"""Small clients from PyPI, unmodified, through nginx with TLS and a
password: livy-uploads, livyclient and livyc."""

import os

import pytest

from clients import Client, ClientError
from procs import give

pytestmark = pytest.mark.local


@pytest.fixture
def client(spark_gateway, workdir):
    made = []

    def start(program):
        made.append(Client(workdir / program, "small", program,
                           spark_gateway))
        return made[-1]
    yield start
    for one in made:
        one.stop()


def test_livy_uploads(client, workdir, spark_gateway):
    uploads = client("livy_uploads_client")
    session = uploads.do("create", name="up loads", kind="pyspark",
                         conf={"spark.ui.enabled": "false"})

    assert "up loads" in uploads.do("listed")
    assert uploads.do("run", name="up loads", code="""
        print("said")
        _ = [n * n for n in range(4)]""") == {
            "lines": ["said", ""], "value": [0, 1, 4, 9]}
    big = uploads.do("run", name="up loads", code="_ = 'é' * 1000000")
    assert big["value"] == "é" * 1000000
    with pytest.raises(ClientError, match="ZeroDivisionError"):
        uploads.do("run", name="up loads", code="1/0")

    source = workdir / "uploaded"
    data = os.urandom(170_000)      # four pieces
    source.write_bytes(data)
    give(source)
    uploads.do("upload", name="up loads", source=str(source),
               dest=f"/tmp/uploaded-{session}")
    assert uploads.do("run", name="up loads", code=f"""
        import hashlib
        with open("/tmp/uploaded-{session}", "rb") as f:
            _ = len(f.read())""")["value"] == len(data)
    assert uploads.do("log", name="up loads")
    assert uploads.do("delete", name="up loads") == "dead"
    assert spark_gateway.get(f"/sessions/{session}").status_code == 404


def test_livyclient(client, job, spark_gateway):
    livyclient = client("livyclient_client")
    batch = livyclient.do("batch", file=job("lines.py"), args=["2"])
    session, state = livyclient.do("create", kind="pyspark",
                                   driver_memory="700m", name="lc")

    assert state == "idle"
    assert livyclient.do("run", session=session, code="6 * 7") == [
        "available", "ok", "42", None]
    assert livyclient.do("run", session=session, code="1/0") == [
        "available", "error", None, "ZeroDivisionError"]
    assert livyclient.do("run", session=session, code="println(6 * 7)",
                         kind="spark")[2].strip() == "42"
    assert livyclient.do("delete", session=session) is None
    spark_gateway.wait_state(batch, "success", seconds=300)
    assert livyclient.do("batch_state", batch=batch) == "success"


def test_livyc(client, spark_gateway):
    livyc = client("livyc_client")
    session = livyc.do("create")

    assert livyc.do("run", code="print(6 * 7)") == "42"
    assert livyc.do("read", code="6 * 7") == 42
    assert livyc.do("read", code="'a' + 'b'") == "ab"
    assert livyc.do("read", code="[1, {'a': None}]") == [1, {"a": None}]
    assert livyc.do("read", code="spark.range(2).withColumnRenamed('id', "
                    "'n')") == [{"n": 0}, {"n": 1}]
    with pytest.raises(ClientError, match="ZeroDivisionError"):
        livyc.do("run", code="1/0")
    livyc.do("delete")
    assert spark_gateway.get(f"/sessions/{session}").status_code == 404
