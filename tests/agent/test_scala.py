"""Statements of kind spark, executors in JVMs of their own."""

import sys
import time

import pytest
from session import AGENT

sys.path.insert(0, str(AGENT.parent))
sys.dont_write_bytecode = True

import livy_agent  # noqa: E402


pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def scala(cluster):
    return cluster.of_kind("spark")


@pytest.mark.parametrize("code, parts", [
    ("val a = 1\nval b = 2\na + b", [["val a = 1"], ["val b = 2"],
                                     ["a + b"]]),
    ("class A\nobject A { val x = 1 }\nA.x",
     [["class A", "object A { val x = 1 }"], ["A.x"]]),
    ("df\n  .select(1)\n  .show()", [["df\n  .select(1)\n  .show()"]]),
    ("def f(x: Int) = {\n  val y = x\n\n  y\n}\nf(1)",
     [["def f(x: Int) = {\n  val y = x\n\n  y\n}"], ["f(1)"]]),
    ("if (x)\n  1\nelse\n  2\n3", [["if (x)\n  1\nelse\n  2"], ["3"]]),
    ("for (i <- 1 to 2)\n  println(i)\n4",
     [["for (i <- 1 to 2)\n  println(i)"], ["4"]]),
    ("for {\n i <- 1 to 2\n} yield i", [["for {\n i <- 1 to 2\n} yield i"]]),
    ("try {\n 1\n}\ncatch {\n case e: Exception => 2\n}",
     [["try {\n 1\n}\ncatch {\n case e: Exception => 2\n}"]]),
    ("do { x += 1 }\nwhile (x < 3)\n5",
     [["do { x += 1 }\nwhile (x < 3)"], ["5"]]),
    ("val x = 1 +\n  2", [["val x = 1 +\n  2"]]),
    ("class B\n{\n}\nB", [["class B\n{\n}"], ["B"]]),
    ("case class P(a: Int,\n  b: Int)\ncase object Q\n1",
     [["case class P(a: Int,\n  b: Int)", "case object Q"], ["1"]]),
    ("val s = \"\"\"a\n}\n\"b\"\"\"\"\n2",
     [["val s = \"\"\"a\n}\n\"b\"\"\"\""], ["2"]]),
    ("val t = s\"${m(\"}\")} {\"\n2", [["val t = s\"${m(\"}\")} {\""], ["2"]]),
    ("val s = \"${\"\nval t = 1", [["val s = \"${\""], ["val t = 1"]]),
    ("val c = '\"'\nval d = '\\''\n3",
     [["val c = '\"'"], ["val d = '\\''"], ["3"]]),
    ("/* { /* nested */ */ val x = 1 // {\n2", [
        ["/* { /* nested */ */ val x = 1"], [" // {\n2"]]),
    ("@deprecated(\"a\", \"b\")\ndef f = 1\nf",
     [["@deprecated(\"a\", \"b\")\ndef f = 1"], ["f"]]),
    ("import a.b\nimport a.c\ndef f = 1\ndef f = 2",
     [["import a.b", "import a.c", "def f = 1"], ["def f = 2"]]),
    ("val m = 1\n%json m\n2", [["val m = 1"], [("json", "m")], ["2"]]),
    ("// only\n/* comments */", []),
    ("", []),
    ("val x = \"open", [["val x = \"open"]]),
    ("def f = {\n  1", [["def f = {\n  1"]]),
])
def test_a_statement_is_cut_where_scala_ends_one(code, parts):
    assert livy_agent.scala_parts(code) == parts


def test_the_compiler_is_loaded_before_anyone_asks(scala):
    deadline = time.monotonic() + 200
    names = []
    while not names and time.monotonic() < deadline:
        time.sleep(0.2)
        names = scala.post("/v1/completion", {
            "code": "sc.para", "kind": "spark", "cursor": 7})["candidates"]

    assert names == ["parallelize"]


def without_val(text):
    """Scala 2.13 says `val res0: Int = 2`, 2.12 `res0: Int = 2`; the same
    for classes."""
    lines = []
    for line in text.split("\n"):
        for start in ("val ", "defined ", "def "):
            if line.startswith(start):
                line = line[len(start):]
        lines.append(line)
    return "\n".join(lines)


