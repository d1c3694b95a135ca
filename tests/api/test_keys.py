"""Idempotency-Key and names: whatever dies in between, one key makes one
application and one name has one owner, over both replicas."""

import os
import secrets
import signal
import threading
import time

import pytest

from crowd import (APPS, QUICK, audit, behind, client, delay_watches,
                   replica, steps, together, until_accepted)
from procs import wait_for

pytestmark = pytest.mark.local

MAPS = "/configmaps"
ROOMY = dict(QUICK, **{"fastcgi.workers": 20, "fastcgi.outbound_workers": 18})


@pytest.fixture(scope="module")
def pair(session_maker, faulty):
    return [replica(session_maker, faulty, **ROOMY) for _ in range(2)]


@pytest.fixture
def twins(pair, faulty):
    yield pair
    faulty.clear_faults()


@pytest.fixture
def body(job):
    return {"file": job("lines.py"), "args": ["1"]}


@pytest.fixture
def key():
    return new_key()


def fault(kind, method, path, **more):
    return {"method": method, "path": path, "fault": kind, **more}


def kill_workers(gateway):
    for pid in gateway.pids("worker"):
        os.kill(pid, signal.SIGKILL)


def made_since(cluster, before):
    return sorted(set(cluster.kube.apps()) - set(before))


def same(first, second):
    assert (first.status_code, second.status_code) == (201, 201), second.text
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["Location"] == second.headers["Location"]


# keys

def test_a_key_makes_one_batch_on_whichever_replica(
        twins, faulty, body, key):
    before = faulty.kube.apps()

    first = twins[0].post("/batches", body, headers=key)

    for gateway in (*twins, *twins):
        same(first, gateway.post("/batches", body, headers=key))
    assert len(made_since(faulty, before)) == 1
    assert twins[0].submit(body)["id"] == first.json()["id"] + 1


def test_sixteen_at_once_with_a_key_make_one_batch(
        twins, faulty, body, key):
    before = faulty.kube.apps()

    replies = together(16, lambda i: until_accepted(
        twins[i % 2], body, headers=key, session=client(twins[i % 2])))

    assert {r.status_code for r in replies} == {201}
    assert len({r.json()["id"] for r in replies}) == 1
    assert len(made_since(faulty, before)) == 1


def test_another_body_with_the_key_is_400(twins, faulty, body, key):
    twins[0].post("/batches", body, headers=key)
    before = faulty.kube.apps()

    for gateway in twins:
        r = gateway.post("/batches", dict(body, args=["2"]), headers=key)
        assert r.status_code == 400, r.text
        assert "Idempotency-Key" in r.json()["msg"]
    assert faulty.kube.apps() == before


def test_a_key_whose_batch_was_deleted_is_409(twins, faulty, body, key):
    batch = twins[0].post("/batches", body, headers=key).json()["id"]
    assert twins[0].delete(f"/batches/{batch}").status_code == 200

    for gateway in twins:
        r = gateway.post("/batches", body, headers=key)
        assert r.status_code == 409, r.text
        assert str(batch) in r.json()["msg"]
    assert f"livy-t-b-{batch}" not in faulty.kube.apps()


def new_key():
    return {"Idempotency-Key": secrets.token_hex(8)}


def deleted_meanwhile(twins, faulty, body):
    """A create whose answer was lost is sent once more, and stalls; meanwhile
    its client has repeated it elsewhere and deleted what it got. Its key, the
    id of that, the thread of the first request, and where its answer will
    be."""
    before, late, key = faulty.kube.apps(), [], new_key()
    faulty.faults(fault("reset-after-commit", "POST", APPS, count=1),
                  fault("stall", "POST", APPS, ms=800))
    first = threading.Thread(target=lambda: late.append(
        twins[0].post("/batches", body, headers=key)))
    first.start()
    wait_for("its object", lambda: made_since(faulty, before))

    got = until_accepted(twins[1], body, headers=key)
    assert got.status_code == 201, got.text
    batch = got.json()["id"]
    assert twins[1].delete(f"/batches/{batch}").status_code == 200
    return key, batch, first, late


# A machine may take longer for that than the create stalls, which then comes
# too early, and is asked for once more. What is broken comes each time.
TURNS = 8


