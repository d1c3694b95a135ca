"""What sessions cost and what others cost them: how often drivers and the API
server are called, and statements while thousands of applications are listed
again."""

import copy
import os
import signal
import statistics
import threading
import time

import pytest

import repl
from agents import ask_agent, token_of
from crowd import copies
from procs import Part, give, wait_for
from repl import Session, at_once
from rig import TIMED_BUILD, free_port

pytestmark = pytest.mark.local

MANY = 10000
CLIENTS = 6         # that ask for one result over and over
CROWD = "crowd"     # their namespace, in which no operator is


class Counts:
    """How often the drivers of sessions were called, by method and path."""

    def __init__(self, gateway, cluster, sessions):
        self.gateway, self.cluster = gateway, cluster
        self.tokens = {s.id: token_of(gateway, cluster, s.id)
                       for s in sessions}
        self.before = self.now()

    def now(self):
        """{(session, "GET /v1/state"): times}, not counting this."""
        return {(sid, what): times for sid, token in self.tokens.items()
                for what, times in ask_agent(
                    self.gateway, self.cluster, sid, token,
                    "/v1/calls").json().items()}

    def since(self):
        now = self.now()
        return {key: times - self.before.get(key, 0)
                for key, times in now.items()
                if times > self.before.get(key, 0)}


@pytest.fixture(scope="module")
def quiet(session_maker, workdir):
    cluster = session_maker.cluster()
    return cluster, session_maker.gateway(
        cluster, settings=repl.settings(workdir, "qu"))


def calls_of_the_api_server(cluster):
    """Begins to count them: all but the question itself."""
    cluster.faults({"fault": "stall", "ms": 1})     # counts what it delays
    return lambda: cluster.fault_hits()[0]


def look(session):
    """What a client asks of a session, over and over."""
    gateway = session.gateway
    for path in (session.path, f"{session.path}/state", "/sessions",
                 f"{session.path}/statements",
                 f"{session.path}/statements/0"):
        assert gateway.get(path).status_code == 200, path


def test_idle_sessions_cost_hardly_a_call_whoever_looks(quiet):
    """Followed sessions have one request that waits for news, 25 s; those
    nobody asked about lately one a minute, as follow_test.c shows."""
    cluster, gateway = quiet
    sessions = [Session(gateway, wait=False) for _ in range(8)]
    for s in sessions:
        s.wait("idle")
        assert s.run("1") == "1"
    hits = calls_of_the_api_server(cluster)

    def rest():
        before = hits()
        time.sleep(3)
        return hits() == before
    wait_for("what follows a start to be over", rest)

    asked, drivers = hits(), Counts(gateway, cluster, sessions)
    asked = hits() - asked      # its own way is by the API server's proxy
    for seconds, look_too in ((5, True), (5, False)):
        before, drivers.before = hits(), drivers.now()
        before, end = hits(), time.monotonic() + seconds
        while time.monotonic() < end:
            for s in sessions if look_too else ():
                look(s)
            time.sleep(0.01)
        cluster_calls, calls = hits() - before, drivers.since()
        print(f"looked at: {look_too}: {calls}, {cluster_calls}")
        assert cluster_calls == 0
        assert {what for _, what in calls} <= {"GET /v1/state"}, calls
        # each may have its request that waits end in this time
        assert all(times <= 1 for times in calls.values()), calls
    assert asked >= len(sessions), "the rule counts nothing"
    before = hits()
    assert gateway.get("/sessions/99999").status_code == 404
    assert hits() == before + 1, "the rule counts nothing"
    cluster.clear_faults()
    for s in sessions:
        s.delete()


@pytest.fixture(scope="module")
def busy(quiet):
    return Session(quiet[1])


