"""Statements of sessions through the gateway, with an agent that has the real
one's HTTP side over a small interpreter."""

import time

import pytest

import sessions
from procs import wait_for
from sessions import Session

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def gateway(session_maker, cluster, workdir):
    return session_maker.gateway(cluster, settings=sessions.settings(workdir))


@pytest.fixture(scope="module")
def session(gateway):
    return Session(gateway)


def test_a_statement_runs_and_its_result_is_read(session):
    r = session.post("1+1")

    assert r.status_code == 201
    assert list(r.json()) == ["id", "code", "state", "output", "progress",
                              "started", "completed"]
    done = session.result(r.json()["id"])
    assert done["output"] == {"status": "ok",
                              "execution_count": done["id"],
                              "data": {"text/plain": "2"}}
    assert done["code"] == "1+1" and done["progress"] == 1.0
    assert 0 < done["started"] <= done["completed"]
    session.wait("idle")