def test_a_deleted_batch_is_not_made_again_by_its_own_late_retry(
        twins, faulty, body):
    before = faulty.kube.apps()
    for _ in range(TURNS):
        _, batch, first, late = deleted_meanwhile(twins, faulty, body)
        in_time = not late
        first.join()
        if in_time and late[0].status_code == 409:
            break

    assert in_time and late[0].status_code == 409, late[0].text
    assert faulty.kube.apps() == before
    for gateway in twins:
        wait_for("its end", lambda g=gateway:
                 g.get(f"/batches/{batch}").status_code == 404)


def made_again(twins, faulty, body, dies):
    """And its worker dies before it has looked at its key, or cannot look.
    Its key, the id, and the answer."""
    before = faulty.kube.apps()
    key, batch, first, late = deleted_meanwhile(twins, faulty, body)
    faulty.faults(fault("stall", "POST", APPS, ms=800),
                  fault("stall", "PUT", MAPS, ms=9000) if dies else
                  fault("status", "PUT", MAPS, status=503))
    wait_for("it to be made again, or not any more", lambda: late or
             made_since(faulty, before))
    if dies and not late:
        kill_workers(twins[0])
    first.join()
    faulty.clear_faults()
    return key, batch, late[0]


@pytest.mark.parametrize("dies", [True, False])
def test_a_batch_that_was_made_again_is_deleted_if_its_worker_cannot_tell(
        dies, twins, faulty, body):
    before = faulty.kube.apps()
    for _ in range(TURNS):
        key, batch, answer = made_again(twins, faulty, body, dies)
        if answer.status_code == (502 if dies else 201):
            break
        wait_for("nothing of it to be left", lambda: faulty.kube.apps() ==
                 before)
    assert answer.status_code == (502 if dies else 201), answer.text

    wait_for("its second end", lambda: "deleted" in steps(twins[0], batch))

    assert faulty.kube.apps() == before
    assert ("accepted" in steps(twins[0], batch)) != dies
    for gateway in twins:
        wait_for("its end", lambda g=gateway:
                 g.get(f"/batches/{batch}").status_code == 404)
        assert until_accepted(gateway, body, headers=key).status_code == 409


def test_a_key_whose_batch_somebody_deleted_past_us_is_409(
        twins, faulty, body, key):
    batch = twins[0].post("/batches", body, headers=key).json()["id"]
    assert faulty.kube.delete("sparkapplications", f"livy-t-b-{batch}").ok
    wait_for("the replicas to know", lambda: all(
        g.get(f"/batches/{batch}").status_code == 404 for g in twins))

    for gateway in twins:
        r = until_accepted(gateway, body, headers=key)
        assert r.status_code == 409, r.text
        assert str(batch) in r.json()["msg"]
    assert f"livy-t-b-{batch}" not in faulty.kube.apps()


def test_a_repeat_has_its_own_line_in_the_audit_log(twins, body, key):
    batch = twins[0].post("/batches", body, headers=key).json()["id"]
    assert twins[1].post("/batches", body, headers=key).status_code == 201

    assert steps(twins[0], batch) == ["intended", "accepted"]
    assert steps(twins[1], batch) == ["repeated"]


def test_a_key_is_its_users_own(twins, body, key):
    gateway = twins[0]
    mine = gateway.post("/batches", body, headers=key)

    theirs = gateway.post("/batches", body, headers=key,
                          session=gateway.client(token=gateway.other_token))

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]
    assert (mine.json()["owner"], theirs.json()["owner"]) == ("ana", "bob")


def test_a_refused_request_does_not_use_its_key_up(
        twins, faulty, body, key):
    gateway = twins[0]
    taken = gateway.submit(dict(body, name="n" + secrets.token_hex(4)))["name"]
    assert gateway.post("/batches", {}, headers=key).status_code == 400
    assert gateway.post("/batches", dict(body, name=taken),
                        headers=key).status_code == 400
    faulty.faults(fault("status", "POST", APPS, status=422, count=1))
    assert gateway.post("/batches", body, headers=key).status_code == 400

    r = twins[1].post("/batches", dict(body, args=["3"]), headers=key)

    assert r.status_code == 201, r.text


def test_a_key_that_is_too_long_is_400(twins, body):
    r = twins[0].post("/batches", body,
                      headers={"Idempotency-Key": "k" * 4000})

    assert r.status_code == 400, r.text


