"""Master, watcher, auth and workers: they die, are replaced, reload and
drain, and no accepted batch is lost by it."""

import os
import signal
import threading
import time

import pytest

import fcgi_client as fcgi
from procs import alive, wait_for

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def gateway(session_maker, cluster):
    return session_maker.gateway(cluster, settings={
        "gateway": "procs", "fastcgi.request_deadline": "5s",
        "kubernetes.call_budget": "4s", "kubernetes.call_timeout": "1s",
        "kubernetes.connect_timeout": "500ms"})


@pytest.fixture
def quick(job):
    return {"file": job("lines.py"), "args": ["1"]}


def new_pid(gateway, role, old):
    return wait_for(f"a new {role}", lambda: [
        p for p in gateway.pids(role) if p not in old])


def all_pids(gateway):
    """Once each of them runs, as it says itself then, and no old one does."""
    wanted = {"worker": gateway.settings["fastcgi.workers"], "watcher": 1,
              "auth": 1, "leader": 1, "feeder": 1, "tailer": 1}
    return wait_for("all of them", lambda: {
        role: len(gateway.pids(role)) for role in wanted} == wanted and
        gateway.pids())


def test_every_process_of_the_picture_is_there(gateway):
    assert len(all_pids(gateway)) == gateway.settings["fastcgi.workers"] + 5


def test_every_listener_is_on_loopback(gateway, cluster):
    found = gateway.listeners()
    assert f"127.0.0.1:{gateway.port}" in found
    assert all(a.startswith("127.") or a.startswith("[::1]")
               for a in found), found


def test_a_killed_worker_is_replaced(gateway, quick):
    old = gateway.pids("worker")

    for pid in old:
        os.kill(pid, signal.SIGKILL)

    wait_for("all workers to be new", lambda: len(
        set(gateway.pids("worker")) - set(old)) == len(old))
    batch = gateway.submit(quick)["id"]
    gateway.wait_state(batch, "success")


def test_a_killed_watcher_is_replaced_and_reads_go_on(gateway, quick):
    batch = gateway.submit(quick)["id"]
    gateway.wait_state(batch, "success")
    total = gateway.get("/batches").json()["total"]
    old = gateway.pids("watcher")

    os.kill(old[0], signal.SIGKILL)

    while not [p for p in gateway.pids("watcher") if p not in old]:
        assert gateway.state(batch) == "success"
        assert gateway.get("/batches").json()["total"] == total
    another = gateway.submit(quick)["id"]
    gateway.wait_state(another, "success")


def test_a_killed_auth_is_replaced(gateway, quick):
    old = gateway.pids("auth")

    os.kill(old[0], signal.SIGKILL)

    new_pid(gateway, "auth", old)
    gateway.wait_state(gateway.submit(quick)["id"], "success")


def test_a_process_that_keeps_dying_is_started_ever_more_rarely(gateway):
    times = []
    seen = gateway.pids("auth")
    for _ in range(6):
        start = time.monotonic()
        os.kill(seen[-1], signal.SIGKILL)
        seen += new_pid(gateway, "auth", seen)
        times.append(time.monotonic() - start)

    # it waits at least 1.6 s the sixth time, and hardly the first times
    assert times[-1] > 1.5, times
    assert min(times[:3]) < times[-1], times


def test_a_worker_over_its_deadline_is_replaced(gateway):
    """A client that sends half a request and then nothing, often enough
    that libfcgi's own patience does not end first."""
    old = gateway.pids("worker")
    params = gateway.fcgi_params("POST", "/batches", body=b"x" * 1000)
    stuck = [fcgi.Connection(gateway.socket) for _ in range(2)]
    try:
        for c in stuck:
            c.send(fcgi.begin(),
                   fcgi.record(fcgi.PARAMS, fcgi.encode(params)),
                   fcgi.record(fcgi.PARAMS))

        def free_again():
            for c in stuck:
                try:
                    c.send(fcgi.record(fcgi.STDIN, b"x"))
                except OSError:
                    return True
            return False
        wait_for("the master to end the stuck workers", free_again)
    finally:
        for c in stuck:
            c.sock.close()
    wait_for("as many workers as before", lambda: len(
        gateway.pids("worker")) == len(old))
    assert gateway.get("/batches").status_code == 200


def test_a_reload_takes_the_new_configuration(gateway, quick):
    old = gateway.pids("worker")
    batch = gateway.submit(quick)["id"]
    gateway.wait_state(batch, "success")
    gateway.write_config(**{"fastcgi.workers": 4,
                            "fastcgi.outbound_workers": 3})

    gateway.master.signal(signal.SIGHUP)

    wait_for("four new workers alone", lambda: len(gateway.pids("worker")) == 4
             and not set(gateway.pids("worker")) & set(old))
    gateway.wait_reads()
    assert gateway.state(batch) == "success"
    gateway.wait_state(gateway.submit(quick)["id"], "success")