@pytest.mark.parametrize("code, text", [
    ("val x = 5", "x: Int = 5\n"),
    ("println(\"hi\")", "hi\n"),
    ("()", ""),
    ("", ""),
    ("// c", ""),
    ("val a = 1\nval b = 2\nval c = a + b",
     "a: Int = 1\nb: Int = 2\nc: Int = 3\n"),
    ("val e = 7\nprintln(\"after\")", "e: Int = 7\nafter\n"),
    ("class A\nobject A { def make = new A }", "class A\nobject A\n"),
    ("println(\"é€\")", "é€\n"),
    ("val again = 1\nval again = 2", "again: Int = 1\nagain: Int = 2\n"),
    ("Seq(1, 2)\n  .map(_ + 1)\n  .foreach(println)", "2\n3\n"),
    ("spark.range(3).show()",
     "+---+\n| id|\n+---+\n|  0|\n|  1|\n|  2|\n+---+\n\n"),
    ("Console.err.println(\"e\")", "e\n"),
])
def test_text_is_what_livy_gives(scala, code, text):
    assert without_val(scala.text(code)) == text


@pytest.mark.parametrize("code, value", [
    ("1/0", "java.lang.ArithmeticException: / by zero"),
    ("val q: Int = \"s\"", "error: type mismatch;"),
    ("nope", "error: not found: value nope"),
    ("val q = ;", "error: illegal start of simple expression"),
    ("def f(x: Int) = {", "incomplete statement"),
    ("throw new IllegalStateException(\"own\")",
     "java.lang.IllegalStateException: own"),
    ("import no.such.thing", "error: not found: value no"),
    ("%nope x", "Unknown magic command nope"),
    ("%json missing", "Value missing does not exist"),
    ("val t = List(List(1), List(\"a\"))\n%table t",
     "table rows have different types"),
])
def test_an_error_says_what_scala_says(scala, code, value):
    error = scala.error(code)

    assert value in error["evalue"]
    assert error["ename"] in ("Error", "UnknownMagic", "NameError",
                              "TypeError")
    assert isinstance(error["traceback"], list)
    assert scala.text("val fine = 1")


def test_what_came_before_the_error_has_happened(scala):
    scala.error("val before = 1\nval middle: Int = \"s\"\nval after = 2")

    assert scala.text("println(before)") == "1\n"
    scala.error("after")


def test_one_wrong_definition_leaves_the_others(scala):
    error = scala.error("def first = 1\ndef second: Int = \"s\"")

    assert "type mismatch" in error["evalue"]
    assert scala.text("println(first)") == "1\n"


def test_a_warning_is_not_the_error(scala):
    error = scala.error("""
@deprecated("o", "1") def aged = 1
def user = { aged; throw new RuntimeException("real") }
user""")

    assert error["evalue"] == "java.lang.RuntimeException: real"


def test_json_shows_the_variable_that_was_named(scala):
    scala.text("val m = Map(\"a\" -> 1)\nval other = 2")

    data = scala.run("%json m")["data"]

    assert data == {"application/json": {"a": 1}, "text/plain": ""}


def test_table(scala):
    data = scala.run("val t = List(List(\"a\", 1), List(\"b\", 2))\n%table t"
                     )["data"]

    assert data["application/vnd.livy.table.v1+json"] == {
        "headers": [{"type": "STRING_TYPE", "name": "0"},
                    {"type": "BIGINT_TYPE", "name": "1"}],
        "data": [["a", 1], ["b", 2]]}


def test_closures_and_classes_reach_the_executors(scala):
    assert "Point(3)" in scala.text("""
case class Point(x: Int)
val factor = 3
sc.parallelize(1 to 4, 2).map(i => Point(i * factor)).collect()""")
    assert "Pair(" in scala.text("""
case class Pair(k: String, n: Long)
spark.range(4).map(i => Pair("k" + i % 2, i)).collect()""")
    assert "List((0,Point(6)), (1,Point(4)))" in scala.text("""
val sum = sc.parallelize(1 to 4).map(i => (i % 2, Point(i)))
  .reduceByKey((a, b) => Point(a.x + b.x)).collect().sortBy(_._1).toList""")
    assert scala.text("""
val shared = sc.broadcast(Point(7))
val back = sc.parallelize(1 to 2).map(_ => shared.value.x).sum"""
                      ).endswith("back: Double = 14.0\n")


