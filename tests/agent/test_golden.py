"""Statements recorded on real Livy 0.9.0 (Spark 3.5, Scala 2.12), again.

golden.json holds their code and Livy's output, in the order sent. On Spark
3.5 an output must be equal but for golden.volatile and golden.differences; on
another Spark, whose own words differ, status, types, names of errors and JSON
results must be.
"""

import decimal
import fnmatch
import json
import pathlib
import re

import pytest
from session import HttpError

HERE = pathlib.Path(__file__).parent
STATEMENTS = json.loads((HERE / "golden.json").read_text(),
                        parse_float=decimal.Decimal)


def table(name, columns):
    rows = []
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            rows.append(line.split("\t"))
            assert len(rows[-1]) == columns, line
    return rows


VOLATILE = table("golden.volatile", 3)
DIFFERENCES = table("golden.differences", 3)


pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def session(shared):
    """Without the views of other tests: show tables is recorded, too."""
    shared.text("for table in spark.catalog.listTables():\n"
                "    dropped = spark.catalog.dropTempView(table.name)",
                "pyspark")
    return shared


def masked(name, value):
    if isinstance(value, str):
        for pattern, regex, mask in VOLATILE:
            if fnmatch.fnmatch(name, pattern):
                value = re.sub(regex, mask, value)
        return value
    if isinstance(value, list):
        return [masked(name, v) for v in value]
    if isinstance(value, dict):
        return {k: masked(name, v) for k, v in value.items()}
    if isinstance(value, decimal.Decimal):
        return str(value)       # 1.10 and 1.1 are not the same
    return value


def frames(lines):
    """A Java stack has its callers below: Livy's there, py4j's here. What
    is above Spark's entry is compared, by its first frame."""
    return lines[:1]


def recorded(statement):
    """Livy's output, or what stands in its place."""
    for pattern, output, _ in DIFFERENCES:
        if fnmatch.fnmatch(statement["name"], pattern):
            return json.loads(output, parse_float=decimal.Decimal)
    return statement["output"]


def test_every_difference_is_of_some_statement():
    for pattern, _, why in DIFFERENCES:
        assert why
        assert any(fnmatch.fnmatch(s["name"], pattern) for s in STATEMENTS)


@pytest.mark.parametrize("statement", STATEMENTS,
                         ids=[s["name"] for s in STATEMENTS])
def test_a_recorded_statement(session, old, statement):
    name, want = statement["name"], recorded(statement)
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
    got = json.loads(raw, parse_float=decimal.Decimal)["output"]

    assert state == statement["state"] or "died" in name
    assert got.pop("execution_count") == number
    want = dict(want)
    want.pop("execution_count", None)
    if want["status"] == "ok":
        want["data"] = dict({"text/plain": ""}, **want["data"])
    if name.startswith("sql/") and want["status"] == "error":
        want["traceback"] = frames(want["traceback"])
        got["traceback"] = frames(got["traceback"])
    if old:
        assert masked(name, got) == masked(name, want)
    else:
        assert got["status"] == want["status"]
        assert got.get("ename") == want.get("ename")
        assert set(got.get("data", ())) == set(want.get("data", ()))
        for mime, value in want.get("data", {}).items():
            if mime.endswith("json"):
                assert masked(name, got["data"][mime]) == masked(name, value)


def test_a_recorded_completion(session):
    assert session.post("/v1/completion", {
        "code": "sc.para", "kind": "spark", "cursor": 7}) == {
            "candidates": ["parallelize"]}
