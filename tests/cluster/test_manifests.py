"""Every manifest that is rendered passes the API server: those that the unit
tests compare with, and a matrix of templates and requests. Strict, so a field
that the custom resource does not have is an error."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from rig import BUILD, SANITIZERS, SRC
from test_conformance import server  # noqa: F401

sys.path.insert(0, str(SRC / "tests" / "api"))

from test_config import minimal  # noqa: E402
from test_templates import CHILD, ODD, RULES, URIS  # noqa: E402

GOLDEN = sorted((SRC / "tests/golden/render").glob("*.manifest.json"))
KINDS = [kind for kind in ("batch", "session")
         if (SRC / f"conf/templates/{kind}.cfg").exists()]
# Those that a test with templates of its own renders, test_templates offers.
DYNAMIC = {"spark.dynamicAllocation.enabled": "true"}
REQUESTS = {
    "nothing": {},
    "sizes": {"driverMemory": "2g", "driverCores": 2, "executorMemory": "1g",
              "executorCores": 3, "numExecutors": 4},
    "files": {"jars": URIS, "pyFiles": URIS, "files": URIS,
              "archives": URIS},
    "odd values": {"conf": ODD, "name": 'a "name" ü'},
    "a session's own": {"kind": "sparkr", "ttl": "5m", "idleTimeout": 70,
                        "heartbeatTimeoutInSecond": 3},
    "a batch's own": {"className": "a.b.C", "args": ["1", "zwei ${x} é"]},
    "a queue": {"queue": "gpu-1"},
    "dynamic": {"conf": DYNAMIC},
    "dynamic from none": {"conf": DYNAMIC | {
        "spark.dynamicAllocation.initialExecutors": "0",
        "spark.dynamicAllocation.minExecutors": "0",
        "spark.dynamicAllocation.maxExecutors": "7",
        "spark.dynamicAllocation.shuffleTracking.enabled": "false"}},
    "dynamic and a number": {"conf": DYNAMIC, "numExecutors": 3},
    "dynamic and 0": {"conf": DYNAMIC, "numExecutors": 0},
    "conf keys": {"conf": {
        "spark.driver.memory": "2g", "spark.driver.cores": "2",
        "spark.driver.memoryOverhead": "512m",
        "spark.executor.memoryOverhead": "512",
        "spark.executor.instances": "2",
        "spark.kubernetes.driver.limit.cores": "1500m",
        "spark.kubernetes.driver.request.cores": "0.5",
        "spark.kubernetes.executor.limit.cores": "2",
        "spark.kubernetes.executor.request.cores": "1",
        "spark.kubernetes.memoryOverheadFactor": "0.3"}},
}


def passes(server, manifest):  # noqa: F811
    manifest["metadata"]["namespace"] = server.ns
    r = server("POST", f"{server.apps}?dryRun=All&fieldValidation=Strict",
               manifest)
    assert r.status_code == 201, r.text
    assert "Warning" not in r.headers
    assert r.json()["spec"] == manifest["spec"]


@pytest.fixture(scope="module")
def render(workdir):
    folder = workdir / "manifests"
    folder.mkdir()
    config = minimal(folder, RULES)
    (folder / "templates").unlink()
    shutil.copytree(SRC / "conf/templates", folder / "templates")
    (folder / "templates/gpu.cfg").write_text(CHILD)

    def rendered(kind, body):
        done = subprocess.run(
            [BUILD / "fcgi/livy-fcgi", "-c", config, "render", kind, "-"],
            input=json.dumps(body), capture_output=True, text=True,
            env=SANITIZERS, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return rendered


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.name)
def test_a_golden_manifest_passes(server, path):  # noqa: F811
    passes(server, json.loads(pathlib.Path(path).read_text()))


@pytest.mark.parametrize("kind, request_name", [
    (kind, name) for kind in KINDS for name in REQUESTS
    if name not in ("a session's own", "a batch's own") or kind in name])
def test_a_rendered_manifest_passes(server, render, kind,  # noqa: F811
                                    request_name):
    body = dict(REQUESTS[request_name])
    if kind == "batch":
        body["file"] = "local:///a.py"

    passes(server, render(kind, body))
