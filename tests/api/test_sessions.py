"""The life of a session, as a Livy client sees it, up to the point where its
agent answers. The image is one without Spark, the agent a fake one."""

import hashlib
import json
import os
import secrets
import signal
import threading
import time

import pytest

from agents import ask_agent, name_of, token_of
from crowd import audit, replica
from procs import titles, wait_for
from rig import SRC

pytestmark = pytest.mark.local

VIEW = ["id", "name", "appId", "owner", "proxyUser", "state", "kind",
        "appInfo", "log", "ttl", "idleTimeout", "driverMemory", "driverCores",
        "executorMemory", "executorCores", "conf", "archives", "files",
        "heartbeatTimeoutInSecond", "jars", "numExecutors", "pyFiles",
        "queue"]
ECHO = {
    "ttl": "2h", "idleTimeout": "30m", "driverMemory": "512m",
    "driverCores": 1, "executorMemory": "600m", "executorCores": 2,
    "conf": {"spark.x": "y", "spark.n": "1", "spark.t": "true"},
    "archives": ["gs://b/a.zip"], "files": ["gs://b/f"],
    "heartbeatTimeoutInSecond": 7, "jars": ["gs://b/a.jar", "local:///b.jar"],
    "numExecutors": 3, "pyFiles": ["gs://b/p.py"], "queue": "default"}
AGENT = SRC / "tests/api/fake_agent.py"


def settings(gateway_id, **more):
    return {"gateway": gateway_id, "sessions.agent_file": str(AGENT), **more}


@pytest.fixture(scope="module")
def gateway(session_maker, cluster):
    return replica(session_maker, cluster, **settings("se"))


def create(gateway, body=None, **kwargs):
    r = gateway.post("/sessions", body or {}, **kwargs)
    assert r.status_code == 201, f"{r.status_code} {r.text}"
    return r.json()


def view(gateway, session):
    r = gateway.get(f"/sessions/{session}")
    assert r.status_code == 200, r.text
    return r.json()


def state(gateway, session):
    r = gateway.get(f"/sessions/{session}/state")
    assert r.status_code == 200, r.text
    return r.json()["state"]


def log(gateway, session):
    r = gateway.get(f"/sessions/{session}/log?size=-1")
    assert r.status_code == 200, r.text
    return r.json()["log"]


def wait_line(gateway, session, text):
    return wait_for(f"the log of session {session} to show {text!r}",
                    lambda: [x for x in log(gateway, session) if text in x])


def wait_dead(gateway, session):
    wait_for(f"session {session} to be dead",
             lambda: state(gateway, session) == "dead")


def wait_pod(cluster, gateway, session, phase="Running"):
    name = f"{name_of(gateway, session)}-driver"

    def there():
        pod = cluster.kube.get(cluster.kube.path("pods", name))
        return pod if pod and pod["status"].get("phase") == phase else None
    return wait_for(f"pod {name} to be {phase}", there)


def pods(cluster, gateway, session):
    return [n for n in cluster.kube.names("pods")
            if n.startswith(name_of(gateway, session) + "-")]


def gone(gateway, session):
    r = gateway.get(f"/sessions/{session}")
    return (r.status_code, r.json()) == (
        404, {"msg": f"Session '{session}' not found."})


# Create and view

def test_a_session_is_created_and_its_view_has_livys_fields(gateway):
    r = gateway.post("/sessions", {"kind": "python"})

    assert r.status_code == 201
    made = r.json()
    assert r.headers["Location"] == f"/sessions/{made['id']}"
    assert list(made) == VIEW
    assert list(made["appInfo"]) == [
        "driverLogUrl", "sparkUiUrl", "executorLogUrls"]
    assert (made["state"], made["kind"]) == ("starting", "pyspark")
    assert (made["owner"], made["proxyUser"], made["name"]) == (
        "ana", None, None)
    assert {k: made[k] for k in ECHO} == {
        k: 0 if isinstance(v, int) else type(v)() or None
        if isinstance(v, str) else type(v)() for k, v in ECHO.items()}
    assert list(view(gateway, made["id"])) == VIEW