# Those longer than four mebibytes are fetched by each who asks.
@pytest.mark.parametrize("size", [10, 200 << 10, 900 << 10, 2500 << 10])
def test_a_result_is_fetched_once_whoever_asks(quiet, busy, size):
    """Short ones come with the news, long ones by a request of their own. On
    a machine so busy that clients stop waiting for it, each asks once."""
    (cluster, gateway), session = quiet, busy
    counts = Counts(gateway, cluster, [session])
    sid = session.submit(f"nap(1) or 'x' * {size}")

    def poll(_):
        s = gateway.client(token=gateway.token)
        end, left = time.monotonic() + 60, 20
        while left and time.monotonic() < end:
            r = gateway.get(f"{session.path}/statements/{sid}", session=s)
            assert r.status_code == 200, r.text
            if r.json()["state"] == "available":
                assert len(r.json()["output"]["data"]["text/plain"]) == \
                    size + 2
                left -= 1
        return left
    assert at_once(CLIENTS, poll) == [0] * CLIENTS

    calls = counts.since()
    print(size, calls)
    for what in ("GET /v1/statements", f"GET /v1/statements/{sid}"):
        most = 1 + CLIENTS if str(sid) in what and size > 256 << 10 else 0
        assert calls.get((session.id, what), 0) <= most, calls


def test_what_was_just_posted_is_not_asked_of_the_driver(quiet):
    """Its news come late here; on a machine so busy that they take longer
    than they are waited for, some polls go there."""
    cluster, gateway = quiet
    session, count = Session(gateway), 12
    session.run("mode('late')")
    counts = Counts(gateway, cluster, [session])

    for i in range(count):
        sid = session.submit(f"{i}+1")
        if i % 2:
            listed = gateway.get(f"{session.path}/statements?order=desc"
                                 "&size=1").json()["statements"]
            assert [s["id"] for s in listed] == [sid]
        assert session.result(sid)["output"]["data"]["text/plain"] == \
            str(i + 1)

    calls = counts.since()
    print(calls)
    assert calls.pop((session.id, "POST /v1/statements")) == count
    calls.pop((session.id, "GET /v1/state"))
    assert sum(calls.values()) <= count / 4, calls
    session.delete()


def fill(cluster, gateway):
    """Many applications that have ended, in a namespace of their own."""
    job = gateway.submit({"file": "local:///x.py"})["id"]
    copies(cluster, cluster.kube.app(gateway.object_name(job)),
           range(1000, 1000 + MANY), CROWD)
    wait_for("the gateway to know them", lambda: gateway.get(
        "/batches?size=1").json()["total"] == MANY + 1, 120)


