"""The system under test: a cluster (localkube and localspark, or a real API
server), and a gateway (livy-fcgi and nginx) before it, each part a process
that a test may stop, kill and start again."""

import json
import os
import pathlib
import random
import secrets
import shutil
import socket
import subprocess

import kube
from procs import Part, as_tests_user, give, wait_for

BUILD = pathlib.Path(os.environ.get("LIVY_TEST_BUILD", "."))
# For times: with sanitizers a request costs several times as much.
TIMED_BUILD = pathlib.Path(os.environ.get("LIVY_TEST_TIMED_BUILD", BUILD))
SRC = pathlib.Path(__file__).resolve().parent.parent
PLACE = pathlib.Path(os.environ.get("TESTS_DIR", "/nonexistent"))
# Where the programs of spark/jobs are, as a driver sees them: on a cluster
# of other machines they are in its image or in a store that it can read.
JOBS = PLACE / "jobs"
JOBS_URI = os.environ.get("LIVY_TEST_JOBS", f"local://{JOBS}")
SPARK_IMAGE = os.environ.get("LIVY_TEST_IMAGE", "spark:3.5.9")
TIER = os.environ.get("LIVY_TEST_TIER", "api")
NAMESPACE = "default"
FINAL = ("success", "dead", "killed", "error")

# Sanitizers of a build that has them: any finding ends the process.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:log_to_syslog=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


# Not of those that the kernel gives connections as their own end: a program
# that is started again finds its port free. Two processes of a run share none.
PORTS = iter(random.sample(range(
    20000 + (os.environ.get("PYTEST_XDIST_WORKER") == "gw1"), 32000, 2), 6000))


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass    # somebody's
    raise RuntimeError("no port is free")


def fake_images():
    """An image without Spark; "hide" and "mounts" are not needed for it."""
    return {"fake:1": {
        "entrypoint": [str(SRC / "tests" / "api" / "fake_spark")],
        "env": {"PATH": "/usr/bin:/bin"}, "workdir": "/tmp"}}


def spark_images(spark_home):
    """The image that deploy/local/up gives its pods, around any Spark."""
    venv_python = spark_home.parents[3] / "bin" / "python"
    python = str(venv_python if venv_python.exists() else "/usr/bin/python3")
    java = os.path.realpath(shutil.which("java"))
    return {SPARK_IMAGE: {
        "entrypoint": ["/opt/entrypoint.sh"], "workdir": "/tmp",
        "env": {"SPARK_HOME": "/opt/spark",
                "JAVA_HOME": str(pathlib.Path(java).parents[1]),
                "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python},
        "mounts": [
            {"from": str(spark_home), "to": "/opt/spark"},
            {"from": str(SRC / "deploy/local/entrypoint"),
             "to": "/opt/entrypoint.sh"}]}}


class Cluster:
    """localkube, which can be told to misbehave, and localspark."""

    def __init__(self, folder, pki, images=None, image="fake:1",
                 submit_delay="100ms", build=BUILD):
        self.folder, self.pki = pathlib.Path(folder), pki
        self.image, self.namespace = image, NAMESPACE
        self.folder.mkdir(parents=True, exist_ok=True)
        give(self.folder, self.folder.parent)
        self.tokens = {user: secrets.token_hex(16)
                       for user in ("admin", "gateway", "operator")}
        self.write_tokens()
        (self.folder / "images.json").write_text(
            json.dumps(images or fake_images()))
        self.submit_delay, self.build = submit_delay, build
        self.port = free_port()
        self.localkube = self.localspark = self.kube = None

    def write_tokens(self):
        path = self.folder / "tokens.csv"
        path.write_text("".join(f"{t},{u}\n" for u, t in self.tokens.items()))
        path.chmod(0o600)
        give(path)

    def start(self):
        self.start_localkube()
        self.kubeconfig("operator")
        self.start_localspark()
        return self

    def start_localkube(self):
        ready = self.folder / "localkube.ready"
        ready.unlink(missing_ok=True)
        self.localkube = Part("localkube", self.folder, [
            self.build / "deploy/local/localkube",
            "--dir", self.folder / "kube",
            "--listen", f"127.0.0.1:{self.port}",
            "--tls-cert", self.pki / "server.crt",
            "--tls-key", self.pki / "server.key",
            "--tokens", self.folder / "tokens.csv",
            "--images", self.folder / "images.json",
            "--ready", ready, "--control"], env=SANITIZERS).start()
        address = wait_for("localkube", lambda: self.is_ready(
            self.localkube, ready))
        self.port = int(address.rpartition(":")[2])
        self.kube = kube.Kube(self.url, self.namespace,
                              self.pki / "ca.crt", self.tokens["admin"])

    def start_localspark(self):
        ready = self.folder / "localspark.ready"
        ready.unlink(missing_ok=True)
        self.localspark = Part("localspark", self.folder, [
            self.build / "deploy/local/localspark",
            "--kubeconfig", self.folder / "operator.kubeconfig",
            "--namespace", self.namespace,
            "--submit-delay", self.submit_delay, "--ready", ready],
            env=SANITIZERS).start()
        wait_for("localspark", lambda: self.is_ready(self.localspark, ready))

    @staticmethod
    def is_ready(part, ready):
        if not part.running():
            raise RuntimeError(f"{part.name} ended:\n{part.tail()}")
        return ready.exists() and ready.read_text().strip()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, user, server=None):
        """Writes USER.kubeconfig, with its token in USER.token."""
        token = self.folder / f"{user}.token"
        token.write_text(self.tokens[user] + "\n")
        token.chmod(0o600)
        give(token)
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(f"""apiVersion: v1
kind: Config
current-context: local
contexts:
- name: local
  context: {{cluster: local, user: {user}, namespace: {self.namespace}}}
clusters:
- name: local
  cluster:
    server: {server or self.url}
    certificate-authority: {self.pki}/ca.crt
users:
- name: {user}
  user:
    tokenFile: {user}.token
""")
        return path

    def faults(self, *rules):
        r = self.kube.call("PUT", "/localkube/faults", list(rules))
        assert r.status_code == 200, r.text

    def fault_hits(self):
        r = self.kube.call("GET", "/localkube/faults")
        return [rule["hits"] for rule in r.json()]

    def clear_faults(self):
        assert self.kube.call("DELETE", "/localkube/faults").ok

    def parts(self):
        return [p for p in (self.localkube, self.localspark) if p]

    def stop(self):
        """Ends everything, at last the pods, whose shims outlive localkube."""
        try:
            for part in (self.localspark, self.localkube):
                if part:
                    part.stop()
        finally:
            for part in self.parts():
                part.kill()
            self.stop_pods()

    def stop_pods(self):
        subprocess.run(as_tests_user([
            str(self.build / "deploy/local/localkube"), "--dir",
            str(self.folder / "kube"), "stop-pods"]), check=True,
            capture_output=True, timeout=120)


