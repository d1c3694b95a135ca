"""Admission, the leader's chores and its Lease: what is over the limit waits,
goes in order at the pace, once, whoever dies; and at rest nobody calls."""

import json
import os
import random
import signal
import time
from datetime import datetime

import pytest

from crowd import (APPS, QUICK, audit, client, delay_watches, replica, steps,
                   together)
from procs import DEADLINE, wait_for

pytestmark = pytest.mark.local

LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/livy-t-leader"
LEASE_S = 15


@pytest.fixture
def cluster(maker):
    return maker.cluster()


@pytest.fixture
def body(job):
    return {"file": job("hold.py")}


@pytest.fixture
def quick(job):
    return {"file": job("lines.py"), "args": ["1"]}


def app(cluster, batch_id):
    return cluster.kube.app(f"livy-t-b-{batch_id}")


def waits(cluster, batch_id):
    spec = app(cluster, batch_id)["spec"]
    return spec.get("suspend", False)


def resumed(*gateways):
    """(epoch, id) of every application that was let go, in order."""
    return sorted((datetime.fromisoformat(a["at"]).timestamp(), a["id"])
                  for g in gateways for a in audit(g)
                  if a["step"] == "resumed")


def holder(cluster):
    lease = cluster.kube.get(LEASE)
    return lease and lease["spec"].get("holderIdentity")


def without_operator(cluster):
    cluster.localspark.stop()


def test_what_is_over_the_limit_waits_until_there_is_room(
        maker, cluster, body):
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first = gateway.submit(body)["id"]
    gateway.wait_state(first, "running")

    second = gateway.submit(body)

    assert second["state"] == "starting"
    assert waits(cluster, second["id"]) and not waits(cluster, first)
    wait_for("the operator to see it", lambda: app(cluster, second["id"])
             .get("status", {}).get("applicationState", {}).get("state") ==
             "SUSPENDED")
    wait_for("its log to say so", lambda: any(
        "wait" in line for line in gateway.log_lines(second["id"])))
    assert gateway.state(second["id"]) == "starting"
    assert resumed(gateway) == []
    assert gateway.delete(f"/batches/{first}").status_code == 200
    gateway.wait_state(second["id"], "running")
    assert not waits(cluster, second["id"])
    assert steps(gateway, second["id"]).count("resumed") == 1
    assert gateway.delete(f"/batches/{second['id']}").status_code == 200


def test_the_oldest_goes_first_once_and_at_the_pace(maker, cluster, body):
    without_operator(cluster)
    settings = {"admission.limit": 3, "admission.pace": "2s"}
    twins = [replica(maker, cluster, **settings) for _ in range(2)]
    running = [twins[0].submit(body)["id"] for _ in range(3)]
    wait_for("the other replica to see them", lambda: twins[1].get(
        "/batches").json()["total"] == 3)
    waiting = [twins[i % 2].submit(body)["id"] for i in range(5)]
    assert [waits(cluster, b) for b in waiting] == [True] * 5

    for batch in running:
        assert twins[0].delete(f"/batches/{batch}").status_code == 200

    wait_for("three to go", lambda: len(resumed(*twins)) >= 3)
    time.sleep(3)
    let_go = resumed(*twins)
    assert [b for _, b in let_go] == waiting[:3]
    # four seconds, less what the first one's call took
    assert let_go[-1][0] - let_go[0][0] > 1.5, let_go
    assert [waits(cluster, b) for b in waiting] == [False] * 3 + [True] * 2
    leaders = [g for g in twins if resumed(g)]
    assert len(leaders) == 1, "both replicas did chores"
    for batch in waiting:
        log = twins[1].log_lines(batch)
        assert any("waits" in line for line in log) == \
            waits(cluster, batch), log