def test_livys_java_client_gets_the_fields_that_all_its_versions_know(
        gateway):
    java = {"User-Agent": "livy-client-http"}
    made = gateway.post("/sessions/", {"conf": {"spark.x": "y"}},
                        headers=java)
    path = made.headers["Location"]
    connected = gateway.call("POST", f"{path}/connect", headers=java)

    assert (made.status_code, connected.status_code) == (201, 200)
    assert list(made.json()) == VIEW[:9] == list(connected.json())
    assert list(gateway.get(path, headers=java).json()) == VIEW[:9]
    assert list(gateway.get(path).json()) == VIEW


def test_an_empty_body_is_a_shared_session(gateway):
    assert create(gateway)["kind"] == "shared"


def test_a_view_shows_what_was_asked_for(gateway, cluster):
    made = create(gateway, {**ECHO, "kind": "scala", "name": "echo"})

    assert made["kind"] == "spark" and made["name"] == "echo"
    assert {k: made[k] for k in ECHO} == ECHO
    wait_for("the application to be watched", lambda: view(
        gateway, made["id"])["log"] != made["log"])
    again = view(gateway, made["id"])
    assert {k: again[k] for k in ECHO} == ECHO
    assert list(again) == VIEW
    app = cluster.kube.app(name_of(gateway, made["id"]))
    options = app["spec"]["arguments"]
    assert options[options.index("--idle-timeout") + 1] == "1800000ms"
    assert options[options.index("--heartbeat-timeout") + 1] == "7000ms"
    assert options[options.index("--ttl") + 1] == "0ms"    # is not checked
    assert app["spec"]["deps"]["jars"] == ECHO["jars"]
    assert app["metadata"]["labels"]["livy-fcgi/session-kind"] == "spark"


@pytest.mark.parametrize("size", [20000, 150000])
def test_a_long_echo_is_shown_whole(gateway, size):
    conf = {"spark.x": "x" * size}

    session = create(gateway, {"conf": conf})["id"]

    wait_line(gateway, session, "submitted by")
    assert view(gateway, session)["conf"] == conf
    listed, = [s for s in gateway.get("/sessions?size=100000").json()[
        "sessions"] if s["id"] == session]
    assert list(listed) == VIEW and listed["conf"] == conf


def test_a_request_too_long_to_be_kept_is_refused(gateway):
    r = gateway.post("/sessions", {"conf": {"spark.x": "x" * 200000}})

    assert r.status_code == 400
    assert "more than 196608" in r.json()["msg"]


def test_what_follows_from_conf_alone_has_one_hash(gateway, cluster):
    def label(body):
        app = cluster.kube.app(name_of(gateway, create(gateway, body)["id"]))
        return app["metadata"]["labels"]["livy-fcgi/static"]
    one = label({"kind": "sql", "conf": {"a": "1", "b": "2"}, "ttl": "1h"})

    assert label({"kind": "sql", "conf": {"b": "2", "a": "1"}}) == one
    assert label({"kind": "sql", "conf": {"a": "2", "b": "2"}}) != one
    assert label({"kind": "r", "conf": {"a": "1", "b": "2"}}) != one


BAD = {
    "no body": (b"", 400, "No content to map"),
    "a bad kind": ({"kind": "pyspark3"}, 400, "Invalid kind: pyspark3"),
    "no kind": ({"kind": None}, 500, "NullPointerException"),
    "a bad time": ({"ttl": "5x"}, 400, 'Invalid suffix: \\"x\\"'),
    "a negative time": ({"idleTimeout": "-5"}, 400, "Invalid value: -5"),
    "a bad heartbeat": ({"heartbeatTimeoutInSecond": "x"}, 400,
                        "not a valid `int` value"),
    "a name of digits": ({"name": "12"}, 400, "Invalid session name: 12"),
    "an unknown field": ({"file": "gs://x"}, 400, "17 known properties"),
    "a key that is the site's": ({"conf": {"spark.master": "x"}}, 400,
                                 "Blacklisted configuration values"),
    "a relative path": ({"jars": ["x.jar"]}, 400, "is not absolute"),
    "a local file": ({"files": ["/etc/passwd"]}, 400, "cannot be added"),
    "a text for an int": ({"driverCores": "3"}, 500, "ClassCastException"),
    "a list for a text": ({"queue": []}, 400, "Cannot deserialize"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_leaves_nothing(case, gateway, cluster):
    body, status, words = BAD[case]
    before = cluster.kube.apps()
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}

    r = gateway.call("POST", "/sessions", **sent)

    assert r.status_code == status, r.text
    assert words in r.text
    assert cluster.kube.apps() == before


def test_the_list_is_ascending_and_of_sessions_alone(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["0"]})["id"]
    ids = [create(gateway)["id"] for _ in range(3)]

    whole = gateway.get("/sessions?size=100000").json()

    listed = [s["id"] for s in whole["sessions"]]
    assert list(whole) == ["from", "total", "sessions"]
    assert listed == sorted(listed) and listed[-3:] == ids
    assert whole["total"] == len(listed)
    assert all(list(s) == VIEW for s in whole["sessions"])
    page = gateway.get(f"/sessions?from={len(listed) - 2}&size=1").json()
    assert [s["id"] for s in page["sessions"]] == [ids[1]]
    batches = gateway.get("/batches?size=100000").json()["sessions"]
    assert [b["id"] for b in batches][-1] == batch
    assert "kind" not in batches[-1]