def test_a_reload_of_a_bad_configuration_changes_nothing(gateway):
    old = all_pids(gateway)
    good = gateway.config.read_text()
    gateway.config.write_text(good + "\nbogus = 1;\n")

    gateway.master.signal(signal.SIGHUP)

    wait_for("the complaint", lambda: "bogus" in gateway.log())
    assert gateway.pids() == old
    assert gateway.get("/batches").status_code == 200
    gateway.config.write_text(good)


def test_no_request_fails_over_a_reload(gateway, quick):
    batch = gateway.submit(quick)["id"]
    stop, bad = threading.Event(), []

    def read():
        client = gateway.client(token=gateway.token)
        while not stop.is_set():
            r = gateway.get(f"/batches/{batch}", session=client)
            if r.status_code != 200:
                bad.append((r.status_code, r.text))
    readers = [threading.Thread(target=read) for _ in range(2)]
    for t in readers:
        t.start()
    try:
        for _ in range(3):
            old = gateway.pids("worker")
            gateway.master.signal(signal.SIGHUP)
            wait_for("new workers", lambda: not set(
                gateway.pids("worker")) & set(old))
    finally:
        stop.set()
        for t in readers:
            t.join()

    assert bad == []


def test_a_drain_answers_what_is_in_flight(maker, job):
    cluster = maker.cluster()
    gateway = maker.gateway(cluster)
    cluster.faults({"method": "POST", "path": "/sparkapplications",
                    "fault": "slow", "ms": 2000})
    replies = []
    t = threading.Thread(target=lambda: replies.append(gateway.post(
        "/batches", {"file": job("lines.py"), "args": ["1"]})))
    t.start()
    wait_for("the create to be on its way", lambda: any(
        cluster.fault_hits()))

    assert gateway.master.stop() == 0

    t.join()
    assert replies[0].status_code == 201, replies[0].text
    assert not gateway.socket.exists()
    r = gateway.get("/batches")
    assert r.status_code == 502 and "msg" in r.json()


def test_workers_follow_a_killed_master_and_a_new_one_starts(maker, cluster,
                                                             quick):
    gateway = maker.gateway(cluster, settings={"gateway": "mkill"})
    first = gateway.submit(quick)["id"]
    pids = gateway.pids()

    gateway.master.kill()

    for pid in pids:
        wait_for(f"{pid} to end", lambda p=pid: not alive(p))
    gateway.socket.unlink(missing_ok=True)
    gateway.start_master()
    gateway.wait_reads()
    assert gateway.submit(quick)["id"] == first + 1
    gateway.wait_state(first, "success")


def test_a_second_gateway_on_the_socket_is_refused(gateway):
    done = gateway.command()

    assert done.returncode != 0
    assert "another" in done.stderr
    assert gateway.get("/batches").status_code == 200


def test_ids_and_batches_survive_the_restart_of_everything(maker, job):
    cluster = maker.cluster()
    gateway = maker.gateway(cluster)
    ended = gateway.submit({"file": job("lines.py"), "args": ["1"]})["id"]
    gateway.wait_state(ended, "success")
    running = gateway.submit({"file": job("hold.py"), "name": "held"})["id"]
    gateway.wait_state(running, "running")
    deleted = gateway.submit({"file": job("lines.py"), "args": ["0"]})["id"]
    gateway.delete(f"/batches/{deleted}")

    gateway.kill()
    cluster.localspark.kill()
    cluster.localkube.kill()
    cluster.start_localkube()
    cluster.start_localspark()
    gateway.socket.unlink(missing_ok=True)
    gateway.start()

    assert gateway.state(ended) == "success"
    assert gateway.state(running) == "running"
    assert gateway.get("/batches/held").json()["id"] == running
    assert gateway.get(f"/batches/{deleted}").status_code == 404
    assert gateway.submit({"file": job("lines.py"),
                           "args": ["0"]})["id"] == deleted + 1
    assert gateway.delete(f"/batches/{running}").status_code == 200


def test_a_new_token_in_the_token_file_is_taken_up(maker, job):
    cluster = maker.cluster()
    gateway = maker.gateway(cluster)
    quick = {"file": job("lines.py"), "args": ["1"]}
    gateway.submit(quick)
    cluster.tokens["gateway"] = "rotated" + "0" * 25
    cluster.write_tokens()
    cluster.localkube.stop()
    cluster.start_localkube()
    (gateway.kubeconfig.parent / "gateway.token").write_text(
        cluster.tokens["gateway"] + "\n")

    view = wait_for("creates with the new token", lambda: (
        lambda r: r.json() if r.status_code == 201 else None)(
            gateway.post("/batches", quick)))

    gateway.wait_state(view["id"], "success")
