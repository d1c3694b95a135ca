"""Many clients at once: threads with a record, replicas of one gateway, a
reader that measures, and what the audit log says."""

import contextlib
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import time

import requests

from procs import wait_for
from rig import BUILD

# Small enough that what a dead worker left is taken over within seconds.
QUICK = {
    "fastcgi.request_deadline": "5s", "kubernetes.call_budget": "4s",
    "kubernetes.call_timeout": "1s", "kubernetes.connect_timeout": "500ms",
}
APPS = "/sparkapplications"
MAKERS = 4          # of copies, at once
EVERY_S = 0.004     # about as often as a reader reads when all is well


def replica(maker, cluster, build=BUILD, teams=None, **settings):
    """A gateway with an audit log; two of one cluster are replicas. teams:
    the lines of livy-teams.conf."""
    path = maker.folder("a") / "audit.jsonl"
    gateway = maker.gateway(cluster, build=build, settings={
        "process.audit_log": str(path), **settings},
        **({"sign_in": ("bearer", "basic", "teams"), "teams": teams}
           if teams else {}))
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


class Clients:
    """Threads that run() until over is set, at the end of the block."""

    def __init__(self, count):
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(count)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()


def copies(cluster, like, ids, namespace=None):
    """Applications like this one but for its status, with these ids: made by
    plain connections, as they are thousands."""
    kube = cluster.kube.twin()
    kube.namespace = namespace or kube.namespace
    name = like["metadata"]["name"].rpartition("-")[0]
    body = {key: like[key] for key in ("apiVersion", "kind", "spec")}
    meta = {key: like["metadata"][key] for key in ("labels", "annotations")}
    headers = {"Content-Type": "application/json",
               "Authorization": kube.session.headers["Authorization"]}
    context = ssl.create_default_context(cafile=kube.session.verify)

    def make(part):
        with contextlib.closing(http.client.HTTPSConnection(
                "127.0.0.1", cluster.port, context=context)) as connection:
            for i in ids[part::MAKERS]:
                text = json.dumps({**body, "metadata": {
                    **meta, "name": f"{name}-{i}", "labels": {
                        **meta["labels"], "livy-fcgi/id": str(i)}}})
                connection.request("POST", kube.path("sparkapplications"),
                                   text, headers)
                r = connection.getresponse()
                answer = r.read()
                assert r.status == 201, answer
    together(MAKERS, make)


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
    """Reads what the cache answers, over and over, and measures it: in a
    process of its own, so that this one's threads are not what it measures.
    """

    def __init__(self, gateway, batch_id, pause=0.002):
        self.argv = ["/usr/bin/python3", "-B", __file__, str(gateway.port),
                     str(gateway.pki / "ca.crt"), gateway.token,
                     f"/batches/{batch_id}", str(pause)]
        self.seconds, self.bad = [], []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        assert self.process.stdout.readline() == "reading\n"
        return self

    def __exit__(self, *_):
        self.seconds, self.bad = json.loads(self.process.communicate()[0])

    @property
    def p99(self):
        """Of reads begun every EVERY_S, as other clients' would have been
        while this one waited: a stall of 2 s is one read of a thousand."""
        return percentile([took - late for took in self.seconds for late in (
            n * EVERY_S for n in range(int(took / EVERY_S) + 1))], 0.99)


def read_on(port, ca, token, path, pause):
    """The reader's process, until its standard input ends."""
    over, seconds, bad = threading.Event(), [], []
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()),
                     daemon=True).start()
    context = ssl.create_default_context(cafile=ca)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", int(port), context=context, timeout=30)
    paths = (path + "/state", path)
    print("reading", flush=True)
    while not over.wait(float(pause)):
        at, start = paths[len(seconds) % 2], time.monotonic()
        try:
            connection.request("GET", at, headers={
                "Authorization": f"Bearer {token}"})
            r = connection.getresponse()
            text = r.read()
            if r.status != 200:
                bad.append((at, r.status, text.decode()[:200]))
        except (OSError, http.client.HTTPException) as e:
            bad.append((at, repr(e)))
            connection.close()
        seconds.append(time.monotonic() - start)
    print(json.dumps([seconds, bad]))


def delay_watches(cluster, ms, gateways=1, more=()):
    """Events come late from now on: watches that are open are broken off, so
    that slow ones take their place. Not with localspark: it would share
    them. more: other faults."""
    rule = {"method": "GET", "path": APPS, "fault": "watch-delay", "ms": ms}
    for _ in range(12):
        cluster.faults({"method": "GET", "path": "watch", "fault": "reset"},
                       rule)
        time.sleep(1)       # each watch looks at the rules now and then
        cluster.faults(rule, *more)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if cluster.fault_hits()[0] >= gateways:
                return
            time.sleep(0.05)
        # one was opened between the two: it is not counted, so once more
    raise AssertionError("the watches are not slow")


def size(small, full):
    """What CI takes, or with LIVY_TEST_FULL=1 the whole."""
    return full if os.environ.get("LIVY_TEST_FULL") == "1" else small


if __name__ == "__main__":
    read_on(*sys.argv[1:])
