"""localkube itself: what it keeps when it dies, its pods, its faults."""

import json
import os
import signal
import subprocess
import time

import pytest
import requests
import urllib3

import kube
import rig
from procs import Part, alive, descendants, wait_for

pytestmark = pytest.mark.local

IMAGE = "any:1"
MERGE = {"Content-Type": "application/merge-patch+json"}


class Localkube(rig.Cluster):
    """Without an operator."""

    def start(self):
        self.start_localkube()
        return self

    def restart(self):
        self.localkube.kill()
        self.start_localkube()

    def pod(self, name, script, **container):
        r = self.kube.create("pods", {"metadata": {"name": name}, "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 2,
            "containers": [{"name": "main", "image": IMAGE,
                            "args": ["sh", "-c", script], **container}]}})
        assert r.status_code == 201, r.text
        return r.json()["metadata"]["uid"]

    def status(self, name):
        return self.kube.get(self.kube.path("pods", name))["status"]

    def state(self, name):
        statuses = self.status(name).get("containerStatuses")
        return statuses[0]["state"] if statuses else {}

    def until(self, name, what):
        return wait_for(f"{name} to be {what}",
                        lambda: self.state(name).get(what))

    def log(self, name, **params):
        r = self.kube.call("GET", self.kube.path("pods", name) + "/log",
                           params=params)
        assert r.status_code == 200, r.text
        return r.text

    def shim(self, uid):
        state = self.folder / "kube" / "pods" / uid / "state"
        return json.loads(state.read_text())["pid"]

    def command(self, *more, **options):
        """localkube's command line, with some options changed."""
        argv = {a: b for a, b in zip(self.localkube.argv[1::2],
                                     self.localkube.argv[2::2])}
        argv.update({"--" + k.replace("_", "-"): str(v)
                     for k, v in options.items()})
        words = [w for pair in argv.items() for w in pair if w != "--control"]
        return subprocess.run(
            [self.localkube.argv[0], *words, *more], text=True,
            capture_output=True, timeout=60)


def images():
    return {IMAGE: {"entrypoint": [], "workdir": "/opt/app/work"}}


@pytest.fixture
def lk(maker):
    return maker.keep(Localkube(maker.folder("k"), maker.pki,
                                images=images()))


@pytest.fixture(scope="module")
def shared(session_maker):
    return session_maker.keep(Localkube(
        session_maker.folder("k"), session_maker.pki, images=images()))


@pytest.fixture
def faults(shared):
    yield shared.faults
    shared.clear_faults()


def configmap(lk, name, **data):
    return lk.kube.create("configmaps", {"metadata": {"name": name},
                                         "data": data})


# What survives

def test_objects_survive_its_death(lk):
    made = configmap(lk, "kept", a="1").json()
    configmap(lk, "dropped")
    lk.kube.delete("configmaps", "dropped")

    lk.restart()

    assert lk.kube.get(lk.kube.path("configmaps", "kept")) == made
    assert lk.kube.names("configmaps") == ["kept"]
    after = configmap(lk, "later").json()["metadata"]["resourceVersion"]
    assert int(after) > int(made["metadata"]["resourceVersion"]) + 2


def test_a_watch_goes_on_where_nothing_was_missed(lk):
    listed = lk.kube.get(lk.kube.path("configmaps"))
    now = listed["metadata"]["resourceVersion"]
    lk.restart()
    configmap(lk, "new")
    first = next(lk.kube.call(
        "GET", lk.kube.path("configmaps"), stream=True, params={
            "watch": "1", "resourceVersion": now}).iter_lines(chunk_size=1))
    assert json.loads(first)["type"] == "ADDED"


def test_a_watch_that_missed_changes_is_told_so(lk):
    old = configmap(lk, "one").json()["metadata"]["resourceVersion"]
    configmap(lk, "two")
    lk.restart()
    first = next(lk.kube.call(
        "GET", lk.kube.path("configmaps"), stream=True, params={
            "watch": "1", "resourceVersion": old}).iter_lines(chunk_size=1))
    assert json.loads(first)["object"]["code"] == 410


