"""Drivers' logs: exact numbers while they grow, one stream for all readers,
and lines that outlive their pod, their node and every gateway."""

import concurrent.futures
import json
import os
import re
import signal
import time

import pytest

from procs import DEADLINE, wait_for

pytestmark = pytest.mark.local

# How long is waited for a log, and for who has counted, goes by the time of
# a call: longer than any machine takes.
SETTINGS = {"gateway": "logs", "logs.idle": "2s",
            "kubernetes.call_timeout": "20s", "kubernetes.call_budget": "25s",
            "fastcgi.request_deadline": "40s"}
TIMEOUT_S = 2       # where it is to be seen what a call's end does
HASTY = {**SETTINGS, "kubernetes.call_timeout": f"{TIMEOUT_S}s",
         "kubernetes.call_budget": "6s"}


@pytest.fixture(scope="module")
def pair(session_maker):
    cluster = session_maker.cluster()
    return cluster, [session_maker.gateway(cluster, settings=SETTINGS)
                     for _ in range(2)]


@pytest.fixture
def own(maker, request):
    """For tests that break what they use; their settings beyond ours."""
    cluster = maker.cluster()
    return cluster, maker.gateway(cluster, settings={
        **SETTINGS, **getattr(request, "param", {})})


def log(gateway, batch, query=""):
    r = gateway.get(f"/batches/{batch}/log{query}")
    assert r.status_code == 200, f"{r.status_code} {r.text}"
    body = r.json()
    assert list(body) == ["id", "from", "total", "log"]
    return body


def whole(gateway, batch):
    return log(gateway, batch, "?size=-1")["log"]


def is_first(line):
    """What tests/api/fake_spark says before the program's own lines."""
    return line.startswith("fake spark: running ")


def ticks(lines):
    return [x for x in lines if x.startswith("tick ")]


def expected(count, start=0):
    return [f"tick {i}" for i in range(start, count)]


def settled(gateway, batch, count):
    """Until its log has so many ticks; all of it."""
    wait_for(f"{count} ticks", lambda: log(gateway, batch)["total"] > count + 1)
    return whole(gateway, batch)


def killed(gateway, role):
    old = gateway.pids(role)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    return wait_for(f"a new {role}", lambda: [
        p for p in gateway.pids(role) if p not in old])


def kept(cluster, gateway, batch):
    """Once it is: the ConfigMap of what is kept."""
    name = gateway.object_name(batch)
    wait_for("the log to be kept", lambda: "livy-fcgi/log" in cluster.kube.app(
        name)["metadata"]["annotations"])
    return cluster.kube.get(cluster.kube.path("configmaps", f"{name}-log"))


def pod_gone(cluster, gateway, batch):
    name = f"{gateway.object_name(batch)}-driver"
    cluster.kube.delete("pods", name)
    wait_for("the pod to go", lambda: name not in cluster.kube.names("pods"))


# While it runs

def test_pages_of_a_growing_log_add_up(pair, job):
    _, gateways = pair
    batch = gateways[0].submit({"file": job("tick.py"),
                                "args": ["400", "hold", "5"]})["id"]
    gateways[0].wait_state(batch, "running")
    wait_for("the other to know", lambda: gateways[1].state(
        batch) == "running")
    got, asked = [], 0
    end = time.monotonic() + DEADLINE

    while len(got) < 402 and time.monotonic() < end:
        asked += 1
        page = log(gateways[asked % 2], batch, f"?from={len(got)}&size=7")
        assert page["from"] == len(got)
        got += page["log"]

    assert got[0] == "stdout: " and is_first(got[1])
    assert got[2:] == expected(400)
    for gateway in gateways:
        gateway.delete(f"/batches/{batch}")


