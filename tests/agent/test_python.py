"""Statements of kind pyspark."""

import json

import pytest


pytestmark = [pytest.mark.both, pytest.mark.steps]


@pytest.fixture(scope="module")
def py(shared):
    return shared.of_kind("pyspark")


@pytest.mark.parametrize("code, text", [
    ("1+1", "2"),
    ("x = 5", ""),
    ("x", "5"),
    ("_ + 1", "6"),
    ("None", ""),
    ("", ""),
    ("  \n ", ""),
    ("# only a comment", ""),
    ("print('a')\nprint('b')\n42", "a\nb\n42"),
    ("print('x', end=''); 1", "x1"),
    ("import sys; sys.stderr.write('e\\n'); print('o')", "o\ne"),
    ("'é€😀'", "'é€😀'"),
    ("print('\\ud800')", "\\ud800"),
    ("import os; os.system('echo shell')", "shell\n0"),
    ("for i in range(2):\n  i", "0\n1"),
    ("def f():\n  '''doc'''\n  return 1\nf()", "1"),
    ("a = 1\r\na + 1", "2"),
    ("import asyncio\nawait asyncio.sleep(0, 'awaited')", "'awaited'"),
    ("async with asyncio.Lock():\n  print('in')", "in"),
    ("from __future__ import annotations\ndef g(x: nope): pass", ""),
    ("def h(x: nope): pass\nh.__annotations__", "{'x': 'nope'}"),
    ("__name__", "'__main__'"),
    ("sorted(n for n in globals() if n.startswith('livy'))", "[]"),
])
def test_text_is_what_livy_gives(py, code, text):
    assert py.text(code) == text


def test_an_error_has_no_frames_of_ours(py):
    error = py.error("def f():\n    return nope\nf()")

    assert error["ename"] == "NameError"
    assert error["evalue"] == "name 'nope' is not defined"
    assert error["traceback"] == [
        "Traceback (most recent call last):\n",
        '  File "<stdin>", line 2, in f\n',
        "NameError: name 'nope' is not defined\n"]