@pytest.mark.parametrize("rule", [
    fault("reset-after-commit", "POST", MAPS, count=1),
    fault("status-after-commit", "POST", MAPS, status=500, count=1),
    fault("reset-after-commit", "PUT", MAPS, count=3),
    fault("status-after-commit", "PUT", MAPS, status=504, count=2),
    fault("reset-after-commit", "POST", APPS, count=1),
    fault("status-after-commit", "POST", APPS, status=500, count=6),
    fault("half", "POST", APPS, count=1),
    fault("status", "POST", MAPS, status=429, retryAfter=1, count=1),
], ids=lambda r: "-".join((r["fault"], r["method"], r["path"][1:])))
def test_a_key_survives_a_fault(rule, twins, faulty, body, key):
    before = faulty.kube.apps()
    faulty.faults(rule)

    first = twins[0].post("/batches", body, headers=key)
    assert faulty.fault_hits()[0] >= 1
    faulty.clear_faults()
    again = until_accepted(twins[1], body, headers=key)

    assert first.status_code in (201, 503), first.text
    if first.status_code == 201:
        same(first, again)
    assert again.status_code == 201, again.text
    assert len(made_since(faulty, before)) == 1


def test_a_key_whose_outcome_nobody_knew_makes_one_batch(
        twins, faulty, body, key):
    """Committed, the answer lost, and then nobody can be asked."""
    before = faulty.kube.apps()
    body = dict(body, name=secrets.token_hex(4))
    faulty.faults(fault("reset-after-commit", "POST", APPS),
                  fault("status", "GET", "/livy-t-b-", status=500))

    r = twins[0].post("/batches", body, headers=key)

    assert r.status_code == 503 and "not known" in r.json()["msg"], r.text
    faulty.clear_faults()
    assert len(made_since(faulty, before)) == 1
    for gateway in twins[::-1]:
        again = until_accepted(gateway, body, headers=key)
        assert again.status_code == 201, again.text
        assert made_since(faulty, before) == [
            f"livy-t-b-{again.json()['id']}"]


def test_without_a_key_an_outcome_that_nobody_knew_is_one_batch(
        twins, faulty, body):
    before = faulty.kube.apps()
    faulty.faults(fault("reset-after-commit", "POST", APPS),
                  fault("status", "GET", "/livy-t-b-", status=500))

    r = twins[0].post("/batches", body)

    assert r.status_code == 503 and "not known" in r.json()["msg"], r.text
    assert int(r.headers["Retry-After"]) >= 1
    faulty.clear_faults()
    made = made_since(faulty, before)
    assert len(made) == 1
    wait_for("the audit log to tell what became of it", lambda: steps(
        twins[0], int(made[0].rpartition("-")[2])) == [
        "intended", "unknown", "unanswered"])


# where a worker may die, with what makes it hang there
WINDOWS = {
    "before-reserving": fault("stall", "POST", MAPS),
    "before-the-id": fault("stall", "PUT", "livy-t-ids-batch"),
    "before-binding": fault("stall", "PUT", "livy-t-key-"),
    "before-creating": fault("stall", "POST", APPS),
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_key_outlives_its_worker(window, twins, faulty, body, key):
    before = faulty.kube.apps()
    body = dict(body, name="n" + secrets.token_hex(4))
    faulty.faults(WINDOWS[window])
    first = behind(lambda: twins[0].post("/batches", body, headers=key))
    wait_for("the worker to be there", lambda: faulty.fault_hits()[0])

    kill_workers(twins[0])

    assert first().status_code == 502
    faulty.clear_faults()
    replies = together(8, lambda i: until_accepted(
        twins[i % 2], body, headers=key, session=client(twins[i % 2])))
    assert {r.status_code for r in replies} == {201}, \
        [r.text for r in replies]
    assert len({r.json()["id"] for r in replies}) == 1
    assert made_since(faulty, before) == [f"livy-t-b-{replies[0].json()['id']}"]


def test_what_was_committed_before_its_worker_died_is_the_answer(
        twins, faulty, body, key):
    before = faulty.kube.apps()
    faulty.faults(fault("slow", "POST", APPS, ms=3000))
    first = behind(lambda: twins[0].post("/batches", body, headers=key))
    made = wait_for("the object", lambda: made_since(faulty, before))

    kill_workers(twins[0])

    assert first().status_code == 502
    faulty.clear_faults()
    for gateway in twins[::-1]:
        r = until_accepted(gateway, body, headers=key)
        assert f"livy-t-b-{r.json()['id']}" == made[0]
    assert made_since(faulty, before) == made
    batch = r.json()["id"]
    wait_for("the audit log to tell of it", lambda: "unanswered" in steps(
        twins[0], batch))
    assert steps(twins[0], batch)[0] == "intended"


def test_what_was_committed_before_its_master_died_is_told_later(
        twins, faulty, body):
    before = faulty.kube.apps()
    faulty.faults(fault("slow", "POST", APPS, ms=3000))
    first = behind(lambda: twins[0].post("/batches", body))
    made = wait_for("the object", lambda: made_since(faulty, before))
    batch = int(made[0].rpartition("-")[2])

    twins[0].kill_master()

    first()
    faulty.clear_faults()
    assert steps(twins[0], batch) == ["intended"]
    twins[0].socket.unlink(missing_ok=True)
    twins[0].start_master()
    twins[0].wait_reads()
    wait_for("the audit log to tell of it", lambda: steps(
        twins[0], batch) == ["intended", "unanswered"])


def test_a_key_is_never_answered_with_anothers_batch(
        twins, faulty, body, key):
    """Its worker died before it created, and the counter was lost, so that
    another got the id."""
    faulty.faults(WINDOWS["before-creating"])
    first = behind(lambda: twins[0].post("/batches", body, headers=key))
    wait_for("the worker to be there", lambda: faulty.fault_hits()[0])
    kill_workers(twins[0])
    first()
    lost = [a["id"] for a in audit(twins[0]) if a["step"] == "intended"][-1]
    faulty.clear_faults()
    faulty.kube.create("sparkapplications", {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": f"livy-t-b-{lost}", "labels": {
            "livy-fcgi/gateway": "t", "livy-fcgi/kind": "batch",
            "livy-fcgi/id": str(lost)}},
        "spec": {"type": "Python", "mode": "cluster", "sparkVersion": "3.5.9",
                 "mainApplicationFile": "local:///x.py",
                 "driver": {}, "executor": {}}})

    r = until_accepted(twins[1], body, headers=key)

    assert r.status_code == 201, r.text
    assert r.json()["id"] > lost and r.json()["owner"] == "ana"
    same(r, twins[0].post("/batches", body, headers=key))