def test_a_log_pages_at_and_past_its_total(pair, job):
    _, (gateway, _) = pair
    batch = gateway.submit({"file": job("tick.py"), "args": ["250", "0"]})["id"]
    gateway.wait_state(batch, "success")
    total = log(gateway, batch)["total"]
    got, start = [], 0

    while start <= total:       # Airflow's loop
        page = log(gateway, batch, f"?from={start}&size=100")
        assert page["from"] == start and page["total"] == total
        got += page["log"]
        start += 100

    assert got == whole(gateway, batch)
    assert ticks(got) == expected(250)
    assert log(gateway, batch, f"?from={total}&size=100")["log"] == []


def test_many_readers_of_one_driver_cost_one_stream(own, job):
    cluster, gateway = own
    batch = gateway.submit({"file": job("tick.py"), "args": ["20"]})["id"]
    gateway.wait_state(batch, "running")
    settled(gateway, batch, 20)
    time.sleep(4)       # whoever read before has gone
    cluster.faults({"method": "GET", "path": "/log?", "fault": "slow",
                    "ms": 1})

    def read(_):
        r = gateway.get(f"/batches/{batch}/log?size=-1",
                        session=gateway.client(token=gateway.token))
        return r.status_code, r.json().get("log")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(read, range(40)))

    assert {a[0] for a in answers} <= {200, 503}
    assert [a for a in answers if a[0] == 200]
    assert all(ticks(a[1]) == expected(20) for a in answers if a[0] == 200)
    # a look, a stream; again if the readers were held up longer than it is
    # kept for: not one for each of them
    assert cluster.fault_hits()[0] < len(answers) / 4
    cluster.clear_faults()


def test_a_log_that_nobody_reads_is_not_followed(own, job):
    cluster, gateway = own
    batch = gateway.submit({"file": job("tick.py"), "args": ["3"]})["id"]
    gateway.wait_state(batch, "running")
    settled(gateway, batch, 3)

    def connections():
        found = []
        for pid in gateway.pids("tailer"):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
                except FileNotFoundError:
                    pass
        return [name for name in found if name.startswith("socket:")]
    followed = wait_for("it to be followed", connections)
    wait_for("that to end", lambda: len(connections()) < len(followed))
    cluster.faults({"method": "GET", "path": "/log?", "fault": "slow",
                    "ms": 1})
    time.sleep(3)

    assert cluster.fault_hits() == [0]
    cluster.clear_faults()
    assert ticks(whole(gateway, batch)) == expected(3)


def test_a_view_shows_what_was_read_lately(pair, job):
    _, (gateway, _) = pair
    batch = gateway.submit({"file": job("tick.py"), "args": ["30"]})["id"]
    gateway.wait_state(batch, "running")
    settled(gateway, batch, 30)

    wait_for("its view to have them", lambda: whole(gateway, batch) and
             gateway.get(f"/batches/{batch}").json()["log"] ==
             expected(30, 20))
    gateway.delete(f"/batches/{batch}")


def test_a_killed_tailer_goes_on_where_it_was(own, job):
    _, gateway = own
    batch = gateway.submit({"file": job("tick.py"),
                            "args": ["600", "hold", "5"]})["id"]
    gateway.wait_state(batch, "running")
    got, kills = [], 0
    end = time.monotonic() + DEADLINE

    while len(got) < 602 and time.monotonic() < end:
        if len(got) > 150 * (kills + 1) and kills < 3:
            killed(gateway, "tailer")
            kills += 1
        r = gateway.get(f"/batches/{batch}/log?from={len(got)}&size=50")
        if r.status_code == 200:
            got += r.json()["log"]

    assert kills == 3
    assert got[0] == "stdout: " and is_first(got[1])
    assert got[2:] == expected(600)


@pytest.mark.parametrize("own", [{"logs.idle": "1h"}], indirect=True,
                         ids=["followed"])
