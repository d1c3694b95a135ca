"""Whatever hangs, fails or floods: reads of the cache go on as quickly as
beside the same clients when nothing is wrong, each write gets an answer in
time, none that was accepted is lost, and state is true again soon after."""

import contextlib
import os
import signal
import threading
import time

import pytest
import requests

from crowd import (APPS, QUICK, Reader, client, measure, percentile, replica,
                   size, together)
from hole import Hole
from procs import give, wait_for
from rig import TIMED_BUILD

pytestmark = pytest.mark.local

FAULT_S = 2
CALM_S = 2
SLOWER = 2          # times as long as with nothing wrong
FLOOR_S = 0.004     # but so long always: less is the machine's own noise
ROUNDS = 5          # what holds reads up does so in each of them
TRUE_S = 1          # until state is true after a fault,
LONGEST_S = 30      # and where the machine is busy
BUDGET_S = 4        # QUICK's
POOL = dict(QUICK, **{"fastcgi.workers": 8, "fastcgi.outbound_workers": 4})
TOO_MANY = "too many requests are waiting"


@pytest.fixture(scope="module")
def shared(session_maker, faulty):
    return replica(session_maker, faulty, TIMED_BUILD, **POOL)


@pytest.fixture(scope="module")
def watched(shared, job):
    """A batch whose state the tests change."""
    return shared.submit({"file": job("lines.py"), "args": ["1"]})["id"]


@pytest.fixture
def gateway(shared, faulty, watched):
    yield shared
    if faulty.localkube.running():
        faulty.clear_faults()
    for name in faulty.kube.apps():     # or each list is longer than the last
        if name != f"livy-t-b-{watched}":
            faulty.kube.delete("sparkapplications", name)
    wait_for("creates to work again", lambda: (lambda r: r.status_code == 201
             and shared.delete(f"/batches/{r.json()['id']}").status_code == 200
             )(shared.post("/batches", {"file": "local:///x.py"})))


@pytest.fixture
def body(job):
    return {"file": job("lines.py"), "args": ["1"]}


def set_phase(cluster, batch_id, phase):
    cluster.kube.merge(
        "sparkapplications", f"livy-t-b-{batch_id}/status",
        {"status": {"driverInfo": {}, "applicationState": {"state": phase}}})


def flip(cluster, gateway, batch_id):
    """Another state; the word that the gateway has to show for it."""
    phase, word = ("RUNNING", "running") \
        if gateway.state(batch_id) == "starting" else ("", "starting")
    set_phase(cluster, batch_id, phase)
    return word


def rule(kind, method=None, path="/", **more):
    return {"fault": kind, "path": path,
            **({"method": method} if method else {}), **more}


def on_all(kind, **more):
    """The gateway's calls, and none of the test's own: its lists and watches
    have a selector, and the test neither POSTs nor PUTs."""
    return [rule(kind, "GET", "labelSelector", **more),
            rule(kind, "POST", **more), rule(kind, "PUT", **more)]


FAULTS = {
    "never answers": on_all("stall"),
    "429": on_all("status", status=429, retryAfter=1),
    "500 before the commit": on_all("status", status=500),
    "500 after the commit": on_all("status-after-commit", status=500),
    "resets": on_all("reset"),
    "resets after the commit": on_all("reset-after-commit"),
    "half objects": on_all("half"),
    "slow bytes": on_all("slow", ms=200),
    "410 in the stream": [rule("gone", "GET", "watch")],
    "410 as a status": [rule("gone", "GET", "watch", status=410)],
    "410 and half lists": [rule("gone", "GET", "watch"),
                           rule("half", "GET", "limit=")],
}

# A stream that has begun to be slow stays so: only its end ends the fault.
OUTLIVE = ("slow bytes",)


