"""sparkmagic's kernels from PyPI, unmodified and without a notebook, through
nginx with TLS and a password."""

import json
import re

import pytest

from clients import Client
from procs import wait_for

pytestmark = pytest.mark.local

CONFIGURE = "%%configure -f\n" + json.dumps({
    "name": "NAME", "driverMemory": "700m",
    "conf": {"spark.sql.shuffle.partitions": "2", "spark.x": "a=b {c}"}})


@pytest.fixture(scope="module")
def magic(spark_gateway, workdir):
    client = Client(workdir / "sparkmagic", "sparkmagic",
                    "sparkmagic_client", spark_gateway)
    yield client
    client.stop()


class Kernel:
    """One kernel, whose session has the kernel's name."""

    def __init__(self, magic, gateway, name):
        self.magic, self.gateway, self.name = magic, gateway, name
        magic.do("start", kernel=name)
        self.shown = self.cell(CONFIGURE.replace("NAME", name))

    def cell(self, code):
        shown = self.magic.do("cell", kernel=self.name, code=code)
        assert shown["error"] is None, shown
        return shown["text"]

    def session(self):
        return self.gateway.get(f"/sessions/{self.name}")

    def polls(self):
        """Whether the kernel asks for the newest statement. Before it knows
        its id it forgets an interrupt."""
        path = f"/sessions/{self.session().json()['id']}/statements"
        newest = self.gateway.get(path).json()["statements"][-1]
        return newest["state"] == "running" and \
            f" GET {path}/{newest['id']} " in self.gateway.log()

    def stop(self):
        self.magic.do("stop", kernel=self.name)


@pytest.fixture(scope="module")
def python(magic, spark_gateway):
    kernel = Kernel(magic, spark_gateway, "pysparkkernel")
    yield kernel
    kernel.stop()


def test_a_session_is_configured_and_started(python):
    assert python.cell('print(spark.conf.get("spark.x"))'
                       ).splitlines()[-1] == "a=b {c}"
    view = python.session().json()
    assert (view["kind"], view["state"], view["driverMemory"]) == (
        "pyspark", "idle", "700m")
    assert view["heartbeatTimeoutInSecond"] > 0


def test_statements_keep_their_variables(python):
    python.cell("x = 20")

    assert python.cell("x + 22").strip() == "42"
    assert python.cell("y = 1").strip() == ""


def test_an_error_is_shown_with_its_traceback(python):
    shown = python.magic.do("cell", kernel=python.name, code="1/0")

    assert "ZeroDivisionError" in json.dumps(shown)
    assert python.cell("x").strip() == "20"


def test_sql_gives_a_table_here(python):
    python.cell("%%sql -q -o rows\nSELECT id, id * 2 AS twice "
                "FROM range(3)")

    assert python.cell("%%local\nprint(rows.to_dict('list'))").strip() == \
        "{'id': [0, 1, 2], 'twice': [0, 2, 4]}"


def test_a_table_of_here_is_sent_to_spark(python):
    python.cell("%%local\nimport pandas\n"
                "mine = pandas.DataFrame({'a': [1, 2, 3], 'b': list('xyé')})")
    python.cell("%%send_to_spark -i mine -t df -n theirs")

    assert python.cell("sorted(r.b for r in theirs.collect())").strip() == \
        "['x', 'y', 'é']"


@pytest.mark.parametrize("code", [
    "import time\nfor i in range(600): time.sleep(1)",
    "spark.range(600).repartition(600).foreach("
    "lambda r: __import__('time').sleep(5))"], ids=["Python", "Spark"])
def test_an_interrupt_cancels_and_the_session_lives(code, python):
    python.cell("before = 20")
    ended = python.magic.start("cell", kernel=python.name, code=code)
    wait_for("the kernel to wait for the statement", python.polls, 300)

    python.magic.do("interrupt", kernel=python.name)

    assert "nterrupted by user" in json.dumps(ended())
    assert python.cell("before").strip() == "20"


def test_logs_and_information_are_shown(python):
    assert "Spark" in python.cell("%%logs")
    assert python.name in json.dumps(
        python.magic.do("cell", kernel=python.name, code="%%info")) or \
        re.search(r"\bidle\b", json.dumps(python.magic.do(
            "cell", kernel=python.name, code="%%info")))


def test_the_library_alone(magic, spark_gateway):
    made = magic.do("add", name="lib", kind="pyspark", driverMemory="700m",
                    conf={"spark.ui.enabled": "false",
                          "spark.driver.extraJavaOptions":
                          "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"})
    path = f"/sessions/{made['id']}"
    assert made["id"] in made["listed"]
    view = spark_gateway.get(path).json()
    assert (view["kind"], view["state"], view["driverMemory"]) == (
        "pyspark", "idle", "700m")

    assert magic.do("run", name="lib", code="6 * 7") == [
        True, "42", "text/plain"]
    good, said, _ = magic.do("run", name="lib", code="1/0")
    assert not good and "division by zero" in said
    assert magic.do("query", name="lib", sql="SELECT id, id * 2 AS twice "
                    "FROM range(3)") == {"id": [0, 1, 2], "twice": [0, 2, 4]}
    assert "Spark" in magic.do("logs", name="lib")
    magic.do("delete", name="lib")
    assert spark_gateway.get(path).status_code == 404


def test_scala(magic, spark_gateway):
    kernel = Kernel(magic, spark_gateway, "sparkkernel")
    try:
        assert "x: Int = 42" in kernel.cell("val x = 20 + 22")
        assert "10" in kernel.cell("println(spark.range(10).count())")
        kernel.cell("%%sql -q -o rows\nSELECT id FROM range(2)")
        assert kernel.cell("%%local\nprint(list(rows.id))").strip() == \
            "[0, 1]"
        kernel.cell("%%local\nimport pandas\n"
                    "mine = pandas.DataFrame({'a': [1, 2]})")
        kernel.cell("%%send_to_spark -i mine -t df -n theirs")
        assert "2" in kernel.cell("println(theirs.count())")
    finally:
        kernel.stop()
    assert kernel.session().status_code == 404
