"""Prophecy's real libraries in a session: the jar of Maven Central, the wheel
of PyPI, both by https URL, and the words its diagnostics look for."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from jars import compiled, make_jar
from session import HttpError

JAR = ("https://repo1.maven.org/maven2/io/prophecy/prophecy-libs_2.12/"
       "3.3.0-7.0.21/prophecy-libs_2.12-3.3.0-7.0.21.jar")
WHEEL = "prophecy-libs==2.1.18"


def wheel_url(python):
    """Where pip would take the wheel from."""
    done = subprocess.run(
        [python, "-m", "pip", "install", "--dry-run", "--ignore-installed",
         "--no-deps", "--quiet", "--report", "-", WHEEL],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        pytest.skip("PyPI cannot be reached: %s" % done.stderr.decode()[-200:])
    return json.loads(done.stdout.decode())["install"][0][
        "download_info"]["url"]


# The library of Maven Central is for Scala 2.12.
on_scala_2_12 = pytest.mark.on("spark35")


@pytest.fixture(scope="module")
def session(start, python):
    try:
        urllib.request.urlopen(urllib.request.Request(JAR, method="HEAD"),
                               timeout=20).close()
    except (urllib.error.URLError, OSError) as err:
        pytest.skip("Maven Central cannot be reached: %s" % err)
    tasks = '{"a":"b=c/d+e","q":"\'x\'"}'
    session = start(kind="pyspark", submit=[
        "--jars", JAR, "--py-files", wheel_url(python)], conf={
            "spark.prophecy.tasks": tasks})
    session.tasks = tasks
    session.wait_for("idle")
    return session


@on_scala_2_12
def test_the_wheel_is_on_driver_and_workers(session):
    assert session.text("""
import prophecy
sc.parallelize([0], 1).map(
    lambda _: __import__('prophecy').__name__).collect()
""") == "['prophecy']"


@on_scala_2_12
def test_the_jar_is_a_class_to_py4j_and_not_a_package(session):
    assert session.text("""
from py4j.java_gateway import JavaPackage
type(spark.sparkContext._jvm.org.apache.spark.sql.InterimOutputHive2) \\
    == JavaPackage""") == "False"


@on_scala_2_12
def test_scala_sees_the_jar(session):
    assert session.run("import org.apache.spark.sql.InterimOutputHive2",
                       "spark")["status"] == "ok"


@on_scala_2_12
def test_the_job_group_fits_prophecys_matcher(session):
    number = session.submit("""
matcher = getattr(sc._jvm.org.apache.spark.sql.event,
                  'package$LivyJobGroupMatcher')
group = sc.getLocalProperty('spark.jobGroup.id')
matcher(int(group)).matches(group), int(group)""")

    assert session.result(number)["output"]["data"]["text/plain"] == \
        "(True, %d)" % number
    other = session.submit("""
val group = sc.getLocalProperty("spark.jobGroup.id")
println(org.apache.spark.sql.event.LivyJobGroupMatcher(group.toInt)
  .matches(group))""", "spark")
    assert session.result(other)["output"]["data"]["text/plain"].endswith(
        "true\n")


@on_scala_2_12
def test_conf_values_are_untouched(session):
    assert session.text("print(spark.conf.get('spark.prophecy.tasks'))") == \
        session.tasks


@on_scala_2_12
def test_eighty_kilobytes_of_configuration_and_the_same_session_later(session):
    code = "\n".join("conf_%d = {'k': %r}" % (i, "v" * 60)
                     for i in range(900))
    assert len(code) > 65000
    session.text(code)

    assert session.text("conf_899['k'][:2]") == "'vv'"


@on_scala_2_12
def test_a_long_base64_line_is_whole(session):
    assert session.text("""
import base64, os
data = base64.b64encode(b'x' * 2621440).decode()
print(data)""") == __import__("base64").b64encode(b"x" * 2621440).decode()


@on_scala_2_12
def test_the_words_of_a_missing_python_library(start, session):
    error = session.error("import prophecy_nothing")
    assert "No module named 'prophecy_nothing'" in error["evalue"]


@pytest.mark.both
@pytest.mark.parametrize("kind, code, words", [
    ("spark", "import io.prophecy.libs._",
     ["object prophecy is not a member of package"]),
    ("spark", "def m(a: Int) = a\nm(1, 2)", ["too many arguments",
                                             "for method"]),
    ("spark", "x = [1, 2]", ["illegal start of simple expression"]),
    ("pyspark", "import prophecy", ["No module named", "prophecy"]),
])
def test_prophecys_words_are_found(bare, kind, code, words):
    error = bare.error(code, kind)
    said = error["evalue"] + "".join(error["traceback"])

    for word in words:
        assert word in said


def test_the_words_of_a_jar_built_for_another_version(bare, python,
                                                      kept_folder):
    """What it calls is a class where it was built, and a trait here."""
    there = compiled(python, kept_folder / "there", {
        "Api": "package example.wrong\nclass Api { def number: Int = 1 }",
        "Caller": "package example.wrong\n"
                  "object Caller { def call(api: Api): Int = api.number }"})
    here = compiled(python, kept_folder / "here", {
        "Api": "package example.wrong\ntrait Api { def number: Int = 1 }\n"
               "class Impl extends Api"})
    jar = make_jar(kept_folder / "wrong.jar", here)
    make_jar(jar, there, "example/wrong/Caller*.class")
    bare.post("/v1/add/jar", {"uri": str(jar)})

    scala = bare.error("import example.wrong._\nCaller.call(new Impl)",
                       "spark")
    python = bare.error("api = sc._jvm.example.wrong\n"
                        "api.Caller.call(api.Impl())", "pyspark")

    for error in (scala, python):
        assert "java.lang.IncompatibleClassChangeError" in \
            error["evalue"] + "".join(error["traceback"])


@pytest.mark.both
def test_the_words_of_a_library_path_that_does_not_exist(bare):
    with pytest.raises(HttpError) as refused:
        bare.post("/v1/add/jar", {"uri": "/data/prophecy_libs/x.jar"})

    assert "FileNotFoundException" in refused.value.body["error"]
    assert "prophecy_libs" in refused.value.body["error"]


@pytest.fixture(scope="module")
def bare(shared):
    """A session without the libraries."""
    return shared
