"""Batches of real Spark: on the local cluster, or on any."""

import collections
import json
import os

import pytest

from procs import wait_for

TEXT = "/usr/share/common-licenses/GPL-3"
SLOW = 300      # seconds that a start may take on a busy machine


def line_of(gateway, batch, start):
    gateway.wait_line(batch, start, SLOW)
    return next(x for x in gateway.log_lines(batch) if x.startswith(start))


def run(gateway, state="success", **body):
    batch = gateway.submit(body)["id"]
    gateway.wait_state(batch, state, seconds=SLOW)
    return batch


def test_the_words_of_a_text_are_counted(spark_gateway, job):
    with open(TEXT, encoding="utf-8") as f:
        words = collections.Counter(f.read().lower().split())
    top = sorted(words.items(), key=lambda x: (-x[1], x[0]))[:10]

    batch = run(spark_gateway, file=job("wordcount.py"), args=[TEXT],
                pyFiles=[job("lib/counting.py")], name="words")

    result = json.loads(line_of(spark_gateway, batch, "result ")[7:])
    assert result == {"total": sum(words.values()),
                      "top": [list(x) for x in top]}


def test_an_exception_makes_a_dead_batch_with_its_traceback(
        spark_gateway, job):
    batch = run(spark_gateway, "dead", file=job("throws.py"))

    spark_gateway.wait_line(batch, "ValueError: thrown on purpose", SLOW)
    assert "10" in spark_gateway.log_lines(batch)


@pytest.mark.parametrize("status, state", [(0, "success"), (1, "dead"),
                                           (3, "dead")])
def test_the_exit_status_decides(status, state, spark_gateway, job):
    batch = run(spark_gateway, state, file=job("lines.py"),
                args=["1", str(status)])

    spark_gateway.wait_line(batch, "line 0", SLOW)
    if status:
        text = "\n".join(spark_gateway.log_lines(batch))
        assert f"ExitCode: {status}" in text or \
            f"exit code {status}" in text.lower(), text


def test_a_missing_main_file_is_dead(spark_gateway, job):
    batch = run(spark_gateway, "dead", file=job("absent.py"))

    spark_gateway.wait_line(batch, "absent.py", SLOW)


def test_conf_and_arguments_reach_the_job(spark_gateway, job):
    args = ["plain", "two words", "'single' \"double\"", "$HOME `id` \\n",
            "é 漢字 🎉", "--conf", "a=b", "${file}", "{{x}}", "", "*"]
    conf = {"spark.livy.test": "a value, with 'quotes' and = é",
            "spark.sql.shuffle.partitions": "3"}

    batch = run(spark_gateway, file=job("sparkconf.py"), args=args, conf=conf,
                driverMemory="700m")

    seen = json.loads(line_of(spark_gateway, batch, "conf=")[5:])
    assert json.loads(line_of(spark_gateway, batch, "args=")[5:]) == args
    assert {k: seen.get(k) for k in conf} == conf
    assert seen["spark.driver.memory"] == "700m"


@pytest.mark.local
def test_s3_is_what_s3a_is(spark_gateway, job):
    """Stock PySpark lacks that client, and says which one it looked for."""
    batch = spark_gateway.submit({"file": job("lines.py"), "args": ["1"],
                                  "jars": ["s3://bucket/a.jar"]})["id"]
    spark_gateway.wait_state(batch, "dead", seconds=SLOW)

    spark_gateway.wait_line(batch, "S3AFileSystem not found", SLOW)


def test_a_running_driver_is_ended_by_delete(spark_gateway, spark_cluster,
                                             job):
    batch = spark_gateway.submit({"file": job("long.py")})["id"]
    spark_gateway.wait_state(batch, "running", seconds=SLOW)
    spark_gateway.wait_line(batch, "spark is up", SLOW)
    pod = f"{spark_gateway.object_name(batch)}-driver"
    assert pod in spark_cluster.kube.names("pods")

    assert spark_gateway.delete(f"/batches/{batch}").status_code == 200

    assert spark_gateway.get(f"/batches/{batch}").status_code == 404
    wait_for("the driver pod to go",
             lambda: pod not in spark_cluster.kube.names("pods"))


def test_the_app_id_is_the_drivers_label(spark_gateway, spark_cluster, job):
    batch = run(spark_gateway, file=job("lines.py"), args=["1"])
    pod = spark_cluster.kube.get(spark_cluster.kube.path(
        "pods", f"{spark_gateway.object_name(batch)}-driver"))

    assert spark_gateway.get(f"/batches/{batch}").json()["appId"] == \
        pod["metadata"]["labels"]["spark-app-selector"]


def test_the_drivers_log_pages(spark_gateway, job):
    batch = run(spark_gateway, file=job("lines.py"), args=["120"])
    spark_gateway.wait_line(batch, "line 119", SLOW)
    lines = spark_gateway.log_lines(batch)
    first = lines.index("line 0")

    page = spark_gateway.get(
        f"/batches/{batch}/log?from={first + 5}&size=3").json()

    assert page["log"] == ["line 5", "line 6", "line 7"]


def test_a_class_of_a_jar_runs(spark_gateway, jar):
    """A generator of test data in Spark's own jars is a whole Spark job."""
    name = "org.apache.spark.mllib.util.KMeansDataGenerator"

    batch = run(spark_gateway, file=jar("spark-mllib"), className=name,
                args=["local[1]", f"/tmp/points-{os.getpid()}", 20, 2, 2,
                      1.0, 1])
    run(spark_gateway, "dead", file=jar("spark-mllib"), className=name)

    assert spark_gateway.get(f"/batches/{batch}/state").json() == {
        "id": batch, "state": "success"}


def test_a_class_that_is_not_there_is_dead(spark_gateway, jar):
    batch = run(spark_gateway, "dead", file=jar("spark-mllib"),
                className="no.such.Class")

    spark_gateway.wait_line(batch, "no.such.Class", SLOW)