class Writers:
    """Clients that create, and note what they were told: more than there are
    workers, so that without shares they would hold all of them."""

    def __init__(self, gateway, body, count=12):
        self.gateway, self.body, self.told = gateway, body, []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(count)]

    def run(self):
        session = client(self.gateway)
        while not self.over.is_set():
            start = time.monotonic()
            try:
                r = self.gateway.post("/batches", self.body, session=session)
                self.told.append((r, time.monotonic() - start))
            except requests.RequestException as e:
                self.told.append((e, time.monotonic() - start))
            time.sleep(0.05)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

    def check(self):
        """Everybody got an answer in time; the ids that were accepted."""
        for r, took in self.told:
            assert not isinstance(r, Exception), r
            assert r.status_code in (201, 429, 500, 502, 503), r.text
            assert r.json()
            assert took < BUDGET_S + 4, (took, r.status_code, r.text)
            if r.status_code != 201 and TOO_MANY in r.text:
                assert took < 1.5, "a refusal for room is said at once"
                assert int(r.headers["Retry-After"]) >= 1
            elif r.status_code in (429, 503):
                assert int(r.headers["Retry-After"]) >= 1
        return [r.json()["id"] for r, _ in self.told if r.status_code == 201]


def slower(reader, calm):
    """How many times as long reads took, against reads beside the same
    clients that nothing but these can slow down: on two cores they do so
    more than any fault."""
    assert calm.bad == reader.bad == []
    assert reader.p99 < 1
    return reader.p99 / max(calm.p99, FLOOR_S)


def summary(reader, calm, which="before"):
    return (f"{len(reader.seconds)} reads, p99 {1000 * reader.p99:.1f} ms; "
            f"{which} {len(calm.seconds)}, {1000 * calm.p99:.1f} ms: "
            f"{slower(reader, calm):.1f} x")


def told(writers):
    codes = [getattr(r, "status_code", r) for r, _ in writers.told]
    return (f"writes {({c: codes.count(c) for c in set(codes)})}, slowest "
            f"{max(t for _, t in writers.told):.1f} s")


def until_true(gateway, batch_id, word, start):
    wait_for(f"the state {word}", lambda: gateway.state(batch_id) == word,
             LONGEST_S)
    return time.monotonic() - start


def break_watches(cluster):
    """What is open goes on undisturbed by a fault, so it is closed first."""
    cluster.faults(rule("reset", "GET", "watch"))
    wait_for("the watches to break", lambda: cluster.fault_hits()[0])
    time.sleep(1)       # each of them looks at the rules now and then


def round_of(gateway, cluster, watched, body, disturbed):
    """Reads beside writers, then the same while something is wrong; whether
    they were as quick and state true soon, that in words, and the ids that
    were accepted."""
    with Writers(gateway, body) as before, Reader(gateway, watched) as calm:
        time.sleep(CALM_S)
    with Writers(gateway, body) as writers, \
            Reader(gateway, watched) as reader:
        with disturbed():
            word = flip(cluster, gateway, watched)
        true_after = until_true(gateway, watched, word, time.monotonic())
        time.sleep(0.2)

    well = slower(reader, calm) < SLOWER and true_after <= TRUE_S
    accepted, apps = before.check() + writers.check(), cluster.kube.apps()
    assert len(set(accepted)) == len(accepted)
    assert all(f"livy-t-b-{b}" in apps for b in accepted)
    return well, (f"{summary(reader, calm)}; {told(writers)}; state true "
                  f"after {true_after:.2f} s; {len(apps)} applications"), \
        accepted


def some_round(*args):
    """What was accepted in the first one in which all was well."""
    rounds = []
    for _ in range(ROUNDS):
        well, words, accepted = round_of(*args)
        rounds.append(words)
        if well:
            print("\n".join(["", *rounds]))
            return accepted
    raise AssertionError("reads are slow, or state is old for long, in each "
                         "round:\n" + "\n".join(rounds))


@pytest.mark.parametrize("name", FAULTS)
def test_reads_go_on_and_writes_are_answered(
        name, gateway, faulty, watched, body):

    @contextlib.contextmanager
    def fault():
        break_watches(faulty)
        faulty.faults(*FAULTS[name])
        time.sleep(FAULT_S)
        yield
        faulty.clear_faults()
        if name in OUTLIVE:
            faulty.localkube.kill()
            faulty.start_localkube()

    accepted = some_round(gateway, faulty, watched, body, fault)

    for batch in accepted[:5] + accepted[-5:]:
        assert gateway.get(f"/batches/{batch}").status_code == 200