# names

def test_a_name_has_one_owner_over_replicas(twins, faulty, body):
    for _ in range(3):
        before = faulty.kube.apps()
        named = dict(body, name="n" + secrets.token_hex(4))

        replies = together(16, lambda i, b=named: until_accepted(
            twins[i % 2], b, session=client(twins[i % 2])))

        codes = [r.status_code for r in replies]
        assert sorted(codes) == [201] + [400] * 15
        assert len(made_since(faulty, before)) == 1
        assert all("Duplicate session name" in r.json()["msg"]
                   for r in replies if r.status_code == 400)


def test_a_name_is_free_after_a_delete(twins, body):
    named = dict(body, name="n" + secrets.token_hex(4))
    for gateway, other in (twins, twins[::-1], twins):
        batch = gateway.submit(named)["id"]
        wait_for("the other replica to know", lambda b=batch, g=other:
                 g.get(f"/batches/{named['name']}").status_code == 200)
        assert gateway.delete(f"/batches/{batch}").status_code == 200
        again = gateway.submit(named)["id"]
        assert again > batch
        assert gateway.get(f"/batches/{named['name']}").json()["id"] == again
        assert gateway.delete(f"/batches/{again}").status_code == 200
        wait_for("the other replica to forget it", lambda g=other:
                 g.get(f"/batches/{named['name']}").status_code == 404)


def test_a_name_is_free_after_a_refusal_by_the_api_server(
        twins, faulty, body):
    named = dict(body, name="n" + secrets.token_hex(4))
    faulty.faults(fault("status", "POST", APPS, status=422, count=1))
    assert twins[0].post("/batches", named).status_code == 400

    assert twins[1].post("/batches", named).status_code == 201


@pytest.mark.parametrize("window", ["before-the-id", "before-creating"])
def test_a_name_whose_worker_died_is_taken_over(
        window, twins, faulty, body):
    before = faulty.kube.apps()
    named = dict(body, name="n" + secrets.token_hex(4))
    faulty.faults(WINDOWS[window])
    first = behind(lambda: twins[0].post("/batches", named))
    wait_for("the worker to be there", lambda: faulty.fault_hits()[0])

    kill_workers(twins[0])

    assert first().status_code == 502
    faulty.clear_faults()
    replies = together(8, lambda i: until_accepted(
        twins[i % 2], named, session=client(twins[i % 2])))
    assert sorted(r.status_code for r in replies) == [201] + [400] * 7, \
        [r.text for r in replies]
    assert len(made_since(faulty, before)) == 1