def test_state_and_connect(gateway):
    session = create(gateway)["id"]

    r = gateway.get(f"/sessions/{session}/state")
    assert list(r.json().items()) == [("id", session), ("state", "starting")]
    r = gateway.post(f"/sessions/{session}/connect", {})
    assert r.status_code == 200 and list(r.json()) == VIEW
    assert r.json()["id"] == session
    assert gateway.post("/sessions/99999/connect", {}).status_code == 404


# Names and keys

def test_a_name_is_an_id_and_unique_until_the_record_goes(gateway, job):
    named = {"name": "n " + secrets.token_hex(4)}
    session = create(gateway, named)["id"]
    path = f"/sessions/{named['name'].replace(' ', '%20')}"

    assert gateway.get(path).json()["id"] == session
    assert gateway.get(path + "/state").json()["id"] == session
    r = gateway.post("/sessions", named)
    assert r.status_code == 400
    assert f"Duplicate session name: Some({named['name']})" in r.text
    batch = gateway.submit({"file": job("lines.py"), "args": ["0"], **named})
    assert batch["name"] == named["name"]
    assert gateway.post(path + "/stop", {}).status_code == 204
    assert gateway.post("/sessions", named).status_code == 400
    assert gateway.delete(path).status_code == 200
    assert create(gateway, named)["id"] > session


def test_a_key_makes_one_session(gateway):
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = create(gateway, {"kind": "sql"}, headers=key)

    again = create(gateway, {"kind": "sql"}, headers=key)

    assert again["id"] == first["id"]
    r = gateway.post("/sessions", {"kind": "r"}, headers=key)
    assert r.status_code == 400 and "another request" in r.text


# The driver, its agent and its token

def test_the_agent_takes_the_derived_token_alone(gateway, cluster):
    session = create(gateway, {"kind": "sql", "idleTimeout": "5m"})["id"]
    wait_line(gateway, session, "agent: listens")

    r = ask_agent(gateway, cluster, session,
                  token_of(gateway, cluster, session))

    assert r.status_code == 200, r.text
    options = r.json()["options"]
    assert (options["kind"], options["name"]) == (
        "sql", name_of(gateway, session))
    assert options["idle_timeout"] == "300000ms"
    assert ask_agent(gateway, cluster, session, "x").status_code == 401


def test_the_token_is_in_its_secret_and_nowhere_else(gateway, cluster):
    session = create(gateway)["id"]
    wait_line(gateway, session, "agent: listens")
    token = token_of(gateway, cluster, session)

    secret = cluster.kube.get(cluster.kube.path(
        "secrets", name_of(gateway, session) + "-token"))

    app = cluster.kube.app(name_of(gateway, session))
    owner = secret["metadata"]["ownerReferences"][0]
    assert owner["uid"] == app["metadata"]["uid"]
    assert secret["immutable"] is True
    pod = cluster.kube.get(cluster.kube.path(
        "pods", name_of(gateway, session) + "-driver"))
    for where in (str(app), str(pod), gateway.log(), str(log(
            gateway, session)), str(view(gateway, session))):
        assert token not in where
    for key in gateway.keys.values():
        assert key not in gateway.log()
    assert gateway.delete(f"/sessions/{session}").status_code == 200
    wait_for("the secret to go", lambda: name_of(gateway, session) +
             "-token" not in cluster.kube.names("secrets"))