class Client(threading.Thread):
    """Runs one statement after the other; how long each took."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = copy.copy(session)
        self.http = session.gateway.client(token=session.gateway.token)
        self.taken, self.wrong, self.over = [], None, threading.Event()
        self.start()

    def ask(self, call, *args):
        return call(*args, session=self.http)

    def one(self, n):
        path = f"{self.session.path}/statements"
        r = self.ask(self.session.gateway.post, path, {"code": f"{n}+{n}"})
        assert r.status_code == 201, f"{r.status_code} {r.text}"
        sid = r.json()["id"]
        while True:
            r = self.ask(self.session.gateway.get, f"{path}/{sid}")
            assert r.status_code == 200, f"{r.status_code} {r.text}"
            if r.json()["state"] == "available":
                break
            time.sleep(0.002)
        assert r.json()["output"]["data"]["text/plain"] == str(2 * n)

    def run(self):
        n = 0
        try:
            while not self.over.is_set():
                began = time.monotonic()
                self.one(n)
                self.taken.append(time.monotonic() - began)
                n += 1
        except Exception as e:
            self.wrong = e

    def end(self):
        self.over.set()
        self.join(120)
        assert not self.is_alive(), "a statement takes for ever"
        if self.wrong:
            raise self.wrong
        return self.taken


def measured(sessions, until):
    """How long statements took, longest last, until that was over."""
    clients = [Client(s) for s in sessions]
    try:
        until()
    finally:
        for c in clients:
            c.over.set()
    return sorted(t for c in clients for t in c.end())


def test_a_relist_of_thousands_delays_no_statement(maker, workdir):
    """All of it without sanitizers, so that the thousands are soon there."""
    cluster = maker.cluster(build=TIMED_BUILD)
    gateway = maker.gateway(cluster, build=TIMED_BUILD, settings=repl.settings(
        workdir, "rl", **{"kubernetes.namespaces": ["default", CROWD],
                          "process.log_level": "info"}))
    fill(cluster, gateway)
    sessions = [Session(gateway) for _ in range(2)]
    crowd = f"/namespaces/{CROWD}/sparkapplications"
    listed = f"listed the applications of namespace {CROWD}, "

    def times():
        return gateway.log().count(listed)

    def by(trigger):
        had, began = times(), time.monotonic()
        trigger()
        wait_for("them to be listed again", lambda: times() > had, 120)
        return time.monotonic() - began

    def gone():
        # pages that take their time, too: it is the wait that matters
        cluster.faults({"path": crowd, "fault": "gone", "count": 1},
                       {"path": crowd, "fault": "stall", "ms": 200})

    def restart():
        for pid in gateway.pids("watcher"):
            os.kill(pid, signal.SIGKILL)

    def delayed(trigger):
        """How the longest statement during it compares with all of it, or
        how many a statement were not heard of but asked for, if that is
        more: the feeder may not be held up either."""
        lasted, counts = [], Counts(gateway, cluster, sessions)
        during = measured(sessions, lambda: lasted.append(by(trigger)))
        asked = sum(times for (_, what), times in counts.since().items()
                    if what.startswith("GET /v1/statements"))
        print(f"{trigger.__name__}: {lasted[0]:.1f} s; meanwhile "
              f"{len(during)} statements, "
              f"{statistics.median(during) * 1000:.1f} ms, at most "
              f"{during[-1] * 1000:.0f}, {asked} asked for")
        assert len(during) > 4 * len(sessions), during
        return max(during[-1] / lasted[0], asked / len(during))

    for trigger in (gone, restart):
        # what holds them up does so each time, a busy machine now and then
        shares = [delayed(trigger)]
        while shares[-1] > 0.5 and len(shares) < 4:
            shares.append(delayed(trigger))
        assert shares[-1] <= 0.5, shares
    cluster.clear_faults()
    wait_for("all of them", lambda: gateway.get(
        "/batches?size=1").json()["total"] == MANY + 1)


NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{}}
http {{
log_format calls '$connection $server_protocol $request_uri';
access_log {folder}/access.log calls;
client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
scgi_temp_path {folder}/s;
server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {pki}/server.crt;
    ssl_certificate_key {pki}/server.key;
    location / {{ proxy_pass {url}; proxy_buffering off;
                  proxy_http_version 1.1; proxy_read_timeout 600s; }}
}} }}
"""


@pytest.fixture
def two(session_maker):
    """A cluster whose API server speaks HTTP/2, as real ones do; who called
    it is in access.log."""
    cluster = session_maker.cluster()
    folder, port = session_maker.folder("h2"), free_port()
    (folder / "nginx.conf").write_text(NGINX.format(
        folder=folder, port=port, pki=cluster.pki, url=cluster.url))
    give(folder, *folder.rglob("*"))
    nginx = Part("nginx", folder, [
        "/usr/sbin/nginx", "-p", folder, "-e", folder / "error.log", "-c",
        folder / "nginx.conf"])
    nginx.start()
    cluster.port, own = port, cluster.port
    yield cluster, folder / "access.log"
    cluster.port = own
    nginx.stop()


def test_news_by_the_api_server_share_a_connection(
        two, session_maker, workdir):
    cluster, log = two
    gateway = session_maker.gateway(cluster, settings=repl.settings(
        workdir, "h2", **{"sessions.reach": "proxy"}))
    sessions = [Session(gateway, wait=False) for _ in range(6)]
    for s in sessions:
        s.wait("idle")
        assert s.run("1+1") == "2"

    def heard():
        return [line.split() for line in log.read_text().splitlines()
                if "/v1/state?" in line]
    wait_for("the proxy to tell of it", lambda: len({uri.partition(
        "/proxy/")[0] for _, _, uri in heard()}) == 6)
    news = heard()
    assert {p for _, p, _ in news} == {"HTTP/2.0"}
    assert len({connection for connection, _, _ in news}) == 1
