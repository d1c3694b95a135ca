"""What hangs, fails or floods while clients read and write: one round of it
each time. The api tier asks of a round whether anything was held up,
tests/bench by how much."""

import contextlib
import dataclasses
import os
import signal
import time

import requests

from crowd import QUICK, Clients, Reader, client, copies, together
from procs import wait_for

FAULT_S = 2
CALM_S = 2
LONGEST_S = 30      # until state is true again where a machine is busy
FLOOR_S = 0.004     # less is the machine's own noise
BUDGET_S = 4        # QUICK's
POOL = dict(QUICK, **{"fastcgi.workers": 8, "fastcgi.outbound_workers": 4})
TOO_MANY = "too many requests are waiting"


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


def until_true(gateway, batch_id, word):
    start = time.monotonic()
    wait_for(f"the state {word}", lambda: gateway.state(batch_id) == word,
             LONGEST_S)
    return time.monotonic() - start


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


def break_watches(cluster):
    """What is open goes on undisturbed by a fault, so it is closed first."""
    cluster.faults(rule("reset", "GET", "watch"))
    wait_for("the watches to break", lambda: cluster.fault_hits()[0])
    time.sleep(1)       # each of them looks at the rules now and then


# What disturbs: in the block after it, it is still so.

@contextlib.contextmanager
def fault(cluster, _, name):
    break_watches(cluster)
    cluster.faults(*FAULTS[name])
    time.sleep(FAULT_S)
    yield
    cluster.clear_faults()
    if name in OUTLIVE:
        cluster.localkube.kill()
        cluster.start_localkube()


@contextlib.contextmanager
def restarts(cluster, _gateway):
    """Of the API server."""
    for _ in range(3):
        time.sleep(0.5)
        cluster.localkube.kill()
        time.sleep(0.5)
        cluster.start_localkube()
    yield


@contextlib.contextmanager
def kills(_, gateway):
    """Of the watcher, which writes all the time, as the writers make it."""
    for _ in range(4):
        old = wait_for("a watcher", lambda: gateway.pids("watcher"))
        time.sleep(0.3)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_for("another watcher", lambda o=old: set(
            gateway.pids("watcher")) - set(o))
    yield


@contextlib.contextmanager
def relists(cluster, gateway, *more):
    """All is listed anew, by a watcher that knows of nothing; more: faults
    of these lists."""
    cluster.faults(rule("gone", "GET", "watch", count=4), *more)
    wait_for("410s", lambda: cluster.fault_hits()[0] == 4)
    for pid in gateway.pids("watcher"):
        os.kill(pid, signal.SIGKILL)
    if more:
        time.sleep(FAULT_S)
    yield
    cluster.clear_faults()


NEXT_PAGES_BREAK = rule("half", "GET", "continue=")


def fill(cluster, gateway, batch_id, count):
    """So many applications like that one, with the ids after its own."""
    copies(cluster, cluster.kube.app(f"livy-t-b-{batch_id}"),
           range(batch_id + 1, batch_id + 1 + count))
    wait_for("the gateway to have them", lambda: gateway.get(
        "/batches?size=1").json()["total"] > count)


class Writers(Clients):
    """Clients that create, and note what they were told: more than there are
    workers, so that without shares they would hold all of them."""

    def __init__(self, gateway, body, count=12):
        super().__init__(count)
        self.gateway, self.body, self.told = gateway, body, []

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

    def check(self):
        """Everybody got an answer in time; the ids that were accepted."""
        for r, took in self.told:
            assert not isinstance(r, Exception), r
            assert r.status_code in (201, 429, 500, 502, 503), r.text
            assert r.json()
            assert took < 2 * BUDGET_S, (took, r.status_code, r.text)
            if r.status_code != 201 and TOO_MANY in r.text:
                assert took < BUDGET_S, "a refusal for room is said at once"
                assert int(r.headers["Retry-After"]) >= 1
            elif r.status_code in (429, 503):
                assert int(r.headers["Retry-After"]) >= 1
        return [r.json()["id"] for r, _ in self.told if r.status_code == 201]


