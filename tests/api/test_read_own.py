"""Events of the watch come 3 s late: one replica reads its own writes at
once and all the time, and the other never says 404 to what exists."""

import os
import signal
import time

import pytest

from crowd import client, delay_watches, replica, together
from procs import wait_for

pytestmark = pytest.mark.local

LATE_MS = 3000


@pytest.fixture(scope="module")
def late(session_maker):
    cluster = session_maker.cluster()
    cluster.localspark.stop()
    return cluster


@pytest.fixture(scope="module")
def twins(session_maker, late):
    twins = [replica(session_maker, late) for _ in range(2)]
    delay_watches(late, LATE_MS, len(twins))
    yield twins
    late.clear_faults()


@pytest.fixture
def body(job):
    return {"file": job("lines.py"), "args": ["1"]}


def listed(gateway, **kwargs):
    r = gateway.get("/batches?size=100000", **kwargs)
    assert r.status_code == 200
    ids = [b["id"] for b in r.json()["sessions"]]
    assert ids == sorted(set(ids)) and r.json()["total"] == len(ids)
    return ids


def all_along(seconds, check):
    """Before the event, when it comes, and after it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check()
        time.sleep(0.02)


def test_the_events_are_late(twins, body):
    """Else the tests below show nothing."""
    start = time.monotonic()
    batch = twins[0].submit(body)["id"]
    wait_for("the other replica to list it",
             lambda: batch in listed(twins[1]))

    assert time.monotonic() - start > LATE_MS / 2000


def test_what_was_created_is_read_at_once(twins, body):
    gateway = twins[0]
    named = dict(body, name="own-create")

    view = gateway.submit(named)
    batch = view["id"]

    def check():
        assert gateway.state(batch) == "starting"
        assert gateway.get(f"/batches/{batch}").json() == view
        assert gateway.get("/batches/own-create").json()["id"] == batch
        assert batch in listed(gateway)
    all_along(LATE_MS / 1000 + 1, check)


def test_what_was_deleted_is_gone_at_once(twins, body):
    gateway = twins[0]
    batch = gateway.submit(dict(body, name="own-delete"))["id"]
    wait_for("the event", lambda: batch in listed(twins[1]))

    assert gateway.delete(f"/batches/{batch}").status_code == 200

    def check():
        for path in (f"/batches/{batch}", f"/batches/{batch}/state",
                     "/batches/own-delete"):
            assert gateway.get(path).status_code == 404
        assert batch not in listed(gateway)
    all_along(LATE_MS / 1000 + 1, check)


def test_created_and_deleted_before_any_event(twins, body):
    gateway = twins[0]
    batch = gateway.submit(body)["id"]
    assert gateway.delete(f"/batches/{batch}").status_code == 200
    after = gateway.submit(body)["id"]

    def check():
        assert gateway.get(f"/batches/{batch}").status_code == 404
        ids = listed(gateway)
        assert batch not in ids and after in ids
    all_along(2 * LATE_MS / 1000 + 1, check)


def test_another_replica_says_no_404_to_a_fresh_id(twins, body):
    for _ in range(3):
        batch = twins[0].submit(body)["id"]
        for path in (f"/batches/{batch}", f"/batches/{batch}/state"):
            assert twins[1].get(path).status_code == 200
    assert twins[1].delete(f"/batches/{batch}").status_code == 200
    assert twins[1].get(f"/batches/{batch}").status_code == 404


def test_many_fresh_ids_at_once_are_200_or_503(twins, body):
    """More than may ask outside at a time: never a 404 that is not true."""
    batch = twins[0].submit(body)["id"]

    replies = together(16, lambda _: [twins[1].get(
        f"/batches/{batch}", session=session)
        for session in [client(twins[1])] for _ in range(4)])

    codes = [r.status_code for one in replies for r in one]
    print({c: codes.count(c) for c in set(codes)})
    assert set(codes) <= {200, 503} and 200 in codes
    assert all("Retry-After" in r.headers for one in replies for r in one
               if r.status_code == 503)


def test_an_api_server_that_fails_makes_no_404(twins, late, body):
    batch = twins[0].submit(body)["id"]
    rules = [r for r in late.kube.call("GET", "/localkube/faults").json()
             if r.pop("hits", 0) is not None]
    # the watches go on as they are: only a GET of one object meets this
    late.faults(*rules, {"method": "GET", "path": f"/livy-t-b-{batch}",
                         "fault": "status", "status": 500})
    try:
        r = twins[1].get(f"/batches/{batch}/state")
        assert r.status_code in (500, 503), r.text
        assert twins[0].state(batch) == "starting"
    finally:
        late.faults(*rules)
    assert twins[1].state(batch) == "starting"


def test_a_delete_is_of_what_was_seen_not_of_a_namesake(
        twins, late, body):
    """Deleted and made anew past the gateway, before the watch tells."""
    batch = twins[0].submit(body)["id"]
    wait_for("the event", lambda: batch in listed(twins[1]))
    name = f"livy-t-b-{batch}"
    old = late.kube.app(name)
    assert late.kube.delete("sparkapplications", name).ok
    meta = {k: old["metadata"][k] for k in ("name", "labels", "annotations")}
    assert late.kube.create("sparkapplications", {
        **{k: old[k] for k in ("apiVersion", "kind", "spec")},
        "metadata": meta}).status_code == 201

    twins[1].delete(f"/batches/{batch}")

    there = late.kube.app(name)
    assert there and there["metadata"]["uid"] != old["metadata"]["uid"]


def test_clients_that_write_and_read_at_once_see_their_own(twins, body):
    """Each through its own replica; lists are whole at every moment."""
    bad = []

    def writer(i):
        gateway, mine = twins[i % 2], []
        session = client(gateway)
        for n in range(12):
            batch = gateway.submit(body, session=session)["id"]
            mine.append(batch)
            if n % 3 == 2:
                gone = mine.pop(0)
                r = gateway.delete(f"/batches/{gone}", session=session)
                if r.status_code != 200:
                    bad.append(("delete", gone, r.status_code, r.text))
                if gone in listed(gateway, session=session):
                    bad.append(("deleted, but listed", gone))
            ids = set(listed(gateway, session=session))
            bad.extend(("missing", b) for b in mine if b not in ids)
        return mine

    left = together(4, writer)

    assert bad == []
    for gateway in twins:
        wait_for("both replicas to list the same", lambda g=gateway:
                 {b for mine in left for b in mine} <= set(listed(g)))
    assert listed(twins[0]) == listed(twins[1])


def test_what_came_and_went_while_nobody_watched_is_gone(
        maker, late, body):
    """No event will tell of it; but a list that was begun after it does."""
    settings = {"gateway": "gone"}
    one, other = (replica(maker, late, **settings) for _ in range(2))
    kept = one.submit(body)["id"]
    watcher, = one.pids("watcher")
    os.kill(watcher, signal.SIGSTOP)
    batch = one.submit(body)["id"]
    assert one.state(batch) == "starting"
    assert other.delete(f"/batches/{batch}").status_code == 200
    os.kill(watcher, signal.SIGKILL)

    wait_for("the replica that made it to know", lambda: one.get(
        f"/batches/{batch}").status_code == 404, 40)    # not a minute

    assert listed(one) == [kept]
    assert one.state(kept) == "starting"
