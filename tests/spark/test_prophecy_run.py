"""A run of Prophecy's, call by call: its fabric's test of the connection, a
cluster attached with its real libraries, pipelines, errors, and the end. The
steps of one session stand in their order."""

import base64
import copy
import gzip
import io
import json
import random
import secrets
import zipfile

import pytest

from pipelines import EVENTS, INITIAL, LAUNCHER, ORDERS, PIPELINE, RUN
from procs import wait_for
from prophecy import Server, libraries
from repl import Session

pytestmark = [pytest.mark.local, pytest.mark.steps]
SLOW = 300      # seconds that a start may take on a busy machine

# A JVM that lives for a minute has no use for its best code.
QUICK = {"spark.driver.extraJavaOptions":
         "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
         "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2"}
SIZE = {"driverCores": 1, "driverMemory": "1g", "executorCores": 2,
        "executorMemory": "1500m", "numExecutors": 3, "queue": "default"}
TASKS = {"pipeline": "pipelines/orders", "sql": "a = 'b' AND c <> \"d\\n\"",
         "path": "s3://bucket/a+b/{c}?d=e&f=%20"}
PACKED = base64.b64encode(gzip.compress(json.dumps(TASKS).encode())).decode()
CONF = {
    "spark.dynamicAllocation.enabled": "false",
    "spark.prophecy.tasks": json.dumps(TASKS),
    "spark.prophecy.pipeline.code_0": PACKED,
    "spark.prophecy.pipeline.code_1": "H4sI" + "A+/9" * 10000 + "==",
    "spark.prophecy.packages": "a, 'b' \"c\" $HOME `id` \\ é = ==",
    "spark.prophecy.metadata.pipeline.uri.u-1": "pipelines/orders?a=1&b={}",
    "spark.prophecy.execution.metrics.disabled": "true",
}
INTERIMS = {"id": "r-1", "method": "request/interims", "params": {
    "runId": "run 1", "updatedBy": "ana",
    "filters": {"metricsTableNames": {}}}}