def test_a_running_pod_is_taken_up_again(lk):
    uid = lk.pod("p", "echo one; until [ -e /tmp/go ]; do sleep 0.05; done; "
                 "echo two; exit 4")
    lk.until("p", "running")
    shim, ip = lk.shim(uid), lk.status("p")["podIP"]

    lk.restart()

    assert alive(shim) and lk.shim(uid) == shim
    assert "running" in lk.state("p") and lk.status("p")["podIP"] == ip
    (lk.folder / "kube" / "pods" / uid / "tmp" / "go").touch()
    assert lk.until("p", "terminated")["exitCode"] == 4
    assert lk.log("p") == "one\ntwo\n"


def test_a_pod_that_ended_meanwhile_is_finished(lk):
    uid = lk.pod("p", "until [ -e /tmp/go ]; do sleep 0.05; done; exit 5")
    lk.until("p", "running")
    shim = lk.shim(uid)
    lk.localkube.kill()
    (lk.folder / "kube" / "pods" / uid / "tmp" / "go").touch()
    wait_for("the pod to end", lambda: not alive(shim))
    lk.start_localkube()
    assert lk.until("p", "terminated")["exitCode"] == 5
    assert lk.status("p")["phase"] == "Failed"


def test_a_pod_whose_processes_are_all_gone_has_failed(lk):
    uid = lk.pod("p", "sleep 300")
    lk.until("p", "running")
    shim = lk.shim(uid)
    lk.localkube.kill()
    os.kill(shim, signal.SIGKILL)
    wait_for("the shim to end", lambda: not alive(shim))
    lk.start_localkube()
    ended = lk.until("p", "terminated")
    assert (ended["exitCode"], ended["reason"]) == (
        137, "ContainerStatusUnknown")


def test_nothing_of_a_container_outlives_its_shim(lk):
    uid = lk.pod("p", "setsid sleep 300 & sleep 300")
    lk.until("p", "running")
    shim = lk.shim(uid)
    family = wait_for("the processes", lambda: (
        lambda f: f if len(f) >= 4 else None)(descendants(shim)))
    os.kill(shim, signal.SIGKILL)
    for pid in family:
        wait_for(f"{pid} to end", lambda: not alive(pid))
    assert lk.until("p", "terminated")["exitCode"] == 137


def test_pods_outlive_sigterm_and_end_on_command(lk):
    uid = lk.pod("p", "trap 'exit 9' TERM; echo up; "
                 "while :; do sleep 0.05; done")
    lk.until("p", "running")
    wait_for("its log", lambda: lk.log("p") == "up\n")
    shim = lk.shim(uid)
    assert lk.localkube.stop() == 0
    assert alive(shim)

    done = subprocess.run([lk.localkube.argv[0], "--dir", lk.folder / "kube",
                           "stop-pods"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert not alive(shim)
    lk.start_localkube()
    assert lk.until("p", "terminated")["exitCode"] == 9


def test_a_pod_deleted_by_force_leaves_nothing(lk):
    uid = lk.pod("p", "trap '' TERM; while :; do sleep 0.05; done")
    lk.until("p", "running")
    shim = lk.shim(uid)
    path = lk.kube.path("pods", "p")
    assert lk.kube.call("DELETE", path + "?gracePeriodSeconds=0") \
        .status_code == 200
    assert lk.kube.get(path) is None
    wait_for("the shim to end", lambda: not alive(shim))
    wait_for("its folder to go", lambda: not (
        lk.folder / "kube" / "pods" / uid).exists())


def test_a_deletion_goes_on_after_a_restart(lk):
    lk.pod("p", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    lk.until("p", "running")
    wait_for("its log", lambda: lk.log("p") == "up\n")
    lk.kube.delete("pods", "p")
    lk.restart()
    wait_for("it to go",
             lambda: lk.kube.get(lk.kube.path("pods", "p")) is None)


def test_what_is_owned_goes_after_a_restart_too(lk):
    r = lk.kube.create("configmaps", {"metadata": {"name": "owner"}})
    uid = r.json()["metadata"]["uid"]
    lk.kube.create("secrets", {"metadata": {
        "name": "owned", "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
            "uid": uid}]}})
    lk.restart()
    lk.kube.delete("configmaps", "owner")
    wait_for("it to go", lambda: lk.kube.names("secrets") == [])


# Starting

def test_one_folder_is_for_one_localkube(lk):
    done = lk.command(listen="127.0.0.1:0")
    assert done.returncode == 1
    assert f"another localkube uses '{lk.folder / 'kube'}'" in done.stderr


def test_a_port_that_is_taken_is_named(lk):
    done = lk.command(dir=lk.folder / "other", listen=f"127.0.0.1:{lk.port}")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{lk.port}: another program has " \
        "taken the port" in done.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:0", "[::1]:0",
                                    "localhost:0", "127.0.0.1"])
