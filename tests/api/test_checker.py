"""Nothing lost, nothing twice, whoever is killed. Other sizes and seeds are a
command: tests/checker.py --creates 10000 --seed 5."""

import pytest

import checker
from rig import TIER

SIZE = {"api": (2000, 60), "cluster": (500, 60)}


@pytest.fixture
def victim(maker, request):
    """On a real API server, that one lives on."""
    if TIER == "cluster":
        return request.getfixturevalue("cluster")
    cluster = maker.cluster()
    cluster.localspark.stop()
    return cluster


def test_nothing_is_lost_and_nothing_is_there_twice(maker, victim, job):
    creates, seconds = SIZE[TIER]

    problems = checker.check(maker, victim, job("lines.py"), creates,
                             seconds, seed=4)

    assert problems == []