def test_rotation_loses_no_number(own, job):
    """12 MB: the node has begun a second file by then."""
    _, gateway = own
    count = 200000
    batch = gateway.submit({"file": job("bulk.py"), "args": [str(count)]})[
        "id"]
    gateway.wait_state(batch, "running")

    wait_for("the whole log", lambda: log(gateway, batch)["total"] > count + 1,
             exceptions=(AssertionError,))
    killed(gateway, "tailer")
    page = wait_for("the log again", lambda: log(gateway, batch, "?size=5"),
                    exceptions=(AssertionError,))

    assert page["total"] == count + 2
    assert [x.split()[0] for x in page["log"]] == [
        str(i) for i in range(count - 5, count)]
    lines = log(gateway, batch, "?size=-1")["log"]
    assert lines[0] == "stdout: "
    lost = int(re.match(r"\[the (\d+) lines before this are not held any "
                        r"more\]$", lines[1])[1])
    assert lines[2].split()[0] == str(lost - 1)
    assert len(lines) == 3 + count - lost
    assert log(gateway, batch, f"?from={lost}&size=2")["log"] == lines[1:3]
    assert log(gateway, batch, "?from=1&size=100")["log"] == []


def mark(cluster, gateway, batch):
    return cluster.kube.app(gateway.object_name(batch))["metadata"][
        "annotations"].get("livy-fcgi/log-mark")


def set_mark(cluster, gateway, batch, text):
    cluster.kube.merge(
        "sparkapplications", gateway.object_name(batch),
        {"metadata": {"annotations": {"livy-fcgi/log-mark": text}}})


def noted(cluster, gateway, batch, total, end=""):
    """The note of a log of so many lines, once it has that end."""
    def look():
        assert log(gateway, batch)["total"] == total
        text = mark(cluster, gateway, batch)
        return text if text and text.endswith(end) else None
    return wait_for("a note", look, exceptions=(AssertionError,))


def last_page(gateway, batch):
    return wait_for("the log", lambda: log(gateway, batch, "?size=5"),
                    exceptions=(AssertionError,))


def test_a_replica_that_comes_after_the_rotation_counts_on(maker, job):
    cluster = maker.cluster()
    settings = {**SETTINGS, "logs.mark": "1s", "logs.idle": "1h"}
    first = maker.gateway(cluster, settings=settings)
    count = 200000
    batch = first.submit({"file": job("bulk.py"), "args": [str(count)]})["id"]
    small = first.submit({"file": job("tick.py"), "args": ["50"]})["id"]
    first.wait_state(batch, "running")
    noted(cluster, first, batch, count + 2, f" {count + 1}")
    settled(first, small, 50)
    got = log(first, batch, f"?from={count - 50}&size=20")["log"]

    second = maker.gateway(cluster, settings=settings)
    second.wait_state(batch, "running")
    page = last_page(second, batch)
    assert page["total"] == count + 2
    assert page == log(first, batch, "?size=5")
    got += log(second, batch, f"?from={count - 30}&size=100")["log"]
    assert [x.split()[0] for x in got] == [
        str(i) for i in range(count - 52, count)]
    assert mark(cluster, first, small) is None

    # nor do the numbers change when its pod goes, and who counted forgets
    pod_gone(cluster, first, batch)
    second.wait_state(batch, "dead")
    kept(cluster, second, batch)
    first.kill_master()
    first.start_master()
    first.wait_reads()
    for gateway in (second, first):
        page = log(gateway, batch, f"?from={count - 30}&size=32")
        assert page["log"] == got[20:52] and page["from"] == count - 30


@pytest.fixture
def rotated(maker, job):
    """A log that was rotated: (cluster, gateway that has counted it, batch,
    its lines, a note from before the rotation)."""
    cluster = maker.cluster()
    gateway = maker.gateway(cluster, settings={
        **SETTINGS, "logs.mark": "1h", "logs.idle": "1h"})
    count = 200000
    batch = gateway.submit({"file": job("bulk.py"), "args": [str(count)]})[
        "id"]
    gateway.wait_state(batch, "running")
    run, stamp = noted(cluster, gateway, batch, count + 2).split()[:2]
    return (cluster, gateway, batch, count,
            f"{run} {int(stamp) - 60 * 10**9} 1 1000")