def wheel(name, text):
    """A pipeline's own wheel, as pbt builds it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(f"{name}/__init__.py", text)
        z.writestr(f"{name}-1.0.dist-info/METADATA",
                   f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    return out.getvalue()


@pytest.fixture(scope="module")
def store():
    """Where the fabric's libraries are, over HTTP."""
    try:
        files = libraries()
    except OSError as e:
        pytest.skip(f"the libraries cannot be fetched: {e}")
    server = Server({f"/libs/{name}": data for name, data in files.items()})
    server.files["/jobs/launcher.py"] = LAUNCHER
    server.files["/jobs/orders-1.0-py3-none-any.whl"] = wheel(
        "orders", ORDERS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def service(pki):
    """The execution service, over TLS that Java does not trust."""
    server = Server({}, pki, INTERIMS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def bearer(session_maker, spark_cluster):
    """The gateway as a fabric with a bearer token asks it."""
    return session_maker.gateway(
        spark_cluster, sign_in=("bearer", "mtls"), settings={
            "gateway": "pr" + secrets.token_hex(3),
            "livy.ui_url": "https://spark.example/{id}/jobs/"})


@pytest.fixture(scope="module")
def mtls(bearer):
    """The same as one with a client certificate does."""
    other = copy.copy(bearer)
    other.session = bearer.client(cert="dora")
    return other


def urls(store, end):
    return sorted(store.url + path for path in store.files
                  if path.startswith("/libs/") and path.endswith(end))


def attach(gateway, **body):
    """A cluster of the fabric's job size."""
    body["conf"] = dict(QUICK, **body.get("conf", {}))
    return Session(gateway, dict(SIZE, **body), wait=False)


@pytest.fixture(scope="module")
def broken(bearer, store, service):
    """Sessions whose jar cannot be had; they end while others run."""
    return {name: attach(bearer, kind="spark", jars=[url])
            for name, url in (
                ("absent", store.url + "/prophecy_libs/none.jar"),
                ("untrusted", service.url + "/prophecy_libs/none.jar"))}


@pytest.fixture(scope="module")
def session(bearer, store, service, broken):
    made = attach(
        bearer, kind="pyspark", name="Prophecy ana", jars=urls(store, ".jar"),
        pyFiles=urls(store, ".whl"), conf=dict(CONF, **{
            "spark.prophecy.execution.service.url":
                f"wss://{service.address}/eventws"}))
    yield made
    made.delete()


@pytest.fixture(scope="module")
def scala(mtls):
    made = attach(mtls, kind="spark", name="Prophecy dora")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def orders(mtls, store):
    """A batch, as a scheduler of its own would send it."""
    return mtls.submit(dict(
        SIZE, name="orders", file=store.url + "/jobs/launcher.py",
        pyFiles=[*urls(store, ".whl"),
                 store.url + "/jobs/orders-1.0-py3-none-any.whl"],
        jars=urls(store, ".jar"), args=["-i", "default", "-O", "{}"],
        conf=dict(QUICK, **CONF)))


def run(session, code, kind="pyspark"):
    sid = session.submit(code, body={"kind": kind})
    done = session.result(sid, seconds=SLOW)
    assert done["state"] == "available", done
    return done["output"]


def text(session, code, kind="pyspark"):
    output = run(session, code, kind)
    assert output["status"] == "ok", output
    return output["data"]["text/plain"]


def said(output):
    assert output["status"] == "error", output
    return output["evalue"] + "".join(output["traceback"])


# The fabric

def test_the_connection_is_tested(bearer, mtls):
    for fabric in (bearer, mtls):
        r = fabric.get("/sessions")
        assert (r.status_code, r.json()) == (
            200, {"from": 0, "total": 0, "sessions": []})

    for nobody in (bearer.client(token="wrong"), bearer.client()):
        r = bearer.get("/sessions", session=nobody)
        assert (r.status_code, r.reason) == (401, "Unauthorized")
        assert r.headers["WWW-Authenticate"].startswith("Bearer")
        assert r.headers["Content-Type"].startswith("application/json")
        assert list(r.json()) == ["msg"] and r.json()["msg"]


def test_a_library_path_that_may_not_be_named_is_refused(bearer):
    r = bearer.post("/sessions", {"kind": "pyspark",
                                  "pyFiles": ["/data/prophecy_libs.whl"]})

    assert r.status_code == 400
    assert "cannot be added to user sessions" in r.text
    assert "prophecy_libs" in r.text


# One session of a bearer's

def test_a_cluster_is_attached_and_listed(bearer, session):
    session.wait("idle", seconds=SLOW)

    listed = bearer.get("/sessions?from=0&size=100").json()["sessions"]

    view = bearer.get(session.path).json()
    for mine in [s for s in listed if s["id"] == session.id] + [view]:
        assert {k: mine[k] for k in ("name", "kind", "owner", "state")} == {
            "name": "Prophecy ana", "kind": "pyspark", "owner": "ana",
            "state": "idle"}
    assert len([s for s in listed if s["id"] == session.id]) == 1
    assert view["appInfo"]["sparkUiUrl"] == \
        f"https://spark.example/{session.id}/jobs/"
    assert {k: view[k] for k in SIZE} == SIZE
    assert view["jars"] and len(view["pyFiles"]) == 2


def test_the_job_size_is_the_applications(bearer, session, spark_cluster,
                                          scala, orders):
    """What others need begins here and starts while these steps go on."""
    spec = spark_cluster.kube.app(
        f"livy-{bearer.settings['gateway']}-s-{session.id}")["spec"]

    assert (spec["driver"]["cores"], spec["driver"]["memory"]) == (1, "1g")
    assert (spec["executor"]["cores"], spec["executor"]["memory"],
            spec["executor"]["instances"]) == (2, "1500m", 3)
    assert "dynamicAllocation" not in spec
    assert text(session, "[sc.getConf().get('spark.' + k) for k in "
                "('driver.memory', 'executor.memory', 'executor.cores')]") \
        == "['1g', '1500m', '2']"


def test_unknown_confs_are_unharmed(session):
    code = "import json\nprint(json.dumps(dict((k, v) for k, v in " \
        "sc.getConf().getAll() if k.startswith('spark.prophecy.'))))"

    seen = json.loads(text(session, code))

    assert {k: seen.get(k) for k in CONF if "prophecy" in k} == {
        k: v for k, v in CONF.items() if "prophecy" in k}
    assert json.loads(gzip.decompress(base64.b64decode(text(
        session, "print(spark.conf.get("
        "'spark.prophecy.pipeline.code_0'))")))) == TASKS


def test_the_libraries_are_on_driver_executors_and_in_the_jvm(session):
    assert text(session, "import prophecy, websocket\n"
                "sc.parallelize([0], 1).map(lambda _: "
                "__import__('prophecy').__file__).first().split('/')[-2:]") \
        == "['prophecy', '__init__.py']"
    assert text(session, "from prophecy.utils.utils import *\n"
                "interimConfig.initialize(spark, 'u-1')\n"
                "interimConfig.interimOutput.getClass().getName()") == \
        "'org.apache.spark.sql.InterimOutputHive2'"
    assert text(session, """println(sc.parallelize(Seq(0), 1).map(_ =>
  Class.forName("org.apache.spark.sql.InterimOutputHive2").getName).first)""",
                "spark") == "org.apache.spark.sql.InterimOutputHive2\n"


def test_eighty_kilobytes_of_configuration(session):
    fields = "\n".join(f"    field_{i} = {{'k': {'v' * 60 + str(i)!r}}}"
                       for i in range(1000))
    code = f"class Config:\n    factor = 2\n{fields}\n"
    assert len(code) > 80000

    text(session, code)

    assert text(session, "Config.field_999['k'][-4:]") == "'v999'"


def rows(session):
    payload = json.loads(base64.b64decode(text(session, RUN)))
    assert [f["name"] for f in json.loads(payload["schema"])["fields"]] == [
        "customer", "total"]
    return [(row["customer"], int(row["total"]))
            for row in json.loads(payload["data"])]


def test_a_pipeline_gives_rows(session):
    text(session, "from prophecy.utils.datasampleloader import "
         "DataSampleLoaderLib\n" + PIPELINE)

    assert rows(session) == [("a", 2 * 2550), ("b", 2 * 2500)]


def test_the_second_run_needs_no_code_again(session):
    text(session, "Config.factor = 3")

    assert rows(session) == [("a", 3 * 2550), ("b", 3 * 2500)]


def test_the_drivers_event_socket_is_answered(session, service, pki):
    ca = (pki / "ca.crt").read_text()

    text(session, f"CA = {ca!r}\n{EVENTS}")

    path, event, answer = service.heard.get(timeout=60)
    assert (path, event) == ("/eventws", {"method": {
        "type": "SparkEventNotification", "msg": "started"}})
    assert answer["id"] == "r-1"
    response = answer["result"]["response"]
    assert response["message"] == "run 1"
    assert "7650" in json.loads(response["rows"][0]["interim"])["data"]


def test_the_job_group_is_the_statements_number(session):
    code = """
MetricsCollector.configure_spark_session(spark, "u-1")
group = MetricsCollector.get_job_group(spark)
matcher = getattr(sc._jvm.org.apache.spark.sql.event,
                  'package$LivyJobGroupMatcher')
sc.parallelize([0]).count()
group, matcher(int(group)).matches(group), \\
    len(sc.statusTracker().getJobIdsForGroup(group))"""
    sid = session.submit(code, body={"kind": "pyspark"})
    assert session.result(sid, seconds=SLOW)["output"]["data"][
        "text/plain"] == f"('{sid}', True, 1)"

    sid = session.submit("""
val group = sc.getLocalProperty("spark.jobGroup.id")
println(group + org.apache.spark.sql.event.LivyJobGroupMatcher(
  group.toInt).matches(group))""", body={"kind": "spark"})
    assert session.result(sid, seconds=SLOW)["output"]["data"][
        "text/plain"].endswith(f"{sid}true\n")


def test_scala_and_sql_share_the_session(session):
    text(session, "pipeline(spark).createOrReplaceTempView('totals')")

    output = run(session, "select sum(total) as t from totals", "sql")

    assert output["data"]["application/json"]["data"] == [[3 * 5050]]
    assert text(session, 'println(spark.table("totals").count)',
                "spark") == "2\n"


def test_two_and_a_half_mebibytes_are_unharmed(session):
    size = (5 << 19) * 3 // 4
    printed = text(session, "import base64, random\nprint(base64.b64encode("
                   f"random.Random(7).randbytes({size})).decode())")

    whole = printed == base64.b64encode(
        random.Random(7).randbytes(size)).decode()
    assert whole, len(printed)


def test_a_missing_library_is_told_in_pythons_words(session):
    words = said(run(session, "from prophecy_gems import orders"))

    assert "No module named" in words and "prophecy" in words
    assert "too many arguments" in said(run(
        session, "def m(a: Int) = a\nm(1, 2)", "spark"))
    assert "illegal start of simple expression" in said(run(
        session, "x = [1, 2]", "spark"))


def test_a_run_is_cancelled_and_the_session_goes_on(bearer, session):
    sid = session.submit(
        "import time\nsc.parallelize(range(3), 3).map("
        "lambda x: time.sleep(600 * (x > 0))).count()",
        body={"kind": "pyspark"})
    wait_for("progress",
             lambda: 0 < session.get(sid).json()["progress"] < 1, SLOW)

    r = bearer.post(f"{session.path}/statements/{sid}/cancel", {})

    assert (r.status_code, r.json()) == (200, {"msg": "canceled"})
    assert session.result(sid, seconds=SLOW)["state"] == "cancelled"
    session.wait("idle", seconds=SLOW)
    assert rows(session) == [("a", 3 * 2550), ("b", 3 * 2500)]


def test_the_log_is_the_drivers(bearer, session):
    text(session, "sc._jvm.java.lang.System.err.println('orders are done')")

    def lines():
        r = bearer.get(f"{session.path}/log?from=-1&size=100")
        assert r.status_code == 200 and r.json()["id"] == session.id
        return "orders are done" in r.json()["log"]
    wait_for("the line", lines)


def test_the_cluster_is_detached(bearer, session):
    r = session.delete()

    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})
    assert bearer.get(session.path).status_code == 404
    assert session.post("1").status_code == 404