def test_the_agent_is_an_immutable_map_named_by_its_contents(gateway, cluster):
    session = create(gateway)["id"]
    digest = hashlib.sha256(AGENT.read_bytes()).hexdigest()[:12]

    agent = cluster.kube.get(cluster.kube.path(
        "configmaps", f"livy-se-agent-{digest}"))

    assert agent["immutable"] is True
    assert agent["data"] == {"livy_agent.py": AGENT.read_text()}
    app = cluster.kube.app(name_of(gateway, session))
    assert app["metadata"]["labels"]["livy-fcgi/agent"] == digest


def test_the_log_tells_how_far_the_start_has_come(gateway, cluster):
    session = create(gateway)["id"]

    wait_line(gateway, session, "has started")

    lines = log(gateway, session)
    story = lines[lines.index("\nKubernetes Diagnostics: ") + 1:]
    name = name_of(gateway, session)
    assert story[0] == f"session {session} is {name} in namespace default"
    app = cluster.kube.app(name)
    assert story[1] == "made of template session.cfg, image " + \
        app["spec"]["image"]
    assert [line.split(" 20")[0] for line in story[2:4]] == [
        "created", "submitted by the Spark Operator"]
    assert f"driver pod {name}-driver has started" in story


# The end

@pytest.mark.parametrize("status", [0, 3])
def test_a_session_whose_driver_ends_is_dead(status, gateway):
    conf = {"spark.fake.exit": str(status)}
    session = create(gateway, {"conf": conf})["id"]

    wait_dead(gateway, session)

    wait_line(gateway, session, "agent: kind")
    assert list(view(gateway, session)) == VIEW
    if status:
        wait_line(gateway, session, "ExitCode: 3")


@pytest.mark.parametrize("conf", [{}, {"spark.fake.hang": "1"}],
                         ids=["well", "hanging"])
def test_a_stopped_session_is_dead_and_stays(conf, gateway, cluster):
    session = create(gateway, {"conf": conf, "ttl": "2h"})["id"]
    wait_pod(cluster, gateway, session)
    wait_line(gateway, session, "agent: kind")

    r = gateway.post(f"/sessions/{session}/stop", {})

    assert (r.status_code, r.content) == (204, b"")
    assert state(gateway, session) == "dead"
    shown = view(gateway, session)
    assert list(shown) == VIEW and shown["ttl"] == "2h"
    assert "stopped by ana" in log(gateway, session)
    wait_for("its driver to go",
             lambda: pods(cluster, gateway, session) == [])
    assert gateway.post(f"/sessions/{session}/stop", {}).status_code == 204
    assert state(gateway, session) == "dead"
    assert [a["step"] for a in audit(gateway) if a["id"] == session and
            a["kind"] == "session"][-1] == "stopped"
    assert gateway.delete(f"/sessions/{session}").status_code == 200
    assert gone(gateway, session)


def test_one_that_is_starting_can_be_stopped(gateway, cluster):
    session = create(gateway)["id"]

    assert gateway.post(f"/sessions/{session}/stop", {}).status_code == 204

    assert state(gateway, session) == "dead"
    wait_for("its driver to go",
             lambda: pods(cluster, gateway, session) == [])
    assert state(gateway, session) == "dead"
    assert gateway.post("/sessions/99999/stop", {}).status_code == 404


def test_one_whose_driver_was_made_just_now_can_be_stopped(gateway, cluster):
    """The operator made its pod, and could not say so before the stop."""
    made = [n for n in cluster.kube.apps() if n.startswith("livy-se-s-")]
    coming = max([int(n.rpartition("-")[2]) for n in made], default=-1) + 1
    cluster.faults({"method": "PUT", "path": f"/livy-se-s-{coming}/status",
                    "fault": "status", "status": 409})
    try:
        session = create(gateway)["id"]
        assert session == coming
        wait_for("its driver", lambda: pods(cluster, gateway, session))

        r = gateway.post(f"/sessions/{session}/stop", {})
    finally:
        cluster.clear_faults()

    assert r.status_code == 204
    wait_for("its driver to go",
             lambda: pods(cluster, gateway, session) == [])
    wait_for("the operator to be done", lambda: cluster.kube.app(name_of(
        gateway, session))["status"]["applicationState"]["state"] ==
        "SUSPENDED")


