"""Files, Python files and jars that come while the session runs."""

import http.server
import io
import json
import os
import shutil
import threading
import urllib.parse
import zipfile

import pytest
from jars import compiled, make_jar
from session import HttpError


pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def session(cluster):
    return cluster


@pytest.fixture(scope="module")
def web(folder):
    """A web server on loopback that has the folder's files."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://127.0.0.1:%d/" % server.server_address[1]
    server.shutdown()


def upload(session, what, name, content):
    status, body = session.raw("POST", "/v1/upload/%s?name=%s" % (
        what, urllib.parse.quote(name)), content)
    assert status == 200, body


@pytest.fixture(scope="module")
def jars(python, kept_folder, folder):
    """Jars First, Second, Third with an object example.<name> each, whose
    number() is 41. Spark reads an added file whenever an executor starts."""
    classes = compiled(python, kept_folder / "example", {
        name: "package example\nobject %s extends Serializable "
              "{ def number(): Int = 41 }" % name
        for name in ("First", "Second", "Third")})
    made = [make_jar(kept_folder / (name + ".jar"), classes,
                     "example/%s*.class" % name)
            for name in ("First", "Second", "Third")]
    shutil.copy(str(made[1]), str(folder))      # for the web
    return made


def test_an_uploaded_file_is_in_spark_files_at_once(session):
    upload(session, "file", "näme 1.txt", "hello".encode())

    assert session.text("""
from pyspark import SparkFiles
open(SparkFiles.get('näme 1.txt')).read()""", "pyspark") == "'hello'"
    assert session.text("""
sc.parallelize([0, 1], 2).map(
    lambda _: open(SparkFiles.get('näme 1.txt')).read()).collect()""",
                        "pyspark") == "['hello', 'hello']"


def test_the_same_name_with_other_content_is_refused(session):
    upload(session, "file", "same.txt", b"one")
    upload(session, "file", "same.txt", b"one")

    status, body = session.raw("POST", "/v1/upload/file?name=same.txt",
                               b"two")

    assert status == 400 and "other content" in json.loads(body)["error"]


def test_python_files_are_seen_by_kernel_and_workers(session, kept_folder):
    upload(session, "pyfile", "up_module.py", b"value = 1\n")
    archive = kept_folder / "zipped.zip"
    with zipfile.ZipFile(str(archive), "w") as out:
        out.writestr("zip_module.py", "value = 2\n")
    session.post("/v1/add/pyfile", {"uri": str(archive)})
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as out:
        out.writestr("wheel_module.py", "value = 3\n")
    upload(session, "pyfile", "wheel_module-1.0-py3-none-any.whl",
           wheel.getvalue())

    code = """
def values(_):
    import up_module, zip_module, wheel_module
    return up_module.value, zip_module.value, wheel_module.value
values(0), sc.parallelize([0], 1).map(values).collect()"""
    assert session.text(code, "pyspark") == "((1, 2, 3), [(1, 2, 3)])"

    session.run("import os; os._exit(1)", "pyspark")

    assert session.text(code, "pyspark") == "((1, 2, 3), [(1, 2, 3)])"


def test_a_python_file_while_a_statement_runs(session):
    number = session.running("import time; time.sleep(1)", "pyspark")

    upload(session, "pyfile", "meanwhile.py", b"value = 4\n")

    session.result(number)
    assert session.text("import meanwhile; meanwhile.value", "pyspark") == "4"


def test_a_jar_is_seen_by_py4j_scala_and_executors(session, jars, web):
    first, second, _ = jars
    session.post("/v1/add/jar", {"uri": "file://%s" % first})
    session.text("val warm = 1", "spark")
    session.post("/v1/add/jar", {"uri": web + second.name})

    for name in ("First", "Second"):
        assert session.text("sc._jvm.example.%s.number() + 1" % name,
                            "pyspark") == "42"
        assert session.text(
            "println(sc.parallelize(1 to 2, 2).map(_ + example.%s.number())"
            ".sum)" % name, "spark") == "85.0\n"


def test_a_jar_is_uploaded_while_a_scala_statement_runs(session, jars):
    jar = jars[2]
    number = session.running("Thread.sleep(600000)", "spark")

    upload(session, "jar", jar.name, jar.read_bytes())

    assert session.get("/v1/statements/%d" % number)["state"] == "running"
    session.cancel(number)
    assert session.text("println(example.Third.number())", "spark") == "41\n"


def test_what_cannot_be_had_is_refused(session, web):
    for uri in ("/no/such", web + "missing.jar", "nofs://x/y.jar"):
        with pytest.raises(HttpError) as refused:
            session.post("/v1/add/jar", {"uri": uri})
        assert refused.value.status == 400
    assert session.text("1", "pyspark") == "1"
    assert os.path.exists(str(session.folder))