def test_a_replica_after_an_unnoted_rotation_asks_who_has_counted(
        rotated, maker):
    cluster, first, batch, count, old = rotated
    set_mark(cluster, first, batch, old)
    second = maker.gateway(cluster, settings=SETTINGS)
    second.wait_state(batch, "running")

    page = last_page(second, batch)

    assert page["total"] == count + 2
    assert page == log(first, batch, "?size=5")
    wait_for("the answer to stay", lambda: mark(
        cluster, first, batch).endswith(f" {count + 1}"))


def test_where_nobody_has_counted_lines_go_on_from_the_note(rotated, maker):
    cluster, first, batch, count, old = rotated
    first.kill()
    set_mark(cluster, first, batch, old)
    second = maker.gateway(cluster, settings=dict(
        HASTY, **{"logs.idle": "1h"}))      # how long it asks for
    second.wait_state(batch, "running")

    page = last_page(second, batch)

    assert 1000 < page["total"] < count
    assert page["log"][-1].split()[0] == str(count - 1)
    assert page == last_page(second, batch)
    first.socket.unlink(missing_ok=True)
    first.start()


def test_a_long_log_is_noted_as_it_grows(maker, job):
    """With no regard to time, since it is bytes that nodes rotate by."""
    cluster = maker.cluster()
    gateway = maker.gateway(cluster, settings={
        **SETTINGS, "logs.mark": "1h", "logs.idle": "1h"})
    batch = gateway.submit({"file": job("bulk.py"), "args": ["200000"]})["id"]
    gateway.wait_state(batch, "running")
    wait_for("the whole log", lambda: log(gateway, batch)["total"] == 200002,
             exceptions=(AssertionError,))

    # at most one mebibyte is left: 60 bytes a line
    wait_for("a note near its end", lambda: int(mark(
        cluster, gateway, batch).split()[3]) > 200001 - 2**20 / 40)


# What cannot be read

def test_a_driver_that_has_not_started_has_a_story(pair, job):
    cluster, (gateway, _) = pair
    batch = gateway.submit({"file": job("tick.py"), "args": ["1"]})["id"]
    gateway.wait_state(batch, "running")
    gateway.delete(f"/batches/{batch}")
    image = gateway.variables["image"]
    gateway.variables["image"] = "nowhere:1"
    gateway.write_config()
    gateway.master.signal(signal.SIGHUP)
    try:
        wait_for("a batch of that image", lambda: "nowhere" in json.dumps(
            cluster.kube.app(gateway.object_name(gateway.submit(
                {"file": job("tick.py"), "args": ["1"]})["id"]))))
        batch = gateway.get("/batches?size=1000").json()["sessions"][-1]["id"]
        lines = wait_for("its story", lambda: [
            x for x in [whole(gateway, batch)] if "ImagePull" in str(x)])[0]
        assert lines[:3] == ["stdout: ", "\nstderr: ",
                             "\nKubernetes Diagnostics: "]
        assert "nowhere:1" in lines[3]
        assert lines[4].startswith("the image cannot be pulled: see that ")
        assert gateway.state(batch) == "starting"

        pod = f"{gateway.object_name(batch)}-driver"
        r = cluster.kube.create("events", {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": "e1"}, "type": "Warning",
            "reason": "FailedMount", "lastTimestamp": "2026-11-28T00:00:00Z",
            "message": 'MountVolume.SetUp failed for volume "x"',
            "involvedObject": {"kind": "Pod", "name": pod,
                               "namespace": cluster.namespace}})
        assert r.status_code == 201, r.text
        wait_for("the event", lambda: "FailedMount: MountVolume.SetUp failed"
                 in str(whole(gateway, batch)))
        assert "a volume cannot be mounted" in whole(gateway, batch)[-1]
    finally:
        gateway.variables["image"] = image
        gateway.write_config()
        gateway.master.signal(signal.SIGHUP)


