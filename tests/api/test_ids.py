"""Ids: in order, each once, by compare-and-swap on two replicas at once, and
still so when the counter is lost or others' objects are in the way."""

import time

import pytest

from crowd import client, replica, together
from procs import wait_for

pytestmark = pytest.mark.local

COUNTER = "livy-t-ids-batch"
ROOMY = {"fastcgi.workers": 12, "fastcgi.outbound_workers": 10}


@pytest.fixture(scope="module")
def cluster(session_maker):
    """Without an operator, so nothing runs: these tests count."""
    cluster = session_maker.cluster()
    cluster.localspark.stop()
    return cluster


@pytest.fixture(scope="module")
def twins(session_maker, cluster):
    return [replica(session_maker, cluster, **ROOMY) for _ in range(2)]


@pytest.fixture
def body(job):
    return {"file": job("lines.py"), "args": ["1"]}


def newest(cluster):
    return max((int(name.rpartition("-")[2]) for name in cluster.kube.apps()
                if name.startswith("livy-t-b-")), default=-1)


def counter(cluster):
    found = cluster.kube.get(cluster.kube.path("configmaps", COUNTER))
    return found and int(found["data"]["next"])


def foreign(cluster, batch_id, labels=None):
    r = cluster.kube.create("sparkapplications", {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": f"livy-t-b-{batch_id}", "labels": labels or {}},
        "spec": {"type": "Python", "mode": "cluster", "sparkVersion": "3.5.9",
                 "mainApplicationFile": "local:///x.py",
                 "driver": {}, "executor": {}}})
    assert r.status_code == 201, r.text


def test_ids_rise_in_order_without_a_gap_on_two_replicas(
        twins, cluster, body):
    first = twins[0].submit(body)["id"] + 1

    def run(i):
        mine, session = [], [client(g) for g in twins]
        for n in range(8):
            g = (i + n) % 2     # each client goes to and fro
            start = time.monotonic()
            batch = twins[g].submit(body, session=session[g])["id"]
            mine.append((start, time.monotonic(), batch))
        return mine
    made = sum(together(8, run), [])

    assert sorted(i for _, _, i in made) == list(range(first, first + 64))
    for start, _, later in made:
        assert all(earlier < later for _, end, earlier in made if end < start)
    assert counter(cluster) == first + 64


def test_a_lost_counter_starts_above_what_exists(twins, cluster, body):
    last = twins[0].submit(body)["id"]

    for n, gateway in enumerate(twins, 1):
        assert cluster.kube.delete("configmaps", COUNTER).ok
        assert gateway.submit(body)["id"] == last + n
    assert counter(cluster) == last + 3


def test_a_lost_counter_hands_out_no_id_of_a_deleted_batch(
        twins, cluster, body):
    for gateway in twins:
        last = gateway.submit(body)["id"]
        assert gateway.delete(f"/batches/{last}").status_code == 200
        wait_for("the replicas to know", lambda b=last: all(
            g.get(f"/batches/{b}").status_code == 404 for g in twins))
        assert cluster.kube.delete("configmaps", COUNTER).ok

        assert gateway.submit(body)["id"] > last


@pytest.mark.parametrize("data", [
    {"next": "0"}, {"next": "x"}, {"next": "-3"}, {"next": "99999999999"},
    {}], ids=repr)
def test_an_old_or_broken_counter_is_passed_over(
        data, twins, cluster, body):
    last = twins[0].submit(body)["id"]
    path = cluster.kube.path("configmaps", COUNTER)
    config_map = cluster.kube.get(path)
    config_map["data"] = data
    assert cluster.kube.call("PUT", path, config_map).status_code == 200

    made = together(8, lambda i: twins[i % 2].submit(
        body, session=client(twins[i % 2]))["id"])

    assert len(set(made)) == 8
    assert min(made) > last
    assert counter(cluster) == max(made) + 1


@pytest.mark.parametrize("labels", [None, {
    "livy-fcgi/gateway": "other", "livy-fcgi/kind": "batch"}, {
    "livy-fcgi/gateway": "t", "livy-fcgi/kind": "session"}],
    ids=["bare", "of another gateway", "of another kind"])