@pytest.mark.parametrize("when", ["starting", "running", "dead"])
def test_a_session_can_be_deleted_whatever_it_does(when, gateway, cluster):
    conf = {"spark.fake.exit": "1"} if when == "dead" else {}
    session = create(gateway, {"conf": conf})["id"]
    if when == "running":
        wait_line(gateway, session, "agent: listens")
    if when == "dead":
        wait_dead(gateway, session)

    r = gateway.delete(f"/sessions/{session}")

    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})
    assert gone(gateway, session)
    for path in ("state", "log"):
        assert gateway.get(f"/sessions/{session}/{path}").status_code == 404
    assert gateway.delete(f"/sessions/{session}").status_code == 404
    wait_for("all of it to go", lambda: name_of(gateway, session) not in
             cluster.kube.apps() and pods(cluster, gateway, session) == [])


# What breaks

def fault(kind, path, **more):
    return {"fault": kind, "method": "POST", "path": path, **more}


def test_a_session_without_a_token_gets_one_from_the_leader(maker):
    cluster = maker.cluster()
    gateway = replica(maker, cluster, **settings("se"))
    cluster.faults(fault("status", "/secrets", status=403))

    session = create(gateway)["id"]

    wait_for("the pod to wait", lambda: pods(cluster, gateway, session))
    assert cluster.fault_hits()[0] >= 1
    assert "agent: listens" not in log(gateway, session)
    cluster.clear_faults()
    wait_line(gateway, session, "agent: listens")
    assert ask_agent(gateway, cluster, session, token_of(
        gateway, cluster, session)).status_code == 200
    assert [a["id"] for a in audit(gateway) if a["step"] == "mended"] == [
        session]


def test_a_worker_that_dies_before_the_secret_costs_nothing(maker):
    cluster = maker.cluster()
    gateway = replica(maker, cluster, **settings(
        "se", **{"fastcgi.workers": 2, "fastcgi.outbound_workers": 1}))
    cluster.faults(fault("stall", "/secrets", count=1))
    key = {"Idempotency-Key": "k"}
    client = gateway.client(token=gateway.token)
    thread = threading.Thread(target=lambda: gateway.post(
        "/sessions", {}, session=client, headers=key))
    thread.start()
    wait_for("the worker to be there", lambda: cluster.fault_hits()[0])
    busy = [p for p in gateway.pids() if "POST" in titles(p)] or \
        gateway.pids("worker")

    for pid in busy:
        os.kill(pid, signal.SIGKILL)

    thread.join()
    cluster.clear_faults()
    again = create(gateway, {}, headers=key)
    assert [a for a in cluster.kube.apps() if "-s-" in a] == [
        name_of(gateway, again["id"])]
    wait_line(gateway, again["id"], "agent: listens")


def test_without_its_agent_no_session_is_made(maker):
    cluster = maker.cluster()
    gateway = replica(maker, cluster, **settings("se"))
    cluster.faults(fault("status", "/configmaps", status=403))

    r = gateway.post("/sessions", {})

    assert r.status_code in (400, 500), r.text
    assert "session agent into namespace 'default'" in r.text
    assert cluster.kube.apps() == []


def test_the_other_replica_shows_and_stops_it(session_maker, cluster):
    one, other = (replica(session_maker, cluster, **settings("sepair"))
                  for _ in range(2))
    session = create(one, {"ttl": "1h"})["id"]

    assert view(other, session)["ttl"] == "1h"
    assert other.post(f"/sessions/{session}/stop", {}).status_code == 204
    assert state(other, session) == "dead"
    wait_dead(one, session)
    assert one.delete(f"/sessions/{session}").status_code == 200
    wait_for("the other to know", lambda: gone(other, session))


def test_a_dead_session_goes_when_its_retention_ends(session_maker, cluster):
    gateway = replica(session_maker, cluster, **settings(
        "sekeep", **{"retention.sessions": "3s"}))
    ended = create(gateway, {"conf": {"spark.fake.exit": "0"}})["id"]
    stopped = create(gateway)["id"]
    lives = create(gateway)["id"]
    gateway.post(f"/sessions/{stopped}/stop", {})
    wait_for("them to go", lambda: gone(gateway, ended) and
             gone(gateway, stopped))

    assert state(gateway, lives) == "starting"