class RealCluster:
    """A cluster named by a kubeconfig, used through a namespace of its own;
    localspark plays the operator where there is none."""

    image = SPARK_IMAGE

    def __init__(self, folder, kubeconfig):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.namespace = f"livy-test-{secrets.token_hex(3)}"
        self.flat, arguments = kube.flatten(kubeconfig, self.folder)
        self.kube = kube.Kube(namespace=self.namespace, **arguments)
        self.localspark = None

    def start(self):
        r = self.kube.call("POST", "/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace}})
        assert r.status_code == 201, r.text
        r = self.kube.create("serviceaccounts", {
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "spark"}})
        assert r.status_code == 201, r.text
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/" \
            f"{self.namespace}"
        for plural, body in (("roles", {
                "kind": "Role", "metadata": {"name": "spark"},
                "rules": [{"apiGroups": [""], "verbs": ["*"], "resources": [
                    "pods", "services", "configmaps",
                    "persistentvolumeclaims"]}]}), ("rolebindings", {
                "kind": "RoleBinding", "metadata": {"name": "spark"},
                "subjects": [{"kind": "ServiceAccount", "name": "spark",
                              "namespace": self.namespace}],
                "roleRef": {"kind": "Role", "name": "spark",
                            "apiGroup": "rbac.authorization.k8s.io"}})):
            body["apiVersion"] = "rbac.authorization.k8s.io/v1"
            r = self.kube.call("POST", f"{rbac}/{plural}", body)
            assert r.status_code == 201, r.text
        if not self.has_operator():
            ready = self.folder / "localspark.ready"
            self.localspark = Part("localspark", self.folder, [
                BUILD / "deploy/local/localspark", "--kubeconfig", self.flat,
                "--namespace", self.namespace, "--ready", ready],
                env=SANITIZERS).start()
            wait_for("localspark",
                     lambda: Cluster.is_ready(self.localspark, ready))
        return self

    def has_operator(self):
        found = self.kube.get("/apis/apps/v1/deployments", params={
            "labelSelector": "app.kubernetes.io/name=spark-operator"})
        return bool(found and found["items"])

    def kubeconfig(self, user):
        return self.flat

    def parts(self):
        return [self.localspark] if self.localspark else []

    def stop(self):
        if self.localspark:
            self.localspark.stop()
        self.kube.call("DELETE", f"/api/v1/namespaces/{self.namespace}")
