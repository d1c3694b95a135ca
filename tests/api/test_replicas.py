"""Two gateways with one id, as two pods of one deployment are."""

import concurrent.futures
import itertools

import pytest

from procs import wait_for

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def pair(session_maker):
    cluster = session_maker.cluster()
    return cluster, [session_maker.gateway(cluster, settings={
        "gateway": "pair"}) for _ in range(2)]


def test_creates_at_once_get_ids_of_their_own(pair, job):
    cluster, gateways = pair
    body = {"file": job("lines.py"), "args": ["0"]}
    targets = list(itertools.islice(itertools.cycle(gateways), 16))

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda g: g.post(
            "/batches", body, session=g.client(token=g.token)), targets))

    ids = [r.json()["id"] for r in replies if r.status_code == 201]
    assert len(ids) == len(set(ids)) >= 8
    assert {r.status_code for r in replies} <= {201, 503}
    assert sorted(cluster.kube.apps()) == sorted(
        f"livy-pair-b-{i}" for i in ids)


def test_a_batch_of_the_other_is_never_a_false_404(pair, job):
    cluster, (one, other) = pair
    cluster.faults({"method": "GET", "path": "watch", "fault": "watch-delay",
                    "ms": 2000})
    try:
        for _ in range(5):
            batch = one.submit({"file": job("lines.py"),
                                "args": ["0"]})["id"]
            assert other.get(f"/batches/{batch}").status_code == 200
            assert other.state(batch)
    finally:
        cluster.clear_faults()


def test_what_one_deletes_is_gone_at_the_other(pair, job):
    _, (one, other) = pair
    batch = one.submit({"file": job("lines.py"), "args": ["0"]})["id"]
    one.wait_state(batch, "success")

    assert other.delete(f"/batches/{batch}").status_code == 200

    assert other.get(f"/batches/{batch}").status_code == 404
    wait_for("the first to know", lambda: one.get(
        f"/batches/{batch}").status_code == 404)


def test_a_gateway_of_another_id_sees_nothing_of_it(pair, maker, job):
    cluster, (one, _) = pair
    stranger = maker.gateway(cluster, settings={"gateway": "stranger"})
    batch = one.submit({"file": job("lines.py"), "args": ["0"]})["id"]

    assert stranger.get("/batches").json()["total"] == 0
    assert stranger.get(f"/batches/{batch}").status_code == 404
    assert stranger.delete(f"/batches/{batch}").status_code == 404
    assert one.get(f"/batches/{batch}").status_code == 200
