"""dbt with the adapter dbt-spark-livy from PyPI, unmodified, through nginx
with TLS and a password."""

import pathlib
import tempfile
import textwrap

import pytest

from clients import Client
from environments import interpreter
from procs import give

pytestmark = pytest.mark.local

PROJECT = {
    "dbt_project.yml": """
        name: shop
        version: 1.0.0
        config-version: 2
        profile: livy
        models: {shop: {+file_format: parquet}}
        seeds: {shop: {+file_format: parquet}}
        """,
    "seeds/orders.csv": "id,who,paid\n1,ana,2.5\n2,zoë,4\n3,ana,\n",
    "models/payers.sql": """
        {{ config(materialized='table') }}
        select who, count(*) as orders, sum(paid) as paid
        from {{ ref('orders') }} group by who
        """,
    "models/ana.sql": "select * from {{ ref('payers') }} where who = 'ana'",
    "models/schema.yml": """
        version: 2
        models:
          - name: payers
            columns:
              - {name: who, tests: [unique, not_null]}
          - name: ana
            columns:
              - name: orders
                tests: [{accepted_values: {values: [2], quote: false}}]
        """,
    "tests/paid_is_known.sql":
        "select * from {{ ref('payers') }} where paid is null or paid > 4",
}


@pytest.fixture
def dbt(spark_gateway, workdir):
    if not interpreter("dbt"):
        pytest.skip("no Python 3.9 that the tests' user can run")
    client = Client(workdir / "dbt", "dbt", "dbt_client", spark_gateway)

    def run(files, *arguments):
        project = pathlib.Path(tempfile.mkdtemp(dir=client.folder))
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip())
        give(project, *project.rglob("*"))
        return client.do("dbt", project=str(project), arguments=arguments)
    yield run
    client.stop()


def sessions(gateway):
    return {s["id"] for s in gateway.get("/sessions").json()["sessions"]}


def test_a_build_loads_makes_and_tests(dbt, spark_gateway):
    before = sessions(spark_gateway)

    done = dbt(PROJECT, "build")

    assert done["status"] == 0, done["said"]
    assert done["results"] == {
        "orders": ["success", "INSERT 3"],
        "payers": ["success", "OK"], "ana": ["success", "OK"],
        "unique_payers_who": ["pass", None],
        "not_null_payers_who": ["pass", None],
        "accepted_values_ana_orders__False__2": ["pass", None],
        "paid_is_known": ["pass", None]}
    assert sessions(spark_gateway) <= before


def test_a_broken_model_shows_what_spark_says(dbt, spark_gateway):
    before = sessions(spark_gateway)

    done = dbt({
        "dbt_project.yml": PROJECT["dbt_project.yml"],
        "models/unknown.sql": "select no_such_column from (select 1 as one)",
        "models/void.sql":
            "{{ config(materialized='table') }} select null as nothing",
        "models/after.sql": "select * from {{ ref('unknown') }}",
    }, "run")

    assert done["status"] == 1, done["said"]
    said = {name: message for name, (status, message) in
            done["results"].items() if status == "error"}
    assert set(said) == {"unknown", "void"}, done["said"]
    assert "Error while executing query: " in said["unknown"]
    assert "`no_such_column` cannot be resolved" in said["unknown"]
    assert "doesn't support the column `nothing`" in said["void"]
    assert done["results"]["after"] == ["skipped", None]
    assert sessions(spark_gateway) <= before