def test_reads_go_on_while_the_api_server_restarts(
        gateway, faulty, watched, body):

    @contextlib.contextmanager
    def restarts():
        for _ in range(3):
            time.sleep(0.5)
            faulty.localkube.kill()
            time.sleep(0.5)
            faulty.start_localkube()
        yield

    some_round(gateway, faulty, watched, body, restarts)


def test_reads_go_on_while_the_watcher_is_killed_in_mid_write(
        gateway, faulty, watched, body):
    """It writes all the time, as the writers make it."""

    @contextlib.contextmanager
    def kills():
        for _ in range(4):
            old = wait_for("a watcher", lambda: gateway.pids("watcher"))
            time.sleep(0.3)
            for pid in old:
                os.kill(pid, signal.SIGKILL)
            wait_for("another watcher", lambda o=old: set(
                gateway.pids("watcher")) - set(o))
        yield

    accepted = some_round(gateway, faulty, watched, body, kills)

    assert accepted, "nothing was written meanwhile"
    listed = {b["id"] for b in gateway.get(
        "/batches?size=100000").json()["sessions"]}
    assert set(accepted) <= listed


@pytest.fixture
def hole(faulty):
    hole = Hole(faulty.port)
    yield hole
    hole.close()


def through(maker, cluster, hole, **settings):
    """A gateway whose way to the API server can swallow what passes."""
    text = cluster.kubeconfig("gateway").read_text()
    path = maker.folder("k") / "gateway.kubeconfig"
    (path.parent / "gateway.token").write_text(
        (cluster.folder / "gateway.token").read_text())
    path.write_text(text.replace(f":{cluster.port}\n", f":{hole.port}\n"))
    for p in path.parent.iterdir():
        p.chmod(0o600)
    give(path.parent, *path.parent.iterdir())
    return replica(maker, cluster, **dict(QUICK, **settings, **{
        "kubernetes.kubeconfig": str(path)}))


def test_watches_that_went_silent_are_opened_anew_when_calls_succeed(
        maker, faulty, hole, body):
    """Their connections look well; but other calls found nobody there."""
    gateway = through(maker, faulty, hole)
    batch = gateway.submit(body)["id"]
    before = flip(faulty, gateway, batch)
    until_true(gateway, batch, before, time.monotonic())

    hole.swallow()
    word = flip(faulty, gateway, batch)
    assert gateway.post("/batches", body).status_code == 503
    time.sleep(1)
    assert gateway.state(batch) == before
    hole.heal()

    took = until_true(gateway, batch, word, time.monotonic())
    print(f"state true {took:.2f} s after the hole was gone")


def test_a_list_that_is_never_answered_is_asked_for_again(
        gateway, faulty, watched):
    """It would wait for 15 s by itself."""
    break_watches(faulty)
    faulty.faults(*on_all("stall"))
    wait_for("the watches to be asked for", lambda: sum(
        faulty.fault_hits()) >= 2)
    time.sleep(1)
    word = flip(faulty, gateway, watched)
    faulty.clear_faults()

    took = until_true(gateway, watched, word, time.monotonic())
    print(f"state true {took:.2f} s after the stall")
    assert took < 8


def test_a_share_of_the_pool_that_is_used_up_is_said_at_once(
        gateway, faulty, watched, body):
    faulty.faults(rule("stall", "POST", APPS))

    replies = together(12, lambda _: (lambda start, r: (
        r, time.monotonic() - start))(time.monotonic(), gateway.post(
            "/batches", body, session=client(gateway))))

    at_once = [(r, t) for r, t in replies if TOO_MANY in r.text]
    assert len(at_once) >= 12 - 4
    assert all(r.status_code == 503 and int(r.headers["Retry-After"]) >= 1
               and t < 1.5 for r, t in at_once), [t for _, t in at_once]
    assert all(t < BUDGET_S + 4 for _, t in replies)


