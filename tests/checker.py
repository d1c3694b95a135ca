#!/usr/bin/python3 -B
"""Creates batches through two replicas of a gateway while their processes and
the API server are killed at random, keeps a record of its own, and then
compares it with what there is:

  - an accepted id answers 200 on both replicas until it is deleted, and is
    the batch of that request;
  - a request makes at most one application, and a key exactly one;
  - an application whose client was never told is in the audit log.

Half of the clients send an Idempotency-Key and repeat what had no answer.
Alone, with any size: tests/checker.py --creates 2000 [--seed N]"""

import argparse
import os
import pathlib
import random
import secrets
import signal
import sys
import tempfile
import threading
import time

CLIENTS = 16
SETTLE_S = 90       # for a watcher that was killed last
FINISH_S = 240      # for keys that are still unanswered when the kills end


class Create:
    """One request, and what its client knows of it."""

    def __init__(self, number, key):
        self.marker = f"check-{number}"
        self.key = key
        self.batch = None       # its id, once a 201 came
        self.tries = 0
        self.deleted = None     # True, or "perhaps" without an answer
        self.answers = []


class Checker:
    def __init__(self, cluster, gateways, file, creates, seconds, seed,
                 say=print):
        self.cluster, self.gateways, self.file = cluster, gateways, file
        self.random, self.say = random.Random(seed), say
        self.pause = 2 * seconds * CLIENTS / creates
        self.records = [Create(n, secrets.token_hex(8) if n % 2 else None)
                        for n in range(creates)]
        self.todo = list(self.records[::-1])
        self.lock, self.over = threading.Lock(), threading.Event()
        self.mine = threading.local()
        self.kills, self.problems = {}, []
        self.end = None

    # clients

    def session(self, gateway):
        """One for each client; a TLS handshake for each call would be most
        of what a run takes."""
        mine = self.mine.__dict__.setdefault("sessions", {})
        if gateway not in mine:
            mine[gateway] = gateway.client(token=gateway.token)
        return mine[gateway]

    def body(self, record):
        return {"file": self.file, "args": ["1", "0", record.marker]}

    def post(self, record, gateway):
        """201's id, the status of another answer, or None without one."""
        headers = {"Idempotency-Key": record.key} if record.key else {}
        record.tries += 1
        try:
            r = gateway.post("/batches", self.body(record), headers=headers,
                             session=self.session(gateway), timeout=25)
        except OSError:     # requests' exceptions are
            record.answers.append(None)
            return None
        record.answers.append(r.status_code)
        if r.status_code == 201:
            record.batch = r.json()["id"]
        elif r.status_code not in (500, 502, 503, 504):
            self.problems.append(f"{record.marker}: {r.status_code} {r.text}")
        return r.status_code

    def client(self, number):
        rnd = random.Random(number)
        while True:
            with self.lock:
                if not self.todo:
                    return
                record = self.todo.pop()
            time.sleep(rnd.uniform(0, self.pause))
            self.post(record, rnd.choice(self.gateways))
            while record.key and record.batch is None and not (
                    self.end and time.monotonic() > self.end):
                time.sleep(rnd.uniform(0.05, 0.5))
                self.post(record, rnd.choice(self.gateways))
            if record.batch is not None and rnd.random() < 0.1:
                self.delete(record, rnd.choice(self.gateways))

    def delete(self, record, gateway):
        record.deleted = "perhaps"
        try:
            r = gateway.delete(f"/batches/{record.batch}", timeout=25,
                               session=self.session(gateway))
        except OSError:
            return
        if r.status_code == 200:
            record.deleted = True
        elif r.status_code == 404:
            self.problems.append(
                f"{record.marker}: 404 to the DELETE of {record.batch}")

    # kills

    def victims(self):
        what = ["worker"] * 6 + ["watcher", "leader", "auth"] * 2 + \
            ["master", "nginx", "replica"]
        return what + (["localkube"] * 2 if hasattr(
            self.cluster, "start_localkube") else [])

    def kill_one(self):
        """At random, but nobody is left out."""
        left = sorted(set(self.victims()) - set(self.kills))
        what = self.random.choice(left or self.victims())
        gateway = self.random.choice(self.gateways)
        if what == "localkube":
            self.cluster.localkube.kill()
            time.sleep(self.random.uniform(0, 0.5))
            self.cluster.start_localkube()
        elif what in ("nginx", "replica"):
            if what == "replica":
                gateway.kill_master()
            os.killpg(gateway.nginx.pid, signal.SIGKILL)
            gateway.nginx.wait()
            if what == "replica":
                time.sleep(self.random.uniform(0, 2))
                gateway.start_master()
            gateway.nginx.start()
        elif what == "master":
            gateway.kill_master()
            gateway.start_master()
        else:
            pids = gateway.pids(what)
            for pid in pids and self.random.sample(pids, 1):
                os.kill(pid, signal.SIGKILL)
        self.kills[what] = self.kills.get(what, 0) + 1

    def slow_down(self):
        """A create that takes longer is more often under way at a kill:
        before it is committed, or before its answer is whole."""
        if hasattr(self.cluster, "faults"):
            self.cluster.faults(*self.random.choice(([], [
                {"method": "POST", "fault": "stall", "ms": 200,
                 "path": "/sparkapplications"}], [
                {"method": "POST", "fault": "slow", "ms": 20,
                 "path": "/sparkapplications"}], [
                {"method": "PUT", "fault": "stall", "ms": 100,
                 "path": "/configmaps"}], [
                {"method": "POST", "fault": "reset-after-commit",
                 "path": "/sparkapplications", "count": 3}])))

    def killer(self):
        try:
            while not self.over.wait(self.random.uniform(0.1, 0.5)):
                self.slow_down()
                time.sleep(self.random.uniform(0, 0.1))
                self.kill_one()
            if hasattr(self.cluster, "faults"):
                self.cluster.clear_faults()
        except Exception as e:
            self.problems.append(f"the killer itself: {e!r}")

    # the end

    def run(self):
        start = time.monotonic()
        killer = threading.Thread(target=self.killer)
        clients = [threading.Thread(target=self.client, args=(i,))
                   for i in range(CLIENTS)]
        for t in (killer, *clients):
            t.start()
        while self.todo:
            time.sleep(0.1)
        self.over.set()
        killer.join()
        self.end = time.monotonic() + FINISH_S
        for t in clients:
            t.join()
        self.say(f"{len(self.records)} creates by {CLIENTS} clients in "
                 f"{time.monotonic() - start:.0f} s; killed: " + ", ".join(
                     f"{n} {w}" for w, n in sorted(self.kills.items())))
        for gateway in self.gateways:
            gateway.wait_reads()
        self.problems += [f"no {what} was killed"
                          for what in set(self.victims()) - set(self.kills)]
        self.compare()
        return self.problems

    def objects(self):
        """marker: the ids of its applications."""
        found = {}
        prefix = f"livy-{self.gateways[0].settings['gateway']}-b-"
        for app in self.cluster.kube.items("sparkapplications"):
            name = app["metadata"]["name"]
            arguments = app["spec"].get("arguments") or []
            if name.startswith(prefix) and len(arguments) == 3:
                found.setdefault(arguments[2], []).append(
                    int(name.removeprefix(prefix)))
        return found

    def compare(self):
        there = self.objects()
        wrong = self.problems.append
        for marker, ids in there.items():
            if len(ids) > 1:
                wrong(f"{marker} made {len(ids)} applications: {ids}")
        owners = {}
        for r in self.records:
            if r.batch is None:
                if r.key:
                    wrong(f"{r.marker} has a key and no answer in the end: "
                          f"{r.answers[-5:]}")
                continue
            if r.batch in owners:
                wrong(f"{r.batch} was given to {r.marker} and to "
                      f"{owners[r.batch]}")
            owners[r.batch] = r.marker
            if not r.deleted and there.get(r.marker) != [r.batch]:
                wrong(f"{r.marker} was accepted as {r.batch}, and there is "
                      f"{there.get(r.marker)}")
            if r.deleted is True and r.marker in there:
                wrong(f"{r.marker} was deleted, and there is "
                      f"{there[r.marker]}")
        self.compare_views()
        self.compare_lists(sum(there.values(), []))
        self.compare_audit(there)

    def settled(self, good):
        """Waits for what a watcher that was killed last has to catch up
        with; how long, or None when it never comes."""
        start = time.monotonic()
        while not good():
            if time.monotonic() - start > SETTLE_S:
                return None
            time.sleep(0.1)
        return time.monotonic() - start

    def compare_views(self):
        longest = 0
        for gateway in self.gateways:
            for r in self.records:
                if r.batch is None or r.deleted == "perhaps":
                    continue
                want = 404 if r.deleted else 200
                took = self.settled(lambda g=gateway, b=r.batch, w=want:
                                    g.get(f"/batches/{b}").status_code == w)
                longest = max(longest, took or 0)
                if took is None:
                    self.problems.append(f"{r.marker}: not {want} to a GET "
                                         f"of {r.batch} after {SETTLE_S} s")
        self.say(f"views were true {longest:.1f} s after the last kill")

    def compare_lists(self, ids):
        def listed(gateway):
            return {b["id"] for b in gateway.get(
                "/batches?size=1000000").json()["sessions"]}
        for gateway in self.gateways:
            if self.settled(lambda g=gateway: set(ids) <= listed(g)) is None:
                self.problems.append(
                    f"not listed: {set(ids) - listed(gateway)}")

    def compare_audit(self, there):
        from crowd import audit

        def last_step(batch):
            return [line["step"] for g in self.gateways for line in audit(g)
                    if line["id"] == batch][-1]
        steps = {}
        for line in sum(map(audit, self.gateways), []):
            steps.setdefault(line["id"], []).append(line["step"])
        silent = [(r, there[r.marker]) for r in self.records
                  if r.batch is None and r.marker in there]
        for r, ids in silent:
            self.say(f"no answer to {r.marker} {r.answers}, and there is "
                     f"{ids}: {steps.get(ids[0])}")
            if "intended" not in steps.get(ids[0], []):
                self.problems.append(f"{ids[0]} is not in the audit log")
            elif self.settled(lambda b=ids[0]: last_step(b) !=
                              "intended") is None:
                self.problems.append(f"nobody told what became of {ids[0]}")
        accepted = [r for r in self.records if r.batch is not None]
        for r in accepted:
            if "intended" not in steps.get(r.batch, []):
                self.problems.append(f"{r.batch} is not in the audit log")
        self.say(f"accepted {len(accepted)}, of them after repeats "
                 f"{sum(r.tries > 1 for r in accepted)}; refused or without "
                 f"an answer {len(self.records) - len(accepted)}; "
                 f"applications without an accepted reply {len(silent)}; "
                 f"problems {len(self.problems)}")


