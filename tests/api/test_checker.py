"""Nothing lost, nothing twice, whoever is killed. The full size is a command:
tests/checker.py --creates 2000."""

import pytest

import checker
from rig import TIER

SIZE = {"api": (300, 20), "cluster": (500, 60)}


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
