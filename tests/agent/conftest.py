"""Which pythons the agent is tested with, and sessions on them."""

import os
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import session as agent_session  # noqa: E402

PYTHONS = {"spark35": "LIVY_AGENT_PYTHON35", "spark41": "LIVY_AGENT_PYTHON41"}
FULL = os.environ.get("LIVY_TEST_FULL", "1") == "1"


def pytest_generate_tests(metafunc):
    """What needs Spark runs on each version of it, one after the other; not
    in full, only what is marked so does, and the rest on the first."""
    if "python" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("on")
    if only:
        names = list(only.args)
    elif FULL or metafunc.definition.get_closest_marker("both"):
        names = list(PYTHONS)
    elif metafunc.definition.get_closest_marker("latest"):
        names = list(PYTHONS)[-1:]
    else:
        names = list(PYTHONS)[:1]
    metafunc.parametrize("python", names, indirect=True, scope="session")


# Their tests start sessions of their own, and mostly wait.
ALONE = ("test_life.py", "test_survival.py", "test_r.py")


def part_of(node_id):
    """What of the suite a test belongs to: (its file, if that goes by itself,
    the version of Spark). One process runs a part: it shares sessions."""
    path, _, test = node_id.partition("::")
    name = path.rpartition("/")[2]
    version = re.search(r"\[(spark\d+)", test)
    version = version.group(1) if version else ""
    return name if name in ALONE or not version else "", version


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """All of a part before all of the next, the long ones first."""
    items.sort(key=lambda item: part_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return part_of(nodeid)

    return Parts(config, log)


@pytest.fixture(scope="session")
def python(request):
    """The python of a virtual environment with that pyspark."""
    variable = PYTHONS[request.param]
    path = os.environ.get(variable, "")
    if not path:
        pytest.skip("%s names no python with pyspark" % variable)
    if not os.access(path, os.X_OK):
        pytest.fail("%s: %s is no python" % (variable, path))
    return path


@pytest.fixture(scope="session")
def old(python):
    """Whether it is Spark 3.5, with Scala 2.12."""
    return python == os.environ.get(PYTHONS["spark35"])


def make_folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="la-", dir="/tmp"))
    yield path
    shutil.rmtree(str(path), ignore_errors=True)


# A JVM that lives for a minute has no use for its best code.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
CONF = {"spark.driver.extraJavaOptions": QUICK,
        "spark.executor.extraJavaOptions": QUICK}


def starter(python, folder):
    """Starts sessions, and in the end closes them."""
    made = []

    def go(conf=None, **more):
        more["conf"] = dict(CONF, **(conf or {}))
        path = folder / ("s%d-%d" % (id(made) % 100000, len(made)))
        made.append(agent_session.Session(python, path, **more))
        return made[-1]

    yield go
    for session in made:
        session.close()


folder = pytest.fixture(scope="module", name="folder")(make_folder)
start = pytest.fixture(scope="module", name="start")(starter)


@pytest.fixture(scope="session")
def kept_folder(python):
    """One for each version of Spark."""
    yield from make_folder()


@pytest.fixture(scope="session")
def keep(python, kept_folder):
    yield from starter(python, kept_folder)


# A start of Spark is the slowest part of most tests: what leaves a session
# as it was shares two of them.

@pytest.fixture(scope="session")
def shared(keep):
    """A session of kind shared."""
    session = keep(kind="shared", cancel_grace="2s")
    session.wait_for("idle")
    return session


@pytest.fixture(scope="session")
def cluster(keep):
    """One of kind spark, with executors in JVMs of their own."""
    session = keep(kind="spark", master="local-cluster[2,1,1024]", conf={
        "spark.executor.memory": "512m", "spark.cores.max": "2"})
    session.wait_for("idle")
    return session