def test_a_foreign_object_of_that_name_costs_an_id_only(
        labels, twins, cluster, body):
    last = twins[0].submit(body)["id"]
    foreign(cluster, last + 1, labels)
    foreign(cluster, last + 2, labels)

    r = twins[1].post("/batches", body)

    assert r.status_code == 201, r.text
    assert r.json()["id"] == last + 3
    assert twins[0].get(f"/batches/{last + 1}").status_code == 404
    assert twins[0].get(f"/batches/{last + 3}").status_code == 200


def test_many_foreign_objects_are_passed_in_the_end(twins, cluster, body):
    last = twins[0].submit(body)["id"]
    for n in range(1, 7):
        foreign(cluster, last + n)

    r = wait_for("a create past them", lambda: (
        lambda r: r if r.status_code == 201 else None)(
            twins[0].post("/batches", body)))

    assert r.json()["id"] == last + 7


def test_an_object_of_the_same_gateway_is_not_taken_for_the_new_one(
        twins, cluster, body):
    """As by an old counter where the watch is behind, too."""
    last = twins[0].submit(body)["id"]
    foreign(cluster, last + 1, {
        "livy-fcgi/gateway": "t", "livy-fcgi/kind": "batch",
        "livy-fcgi/id": str(last + 1)})

    assert twins[1].submit(body)["id"] == last + 2


def test_a_refused_request_burns_no_id(twins, cluster, body):
    gateway = twins[0]
    key = {"Idempotency-Key": "used"}
    last = gateway.post("/batches", dict(body, name="taken"),
                        headers=key).json()["id"]
    before = counter(cluster)

    refused = [gateway.post("/batches", b) for b in (
        {}, {"file": 3}, dict(body, bogus=1), dict(body, conf="x"),
        dict(body, args="x"), dict(body, name="taken"),
        dict(body, conf={"spark.master": "local"}),
        dict(body, file="/etc/passwd"))]
    refused += [gateway.call("POST", "/batches", data=b"{",
                             headers={"Content-Type": "application/json"}),
                gateway.post("/batches", body, headers=key),
                gateway.post("/batches", body, headers={
                    "Idempotency-Key": "k" * 4000})]
    repeats = [g.post("/batches", dict(body, name="taken"), headers=key)
               for g in twins]

    assert {r.status_code for r in refused} == {400}, \
        [(r.status_code, r.text) for r in refused]
    assert [r.json()["id"] for r in repeats] == [last] * 2
    assert counter(cluster) == before
    assert gateway.submit(body)["id"] == last + 1


def test_what_the_api_server_refuses_burns_no_id(
        twins, cluster, body):
    last = twins[0].submit(body)["id"]
    cluster.faults({"method": "POST", "path": "/sparkapplications",
                    "fault": "status", "status": 422, "count": 2})

    assert [twins[0].post("/batches", body).status_code
            for _ in range(2)] == [400, 400]

    cluster.clear_faults()
    assert [g.submit(body)["id"] for g in twins] == [last + 1, last + 2]


def test_refusals_among_creates_leave_ids_in_order(twins, cluster, body):
    """An id is given back only while nobody has taken the next one."""
    before = set(cluster.kube.apps())
    cluster.faults({"method": "POST", "path": "/sparkapplications",
                    "fault": "status", "status": 422, "count": 10})

    replies = together(16, lambda i: [twins[i % 2].post(
        "/batches", body, session=session) for session in [
            client(twins[i % 2])] for _ in range(3)])

    cluster.clear_faults()
    made = [r.json()["id"] for rs in replies for r in rs
            if r.status_code == 201]
    assert 400 in {r.status_code for rs in replies for r in rs}
    assert len(set(made)) == len(made)
    assert set(cluster.kube.apps()) - before == {
        f"livy-t-b-{b}" for b in made}
    for rs in replies:
        mine = [r.json()["id"] for r in rs if r.status_code == 201]
        assert mine == sorted(mine)


def test_a_counter_that_cannot_be_asked_is_503_and_no_id_is_lost_twice(
        twins, cluster, body):
    last = twins[0].submit(body)["id"]
    cluster.faults({"method": "PUT", "path": COUNTER,
                    "fault": "status", "status": 503, "retryAfter": 1})
    r = twins[0].post("/batches", body)
    assert r.status_code == 503 and int(r.headers["Retry-After"]) >= 1
    cluster.faults({"method": "PUT", "path": COUNTER,
                    "fault": "reset-after-commit", "count": 1})
    made = twins[0].submit(body)["id"]
    cluster.clear_faults()

    assert last < made <= last + 2
    assert twins[1].submit(body)["id"] == made + 1
