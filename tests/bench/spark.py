"""A session of real Spark through the gateway against the same driver by
itself: 1+1 from POST to available, and from POST /sessions to idle."""

import base64
import os
import pathlib
import statistics
import sys
import time

import requests

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "agent"))

PORT = 8997
SOON = 0.05         # seconds between looks at a start: looking costs, too
STARTS = 5
ROUNDS = {"pyspark": 300, "spark": 100}
WARM = 50           # a JVM becomes quick by and by
ACCEPTED = "accepted, application made"
STEPS = ["pod made", "driver started", "agent up", "agent idle", "idle"]
# The same driver by itself has these, too.
BODY = {"kind": "shared", "driverMemory": "1g", "conf": {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2", "spark.sql.session.timeZone": "UTC"}}


def ms(seconds):
    return f"{seconds * 1000:.1f} ms"


def share(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class Driver:
    """A session of the gateway, and its agent asked past the gateway."""

    def __init__(self, cluster, front, url, gateway, body):
        """front: a client of url, which serves the gateway of that name."""
        self.kube, self.front = cluster.kube, front
        self.began = time.monotonic()
        r = front.post(f"{url}/sessions", json=body)
        self.accepted = time.monotonic()
        assert r.status_code == 201, r.text
        self.path = f"/sessions/{r.json()['id']}"
        self.base = url + self.path
        self.name = f"livy-{gateway}-s-{r.json()['id']}"
        self.bare = requests.Session()

    def agent(self):
        pod = self.kube.get(self.kube.path("pods", f"{self.name}-driver"))
        secret = self.kube.get(self.kube.path("secrets",
                                              f"{self.name}-token"))
        self.bare.headers["X-Livy-Token"] = base64.b64decode(
            *secret["data"].values()).decode()
        return f"http://{pod['status']['podIP']}:{PORT}/v1"

    def state(self):
        return self.front.get(f"{self.base}/state").json()["state"]

    def wait_idle(self):
        while (state := self.state()) != "idle":
            assert state in ("starting", "busy"), state
            time.sleep(SOON)

    def look(self):
        """Which steps of the start are behind it, by its objects alone."""
        pod = self.kube.get(self.kube.path("pods", f"{self.name}-driver"))
        if not pod:
            return []
        if pod["status"].get("phase") != "Running":
            return STEPS[:1]
        try:
            up = self.bare.get(f"{self.agent()}/state", timeout=5).json()
        except (requests.RequestException, ValueError):
            return STEPS[:2]
        return STEPS[:4 if up.get("state") == "idle" else 3]

    def start(self):
        """Seconds after the POST of each step."""
        steps = {ACCEPTED: self.accepted - self.began}
        while STEPS[-1] not in steps:
            seen = self.look() if STEPS[-2] not in steps else []
            if self.state() == "idle":
                seen = STEPS
            for step in seen:
                steps.setdefault(step, time.monotonic() - self.began)
            time.sleep(SOON)
        return steps

    def delete(self):
        self.front.delete(self.base)
        while self.front.get(self.base).status_code != 404:
            time.sleep(SOON)


def statement(client, url, kind):
    began = time.monotonic()
    sid = client.post(f"{url}/statements", json={
        "code": "1+1", "kind": kind}).json()["id"]
    while (state := client.get(f"{url}/statements/{sid}").json()[
            "state"]) != "available":
        if time.monotonic() - began > 300:
            raise SystemExit(f"{url}/statements/{sid} is {state} for ever")
        time.sleep(0.001)
    return time.monotonic() - began


def statements(driver, kind, rounds, warm=0):
    turns = {"agent": (driver.bare, driver.agent()),
             "gateway": (driver.front, driver.base)}
    took = {who: [] for who in turns}
    for i in range(warm + rounds):
        for who, (client, url) in turns.items():
            one = statement(client, url, kind)
            if i >= warm:
                took[who].append(one)
    print(f"\n1+1, {kind}, from POST to available, by a 1 ms poll, load "
          f"{os.getloadavg()[0]:.1f}")
    for who, times in took.items():
        print(f"  {who:14} p50 {ms(share(times, 50))}, "
              f"p99 {ms(share(times, 99))}")
    more = [share(took["gateway"], p) - share(took["agent"], p)
            for p in (50, 99)]
    print(f"  gateway adds   p50 {ms(more[0])}, p99 {ms(more[1])} "
          "(at most 3 ms)", flush=True)


def bare_start(python, folder):
    """The same agent under spark-submit, with no cluster: seconds to idle."""
    from session import Session
    session = Session(python, folder, kind="shared")
    try:
        session.wait_for("idle")
        return time.monotonic() - session.began
    finally:
        session.close()


def starts(make, python, folder):
    bare, steps = [], []
    for i in range(STARTS):
        bare.append(bare_start(python, folder / f"bare{i}"))
        driver = make()
        steps.append(driver.start())
        driver.delete()
    middle = {step: statistics.median(s[step] for s in steps)
              for step in steps[0]}
    alone = statistics.median(bare)
    print(f"\nPOST /sessions to idle, median of {STARTS}, load "
          f"{os.getloadavg()[0]:.1f}")
    for step, at in sorted(middle.items(), key=lambda s: s[1]):
        print(f"  {step:28}{at:8.3f} s")
    operator = middle["pod made"] - middle[ACCEPTED]
    print(f"  the driver by itself        {alone:8.3f} s\n"
          f"  localspark, until the pod   {operator:8.3f} s\n"
          f"  the rest                    "
          f"{middle['idle'] - alone - operator:8.3f} s (at most 1 s)",
          flush=True)


def run(cluster, folder, python):
    from gateway import Gateway
    from rig import SPARK_IMAGE
    gateway = Gateway(folder / "spark", cluster, folder / "pki", settings={
        "gateway": "bs", "process.log_level": "warn"},
        variables={"image": SPARK_IMAGE})
    gateway.start()

    def make():
        return Driver(cluster, gateway.client(token=gateway.token),
                      gateway.url, "bs", BODY)
    try:
        starts(make, python, folder)
        driver = make()
        driver.wait_idle()
        for kind, rounds in ROUNDS.items():
            statements(driver, kind, rounds, WARM)
        driver.delete()
    finally:
        gateway.stop()