def codes_of(replies):
    codes = [getattr(r, "status_code", repr(r)) for r in replies]
    return {c: codes.count(c) for c in sorted(set(codes), key=str)}


@dataclasses.dataclass
class Round:
    """Reads beside clients while something was wrong, and beside the same
    clients while nothing was: on two cores these alone slow reads down more
    than any fault. In seconds."""
    reader: Reader
    calm: Reader
    words: str          # about the writes
    accepted: list      # ids
    true_after: float = 0

    @property
    def slower(self):
        """How many times as long reads took."""
        return self.reader.p99 / max(self.calm.p99, FLOOR_S)

    def __str__(self):
        return (f"{len(self.reader.seconds)} reads, p99 "
                f"{1000 * self.reader.p99:.1f} ms; with nothing wrong "
                f"{len(self.calm.seconds)}, {1000 * self.calm.p99:.1f} ms: "
                f"{self.slower:.1f} x; state true after "
                f"{self.true_after:.2f} s; {self.words}")


def check_round(cluster, got):
    """No read failed, and what was accepted is there, once."""
    assert got.calm.bad == got.reader.bad == []
    assert len(set(got.accepted)) == len(got.accepted)
    apps = cluster.kube.apps()
    assert all(f"livy-t-b-{b}" in apps for b in got.accepted)
    return got


def round_of(cluster, gateway, watched, body, disturbed, *args):
    """Reads beside writers, then the same while it is disturbed so."""
    with Writers(gateway, body) as before, Reader(gateway, watched) as calm:
        time.sleep(CALM_S)
    with Writers(gateway, body) as writers, \
            Reader(gateway, watched) as reader:
        with disturbed(cluster, gateway, *args):
            word = flip(cluster, gateway, watched)
        true_after = until_true(gateway, watched, word)
        time.sleep(0.2)

    words = (f"writes {codes_of(r for r, _ in writers.told)}, slowest "
             f"{max(t for _, t in writers.told):.1f} s")
    return check_round(cluster, Round(
        reader, calm, words, before.check() + writers.check(), true_after))


def clear(cluster, gateway, watched):
    """No fault any more, and no applications, or each list is longer than
    the last, but the one that is watched."""
    if cluster.localkube.running():
        cluster.clear_faults()
    for name in cluster.kube.apps():
        if name != f"livy-t-b-{watched}":
            cluster.kube.delete("sparkapplications", name)
    wait_for("creates to work again", lambda: (lambda r: r.status_code == 201
             and gateway.delete(f"/batches/{r.json()['id']}").status_code == 200
             )(gateway.post("/batches", {"file": "local:///x.py"})))


CLIENTS, EACH = 50, 20


def burst(busy, quiet, body):
    """1,000 creates at once at the busy one of two gateways, each with a
    batch and of a cluster of its own, with readers at both: what a burst
    takes up is a share of the workers, and else only the machine."""
    gateway = busy[0]
    before = set(gateway.cluster.kube.apps())
    with Reader(*busy) as reader, Reader(*quiet) as calm:
        start = time.monotonic()
        replies = sum(together(CLIENTS, lambda _: [
            gateway.post("/batches", body, session=session)
            for session in [client(gateway)] for _ in range(EACH)]), [])
        took = time.monotonic() - start

    accepted = [r.json()["id"] for r in replies if r.status_code == 201]
    assert {r.status_code for r in replies} <= {201, 429, 503} and accepted
    assert all("Retry-After" in r.headers for r in replies
               if r.status_code != 201)
    assert set(gateway.cluster.kube.apps()) - before == {
        f"livy-t-b-{b}" for b in accepted}
    listed = {b["id"] for b in gateway.get(
        "/batches?size=100000").json()["sessions"]}
    assert set(accepted) <= listed
    return check_round(gateway.cluster, Round(
        reader, calm, f"{len(replies)} POSTs in {took:.1f} s: "
        f"{codes_of(replies)}", accepted))