# What else a fabric runs, signed in by a certificate

def test_scala_after_an_initial_block(mtls, scala):
    scala.wait("idle", seconds=SLOW)
    assert mtls.get(scala.path).json()["owner"] == "dora"
    text(scala, INITIAL, "spark")

    assert text(scala, """val in = Initial.source(spark, Initial.Config(4))
println(in.agg(sum("amount")).first.getLong(0))""", "spark").endswith(
        "220\n")
    assert "object prophecy is not a member of package" in said(
        run(scala, "import io.prophecy.libs._", "spark"))
    assert text(scala, "println(in.count)", "spark") == "10\n"


def test_a_batch_has_prophecys_arguments(mtls, orders):
    mtls.wait_state(orders["id"], "success", seconds=SLOW)

    assert orders["owner"] == "dora"
    assert 'orders ["default", {}, 7]' in mtls.log_lines(orders["id"])


@pytest.mark.parametrize("case, words", [
    ("absent", ["FileNotFoundException", "prophecy_libs"]),
    ("untrusted", ["javax.net.ssl.SSLHandshakeException",
                   "PKIX path building failed"])])
def test_a_jar_that_cannot_be_had_is_in_the_log(case, words, bearer, broken):
    session = broken[case]

    session.wait("dead", seconds=SLOW)

    def told():
        log = bearer.get(f"{session.path}/log?from=0&size=1000").json()["log"]
        return all(word in "\n".join(log) for word in (
            *words, "org.apache.spark.deploy.SparkSubmit.main("
            "SparkSubmit.scala)"))
    wait_for("Prophecy's words in the log", told, SLOW)
    assert session.delete().status_code == 200
