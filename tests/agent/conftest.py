"""Which pythons the agent is tested with, and sessions on them."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import session as agent_session  # noqa: E402

PYTHONS = {"spark35": "LIVY_AGENT_PYTHON35", "spark41": "LIVY_AGENT_PYTHON41"}


def pytest_generate_tests(metafunc):
    """Every test that needs Spark runs on each version of it, one version
    after the other."""
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", list(PYTHONS), indirect=True,
                             scope="session")


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


@pytest.fixture(scope="module")
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="la-", dir="/tmp"))
    yield path
    shutil.rmtree(str(path), ignore_errors=True)


@pytest.fixture(scope="module")
def start(python, folder):
    """Starts sessions; the module's end closes them."""
    made = []

    def go(**more):
        path = folder / ("s%d-%d" % (id(made) % 100000, len(made)))
        made.append(agent_session.Session(python, path, **more))
        return made[-1]

    yield go
    for session in made:
        session.close()


@pytest.fixture(scope="module")
def shared(start):
    """One session of kind shared for the whole module."""
    session = start(kind="shared")
    session.wait_for("idle")
    return session