def test_only_loopback_is_listened_on(lk, listen):
    done = lk.command(dir=lk.folder / "other", listen=listen)
    assert done.returncode == 1
    assert listen.rpartition(":")[0] in done.stderr


@pytest.mark.parametrize("option,text", [
    ("tls_cert", "cannot open"), ("tls_key", "cannot open"),
    ("tokens", "cannot open"), ("images", "cannot read")])
def test_a_missing_file_is_named(lk, option, text):
    done = lk.command(**{"dir": lk.folder / "other", "listen": "127.0.0.1:0",
                         option: "/no/such"})
    assert done.returncode == 1
    assert f"localkube: {text} '/no/such'" in done.stderr


def test_a_bad_option_is_refused(lk):
    assert lk.command("--no-such").returncode == 2
    assert lk.command("no-such-command").returncode == 2
    help_text = lk.command("--help")
    assert help_text.returncode == 0 and "--pod-net" in help_text.stdout


def test_without_bubblewrap_its_package_is_named(lk):
    argv = [*lk.localkube.argv]
    argv[argv.index("--dir") + 1] = lk.folder / "other"
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60,
                          env={"PATH": "/nonexistent"})
    assert done.returncode == 1 and "bubblewrap" in done.stderr


def test_faults_are_put_only_where_it_was_allowed(lk):
    ready = lk.folder / "plain.ready"
    argv = [str(a) for a in lk.localkube.argv if a != "--control"]
    argv[argv.index("--ready") + 1] = ready
    argv[argv.index("--dir") + 1] = lk.folder / "other"
    argv[argv.index("--listen") + 1] = "127.0.0.1:0"
    plain = Part("plain", lk.folder, argv).start()
    try:
        address = wait_for("it", lambda: lk.is_ready(plain, ready))
        asked = kube.Kube(f"https://{address}", "default",
                          lk.pki / "ca.crt", lk.tokens["admin"])
        assert asked.call("GET", "/localkube/faults").status_code == 404
    finally:
        plain.stop()


@pytest.mark.root
def test_root_is_refused(maker):
    lk = Localkube(maker.folder("k"), maker.pki, images=images())
    part = Part("localkube", lk.folder, [
        rig.BUILD / "deploy/local/localkube", "--dir", lk.folder / "kube",
        "--listen", "127.0.0.1:0", "--tls-cert", "/x", "--tls-key", "/x",
        "--tokens", "/x", "--images", "/x"], as_root=True).start()
    assert part.wait() == 1
    assert "as root" in part.text()


# Pods

def test_a_pod_does_not_see_what_localkube_keeps(shared):
    shared.pod("hidden", f"ls -A {shared.folder}/kube 2>/dev/null; "
               "touch /etc/x || touch /usr/x || touch /x || echo read-only; "
               "cd /opt/app/work && touch x && echo writable; umask; "
               "ls /tmp | wc -l; ls /proc/self/fd | wc -l; hostname")
    shared.until("hidden", "terminated")
    lines = [line for line in shared.log("hidden").splitlines()
             if not line.startswith("touch: ")]
    assert lines == ["read-only", "writable", "0022", "0", "4", "hidden"]


def test_each_pod_has_an_address_of_its_own(shared):
    for name in ("ip-a", "ip-b"):
        shared.pod(name, "echo $SPARK_LOCAL_IP; getent hosts $HOSTNAME; "
                   "exec sleep 300")
        shared.until(name, "running")
    ips = [shared.status(name)["podIP"] for name in ("ip-a", "ip-b")]
    assert ips[0] != ips[1] and all(ip.startswith("127.88.") for ip in ips)
    wait_for("the log", lambda: shared.log("ip-a").split() == [
        ips[0], ips[0], "ip-a", "ip-a"] or shared.log("ip-a").split()[:3] == [
        ips[0], ips[0], "ip-a"])
    for name in ("ip-a", "ip-b"):
        shared.kube.delete("pods", name)


def test_two_clusters_do_not_share_an_address(shared, lk):
    for cluster in (shared, lk):
        cluster.pod("same", "sleep 300")
        cluster.until("same", "running")
    assert shared.status("same")["podIP"] != lk.status("same")["podIP"]
    shared.kube.delete("pods", "same")


