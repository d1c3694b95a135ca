"""Statements of kind sql."""

import decimal
import json

import pytest


pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def sql(shared):
    return shared.of_kind("sql")


def exact(session, code):
    """The rows, every number as it is written."""
    number = session.submit(code)
    session.result(number)
    raw = session.raw("GET", "/v1/statements/%d" % number)[1].decode("utf-8")
    output = json.loads(raw, parse_float=decimal.Decimal)["output"]
    assert output["status"] == "ok", output
    return output["data"]["application/json"]["data"]


@pytest.mark.parametrize("value, shown", [
    ("cast('12345678901234567890.1200' as decimal(38,4))",
     decimal.Decimal("12345678901234567890.1200")),
    ("cast(1e-10 as decimal(20,10))", decimal.Decimal("0.0000000001")),
    ("timestamp'2020-01-02 03:04:05'", "2020-01-02T03:04:05Z"),
    ("timestamp'2020-01-02 03:04:05.123456'", "2020-01-02T03:04:05.123456Z"),
    ("timestamp_ntz'2020-01-02 03:04:05.5'", "2020-01-02T03:04:05.500000"),
    ("date'0001-01-01'", "0001-01-01"),
    ("double('NaN')", None),
    ("double('-Infinity')", "-Infinity"),
    ("1e8D", decimal.Decimal("100000000.0")),
    ("9223372036854775807L", 9223372036854775807),
    ("X'0aff'", [10, 255]),
    ("map(1, 'a')", {"1": "a"}),
    ("map(date'2020-01-02', 1)", {"2020-01-02": 1}),
    ("array(named_struct('a', 1, 'b', null))", [{"a": 1, "b": None}]),
    ("struct(1 as a, struct('é' as c) as b)", {"a": 1, "b": {"c": "é"}}),
    ("interval 1 year", "INTERVAL '1' YEAR"),
    ("array()", []),
    ("null", None),
    ("'a\"\\n\\u2028😀'", "a\"\n\u2028😀"),
])
def test_a_value_is_shown_whole(sql, value, shown):
    assert exact(sql, "select %s v" % value) == [[shown]]


def test_two_columns_of_one_name(sql):
    assert exact(sql, "select 1 a, 2 a") == [[1, 2]]


def test_schema_and_empty_results(sql):
    data = sql.run("select id from range(0)")["data"]
    assert data["application/json"] == {
        "schema": {"type": "struct", "fields": [
            {"name": "id", "type": "long", "nullable": False,
             "metadata": {}}]},
        "data": []}
    assert data["text/plain"] == ""
    assert sql.run("create temporary view t as select 1 a")["data"][
        "application/json"] == {
            "schema": {"type": "struct", "fields": []}, "data": []}


def test_a_thousand_rows_at_most(sql):
    assert len(exact(sql, "select * from range(5000)")) == 1000


def test_a_result_beyond_the_bound_is_refused(sql):
    error = sql.error("select repeat('x', 1000000) from range(100)")

    assert error["evalue"] == (
        "the first 17 rows of the result have more than the 16777216 bytes "
        "that a statement may have")
    assert exact(sql, "select 1") == [[1]]


def test_the_jobs_are_in_the_group_of_the_statements_number(sql):
    number = sql.submit("select sum(id) from range(10)")
    sql.result(number)

    assert sql.text("len(sc.statusTracker().getJobIdsForGroup('%d')) > 0"
                    % number, "pyspark") == "True"


def test_statements_of_all_kinds_run_one_after_the_other(shared):
    numbers = [shared.submit(code, kind) for code, kind in (
        ("import time; time.sleep(0.3)", "pyspark"), ("select 1", "sql"),
        ("Thread.sleep(300)", "spark"), ("1", "python"), ("select 2", "sql"),
        ("2", "scala"), ("3", "pyspark"))]
    views = [shared.result(number) for number in numbers]

    assert {view["state"] for view in views} == {"available"}
    for one, next_one in zip(views, views[1:]):
        assert one["completed"] <= next_one["started"]


def test_errors_are_sparks_words(sql):
    error = sql.error("select * from nope")

    assert error["ename"] == "Error"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in error["evalue"]
    assert error["traceback"] and not error["traceback"][0].endswith("\n")


def test_python_frames_of_the_same_view(sql):
    sql.run("create temporary view three as select * from range(3)")

    assert sql.text("spark.table('three').count()", "pyspark") == "3"