@pytest.mark.parametrize("own", [HASTY], indirect=True, ids=["hasty"])
def test_a_slow_api_server_gets_an_honest_answer(own, job):
    cluster, gateway = own
    running = gateway.submit({"file": job("tick.py"), "args": ["5"]})["id"]
    gateway.wait_state(running, "running")
    wait_for("its lines", lambda: ticks(whole(gateway, running)) ==
             expected(5), exceptions=(AssertionError,))
    ended = gateway.submit({"file": job("tick.py"), "args": ["5", "0"]})["id"]
    cluster.faults({"method": "GET", "path": "/log", "fault": "stall"})
    gateway.wait_state(ended, "success")

    r = gateway.get(f"/batches/{ended}/log")
    assert r.status_code == 503 and "Retry-After" in r.headers
    assert "log" in r.json()["msg"]
    # as it was a moment ago
    assert ticks(whole(gateway, running)) == expected(5)
    assert gateway.get(f"/batches/{ended}").status_code == 200

    cluster.clear_faults()
    wait_for("the log", lambda: ticks(whole(gateway, ended)) == expected(5),
             exceptions=(AssertionError,))


def test_a_refused_log_is_an_error_at_once(own, job):
    cluster, gateway = own
    batch = gateway.submit({"file": job("tick.py"), "args": ["5"]})["id"]
    gateway.wait_state(batch, "running")
    cluster.faults({"method": "GET", "path": "/log", "fault": "status",
                    "status": 403})

    start = time.monotonic()
    r = gateway.get(f"/batches/{batch}/log")

    assert r.status_code == 500
    assert time.monotonic() - start < 15    # and not the time of a call
    assert r.json()["msg"].startswith("cannot read the driver's log: ")


def test_more_drivers_than_can_be_read_at_once(maker, job):
    cluster = maker.cluster()
    gateway = maker.gateway(cluster, settings=dict(
        SETTINGS, **{"logs.drivers": 1}))
    batches = [gateway.submit({"file": job("tick.py"), "args": ["9"]})["id"]
               for _ in range(3)]
    for batch in batches:
        gateway.wait_state(batch, "running")

    for batch in batches * 2:
        wait_for("a place and its lines", lambda b=batch: (
            lambda r: r.status_code == 200 and ticks(
                r.json()["log"]) == expected(9))(
                gateway.get(f"/batches/{b}/log")))
    codes = set()
    wait_for("a place that is held", lambda: codes.update(
        gateway.get(f"/batches/{b}/log").status_code
        for b in batches) or 503 in codes)
    assert codes == {200, 503}


# After its end

def test_a_log_outlives_pod_and_gateways(maker, job):
    cluster = maker.cluster()
    pair = [maker.gateway(cluster, settings=SETTINGS) for _ in range(2)]
    batch = pair[0].submit({"file": job("tick.py"), "args": ["300", "7"]})["id"]
    pair[0].wait_state(batch, "dead")
    before = settled(pair[0], batch, 300)
    view = wait_for("the view to have them", lambda: (
        lambda v: v if "tick 299" in v["log"] else None)(
            pair[0].get(f"/batches/{batch}").json()))

    made = kept(cluster, pair[0], batch)
    owner, = made["metadata"]["ownerReferences"]
    name = pair[0].object_name(batch)
    assert (owner["kind"], owner["name"]) == ("SparkApplication", name)
    assert made["metadata"]["labels"]["livy-fcgi/id"] == str(batch)
    assert (made["data"]["first"], made["data"]["total"]) == ("101", "301")
    assert json.loads(made["data"]["log"]) == expected(300, 100)
    assert made["data"]["exitCode"] == "7"
    pod_gone(cluster, pair[0], batch)
    for gateway in pair:
        gateway.kill_master()
    for gateway in pair:
        gateway.start_master()
        wait_for("the list", lambda g=gateway: g.get(
            "/batches").status_code == 200)

    for gateway in pair:
        after = log(gateway, batch, "?size=-1")
        assert after["total"] == len(before)
        assert after["log"][1] == \
            "[the 101 lines before this are not held any more]"
        assert after["log"][2:] == before[102:]
        assert log(gateway, batch, "?from=252&size=3")["log"] == \
            expected(253, 250)
        assert gateway.get(f"/batches/{batch}").json() == view
        listed, = gateway.get("/batches").json()["sessions"]
        assert listed == view
    assert "ExitCode: 7" in str(before)

    pair[1].delete(f"/batches/{batch}")
    wait_for("what is kept to go, too", lambda: f"{name}-log" not in
             cluster.kube.names("configmaps"))


