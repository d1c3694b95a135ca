"""The feeder: two replicas, drivers that are deaf, slow or lie, processes that
are killed, and what an idle session costs."""

import contextlib
import os
import re
import signal
import time

import pytest

import repl
from procs import descendants, titles, wait_for
from repl import Session, at_once
from rig import SRC

pytestmark = pytest.mark.local

TIMEOUT_S = 4       # of a call, to which those of a driver that is deaf come


@pytest.fixture(scope="module")
def pair(session_maker, workdir):
    cluster = session_maker.cluster()
    return cluster, [session_maker.gateway(
        cluster, settings=repl.settings(workdir, "fp", **{
            "kubernetes.call_timeout": f"{TIMEOUT_S}s",
            "kubernetes.call_budget": "6s"}))
        for _ in range(2)]


@pytest.fixture(scope="module")
def session(pair):
    return Session(pair[1][0])


def kill(gateway, role):
    """SIGKILL of a role's process; when another one has taken its place."""
    pids = gateway.pids(role)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(f"another {role}", lambda: len(gateway.pids(role)) == len(pids)
             and not set(pids) & set(gateway.pids(role)))


def kept_map(cluster, gateway, session, what="statements"):
    name = f"livy-{gateway.settings['gateway']}-s-{session.id}-{what}"
    return cluster.kube.get(cluster.kube.path("configmaps", name))


def test_a_statement_posted_at_one_is_polled_at_the_other(pair, session):
    _, (one, other) = pair
    session.wait("idle", gateway=other)

    for i in range(10):
        sid = session.submit(f"nap(0.05) or {i}", gateway=one)
        assert session.get(sid, other).status_code == 200
        done = session.result(sid, other)
        assert done["output"]["data"]["text/plain"] == str(i)
    listed = other.get(f"{session.path}/statements").json()
    assert listed["total_statements"] == sid + 1
    session.wait("idle", gateway=other)


def test_posts_at_both_at_once_have_ids_of_their_own(pair, session):
    _, gateways = pair

    def post(i):
        g = gateways[i % 2]
        return session.post(str(i), g, session=g.client(token=g.token))
    replies = at_once(12, post)

    ids = [r.json()["id"] for r in replies if r.status_code == 201]
    assert {r.status_code for r in replies} <= {201, 503}
    assert len(ids) == len(set(ids)) >= 2
    for r in replies:
        if r.status_code == 503:
            assert r.headers["Retry-After"] and "too many" in r.json()["msg"]
    session.wait("idle")


def test_after_a_silence_the_first_ask_tells_the_truth(pair):
    _, (one, other) = pair
    session = Session(one)
    session.wait("idle", gateway=other)
    time.sleep(0.5)
    session.submit("nap(600)", gateway=one)
    # The other has not been asked for a while, in its own eyes.
    other_session = Session(one)
    other_session.wait("idle", gateway=other)
    other_session.submit("nap(600)", gateway=one)

    assert session.state(one) == "busy"
    # of those that nobody asks about, one hears once in a minute
    wait_for("the other to know", lambda: other_session.state(other) ==
             "busy", 30)
    for s in (session, other_session):
        s.delete()


def test_a_killed_feeder_is_hardly_noticed(pair, session):
    _, (one, _) = pair
    session.run("1")
    wrong = []

    def poll(_):
        s = one.client(token=one.token)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            r = one.get(f"{session.path}/state", session=s)
            if r.status_code != 200 or r.json()["state"] not in (
                    "idle", "busy"):
                wrong.append(r.text)
            r = one.get(f"{session.path}/statements/0", session=s)
            if r.status_code != 200 or not r.json()["output"]:
                wrong.append(r.text)

    def murder(i):
        if i:
            return poll(i)
        for _ in range(3):
            kill(one, "feeder")
            time.sleep(1)
    at_once(3, murder)

    assert not wrong, wrong[:3]
    assert session.run("5", one) == "5"