def test_agents_that_no_session_needs_are_swept(session_maker, cluster,
                                                tmp_path):
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    tmp_path.chmod(0o755)
    old.write_text(AGENT.read_text() + "# old\n")
    new.write_text(AGENT.read_text() + "# new\n")
    gateway = replica(session_maker, cluster, **settings(
        "sesw", **{"retention.sessions": "2s",
                   "sessions.agent_file": str(old)}))
    made = [create(gateway)["id"]]
    wait_line(gateway, made[0], "agent: listens")

    gateway.write_config(**{"sessions.agent_file": str(new)})
    gateway.master.signal(signal.SIGHUP)
    wait_for("the new agent", lambda: made.append(create(gateway)["id"]) or
             len(agents(cluster)) == 2)
    time.sleep(8)   # several sweeps: it is needed, so nothing may happen
    assert len(agents(cluster)) == 2
    for session in made[:-1]:    # old workers have made some of them
        assert gateway.delete(f"/sessions/{session}").status_code == 200

    wait_for("the old one to go", lambda: agents(cluster) == {
        hashlib.sha256(new.read_bytes()).hexdigest()[:12]})


def agents(cluster):
    return {n.rpartition("-")[2] for n in cluster.kube.names("configmaps")
            if n.startswith("livy-sesw-agent-")}


def test_a_new_key_is_for_new_sessions(session_maker, cluster):
    gateway = replica(session_maker, cluster, **settings("sekey"))
    old = create(gateway)["id"]
    wait_line(gateway, old, "agent: listens")

    gateway.write_keys(2, 1)
    gateway.master.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in gateway.log())
    new = wait_for("a session with the new key", lambda: [
        s for s in [create(gateway)["id"]] if cluster.kube.app(name_of(
            gateway, s))["metadata"]["annotations"]["livy-fcgi/token-key"] ==
        "2"])[0]
    wait_line(gateway, new, "agent: listens")

    for session, version in ((old, 1), (new, 2)):
        assert ask_agent(gateway, cluster, session, token_of(
            gateway, cluster, session, version)).status_code == 200


# livy-fcgi -t and render

def test_bad_keys_and_agents_are_refused_by_t(gateway, tmp_path):
    keys, agent = tmp_path / "keys", tmp_path / "agent"
    config = tmp_path / "livy-fcgi.cfg"

    def words(key_text=f"1 {'k' * 32}\n", mode=0o600, agent_text="pass\n"):
        keys.write_text(key_text)
        keys.chmod(mode)
        agent.write_text(agent_text)
        config.write_text(gateway.config.read_text().replace(
            str(AGENT), str(agent)).replace(
            "sessions: {", f'sessions: {{ key_file = "{keys}"; '))
        done = gateway.command("-t", config=config)
        return done.returncode, done.stdout + done.stderr
    (tmp_path / "secret").symlink_to(gateway.folder / "secret")

    assert words()[0] == 0, words()
    for case, sentence in (
            ({"key_text": "1 short\n"}, "32 to 128 characters"),
            ({"key_text": "x\n"}, 'not "VERSION KEY"'),
            ({"mode": 0o644}, "may be read by anyone"),
            ({"agent_text": ""}, "is empty"),
            ({"agent_text": "#" * 1100000}, "longer than")):
        status, said = words(**case)
        assert status == 1 and sentence in said, (case, said)


def test_render_shows_what_would_be_created(gateway, cluster, tmp_path):
    body = tmp_path / "body.json"
    body.write_text('{"kind": "sql", "ttl": "1h"}')

    done = gateway.command("-u", "ana", "render", "session", body)

    assert done.returncode == 0, done.stderr
    app = cluster.kube.app(name_of(gateway, create(
        gateway, {"kind": "sql", "ttl": "1h"})["id"]))
    shown = json.loads(done.stdout)
    assert shown["spec"]["driver"] != {}
    for key in ("type", "mainApplicationFile", "image", "restartPolicy"):
        assert shown["spec"][key] == app["spec"][key]
    assert shown["metadata"]["annotations"]["livy-fcgi/echo"] == \
        app["metadata"]["annotations"]["livy-fcgi/echo"]
