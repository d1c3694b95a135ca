"""Reload and drain under load: whatever is asked meanwhile is answered, and
what is under way ends as it began."""

import collections
import signal
import time

import pytest
import requests

from crowd import Clients, Reader, behind, client, replica
from procs import wait_for

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def gateway(session_maker, faulty):
    return replica(session_maker, faulty, **{"fastcgi.workers": 10,
                                             "fastcgi.outbound_workers": 8})


@pytest.fixture
def body(job):
    return {"file": job("lines.py"), "args": ["1"]}


def reload(gateway):
    old = set(gateway.pids("worker"))
    gateway.master.signal(signal.SIGHUP)
    wait_for("new workers alone", lambda: not set(
        gateway.pids("worker")) & old and gateway.pids("worker"))


class Load(Clients):
    """Clients that create, read, list and delete, and note every answer."""

    def __init__(self, gateway, body, count=4):
        super().__init__(count)
        self.gateway, self.body = gateway, body
        self.answers, self.ids = [], []

    def run(self):
        session = client(self.gateway)
        while not self.over.is_set():
            try:
                made = self.gateway.post("/batches", self.body,
                                         session=session)
                self.answers.append(("POST", made.status_code, made.text))
                if made.status_code != 201:
                    continue
                batch = made.json()["id"]
                self.ids.append(batch)
                for method, path in (("GET", ""), ("GET", "/state"),
                                     ("DELETE", "")):
                    r = self.gateway.call(
                        method, f"/batches/{batch}{path}",
                        session=session)
                    self.answers.append((method, r.status_code, r.text))
            except requests.RequestException as e:
                self.answers.append(("", repr(e), ""))

    def others_than(self, *codes):
        return [a for a in self.answers if a[1] not in codes]


def test_no_write_and_no_read_fails_over_reloads(gateway, faulty, body):
    kept = gateway.submit(body)["id"]
    with Load(gateway, body) as load, Reader(gateway, kept) as reader:
        for _ in range(4):
            reload(gateway)
            time.sleep(0.2)

    print(collections.Counter(a[:2] for a in load.answers))
    assert load.others_than(200, 201) == []
    assert reader.bad == []
    assert len(set(load.ids)) == len(load.ids) > 10


def test_what_is_under_way_ends_with_the_configuration_it_began_with(
        gateway, faulty, body):
    faulty.faults({"method": "POST", "path": "/sparkapplications",
                   "fault": "stall", "ms": 1500})
    first = behind(lambda: gateway.post("/batches", body))
    wait_for("the create to be on its way", lambda: faulty.fault_hits()[0])
    old = gateway.variables["image"]
    gateway.variables["image"] = "other:2"
    gateway.write_config()

    gateway.master.signal(signal.SIGHUP)

    made = first()
    faulty.clear_faults()
    assert made.status_code == 201, made.text
    image = faulty.kube.app(f"livy-t-b-{made.json()['id']}")["spec"]["image"]
    assert image == old
    wait_for("the new configuration", lambda: faulty.kube.app(
        f"livy-t-b-{gateway.submit(body)['id']}")["spec"]["image"] ==
        "other:2")
    gateway.variables["image"] = old
    gateway.write_config()
    reload(gateway)


@pytest.mark.parametrize("fault", ["template", "secret", "cache"])
def test_a_reload_that_cannot_be_changes_nothing(fault, gateway, body):
    kept = gateway.submit(body)["id"]
    wait_for("the last reload to be over", lambda: len(
        gateway.pids()) == gateway.settings["fastcgi.workers"] + 5)
    good, pids = dict(gateway.settings), gateway.pids()
    broken = {"template": {"templates.batch": "absent.cfg"},
              "secret": {"fastcgi.secret_file": "/nonexistent"},
              "cache": {"cache.objects": 77}}[fault]
    said = gateway.log().count("not reloaded")
    gateway.write_config(**broken)

    with Load(gateway, body, 2) as load:
        gateway.master.signal(signal.SIGHUP)
        wait_for("the complaint", lambda: gateway.log().count(
            "not reloaded") > said)
        time.sleep(0.3)

    assert load.others_than(200, 201) == []
    assert gateway.pids() == pids
    assert gateway.state(kept) == "starting"
    gateway.settings = good
    gateway.write_config()


def test_reloads_in_a_row_leave_one_set_of_workers(gateway, body):
    for _ in range(5):
        gateway.master.signal(signal.SIGHUP)
        time.sleep(0.05)

    wait_for("as many workers as configured", lambda: len(
        gateway.pids("worker")) == gateway.settings["fastcgi.workers"])
    for role in ("watcher", "leader", "auth"):
        wait_for(f"one {role}", lambda r=role: len(gateway.pids(r)) == 1)
    gateway.wait_reads()
    assert gateway.submit(body)["id"] >= 0


def test_a_drain_under_load_accepts_or_refuses(maker, faulty, body):
    gateway = replica(maker, faulty, gateway="drain",
                      **{"fastcgi.workers": 10,
                         "fastcgi.outbound_workers": 8})
    with Load(gateway, body, 8) as load:
        time.sleep(0.7)
        assert gateway.master.stop() == 0
        time.sleep(0.3)

    print(collections.Counter(a[:2] for a in load.answers))
    assert load.others_than(200, 201, 502, 503) == []
    apps = faulty.kube.apps()
    gone = [a for a in load.answers if a[:2] == ("DELETE", 200)]
    left = [n for n in apps if n.startswith("livy-drain-")]
    assert len(left) == len(load.ids) - len(gone)