def test_a_worker_killed_in_mid_post_makes_nothing_twice(pair):
    _, (one, _) = pair
    session = Session(one)
    session.run("mode('slam', 1)")
    key = {"Idempotency-Key": "once"}

    first = session.post("11", headers=key)
    for pid in one.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    wait_for("workers", lambda: one.get(session.path).status_code == 200)
    again = session.post("11", headers=key)

    assert again.status_code == 201
    if first.status_code == 201:
        assert first.json()["id"] == again.json()["id"]
    codes = [s["code"] for s in one.get(
        f"{session.path}/statements").json()["statements"]]
    assert codes.count("11") == 1
    session.delete()


MODES = ("deaf", "garbage", "no-json", "endless", "slow", "slam")


def test_a_bad_driver_delays_itself_alone(pair):
    _, (one, _) = pair
    good = Session(one)
    bad = [Session(one) for _ in MODES]
    for s, mode in zip(bad, MODES):
        s.submit(f"mode('{mode}')")

    taken = []
    for _ in range(20):
        began = time.monotonic()
        assert good.run("1") == "1"
        taken.append(time.monotonic() - began)
        for s in bad:
            assert one.get(f"{s.path}/state").status_code == 200

    taken.sort()
    # a request to a driver that does not answer is given up after this time
    assert taken[10] < TIMEOUT_S, taken
    for s in bad:
        r = s.post("1")
        assert r.status_code == 503, f"{r.status_code} {r.text}"
        assert r.headers["Retry-After"]
        assert one.get(s.path).json()["state"] in ("idle", "busy")
    for s in (good, *bad):
        assert s.delete().status_code == 200