def test_secrets_are_on_no_command_line_and_in_no_file_left(shared):
    shared.kube.create("secrets", {"metadata": {"name": "s"},
                                   "stringData": {"k": "needle-71c3"}})
    uid = shared.pod("sec", "sleep 300", env=[{"name": "K", "valueFrom": {
        "secretKeyRef": {"name": "s", "key": "k"}}}])
    shared.until("sec", "running")
    shim = shared.shim(uid)
    lines = b""
    for pid in [shim, *descendants(shim)]:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            lines += f.read()
    assert b"sleep" in lines and b"needle" not in lines
    folder = shared.folder / "kube" / "pods" / uid
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"needle" not in path.read_bytes(), path
    shared.kube.delete("pods", "sec")


def test_a_missing_program_is_a_start_error(shared):
    shared.kube.create("pods", {"metadata": {"name": "nope"}, "spec": {
        "restartPolicy": "Never", "containers": [{
            "name": "main", "image": IMAGE, "command": ["/no/such"]}]}})
    ended = shared.until("nope", "terminated")
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert "/no/such" in ended["message"]


def test_a_volume_of_a_missing_secret_is_waited_for(shared):
    shared.kube.create("pods", {"metadata": {"name": "mount"}, "spec": {
        "restartPolicy": "Never",
        "volumes": [{"name": "v", "secret": {"secretName": "later"}}],
        "containers": [{
            "name": "main", "image": IMAGE, "args": ["cat", "/etc/v/k"],
            "volumeMounts": [{"name": "v", "mountPath": "/etc/v",
                              "readOnly": True}]}]}})
    wait_for("the pod to be looked at", lambda: shared.state("mount"))
    for _ in range(5):    # a kubelet keeps its reason to itself
        assert shared.state("mount") == {
            "waiting": {"reason": "ContainerCreating"}}
        assert shared.status("mount")["phase"] == "Pending"
        time.sleep(0.2)

    shared.kube.create("secrets", {"metadata": {"name": "later"},
                                   "stringData": {"k": "here"}})

    ended = shared.until("mount", "terminated")
    assert (ended["exitCode"], shared.log("mount")) == (0, "here")


def test_a_missing_secret_is_a_config_error(shared):
    shared.pod("late", "echo $K", env=[{"name": "K", "valueFrom": {
        "secretKeyRef": {"name": "late", "key": "k"}}}])
    wait_for("the error", lambda: shared.state("late").get(
        "waiting", {}).get("reason") == "CreateContainerConfigError")
    assert shared.state("late")["waiting"]["message"] == \
        'secret "late" not found'
    shared.kube.create("secrets", {"metadata": {"name": "late"},
                                   "stringData": {"other": "x"}})
    wait_for("the other error", lambda: "couldn't find key k in Secret" in
             shared.state("late").get("waiting", {}).get("message", ""))
    shared.kube.call("PATCH", shared.kube.path("secrets", "late"),
                     None, data='{"stringData": {"k": "here"}}',
                     headers=MERGE)
    shared.until("late", "terminated")
    assert shared.log("late") == "here\n"


def test_two_containers_are_more_than_it_runs(shared):
    container = {"name": "a", "image": IMAGE}
    shared.kube.create("pods", {"metadata": {"name": "two"}, "spec": {
        "containers": [container, dict(container, name="b")]}})
    ended = shared.until("two", "terminated")
    assert "one container" in ended["message"]


