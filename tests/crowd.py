"""Many clients at once: threads with a record, replicas of one gateway, a
reader that measures, and what the audit log says."""

import json
import pathlib
import threading
import time

import requests

from procs import wait_for

# Small enough that what a dead worker left is taken over within seconds.
QUICK = {
    "fastcgi.request_deadline": "5s", "kubernetes.call_budget": "4s",
    "kubernetes.call_timeout": "1s", "kubernetes.connect_timeout": "500ms",
}
APPS = "/sparkapplications"


def replica(maker, cluster, **settings):
    """A gateway with an audit log; two of one cluster are replicas."""
    path = maker.folder("a") / "audit.jsonl"
    gateway = maker.gateway(cluster, settings={
        "process.audit_log": str(path), **settings})
    gateway.audit_path = path
    return gateway


def audit(gateway):
    """The audit log's lines; one that was cut short would be no JSON."""
    path = pathlib.Path(gateway.audit_path)
    return [json.loads(line) for line in path.read_text().splitlines()] \
        if path.exists() else []


def steps(gateway, batch_id):
    return [a["step"] for a in audit(gateway) if a["id"] == batch_id]


def together(count, call):
    """call(0) … call(count - 1) at the same moment; their results."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        try:
            results[i] = call(i)
        except Exception as e:
            results[i] = e
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for r in results:
        if isinstance(r, Exception):
            raise r
    return results


def behind(call):
    """Starts it in a thread; a function that waits for its result."""
    box = []

    def run():
        try:
            box.append(call())
        except requests.RequestException as e:
            box.append(e)
    t = threading.Thread(target=run)
    t.start()

    def wait():
        t.join()
        return box[0]
    return wait


def client(gateway):
    return gateway.client(token=gateway.token)


def until_accepted(gateway, body, seconds=60, **kwargs):
    """Sends it again, as a client does, while 503 says so; the answer."""
    def send():
        r = gateway.post("/batches", body, **kwargs)
        if r.status_code == 503:
            assert int(r.headers.get("Retry-After", 1)) <= 30, r.headers
            time.sleep(0.1)
            return None
        return [r]      # an answer of 400 is false by itself
    return wait_for("an answer that is not 503", send, seconds)[0]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] \
        if values else 0.0


class Reader:
    """Reads what the cache answers, over and over, and measures it."""

    def __init__(self, gateway, batch_id, pause=0.002):
        self.gateway, self.pause = gateway, pause
        self.paths = (f"/batches/{batch_id}/state", f"/batches/{batch_id}")
        self.seconds, self.bad = [], []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        session, n = client(self.gateway), 0
        while not self.stop.is_set():
            path = self.paths[n % 2]
            start = time.monotonic()
            try:
                r = self.gateway.get(path, session=session)
                if r.status_code != 200:
                    self.bad.append((path, r.status_code, r.text[:200]))
            except requests.RequestException as e:
                self.bad.append((path, repr(e)))
            self.seconds.append(time.monotonic() - start)
            n += 1
            time.sleep(self.pause)

    @property
    def p99(self):
        return percentile(self.seconds, 0.99)


def measure(gateway, batch_id, seconds=2):
    """p99 of reads while nothing else happens."""
    with Reader(gateway, batch_id) as reader:
        time.sleep(seconds)
    assert reader.bad == []
    return reader.p99


def delay_watches(cluster, ms):
    """Events come late from now on: watches that are open are broken off, so
    that slow ones take their place. Not with localspark: it would share
    them."""
    rule = {"method": "GET", "path": APPS, "fault": "watch-delay", "ms": ms}
    cluster.faults({"method": "GET", "path": "watch", "fault": "reset"}, rule)
    wait_for("the watches to break", lambda: cluster.fault_hits()[0])
    cluster.faults(rule)
    wait_for("slow watches", lambda: cluster.fault_hits()[0])