LIES = {
    "an id from nowhere": {"next": 1 << 40},
    "another state": {"state": "success"},
    "a total beyond": {"total": 5, "next": 1},
    "no version": {"version": "x"},
    "a strange instance": {"instance": "../../x"},
    "another session": {"name": "livy-fp-s-0", "applicationId": "spark-1"},
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_not_believed(pair, lie):
    _, (one, _) = pair
    session = Session(one)
    before = one.get(session.path).json()

    session.submit(f"view({LIES[lie]!r})")
    time.sleep(1)

    after = one.get(session.path).json()
    assert {k: v for k, v in after.items() if k not in ("log", "state")} == \
        {k: v for k, v in before.items() if k not in ("log", "state")}
    assert after["state"] in ("idle", "busy")
    r = one.get(f"{session.path}/statements")
    assert r.status_code in (200, 503)
    assert session.delete().status_code == 200


def test_another_agent_in_the_same_driver_ends_the_session(pair):
    _, (one, _) = pair
    session = Session(one)
    assert session.run("1") == "1"

    session.submit("again()")

    session.wait("dead")
    r = session.post("2")
    assert r.status_code == 500
    assert "Session is in state dead" in r.json()
    assert session.get(0).json()["output"]["data"]["text/plain"] == "1"


def test_heartbeats_are_gets_through_any_replica(pair):
    _, gateways = pair
    timeout = 9
    session = Session(gateways[0], {"kind": "pyspark",
                                    "heartbeatTimeoutInSecond": timeout})
    began, turn = time.monotonic(), 0

    while time.monotonic() < began + 3 * timeout:
        r = gateways[turn % 2].get(session.path)
        assert r.status_code == 200 and r.json()["state"] == "idle"
        time.sleep(1)
        turn += 1

    # Nobody looks at it any more; the list is no heartbeat.
    def over():
        found = [s for s in gateways[0].get("/sessions?size=1000").json()[
            "sessions"] if s["id"] == session.id]
        return not found or found[0]["state"] == "dead"
    wait_for("the session to end", over, 120)


def test_what_was_run_outlives_driver_and_gateways(session_maker, workdir):
    cluster = session_maker.cluster()
    pair = [session_maker.gateway(
        cluster, settings=repl.settings(workdir, "fk"))
        for _ in range(2)]
    one, other = pair
    sessions = {"deleted": Session(one, wait=False),
                "killed": Session(one, wait=False)}
    for session in sessions.values():
        session.wait("idle")
        # as a driver that takes its time to end
        assert session.run("setattr(agent, 'last_seconds', 2) or 42") == "42"
        session.result(session.submit("'x' * 300000"))
        running = session.submit("nap(3600)")
        wait_for("it to run", lambda s=session: s.get(running).json()[
            "state"] == "running")

    cluster.kube.delete(
        "pods", f"livy-fk-s-{sessions['deleted'].id}-driver")
    kill_driver(cluster, f"livy-fk-s-{sessions['killed'].id}")
    for session in sessions.values():
        session.wait("dead", seconds=120)
        for what in ("statements", "log"):
            wait_for("what is kept",
                     lambda s=session, w=what: kept_map(cluster, one, s, w))
    for g in pair:
        g.kill_master()
    for g in pair:
        g.start_master()
        g.wait_reads()

    for how, words in (("deleted", "was deleted"), ("killed", "137")):
        for g in pair:
            is_kept(sessions[how], g, words)
    session = sessions["killed"]
    assert session.delete().status_code == 200
    wait_for("it to go", lambda: not kept_map(cluster, one, session))
    wait_for("the other replica to know", lambda: other.get(
        f"{session.path}/statements").status_code == 404)


def kill_driver(cluster, name):
    """SIGKILL of the processes of its cluster that were told that name."""
    pids = [pid for pid in descendants(cluster.localkube.pid)
            if name in titles(pid)]
    assert pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_kept(session, g, words):
    """Its view, why it ended, and what it ran."""
    view = g.get(session.path).json()
    assert (view["state"], view["kind"]) == ("dead", "pyspark")
    log = g.get(f"{session.path}/log?size=-1").json()["log"]
    assert any(words in line for line in log), log
    assert "stub agent: kind pyspark" in log
    assert any(words in line for line in view["log"]), view["log"]
    r = g.get(f"{session.path}/statements")
    assert r.status_code == 200, r.text
    kept = r.json()["statements"]
    assert [s["code"] for s in kept] == [
        "setattr(agent, 'last_seconds', 2) or 42", "'x' * 300000",
        "nap(3600)"]
    assert kept[0]["output"]["data"]["text/plain"] == "42"
    assert "was not kept" in kept[1]["output"]["evalue"]
    assert kept[2]["output"]["ename"] == "SessionEnded"
    assert [s["state"] for s in kept] == ["available"] * 3
    assert session.get(0, g).json() == kept[0]
    assert session.get(7, g).status_code == 404
    assert g.get(f"{session.path}/statements?order=desc&size=1").json()[
        "statements"] == [kept[2]]


def test_through_the_api_servers_proxy(session_maker, workdir):
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "px", **{"sessions.reach": "proxy"}))
    session = Session(gateway)

    assert session.run("1+1") == "2"
    assert len(session.run("'y' * 500000")) == 500002
    sid = session.submit("nap(60)")
    r = gateway.post(f"{session.path}/statements/{sid}/cancel", {})
    assert r.json() == {"msg": "canceled"}
    assert session.result(sid)["state"] == "cancelled"
    r = gateway.call("POST", f"{session.path}/upload-file",
                     files={"file": ("a.bin", b"z" * 1000000)})
    assert (r.status_code, r.text) == (200, "")
    assert session.run("len(files['a.bin'])") == "1000000"
    assert session.get(999).status_code == 404
    # Nothing went past the proxy.
    assert not re.search(r"127\.\d+\.\d+\.\d+:8997", gateway.log())


def test_a_session_is_asked_at_the_port_that_it_was_told(
        session_maker, workdir):
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "pt"))
    old = Session(gateway)
    assert old.run("1") == "1"

    gateway.write_config(**{"sessions.agent_port": 9123})
    feeder = gateway.pids("feeder")
    gateway.master.signal(signal.SIGHUP)
    wait_for("another feeder", lambda: gateway.pids("feeder") and
             not set(feeder) & set(gateway.pids("feeder")))
    gateway.wait_reads()
    new = wait_for("a session of the new configuration", lambda: (
        lambda s: s if "9123" in cluster.kube.app(
            f"livy-pt-s-{s.id}")["spec"]["arguments"] else None)(
            Session(gateway, wait=False)))

    new.wait("idle")
    assert new.run("2") == "2"
    assert old.run("3") == "3"
    old.submit("end(3)")        # the feeder asks there, too
    old.wait("dead")