@pytest.fixture
def timed(maker, job):
    """Two gateways of two clusters without sanitizers, a batch in each."""
    def make():
        cluster = maker.cluster()
        cluster.localspark.stop()
        gateway = replica(maker, cluster, TIMED_BUILD, **POOL)
        return gateway, gateway.submit({"file": job("lines.py")})["id"]
    return make(), make()


def test_a_burst_is_accepted_or_refused_and_reads_are_unhurt(timed, body):
    """As quick as those of a gateway that has no part in it but that the
    machine is busy: what a burst takes up is a share of the workers."""
    rounds = []
    for _ in range(ROUNDS):
        well, words = burst(*timed, body)
        rounds.append(words)
        if well:
            break
    print("\n".join(["", *rounds]))
    assert well, "reads are slow in each round"


def burst(busy, quiet, body):
    clients, each = 50, 20
    gateway = busy[0]
    before = set(gateway.cluster.kube.apps())
    with Reader(*busy) as reader, Reader(*quiet) as calm:
        start = time.monotonic()
        replies = sum(together(clients, lambda _: [
            gateway.post("/batches", body, session=session)
            for session in [client(gateway)] for _ in range(each)]), [])
        took = time.monotonic() - start

    codes = [r.status_code for r in replies]
    accepted = [r.json()["id"] for r in replies if r.status_code == 201]
    assert set(codes) <= {201, 429, 503} and accepted
    assert all("Retry-After" in r.headers for r in replies
               if r.status_code != 201)
    assert len(set(accepted)) == len(accepted)
    assert set(gateway.cluster.kube.apps()) - before == {
        f"livy-t-b-{b}" for b in accepted}
    listed = {b["id"] for b in gateway.get(
        "/batches?size=100000").json()["sessions"]}
    assert set(accepted) <= listed
    return slower(reader, calm) < SLOWER, (
        f"{len(replies)} POSTs in {took:.1f} s: "
        f"{({c: codes.count(c) for c in set(codes)})}; "
        f"{summary(reader, calm, 'at a quiet one')}")


def test_many_applications_are_listed_anew_and_reads_go_on(
        maker, job):
    count = size(1500, 10000)
    cluster = maker.cluster()
    cluster.localspark.stop()
    gateway = replica(maker, cluster)
    first = gateway.submit({"file": job("lines.py"), "args": ["1"]})["id"]
    made = cluster.kube.app(f"livy-t-b-{first}")
    usual = measure(gateway, first)
    fill(cluster, made, count)
    wait_for("the gateway to have them", lambda: gateway.get(
        "/batches?size=1").json()["total"] == count + 1)
    full = measure(gateway, first)

    with Reader(gateway, first) as reader:
        cluster.faults(rule("gone", "GET", "watch", count=4))
        wait_for("410s", lambda: cluster.fault_hits()[0] == 4)
        for pid in gateway.pids("watcher"):
            os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        word = flip(cluster, gateway, first)
        true_after = until_true(gateway, first, word, start)

    print(f"\n{count} applications: reads p99 {1000 * full:.1f} ms = "
          f"{full / usual:.1f} x that of one, while listed anew "
          f"{1000 * reader.p99:.1f} ms = {reader.p99 / full:.1f} x; state "
          f"true after {true_after:.2f} s; median "
          f"{1000 * percentile(reader.seconds, 0.5):.2f} ms")
    assert reader.bad == []
    assert reader.p99 < 1
    assert gateway.get("/batches?size=1").json()["total"] == count + 1


def fill(cluster, like, count):
    """Applications like this one with the ids after its own."""
    start = int(like["metadata"]["name"].rpartition("-")[2]) + 1

    def make(i):
        kube = cluster.kube.twin()
        for n in range(start + i, start + count, 8):
            meta = like["metadata"]
            r = kube.create("sparkapplications", {
                "apiVersion": like["apiVersion"], "kind": like["kind"],
                "metadata": {"name": f"livy-t-b-{n}",
                             "annotations": meta["annotations"],
                             "labels": {**meta["labels"],
                                        "livy-fcgi/id": str(n)}},
                "spec": like["spec"]})
            assert r.status_code == 201, r.text
    together(8, make)