def test_a_udf_of_scala_in_sql_and_python(scala):
    scala.text("spark.udf.register(\"thrice\", (i: Int) => i * 3)\n"
               "spark.range(2).createOrReplaceTempView(\"two\")")

    assert scala.run("select thrice(2) x", "sql")["data"][
        "application/json"]["data"] == [[6]]
    assert scala.text("spark.sql('select thrice(cast(id as int)) from two')"
                      ".collect()[1][0]", "pyspark") == "3"


def test_a_udf_of_python_in_sql_and_scala(scala):
    scala.text("spark.udf.register('half', lambda i: i // 2, 'int')",
               "pyspark")

    assert scala.run("select half(9) x", "sql")["data"][
        "application/json"]["data"] == [[4]]
    assert scala.text("println(spark.sql(\"select half(7)\").first.getInt(0))"
                      ) == "3\n"


def test_a_view_of_each_kind_is_seen_by_the_others(scala):
    scala.text("spark.range(2).createOrReplaceTempView('pv')", "pyspark")
    scala.run("create temporary view sv as select 1 a", "sql")
    scala.text("spark.range(3).createOrReplaceTempView(\"cv\")", "spark")

    for kind, code in (("pyspark", "spark.table('%s').count()"),
                       ("spark", "println(spark.table(\"%s\").count())"),
                       ("sql", "select count(*) from %s")):
        for view in ("pv", "sv", "cv"):
            assert scala.run(code % view, kind)["status"] == "ok"


def test_text_of_a_future_belongs_to_the_statement(scala):
    assert scala.text("""
import scala.concurrent._, duration._, ExecutionContext.Implicits.global
Await.result(Future { println("in future") }, 5.seconds)"""
                      ).endswith("in future\n")
    assert without_val(scala.text("val nothing = 0")) == "nothing: Int = 0\n"


def test_the_job_group_is_the_statements_number(scala):
    number = scala.submit("println(sc.getLocalProperty(\"spark.jobGroup.id\""
                          "))")

    assert scala.result(number)["output"]["data"]["text/plain"] == \
        "%d\n" % number


def test_progress_counts_tasks(scala):
    number = scala.running(
        "sc.parallelize(1 to 8, 8).map { i => Thread.sleep(1500); i }.count()")
    seen = set()
    while True:
        view = scala.get("/v1/statements/%d?wait=1&since=0" % number)
        seen.add(view["progress"])
        if view["state"] == "available":
            break

    assert any(0 < p < 1 for p in seen), seen
    assert view["progress"] == 1.0


def test_a_hundred_thousand_lines(scala):
    assert scala.text("for (i <- 1 to 100000) println(i)").count("\n") == \
        100000


def test_a_flood_is_cut_and_says_so(scala):
    text = scala.text("val line = \"x\" * 999\n"
                      "for (i <- 1 to 30000) println(line)")

    assert 16 << 20 <= len(text) < (16 << 20) + 2000
    assert "bytes are missing" in text[-200:]


def test_recursion(scala):
    assert "StackOverflowError" in scala.error(
        "def r(x: Int): Int = 1 + r(x)\nr(1)")["evalue"]
    assert scala.text("println(1)") == "1\n"


def test_a_hundred_kilobytes_of_code(scala):
    body = "\n".join("  def m%d(x: Int): String = \"%s\" + x"
                     % (i, "z" * 60) for i in range(1100))

    assert scala.text("object Big {\n%s\n}\nprintln(Big.m7(1).length)"
                      % body).endswith("61\n")


def test_completion(scala):
    def complete(code, cursor):
        return scala.post("/v1/completion", {
            "code": code, "kind": "scala", "cursor": cursor})["candidates"]

    assert complete("sc.para", 7) == ["parallelize"]
    assert "map" in complete("List(1).ma", 10)
    assert complete("zzzqqq", 6) == []
    assert complete("", 0) is not None