def test_a_start_lasts_until_the_agent_is_ready(session_maker, workdir):
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "ty", **{"admission.start_timeout": "15s"}))

    def note(session):
        return cluster.kube.app(f"livy-ty-s-{session.id}")["metadata"][
            "annotations"].get("livy-fcgi/ready")
    ready = Session(gateway)
    slow = Session(gateway, {"conf": {"spark.fake.delay": "3600"}}, wait=False)
    wait_for("the note", lambda: note(ready))

    slow.wait("dead")

    log = gateway.get(f"{slow.path}/log").json()["log"]
    assert any("not ready 15 s after it was admitted" in line and
               "port 8997" in line and "network policy" in line
               for line in log), log
    assert not note(slow)
    app = cluster.kube.app(f"livy-ty-s-{slow.id}")
    assert app["spec"]["suspend"] is True
    wait_for("its pod to go", lambda: f"livy-ty-s-{slow.id}-driver" not in
             cluster.kube.names("pods"))
    assert ready.state() == "idle"

    # One that was ready is none that starts, whoever hears it or not.
    ready.submit("mode('deaf')")
    gateway.kill_master()
    gateway.start_master()
    gateway.wait_reads()
    time.sleep(12)
    assert ready.state() == "starting"
    ready.delete()


def test_an_agent_that_only_starts_fails_in_time(session_maker, workdir):
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "tz", **{"admission.start_timeout": "15s",
                          "sessions.agent_file": str(
                              SRC / "tests/api/fake_agent.py")}))
    session = Session(gateway, wait=False)

    session.wait("dead")

    log = gateway.get(f"{session.path}/log").json()["log"]
    assert any("its agent answers, but was not ready" in line
               for line in log), log


def upload(session, data, name="a.bin", client=None):
    return session.gateway.call("POST", f"{session.path}/upload-file",
                                files={"file": (name, data)}, timeout=180,
                                session=client)


def test_uploads_have_the_time_that_they_take(session_maker, workdir):
    """More than other requests, and half of the outbound workers."""
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "ud", **{"kubernetes.connect_timeout": "1s",
                          "kubernetes.call_timeout": "2s",
                          "kubernetes.call_budget": "4s",
                          "fastcgi.request_deadline": "5s",
                          "fastcgi.outbound_workers": 4}))
    session, other = Session(gateway), Session(gateway)
    for s in (session, other):
        s.run("setattr(agent, 'nap_on_file', 9)")

    clients = [gateway.client(token=gateway.token) for _ in range(4)]
    replies = at_once(4, lambda i: upload(
        (session, other)[i % 2], b"x" * 1000, f"{i}.bin", clients[i]))

    codes = sorted(r.status_code for r in replies)
    assert codes[0] == 200 and codes[-1] == 503, [r.text for r in replies]
    assert all(r.headers["Retry-After"] and "uploaded already" in r.text
               for r in replies if r.status_code == 503)
    assert codes.count(200) == 2
    assert gateway.get("/batches").status_code == 200
    assert "killed" not in gateway.log()


def test_the_longest_file_goes_through_the_proxy(session_maker, workdir):
    cluster = session_maker.cluster()
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "pu", **{"sessions.reach": "proxy"}))
    session = Session(gateway)
    whole = 100 << 20       # fastcgi.upload_limit

    r = upload(session, b"z" * whole)

    assert (r.status_code, r.text) == (200, "")
    assert session.run("len(files['a.bin'])") == str(whole)
    for much in (whole + 1, whole + (2 << 20)):     # a worker's, nginx's word
        r = upload(session, b"z" * much)
        assert r.status_code == 500
        assert r.json() == "org.scalatra.servlet." \
            "SizeConstraintExceededException: Too large request or file"


def test_calls_to_one_driver_hold_a_few_workers_only(pair):
    _, (one, _) = pair
    session = Session(one)
    session.submit("mode('deaf')")
    wait_for("it to be deaf", lambda: session.post("1").status_code == 503)

    def ask(i):
        s = one.client(token=one.token)
        if i < 6:
            return session.post("1", session=s)
        for _ in range(50):
            assert one.get(session.path, session=s).status_code == 200
        return None
    replies = at_once(8, ask)

    assert {r.status_code for r in replies if r is not None} == {503}
    assert any("too many" in r.json()["msg"] for r in replies
               if r is not None)
    session.delete()