def test_a_late_watch_makes_nobody_go_twice_or_beyond_the_limit(
        maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first = gateway.submit(body)["id"]
    waiting = [gateway.submit(body)["id"] for _ in range(4)]
    wait_for("the watch", lambda: gateway.get(
        "/batches").json()["total"] == 5)
    delay_watches(cluster, 3000)

    assert gateway.delete(f"/batches/{first}").status_code == 200

    wait_for("one to go", lambda: resumed(gateway))
    time.sleep(5)
    assert [b for _, b in resumed(gateway)] == waiting[:1]
    assert [waits(cluster, b) for b in waiting] == [False] + [True] * 3


def test_what_was_stopped_while_it_waited_is_never_let_go(
        maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first = gateway.submit(body)["id"]
    session = gateway.post("/sessions", {}).json()["id"]
    name = f"livy-t-s-{session}"
    assert cluster.kube.app(name)["spec"]["suspend"]
    wait_for("the watch", lambda: gateway.get(
        "/sessions").json()["total"] == 1)

    # The leader hears of the room at once, and late of the stop.
    leader, = gateway.pids("leader")
    os.kill(leader, signal.SIGSTOP)
    assert gateway.delete(f"/batches/{first}").status_code == 200
    wait_for("the watch", lambda: gateway.get(
        "/batches").json()["total"] == 0)
    delay_watches(cluster, 9000)
    assert gateway.post(f"/sessions/{session}/stop", {}).status_code == 204
    os.kill(leader, signal.SIGCONT)
    time.sleep(8)

    assert cluster.kube.app(name)["spec"]["suspend"]
    assert resumed(gateway) == []


def test_one_that_is_refused_does_not_hold_up_the_others(
        maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first, stuck, other = (gateway.submit(body)["id"] for _ in range(3))
    cluster.faults({"method": "PATCH", "fault": "status", "status": 422,
                    "path": gateway.object_name(stuck)})

    assert gateway.delete(f"/batches/{first}").status_code == 200

    wait_for("the other to go", lambda: not waits(cluster, other))
    assert waits(cluster, stuck)
    cluster.clear_faults()
    assert gateway.delete(f"/batches/{other}").status_code == 200
    wait_for("it to go", lambda: not waits(cluster, stuck))


def test_a_session_goes_before_older_batches(maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first, older, _ = (gateway.submit(body)["id"] for _ in range(3))
    made = app(cluster, older)
    notes = made["metadata"]["annotations"]
    assert notes["livy-fcgi/waits"]
    r = cluster.kube.create("sparkapplications", {
        "apiVersion": made["apiVersion"], "kind": made["kind"],
        "metadata": {"name": "livy-t-s-0", "annotations": notes, "labels": {
            **made["metadata"]["labels"], "livy-fcgi/kind": "session",
            "livy-fcgi/id": "0"}}, "spec": made["spec"]})
    assert r.status_code == 201, r.text
    wait_for("the watch", lambda: gateway.get(
        "/sessions").json()["total"] == 1)

    assert gateway.delete(f"/batches/{first}").status_code == 200

    wait_for("one to go", lambda: resumed(gateway))
    assert not cluster.kube.app("livy-t-s-0")["spec"].get("suspend")
    assert waits(cluster, older)


BUSY = {"fastcgi.workers": 10, "fastcgi.outbound_workers": 8}


def burst(gateways, body):
    """The ids of 32 creates by 8 clients at once, over the gateways."""
    made = together(8, lambda i: [g.submit(body, session=session)["id"]
                                  for g in [gateways[i % len(gateways)]]
                                  for session in [client(g)]
                                  for _ in range(4)])
    return [b for ids in made for b in ids]


def settled(going, count):
    """So many are going, and no more after a while."""
    wait_for(f"{count} to go", lambda: len(going()) >= count)
    time.sleep(3)
    assert len(going()) == count


@pytest.mark.parametrize("late_ms", [0, 2000])
def test_a_burst_does_not_pass_the_limit(late_ms, maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, **{"admission.limit": 3, **BUSY})
    # creates take their time, so that many are under way at once
    slow = {"method": "POST", "path": "/sparkapplications", "fault": "stall",
            "ms": 300}
    if late_ms:
        delay_watches(cluster, late_ms, more=[slow])
    else:
        cluster.faults(slow)

    made = burst([gateway], body)

    going = [b for b in made if not waits(cluster, b)]
    assert len(going) <= 3
    settled(lambda: {*going, *(b for _, b in resumed(gateway))}, 3)
    later = [b for _, b in resumed(gateway)]
    assert len(later) == len(set(later))


def test_a_burst_on_two_replicas_passes_no_limit_twice(
        maker, cluster, body):
    """What one makes in the moment before the other's watch tells of it."""
    without_operator(cluster)
    twins = [replica(maker, cluster, **{"admission.limit": 3, **BUSY})
             for _ in range(2)]

    made = burst(twins, body)

    going = [b for b in made if not waits(cluster, b)]
    print(f"limit 3, two replicas: {len(going)} of {len(made)} go at once")
    assert 1 <= len(going) <= 2 * 3
    settled(lambda: {*going, *(b for _, b in resumed(*twins))},
            max(3, len(going)))


def test_the_log_tells_the_place_in_the_queue(maker, cluster, body):
    without_operator(cluster)
    twins = [replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"}) for _ in range(2)]
    first = twins[0].submit(body)["id"]
    wait_for("the other replica to see it", lambda: twins[1].get(
        "/batches").json()["total"] == 1)
    waiting = [twins[i % 2].submit(body)["id"] for i in range(3)]

    def told(gateway, batch, words):
        logs = (gateway.log_lines(batch),
                gateway.get(f"/batches/{batch}").json()["log"])
        return all(any(words in line for line in log) for log in logs)

    for gateway in twins:
        for at, batch in zip(("1st", "2nd", "3rd"), waiting):
            wait_for("its place", lambda g=gateway, b=batch, a=at: told(
                g, b, f"waits to be admitted in namespace "
                f"{cluster.namespace}, {a} of 3"))
    assert twins[0].delete(f"/batches/{first}").status_code == 200
    for gateway in twins:
        wait_for("its new place", lambda g=gateway: told(
            g, waiting[2], "2nd of 2"))


TEAMS = '"carl" "ml,data";\n"bob" "ops";\n'     # ana is in none


def team_twins(maker, cluster, **settings):
    """Two replicas, and clients of two teams and of none."""
    without_operator(cluster)
    twins = [replica(maker, cluster, teams=TEAMS, **{
        "admission.pace": "100ms", **settings}) for _ in range(2)]
    ml, ops, none = (twins[0].client(**who) for who in (
        {"user": "carl", "password": twins[0].password},
        {"token": twins[0].other_token}, {"token": twins[0].token}))
    for name in ("livy-users.conf", "livy-tokens.conf"):
        (twins[1].folder / "nginx" / name).write_text(
            (twins[0].folder / "nginx" / name).read_text())
    twins[1].session = none
    twins[1].nginx.signal(1)
    wait_for("the same tokens at both", lambda: twins[1].get(
        "/batches", session=none).status_code == 200)
    return twins, ml, ops, none


def known_everywhere(twins, count):
    for gateway in twins:
        wait_for("both replicas to know it", lambda g=gateway: g.get(
            "/batches").json()["total"] == count)


def make(twins, i, body, who):
    """A batch, once both replicas know those before."""
    known_everywhere(twins, len(twins[0].cluster.kube.apps()))
    return twins[i % 2].submit(body, session=who)["id"]


def drop(gateway, batch):
    assert gateway.delete(f"/batches/{batch}").status_code == 200


def test_a_team_at_its_limit_waits_and_holds_up_no_other(
        maker, cluster, body):
    twins, ml, ops, none = team_twins(maker, cluster, **{
        "admission.limit": 9, "admission.team_limit": 2,
        "admission.team_limits": (("ml", 1), ("hr", 0))})
    first = make(twins, 0, body, ml)
    waiting = [make(twins, i, body, ml) for i in range(3)]
    others = [make(twins, i, body, ops) for i in range(3)]
    free = [make(twins, i, body, none) for i in range(3)]

    assert not waits(cluster, first)
    assert [waits(cluster, b) for b in waiting] == [True] * 3
    assert [waits(cluster, b) for b in others] == [False, False, True]
    assert [waits(cluster, b) for b in free] == [False] * 3
    known_everywhere(twins, 10)
    for gateway in twins:
        for batch, place in ((waiting[1], "2nd of 3 of team ml, of which 1"),
                             (others[2], "1st of 1 of team ops, of which 2")):
            lines = gateway.log_lines(batch)
            assert any(f"{place} may be under way" in line
                       for line in lines), lines
    drop(twins[1], first)
    wait_for("one to go", lambda: resumed(*twins))
    drop(twins[0], others[0])
    wait_for("one of the others", lambda: len(resumed(*twins)) == 2)
    drop(twins[1], waiting[0])
    wait_for("the next", lambda: len(resumed(*twins)) == 3)
    time.sleep(1)
    assert [b for _, b in resumed(*twins)] == [
        waiting[0], others[2], waiting[1]]
    assert waits(cluster, waiting[2])


def test_who_waits_for_its_namespace_goes_before_who_waits_for_its_team(
        maker, cluster, body):
    twins, ml, ops, none = team_twins(maker, cluster, **{
        "admission.limit": 2, "admission.team_limit": 1})
    first, second = make(twins, 0, body, ml), make(twins, 1, body, none)
    blocked = make(twins, 0, body, ml)
    other, last = make(twins, 1, body, ops), make(twins, 0, body, none)
    assert [waits(cluster, b) for b in (
        first, second, blocked, other, last)] == [False] * 2 + [True] * 3
    known_everywhere(twins, 5)
    for gateway in twins:
        assert any("waits to be admitted in namespace default, 1st of 2" in
                   line for line in gateway.log_lines(other))

    drop(twins[0], second)
    wait_for("the first that can", lambda: resumed(*twins))
    drop(twins[0], first)

    wait_for("the team's next", lambda: len(resumed(*twins)) == 2)
    time.sleep(1)
    assert [b for _, b in resumed(*twins)] == [other, blocked]
    assert waits(cluster, last)


def test_a_burst_does_not_pass_the_limit_of_a_team(maker, cluster, body):
    without_operator(cluster)
    gateway = replica(maker, cluster, teams='"ana" "ml";\n', **{
        "admission.team_limit": 3, **BUSY})
    cluster.faults({"method": "POST", "path": "/sparkapplications",
                    "fault": "stall", "ms": 300})

    made = burst([gateway], body)

    going = [b for b in made if not waits(cluster, b)]
    assert len(going) <= 3
    settled(lambda: {*going, *(b for _, b in resumed(gateway))}, 3)


def test_the_other_replica_leads_at_once_when_the_leader_is_told_to_end(
        maker, cluster, body):
    without_operator(cluster)
    settings = {"admission.limit": 1, "admission.pace": "100ms"}
    twins = [replica(maker, cluster, **settings) for _ in range(2)]
    first = twins[0].submit(body)["id"]
    wait_for("the other replica to see it", lambda: twins[1].get(
        "/batches").json()["total"] == 1)
    waiting = [g.submit(body)["id"] for g in (*twins, *twins)]
    assert twins[0].delete(f"/batches/{first}").status_code == 200
    wait_for("one to go", lambda: resumed(*twins))
    leader = next(g for g in twins if resumed(g))
    other = next(g for g in twins if g is not leader)

    leader.stop()

    assert not holder(cluster)
    stopped = time.monotonic()
    assert other.delete(f"/batches/{waiting[0]}").status_code == 200
    wait_for("the other to lead", lambda: resumed(other))
    took = time.monotonic() - stopped
    print(f"the other replica led after {took:.1f} s")
    assert took < LEASE_S
    old = holder(cluster)
    other.master.signal(1)
    wait_for("the lease to be given back, and taken again",
             lambda: holder(cluster) != old)
    assert other.delete(f"/batches/{waiting[1]}").status_code == 200
    wait_for("the new leader to go on", lambda: len(resumed(other)) == 2)
    leader.start()


def test_the_other_replica_goes_on_when_the_leader_is_killed(
        maker, cluster, body):
    without_operator(cluster)
    settings = {"admission.limit": 1, "admission.pace": "100ms"}
    twins = [replica(maker, cluster, **settings) for _ in range(2)]
    first = twins[0].submit(body)["id"]
    wait_for("the other replica to see it", lambda: twins[1].get(
        "/batches").json()["total"] == 1)
    waiting = [g.submit(body)["id"] for g in twins]
    assert twins[0].delete(f"/batches/{first}").status_code == 200
    wait_for("one to go", lambda: resumed(*twins))
    leader = next(g for g in twins if resumed(g))
    other = next(g for g in twins if g is not leader)
    assert f"_{leader.master.pid}_" in holder(cluster)

    leader.kill()
    killed = time.monotonic()
    assert other.delete(f"/batches/{waiting[0]}").status_code == 200

    wait_for("the other to lead", lambda: resumed(other))
    took = time.monotonic() - killed
    print(f"the other replica led after {took:.1f} s")
    assert took < 4 * LEASE_S
    assert not waits(cluster, waiting[1])
    assert f"_{other.master.pid}_" in holder(cluster)
    leader.socket.unlink(missing_ok=True)
    leader.start()


def test_a_new_leader_process_goes_on_with_the_lease_of_its_replica(
        maker, cluster, body):
    without_operator(cluster)
    settings = {"admission.limit": 1, "admission.pace": "100ms"}
    gateway = replica(maker, cluster, **settings)
    first, second, third = [gateway.submit(body)["id"] for _ in range(3)]
    assert gateway.delete(f"/batches/{first}").status_code == 200
    wait_for("one to go", lambda: resumed(gateway))
    held = holder(cluster)

    old, = gateway.pids("leader")
    os.kill(old, signal.SIGKILL)
    killed = time.monotonic()
    assert held and holder(cluster) == held, "it was given back before"
    assert gateway.delete(f"/batches/{second}").status_code == 200

    wait_for("the next to go", lambda: not waits(cluster, third))
    took = time.monotonic() - killed
    print(f"the new process led after {took:.1f} s")
    # it had not to wait for the lease to end: it is the holder's own still
    assert holder(cluster) == held


def version(thing):
    return int(thing["metadata"]["resourceVersion"])


def events(cluster, since):
    """All that became of applications, in order, as the API server tells."""
    last = max(map(version, cluster.kube.items("sparkapplications")))
    r = cluster.kube.twin().call(
        "GET", cluster.kube.path("sparkapplications"), stream=True, params={
            "watch": "1", "resourceVersion": since, "timeoutSeconds": "60"})
    told = []
    for line in r.iter_lines(chunk_size=1):
        told.append(json.loads(line))
        if version(told[-1]["object"]) >= last:
            break
    r.close()
    return told


def ended(app):
    return app.get("status", {}).get("applicationState", {}).get(
        "state") == "COMPLETED"


def end_what_runs(cluster):
    """Whether one is left that has not ended."""
    left = [a for a in cluster.kube.items("sparkapplications")
            if not ended(a)]
    for a in left:
        if not a["spec"].get("suspend"):
            cluster.kube.merge(
                "sparkapplications", a["metadata"]["name"] + "/status",
                {"status": {"driverInfo": {},
                            "applicationState": {"state": "COMPLETED"}}})
    return left


def test_leaders_killed_at_random_let_each_go_once_in_order(
        maker, cluster, body):
    """Often between what they did and their knowing of it; and what the next
    one knows is old."""
    without_operator(cluster)
    rnd = random.Random(4)
    twins = [replica(maker, cluster, **{
        "admission.limit": 3, "admission.pace": "50ms"}) for _ in range(2)]
    made = [twins[0].submit(body)["id"] for _ in range(15)]
    assert [waits(cluster, b) for b in made] == [False] * 3 + [True] * 12
    wait_for("both replicas to know it", lambda: all(g.get(
        "/batches").json()["total"] == 15 for g in twins))
    delay_watches(cluster, 1000, len(twins), more=[
        {"method": "PATCH", "path": APPS, "fault": "slow", "ms": 2}])
    since = cluster.kube.get(cluster.kube.path("sparkapplications"))[
        "metadata"]["resourceVersion"]
    kills = 0
    deadline = time.monotonic() + 2 * DEADLINE

    while end_what_runs(cluster):
        assert time.monotonic() < deadline, "not all of them go"
        if kills < 10:
            for pid in rnd.choice(twins).pids("leader"):
                os.kill(pid, signal.SIGKILL)
                kills += 1
        time.sleep(rnd.uniform(0.1, 0.6))

    cluster.clear_faults()
    going, let_go = set(made[:3]), []
    for e in events(cluster, since):
        batch = int(e["object"]["metadata"]["name"].rpartition("-")[2])
        if ended(e["object"]):
            going.discard(batch)
        elif not e["object"]["spec"].get("suspend") and batch not in going:
            going.add(batch)
            let_go.append(batch)
        assert len(going) <= 3, (let_go, going)
    print(f"{kills} leaders were killed")
    assert kills >= 5
    assert let_go == made[3:]
    said = [b for _, b in resumed(*twins)]
    assert len(said) == len(set(said))


def test_a_start_that_takes_too_long_is_dead_and_says_why(
        maker, cluster, quick):
    gateway = replica(maker, cluster)
    good = gateway.submit(quick)["id"]
    gateway.wait_state(good, "success")
    gateway.variables["image"] = "absent:1"
    gateway.write_config(**{"admission.start_timeout": "10s"})
    gateway.master.signal(1)
    wait_for("the new image", lambda: "reloaded" in gateway.log())
    bad = wait_for("a worker of the new configuration", lambda: (
        lambda b: b if app(cluster, b)["spec"]["image"] == "absent:1"
        else None)(gateway.submit(quick)["id"]))

    gateway.wait_state(bad, "dead")

    text = "\n".join(gateway.log_lines(bad))
    assert "not running 10 s after" in text and "ImagePull" in text, text
    wait_for("the audit log to say so", lambda: steps(
        gateway, bad)[-1] == "failed")
    wait_for("its pod to go", lambda: not any(
        f"-b-{bad}-" in pod for pod in cluster.kube.names("pods")))
    assert gateway.state(bad) == "dead"
    assert gateway.state(good) == "success"


def test_an_operator_that_is_away_fails_starts_but_none_that_waits(
        maker, cluster, quick, body):
    gateway = replica(maker, cluster, **{
        "admission.limit": 1, "admission.pace": "100ms"})
    first = gateway.submit(body)["id"]
    gateway.wait_state(first, "running")
    waiting = [gateway.submit(quick)["id"] for _ in range(2)]
    wait_for("the operator to suspend them", lambda: all(
        app(cluster, b).get("status", {}).get("applicationState", {})
        .get("state") == "SUSPENDED" for b in waiting))
    without_operator(cluster)
    gateway.write_config(**{"admission.start_timeout": "3s"})
    gateway.master.signal(1)
    wait_for("the reload", lambda: "reloaded" in gateway.log())
    time.sleep(5)
    assert [gateway.state(b) for b in waiting] == ["starting"] * 2

    assert gateway.delete(f"/batches/{first}").status_code == 200

    # the first is let go, nobody submits it, so it fails; then the second
    for batch in waiting:
        gateway.wait_state(batch, "dead")
        assert any("not running 3 s after" in line
                   for line in gateway.log_lines(batch))
        wait_for("the audit log to say so", lambda b=batch: steps(
            gateway, b)[-2:] == ["resumed", "failed"])


def test_what_has_ended_is_deleted_and_its_name_is_free(
        maker, cluster, quick):
    settings = {"retention.batches": "2s"}
    twins = [replica(maker, cluster, **settings) for _ in range(2)]
    named = dict(quick, name="kept")
    key = {"Idempotency-Key": "k1"}
    batch = twins[0].post("/batches", named, headers=key).json()["id"]

    wait_for("it to be deleted", lambda: app(cluster, batch) is None)

    for gateway in twins:
        wait_for("a 404", lambda g=gateway: g.get(
            f"/batches/{batch}").status_code == 404)
    wait_for("the audit log to say so", lambda: [
        a["id"] for g in twins for a in audit(g)
        if a["step"] == "retired"] == [batch])
    again = twins[1].post("/batches", named)
    assert again.status_code == 201, again.text
    assert again.json()["id"] == batch + 1
    assert twins[0].post("/batches", named, headers=key).status_code == 409


def test_what_has_not_ended_is_kept(maker, cluster, body, quick):
    gateway = replica(maker, cluster, **{"retention.batches": "1s"})
    running = gateway.submit(body)["id"]
    gateway.wait_state(running, "running")
    ended = gateway.submit(quick)["id"]

    wait_for("the other to be deleted", lambda: gateway.get(
        f"/batches/{ended}").status_code == 404)

    time.sleep(1.5)
    assert gateway.state(running) == "running"


def test_at_rest_there_are_no_calls_but_the_watches(maker, cluster, quick):
    twins = [replica(maker, cluster, **{
        "admission.limit": 5, "admission.start_timeout": "1h"})
        for _ in range(2)]
    for gateway in twins:
        gateway.wait_state(gateway.submit(quick)["id"], "success")
    # keeping their logs is a chore, for which one took the lease
    wait_for("the logs to be kept", lambda: all(
        "livy-fcgi/log" in cluster.kube.app(name)["metadata"]["annotations"]
        for name in cluster.kube.apps()))
    wait_for("the lease to be given back", lambda: not holder(cluster))
    lease = cluster.kube.get(LEASE)
    without_operator(cluster)
    batch = twins[0].submit(quick)["id"]
    wait_for("the other replica to know it", lambda: twins[1].get(
        "/batches").json()["total"] == 3)
    # counts what it matches and delays it by a millisecond
    cluster.faults({"fault": "stall", "ms": 1})

    end = time.monotonic() + 5
    while time.monotonic() < end:
        for gateway in twins:
            assert gateway.state(batch) == "starting"
            assert gateway.get(f"/batches/{batch}").status_code == 200
            assert gateway.get("/batches").json()["total"] == 3

    assert cluster.fault_hits() == [0]
    assert twins[0].get("/batches/999").status_code == 404
    assert cluster.fault_hits() == [1], "the rule counts nothing"
    cluster.clear_faults()
    assert cluster.kube.get(LEASE) == lease


def test_a_replica_that_does_not_lead_asks_for_the_lease_seldom(
        maker, cluster, body):
    """While the leader has a backlog that its pace spreads over time."""
    without_operator(cluster)
    settings = {"admission.limit": 4, "admission.pace": "3s", **QUICK}
    twins = [replica(maker, cluster, **settings) for _ in range(2)]
    running = [twins[0].submit(body)["id"] for _ in range(4)]
    wait_for("the other replica to see them", lambda: twins[1].get(
        "/batches").json()["total"] == 4)
    for _ in range(4):
        twins[0].submit(body)
    for batch in running:
        assert twins[0].delete(f"/batches/{batch}").status_code == 200
    wait_for("one to go", lambda: resumed(*twins))
    cluster.faults({"path": "/leases/", "fault": "stall", "ms": 1})

    start = time.monotonic()
    time.sleep(5)

    hits = cluster.fault_hits()[0]
    seconds = time.monotonic() - start
    cluster.clear_faults()
    print(f"{hits} calls for the lease in {seconds:.1f} s")
    assert hits <= 2 * seconds
