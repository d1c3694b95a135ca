"""Statements recorded on real Livy 0.9.0 (Spark 3.5, Scala 2.12), again.

golden.json holds their code and Livy's output, in the order sent. On Spark
3.5 an output must be equal but for golden.volatile and golden.differences; on
another Spark, whose own words differ, status, types, names of errors and JSON
results must be.
"""

import fnmatch

import pytest
from golden import outputs
from golden.outputs import STATEMENTS
from session import HttpError

pytestmark = [pytest.mark.both, pytest.mark.steps]


@pytest.fixture(scope="module")
def session(shared):
    """Without the views of other tests: show tables is recorded, too."""
    shared.text("for table in spark.catalog.listTables():\n"
                "    dropped = spark.catalog.dropTempView(table.name)",
                "pyspark")
    return shared


def test_every_difference_is_of_some_statement():
    for pattern, _, why in outputs.DIFFERENCES:
        assert why
        assert any(fnmatch.fnmatch(s["name"], pattern) for s in STATEMENTS)


@pytest.mark.parametrize("statement", STATEMENTS,
                         ids=[s["name"] for s in STATEMENTS])
def test_a_recorded_statement(session, old, statement):
    name, want = statement["name"], outputs.recorded(statement)
    if "matplot" in name and session.text(
            "import importlib.util as u; u.find_spec('matplotlib') is None",
            "pyspark") == "True":
        pytest.skip("this virtual environment has no matplotlib")
    if isinstance(want, int):
        with pytest.raises(HttpError) as refused:
            session.submit(statement["code"], statement["kind"])
        assert refused.value.status == want
        return

    number = session.submit(statement["code"], statement["kind"])
    state = session.result(number)["state"]
    raw = session.raw("GET", "/v1/statements/%d" % number)[1].decode("utf-8")
    got = outputs.read(raw)["output"]

    assert state == statement["state"] or "died" in name
    assert got["execution_count"] == number
    got, want = outputs.comparable(name, got, want)
    if old:
        assert got == want
    else:
        assert got["status"] == want["status"]
        assert got.get("ename") == want.get("ename")
        assert set(got.get("data", ())) == set(want.get("data", ()))
        for mime, value in want.get("data", {}).items():
            if mime.endswith("json"):
                assert got["data"][mime] == value


def test_a_recorded_completion(session):
    assert session.post("/v1/completion", {
        "code": "sc.para", "kind": "spark", "cursor": 7}) == {
            "candidates": ["parallelize"]}