def test_a_name_that_somebody_deleted_past_us_is_free_again(
        twins, faulty, body):
    named = dict(body, name="n" + secrets.token_hex(4))
    batch = twins[0].submit(named)["id"]
    assert faulty.kube.delete("sparkapplications", f"livy-t-b-{batch}").ok
    wait_for("the replicas to know", lambda: all(
        g.get(f"/batches/{batch}").status_code == 404 for g in twins))

    r = until_accepted(twins[1], named)

    assert r.status_code == 201, r.text
    assert r.json()["id"] > batch


# what is left of them

def reservations(cluster):
    return {name for name in cluster.kube.names("configmaps")
            if name.startswith(("livy-t-key-", "livy-t-name-"))}


def test_what_nobody_needs_any_more_is_swept(maker, job):
    cluster = maker.cluster()
    cluster.localspark.stop()
    twins = [replica(maker, cluster, **dict(QUICK, **{
        "retention.keys": "1s", "fastcgi.request_deadline": "2s",
        "kubernetes.call_budget": "1900ms"})) for _ in range(2)]
    body = {"file": job("lines.py"), "args": ["1"]}

    def make(name):
        r = until_accepted(twins[0], dict(body, name=name), headers={
            "Idempotency-Key": "key of " + name})
        assert r.status_code == 201, r.text
        return r.json()["id"]
    kept = make("kept")
    only = reservations(cluster)
    gone, past_us = make("gone"), make("past us")
    assert twins[1].delete(f"/batches/{gone}").status_code == 200
    assert cluster.kube.delete("sparkapplications",
                               f"livy-t-b-{past_us}").ok
    for rule in (fault("stall", "PUT", "livy-t-ids-batch"),
                 fault("stall", "POST", APPS)):
        cluster.faults(rule)
        cut = behind(lambda r=rule: twins[0].post(
            "/batches", dict(body, name=r["method"]),
            headers={"Idempotency-Key": r["method"]}))
        wait_for("the worker to be there", lambda: cluster.fault_hits()[0])
        kill_workers(twins[0])
        cut()
    cluster.clear_faults()
    assert len(reservations(cluster) - only) >= 6

    wait_for("the others to be swept",
             lambda: reservations(cluster) == only)

    assert cluster.kube.app(f"livy-t-b-{kept}")
    same(twins[0].post("/batches", dict(body, name="kept"), headers={
        "Idempotency-Key": "key of kept"}), twins[1].post(
        "/batches", dict(body, name="kept"), headers={
            "Idempotency-Key": "key of kept"}))

    def nobody_calls():
        cluster.faults({"fault": "stall", "ms": 1})
        time.sleep(3)
        return cluster.fault_hits() == [0]
    wait_for("nothing to be left to sweep", nobody_calls)


# the last ones: the watches stay slow

def test_an_answer_that_is_repeated_is_read_at_once(
        twins, faulty, body, key):
    """A 201 is visible, even where the watch has not told of it yet."""
    delay_watches(faulty, 3000, len(twins))
    first = twins[0].post("/batches", body, headers=key)

    same(first, twins[1].post("/batches", body, headers=key))

    batch = first.json()["id"]
    assert twins[1].get(f"/batches/{batch}").status_code == 200
    listed = twins[1].get("/batches?size=100000").json()["sessions"]
    assert batch in [b["id"] for b in listed]


def test_a_name_is_unique_where_the_watch_is_behind(twins, faulty, body):
    delay_watches(faulty, 3000, len(twins))
    named = dict(body, name="n" + secrets.token_hex(4))

    assert twins[0].post("/batches", named).status_code == 201

    assert twins[1].post("/batches", named).status_code == 400
    assert twins[0].post("/batches", named).status_code == 400


def test_a_name_is_free_where_the_watch_is_behind_a_delete(
        twins, faulty, body):
    delay_watches(faulty, 3000, len(twins))
    named = dict(body, name="n" + secrets.token_hex(4))
    batch = twins[0].submit(named)["id"]
    wait_for("the other replica to know", lambda: named["name"] in (
        b["name"] for b in twins[1].get(
            "/batches?size=100000").json()["sessions"]))
    assert twins[0].delete(f"/batches/{batch}").status_code == 200
    assert twins[1].state(batch), "the watch is not behind"

    r = twins[1].post("/batches", named)

    assert r.status_code == 201, r.text
    assert twins[0].post("/batches", named).status_code == 400