@pytest.mark.parametrize("code, ename", [
    ("1+", "SyntaxError"),
    ("input()", "EOFError"),
    ("if True:\nx", "IndentationError"),
    ("'\ud800'", "UnicodeEncodeError"),
    ("1" + "+1" * 100000, "RecursionError"),
    ("(" * 1000, "SyntaxError"),
    ("%nope x", "UnknownMagic"),
    ("%", "UnknownMagic"),
    ("%json missing", "KeyError"),
    ("%table missing", "KeyError"),
    ("s = {1}\n%json s", "TypeError"),
    ("t = [[1], ['a']]\n%table t", "Exception"),
    ("t = [[[1, 'a']]]\n%table t", "ValueError"),
    ("import sys; sys.exit(3)", "SystemExit"),
    ("exit()", "SystemExit"),
    ("def r(): r()\nr()", "RecursionError"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("class E(Exception):\n  def __str__(self): 1/0\nraise E", "E"),
])
def test_an_error_is_an_error_and_the_interpreter_lives(py, code, ename):
    py.run("alive = 'yes'")

    error = py.error(code)

    assert error["ename"] == ename
    assert isinstance(error["evalue"], str)
    assert all(isinstance(line, str) and "livy_agent" not in line
               for line in error["traceback"])
    assert py.text("alive") == "'yes'"


def test_code_with_a_nul(py):
    py.run("alive = 'yes'")

    assert py.error("1\0")["ename"] in ("ValueError", "SyntaxError")
    assert py.text("alive") == "'yes'"


def test_json_magic(py):
    data = py.run("d = {'a': [1, 2.5, None, True, float('nan')]}\n%json d"
                  )["data"]

    assert data["application/json"] == {"a": [1, 2.5, None, True, None]}
    assert data["text/plain"] == ""


def test_table_magic(py):
    data = py.run("""
import datetime, decimal
t = [{'k': 'a', 'v': None}, {'k': 'b', 'v': decimal.Decimal('1.10')}]
%table t""")["data"]

    assert data["application/vnd.livy.table.v1+json"] == {
        "headers": [{"name": "k", "type": "STRING_TYPE"},
                    {"name": "v", "type": "DECIMAL_TYPE"}],
        "data": [["a", None], ["b", "1.10"]]}
    assert "text/plain" in data


def test_matplot_magic(py):
    if py.text("import importlib.util as u\nu.find_spec('matplotlib') is None"
               ) == "True":
        pytest.skip("this virtual environment has no matplotlib")

    data = py.run("import matplotlib.pyplot as plt\n"
                  "p = plt.plot([1, 2])\n%matplot plt")["data"]

    assert data["image/png"].startswith("iVBORw0KGgo")


def test_only_the_last_part_of_a_statement_gives_a_result(py):
    data = py.run("y = 1\n%json y\ny + 1")["data"]

    assert data == {"text/plain": "2"}


def test_closures_and_classes_of_a_statement_run_on_workers(py):
    assert py.text("""
class Point:
    def __init__(self, x): self.x = x
factor = 3
sc.parallelize(range(4), 2).map(lambda i: Point(i * factor)) \\
    .map(lambda p: p.x).sum()""") == "18"
    assert py.text("""
from pyspark.sql.functions import udf
twice = udf(lambda s: s + s, 'string')
spark.createDataFrame([('a',)], 's string').select(twice('s')).first()[0]
""") == "'aa'"


def test_a_dataframe_shows_as_livy_shows_it(py):
    assert py.text("spark.range(2).show()") == \
        "+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+"
    assert py.text("spark.range(3)") == "DataFrame[id: bigint]"


def test_livys_names_are_there(py):
    for name in ("spark", "sc", "sqlContext", "StreamingContext",
                 "cloudpickle"):
        assert py.text("%s is not None" % name) == "True"


def test_a_statement_runs_in_the_job_group_of_its_number(py):
    number = py.submit("sc.getLocalProperty('spark.jobGroup.id')")

    assert py.result(number)["output"]["data"]["text/plain"] == \
        "'%d'" % number


def test_a_hundred_kilobytes_of_code(py):
    code = "".join("v%d = '%s'\n" % (i, "z" * 80) for i in range(1200))

    assert py.text(code + "len(v1199)") == "80"


def test_completion(py):
    py.run("import os.path\nspark.read")    # whose first time takes long

    def complete(code, cursor=None):
        return py.post("/v1/completion", {
            "code": code, "kind": "pyspark",
            "cursor": len(code) if cursor is None else cursor})["candidates"]

    assert complete("sc.para") == ["parallelize"]
    assert complete("os.path.isd") == ["isdir"]
    assert "import" in complete("imp")
    assert complete("a = 1\nsc.para") == ["parallelize"]
    assert complete("sc.parallelize", 7) == ["parallelize"]
    assert complete("zzzqqq") == complete("nope.x") == complete("") == []
    assert complete("f().x") == []
    assert complete("spark.read.parq") == ["parquet"]
    py.run("class Slow:\n  @property\n  def pit(self): raise SystemExit\n"
           "  def lake(self): pass\nslow = Slow()")
    assert complete("slow.") == ["lake", "pit"]
    assert complete("slow.pit.") == []
    assert complete("sc.para") == ["parallelize"]


def test_completion_while_a_statement_runs(py):
    number = py.running("import time; time.sleep(600)")

    names = py.post("/v1/completion", {"code": "sc.para", "kind": "python",
                                       "cursor": 7})["candidates"]

    assert names == ["parallelize"]
    assert py.get("/v1/statements/%d" % number)["state"] == "running"
    py.cancel(number)


def test_output_is_json_whatever_it_says(py):
    raw = py.raw("GET", "/v1/statements")[1]

    json.loads(raw.decode("utf-8"))
