"""Fixtures and bookkeeping of the api, spark and cluster tiers."""

import json
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pki as pki_maker  # noqa: E402
import rig  # noqa: E402
from maker import Maker, logs  # noqa: E402
from rig import TIER  # noqa: E402


@pytest.fixture(scope="session")
def workdir():
    """A short path: a unix socket's is bounded."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="lt-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pki(workdir):
    return pki_maker.make_ca(workdir / "pki")


@pytest.fixture(scope="session")
def session_maker(workdir, pki):
    maker = Maker(workdir, pki)
    yield maker
    maker.end()


@pytest.fixture
def maker(workdir, pki):
    """For tests that break their cluster or gateway."""
    maker = Maker(workdir, pki)
    yield maker
    maker.end()


# Tests that leave things as they were share one cluster and one gateway.

@pytest.fixture(scope="session")
def cluster(session_maker, workdir):
    if TIER != "cluster":
        return session_maker.cluster()
    return session_maker.keep(rig.RealCluster(
        workdir / "real", os.environ["LIVY_TEST_KUBECONFIG"]))


@pytest.fixture(scope="session")
def gateway(session_maker, cluster):
    return session_maker.gateway(
        cluster, settings={"livy.local_dirs": [str(rig.JOBS)]})


@pytest.fixture(scope="module")
def faulty(session_maker):
    """For a file whose faults would hurt others. There is no operator, so
    what is created stays as it is."""
    cluster = session_maker.cluster()
    cluster.localspark.stop()
    return cluster


@pytest.fixture(scope="session")
def job():
    """The path of a test's main file, as the driver's image sees it."""
    return lambda name: f"{rig.JOBS_URI}/{name}"


def pytest_runtest_setup(item):
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")


# Results go to a file that tests/run counts.

def test_id(node_id):
    """tier/file::test, the tier of this run before a file of another."""
    path, _, rest = node_id.partition("::")
    path = path.removesuffix(".py")
    if not path.startswith(TIER + "/"):
        path = f"{TIER}/{path}"
    return f"{path}::{rest}"


def record(node_id, outcome, detail="", said="", again=None):
    """again: what has to be run if it is to be run again."""
    path = os.environ.get("LIVY_TEST_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps([test_id(node_id), outcome, detail,
                                again or node_id, said]) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    state = item.stash.setdefault(OUTCOME, {"since": call.start})
    if report.failed:
        said = logs(state["since"] - 1)     # tests/run shows it
        printed = "".join(f"printed: {line}\n" for line in (
            report.capstdout + report.capstderr).splitlines()[-20:])
        state.setdefault("failed", (
            f"{printed}{report.when}: {report.longrepr}", said))
    elif report.skipped:
        state["skipped"] = str(report.longrepr[-1]) if isinstance(
            report.longrepr, tuple) else str(report.longrepr)
    if report.when == "teardown":
        if "failed" in state:
            record(item.nodeid, "failed", *state["failed"],
                   item.nodeid.partition("::")[0]
                   if item.get_closest_marker("steps") else None)
        elif "skipped" in state:
            record(item.nodeid, "skipped", state["skipped"])
        else:
            record(item.nodeid, "passed")


def pytest_collectreport(report):
    if report.failed:
        record(report.nodeid or "collection", "failed",
               str(report.longrepr))


OUTCOME = pytest.StashKey[dict]()