def test_a_long_line_stays_one(shared):
    shared.pod("long", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo y")
    shared.until("long", "terminated")
    assert shared.log("long") == "x" * 100000 + "\ny\n"


def test_a_log_is_bounded(shared):
    uid = shared.pod("big", "yes 0123456789 | head -n 3000000; echo last")
    shared.until("big", "terminated")
    folder = shared.folder / "kube" / "pods" / uid
    sizes = [p.stat().st_size for p in folder.glob("log*")]
    assert len(sizes) == 2 and max(sizes) < 11 << 20
    assert shared.log("big", tailLines=1) == "last\n"
    shared.kube.delete("pods", "big")


def test_a_log_is_followed_past_its_bound(shared):
    shared.pod("bigger", "yes 01234567890123456789 | head -n 1000000; "
               "sleep 1; echo last")
    wait_for("it to run, or to have run", lambda: {
        "running", "terminated"} & set(shared.state("bigger")))
    assert shared.log("bigger", follow="true").endswith("\nlast\n")
    shared.kube.delete("pods", "bigger")


def test_an_image_is_found_once_it_is_there(lk):
    r = lk.kube.create("pods", {"metadata": {"name": "p"}, "spec": {
        "restartPolicy": "Never", "containers": [{
            "name": "main", "image": "new:1", "args": ["true"]}]}})
    assert r.status_code == 201
    wait_for("the pull to fail", lambda: lk.state("p").get(
        "waiting", {}).get("reason") == "ErrImagePull")
    (lk.folder / "images.json").write_text(json.dumps(
        {"new:1": {"entrypoint": []}}))
    assert lk.until("p", "terminated")["exitCode"] == 0


def test_an_image_brings_folders_and_hides_others(lk):
    image = lk.folder / "image"
    (image / "bin").mkdir(parents=True)
    (image / "bin" / "tool").write_text("#!/bin/sh\necho tool $1\n")
    (image / "bin" / "tool").chmod(0o755)
    (lk.folder / "images.json").write_text(json.dumps({IMAGE: {
        "entrypoint": ["/opt/new/tree/bin/tool"],
        "env": {"FROM_IMAGE": "yes"}, "workdir": "/opt/new/tree/work",
        "mounts": [{"from": str(image), "to": "/opt/new/tree"}],
        "hide": ["/usr/share/doc", "/no/such", "/etc/passwd"]}}))
    lk.kube.create("pods", {"metadata": {"name": "tool"}, "spec": {
        "restartPolicy": "Never", "containers": [{
            "name": "main", "image": IMAGE, "args": ["$(FROM_IMAGE)"]}]}})
    lk.kube.create("pods", {"metadata": {"name": "look"}, "spec": {
        "restartPolicy": "Never", "containers": [{
            "name": "main", "image": IMAGE, "command": ["sh", "-c"],
            "args": ["pwd; touch x && echo writable; ls /usr/share/doc; "
                     "cat /etc/passwd; touch /opt/new/tree/x 2>/dev/null || "
                     "echo read-only; ls /opt/new/tree"]}]}})
    for name in ("tool", "look"):
        assert lk.until(name, "terminated")["exitCode"] == 0, lk.log(name)
    assert lk.log("tool") == "tool $(FROM_IMAGE)\n"
    assert lk.log("look").splitlines() == [
        "/opt/new/tree/work", "writable", "read-only", "bin", "work"]


# Faults

def test_a_status_counts_down_and_tells_its_hits(shared, faults):
    faults({"method": "GET", "path": "/configmaps", "fault": "status",
            "status": 429, "retryAfter": 7, "count": 2})
    for _ in range(2):
        r = shared.kube.call("GET", shared.kube.path("configmaps"))
        assert (r.status_code, r.headers["Retry-After"]) == (429, "7")
        assert r.json()["reason"] == "TooManyRequests"
    assert shared.kube.call(
        "GET", shared.kube.path("configmaps")).status_code == 200
    assert shared.kube.call(
        "POST", shared.kube.path("configmaps"), {}).status_code == 422
    rule, = shared.kube.get("/localkube/faults")
    assert (rule["hits"], rule["status"]) == (2, 429)


@pytest.mark.parametrize("status,reason", [
    (500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout")])
def test_other_statuses(shared, faults, status, reason):
    faults({"fault": "status", "status": status})
    r = shared.kube.call("GET", shared.kube.path("pods"))
    assert (r.status_code, r.json()["reason"]) == (status, reason)
    assert "Retry-After" not in r.headers


def test_a_stall_never_answers(shared, faults):
    faults({"path": "/secrets", "fault": "stall"})
    with pytest.raises(requests.Timeout):
        shared.kube.call("GET", shared.kube.path("secrets"), timeout=1)
    assert shared.kube.call(
        "GET", shared.kube.path("pods")).status_code == 200


def test_a_stall_of_some_time_answers_after_it(shared, faults):
    faults({"path": "/secrets", "fault": "stall", "ms": 700})
    start = time.monotonic()
    r = shared.kube.call("GET", shared.kube.path("secrets"))
    assert r.status_code == 200 and time.monotonic() - start >= 0.7


@pytest.mark.parametrize("fault,made", [("reset", False),
                                        ("reset-after-commit", True)])
def test_a_reset_before_or_after_the_work(shared, faults, fault, made):
    faults({"method": "POST", "path": "/configmaps", "fault": fault,
            "count": 1})
    with pytest.raises(requests.ConnectionError):
        configmap(shared, fault)
    path = shared.kube.path("configmaps", fault)
    assert (shared.kube.get(path) is not None) == made


def test_a_status_after_the_work(shared, faults):
    faults({"method": "POST", "fault": "status-after-commit", "count": 1})
    assert configmap(shared, "committed").status_code == 500
    assert configmap(shared, "committed").status_code == 409


def test_a_slow_answer_comes_whole(shared, faults):
    configmap(shared, "slow", text="x" * 500)
    faults({"path": "/slow", "fault": "slow", "ms": 30})
    start = time.monotonic()
    body = shared.kube.get(shared.kube.path("configmaps", "slow"))
    assert body["data"]["text"] == "x" * 500
    assert time.monotonic() - start > 0.5


def test_half_an_answer_is_cut(shared, faults):
    configmap(shared, "half", text="x" * 5000)
    faults({"path": "/half", "fault": "half"})
    r = shared.kube.call("GET", shared.kube.path("configmaps", "half"),
                         stream=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        r.raw.read()


def watch(lk, **params):
    listed = lk.kube.get(lk.kube.path("configmaps"))
    r = lk.kube.call("GET", lk.kube.path("configmaps"), stream=True, params={
        "watch": "1", "resourceVersion":
        listed["metadata"]["resourceVersion"], "timeoutSeconds": "10",
        **params})
    return r, r.iter_lines(chunk_size=1)


def test_half_an_event_is_cut(shared, faults):
    faults({"path": "watch=1", "fault": "half"})
    _, lines = watch(shared)
    configmap(shared, "half-event", text="x" * 5000)
    with pytest.raises((requests.ConnectionError, ValueError,
                        requests.exceptions.ChunkedEncodingError)):
        for line in lines:
            json.loads(line)


def test_events_come_late(shared, faults):
    faults({"path": "watch=1", "fault": "watch-delay", "ms": 800})
    _, lines = watch(shared)
    start = time.monotonic()
    configmap(shared, "late-event")
    assert json.loads(next(lines))["type"] == "ADDED"
    assert time.monotonic() - start > 0.7


def test_a_watch_is_gone_at_its_start_or_later(shared, faults):
    faults({"path": "/configmaps", "fault": "gone", "status": 410,
            "count": 1})
    r, _ = watch(shared)
    assert (r.status_code, r.json()["reason"]) == (410, "Expired")
    _, lines = watch(shared)
    faults({"path": "/configmaps", "fault": "gone", "count": 1})
    event = json.loads(next(lines))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert list(lines) == []
    _, lines = watch(shared)
    configmap(shared, "after-gone")
    assert json.loads(next(lines))["type"] == "ADDED"


def test_a_running_watch_is_cut(shared, faults):
    _, lines = watch(shared)
    faults({"path": "watch=1", "fault": "reset", "count": 1})
    with pytest.raises((requests.ConnectionError,
                        requests.exceptions.ChunkedEncodingError)):
        list(lines)


@pytest.mark.parametrize("rules", [[{"fault": "nothing"}], {}, [1], "x"])
def test_bad_rules_are_refused(shared, rules):
    r = shared.kube.call("PUT", "/localkube/faults", rules)
    assert r.status_code == 400, r.text


def test_faults_need_the_token(shared):
    r = shared.kube.call("GET", "/localkube/faults",
                         headers={"Authorization": "Bearer no"})
    assert r.status_code == 401


def test_many_watches_hear_of_one_change(shared):
    sessions = []
    listed = shared.kube.get(shared.kube.path("configmaps"))
    for _ in range(200):
        one = kube.Kube(shared.url, shared.namespace,
                        shared.pki / "ca.crt", shared.tokens["admin"])
        r = one.call("GET", one.path("configmaps"), stream=True, params={
            "watch": "1", "timeoutSeconds": "60", "resourceVersion":
            listed["metadata"]["resourceVersion"]})
        assert r.status_code == 200
        sessions.append((one, r.iter_lines(chunk_size=1)))
    configmap(shared, "to-all")
    for _, lines in sessions:
        assert json.loads(next(lines))["object"]["metadata"]["name"] == \
            "to-all"
    for one, _ in sessions:
        one.session.close()