def test_a_deleted_pods_last_words_are_kept(pair, job):
    cluster, (gateway, _) = pair
    batch = gateway.submit({"file": job("tick.py"), "args": ["20"]})["id"]
    gateway.wait_state(batch, "running")
    settled(gateway, batch, 20)
    time.sleep(3)       # nobody reads it any more

    pod_gone(cluster, gateway, batch)
    gateway.wait_state(batch, "dead")
    made = kept(cluster, gateway, batch)

    assert json.loads(made["data"]["log"])[-21:] == [
        *expected(20), "told to end"]
    lines = whole(gateway, batch)
    assert ticks(lines) == expected(20) and "told to end" in lines
    assert lines[-1].startswith("the driver was told to end: its pod was "
                                "deleted") or "driver pod" in lines[-1]


def test_the_log_of_an_end_without_an_api_server_is_kept(own, job):
    cluster, gateway = own
    batch = gateway.submit({"file": job("tick.py"),
                            "args": ["100", "3", "20"]})["id"]
    gateway.wait_state(batch, "running")
    log(gateway, batch)
    cluster.localkube.kill()
    time.sleep(3)
    killed(gateway, "leader")
    cluster.start_localkube()

    gateway.wait_state(batch, "dead")
    made = kept(cluster, gateway, batch)

    assert json.loads(made["data"]["log"])[-100:] == expected(100)
    pod_gone(cluster, gateway, batch)
    assert ticks(whole(gateway, batch)) == expected(100)


def test_logs_that_cannot_be_read_keep_no_other_from_being_kept(own, job):
    cluster, gateway = own
    stuck = 20
    cluster.faults(*({"method": "GET", "path": f"{gateway.object_name(i)}"
                      "-driver/log", "fault": "status", "status": 503}
                     for i in range(stuck)))
    for i in range(stuck):
        assert gateway.submit({"file": job("tick.py"),
                               "args": ["5", "0"]})["id"] == i
    for i in range(stuck):
        gateway.wait_state(i, "success")
    batch = gateway.submit({"file": job("tick.py"), "args": ["50", "0"]})["id"]

    assert json.loads(kept(cluster, gateway, batch)["data"]["log"])[-50:] == \
        expected(50)

    assert not any(f"{gateway.object_name(i)}-log" in
                   cluster.kube.names("configmaps") for i in range(stuck))
    cluster.clear_faults()


def test_a_killed_leader_keeps_the_log_all_the_same(own, job):
    cluster, gateway = own
    batches = [gateway.submit({"file": job("tick.py"),
                               "args": ["50", "1"]})["id"] for _ in range(5)]
    for _ in range(3):
        killed(gateway, "leader")
    for batch in batches:
        gateway.wait_state(batch, "dead")
        killed(gateway, "leader")

    for batch in batches:
        made = kept(cluster, gateway, batch)
        assert json.loads(made["data"]["log"])[-50:] == expected(50)
    names = cluster.kube.names("configmaps")
    assert len([n for n in names if n.endswith("-log")]) == 5


def test_without_the_right_to_keep_views_have_the_last_lines(own, job):
    cluster, gateway = own
    # of ids there is a ConfigMap, too, which this one makes
    first = gateway.submit({"file": job("tick.py"), "args": ["1", "0"]})["id"]
    kept(cluster, gateway, first)
    cluster.faults({"method": "POST", "path": "/configmaps", "fault":
                    "status", "status": 403})
    batch = gateway.submit({"file": job("tick.py"), "args": ["50", "0"]})["id"]
    gateway.wait_state(batch, "success")

    wait_for("the view", lambda: gateway.get(f"/batches/{batch}").json()[
        "log"] == [*expected(50, 41), "\nstderr: "])
    assert f"{gateway.object_name(batch)}-log" not in \
        cluster.kube.names("configmaps")
