"""A cluster whose image has real Spark, and a gateway before it."""

import os
import pathlib

import pytest

import rig
from rig import TIER


def spark_home():
    return pathlib.Path(os.environ["LIVY_TEST_SPARK_HOME"])


@pytest.fixture(scope="session")
def spark_cluster(session_maker, request):
    if TIER == "cluster":
        return request.getfixturevalue("cluster")
    return session_maker.cluster(images=rig.spark_images(spark_home()),
                                 image=rig.SPARK_IMAGE)


@pytest.fixture(scope="session")
def spark_gateway(session_maker, spark_cluster):
    return session_maker.gateway(spark_cluster, settings={
        "gateway": "spark", "logs.lines": 10000})


@pytest.fixture(scope="session")
def jar():
    """The path of one of Spark's own jars inside the image."""
    def path(name):
        if TIER == "cluster":
            version = os.environ.get("LIVY_TEST_SPARK_VERSION", "3.5.9")
            return f"local:///opt/spark/jars/{name}_2.12-{version}.jar"
        found, = spark_home().glob(f"jars/{name}_2.*.jar")
        return f"local://{found}"
    return path