def check(maker, cluster, file, creates, seconds, seed):
    """Two replicas, of which all but the first batch wait to be admitted, so
    that a thousand of them run nothing."""
    from crowd import QUICK, replica
    gateways = [replica(maker, cluster, **QUICK, **{
        "gateway": "chk", "admission.limit": 1,
        "fastcgi.workers": 12, "fastcgi.outbound_workers": 10})
        for _ in range(2)]
    gateways[0].submit({"file": file.replace("lines.py", "hold.py")})
    return Checker(cluster, gateways, file, creates, seconds, seed).run()


def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--creates", type=int, default=2000)
    p.add_argument("--seconds", type=float, help="creates / 20 by default")
    p.add_argument("--seed", type=int, default=None)
    args = p.parse_args()
    if "LIVY_TEST_BUILD" not in os.environ:
        again()
    import pki
    import rig
    from maker import Maker
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lt-", dir="/tmp"))
    folder.chmod(0o755)
    maker = Maker(folder, pki.make_ca(folder / "pki"))
    seed = args.seed if args.seed is not None else secrets.randbelow(1 << 30)
    print(f"seed {seed}, logs in {folder}")
    cluster = maker.cluster()
    cluster.localspark.stop()
    problems = check(maker, cluster, f"{rig.JOBS_URI}/lines.py", args.creates,
                     args.seconds or args.creates / 20, seed)
    maker.end()
    print("\n".join(problems) or "nothing is lost, nothing is there twice")
    sys.exit(1 if problems else 0)


def again():
    """Builds, and starts once more as the tests' user."""
    import build
    from place import Place
    place = Place()
    place.lock()
    place.copy_source()
    place.copy_jobs()
    folder = build.build(place, "plain")
    env = place.environ(LIVY_TEST_BUILD=folder)
    argv = place.as_user(["/usr/bin/python3", "-B",
                          place.src / "tests" / "checker.py", *sys.argv[1:]])
    place.lock_file.close()
    os.execvpe(argv[0], argv, env)


if __name__ == "__main__":
    os.umask(0o022)
    main()
