"""A gateway under test: livy-fcgi, nginx before it with the parts of nginx/,
and a client that signs in."""

import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess

import requests

import fcgi_client
from procs import (DEADLINE, Part, alive, children, give, listeners, titles,
                   wait_for)
from rig import BUILD, FINAL, SANITIZERS, SRC, free_port

# User, method, path, status and milliseconds.
ACCESS = re.compile(r" info: \[\w+\] '\w*' [A-Z]+ /\S* \d{3} \d+\.\d+ms$")


def libconfig(value):
    """A Python value as libconfig's text."""
    if isinstance(value, dict):
        return "{\n%s}" % "".join(f"{k} = {libconfig(v)};\n"
                                  for k, v in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[ %s ]" % ", ".join(map(libconfig, value))
    if isinstance(value, tuple):
        return "( %s )" % ", ".join(map(libconfig, value))
    return json.dumps(value, ensure_ascii=False)


def nested(settings):
    """{"a.b": 1} as {"a": {"b": 1}}."""
    tree = {}
    for name, value in settings.items():
        group, _, last = name.rpartition(".")
        (tree.setdefault(group, {}) if group else tree)[last] = value
    return tree


class Gateway:
    def __init__(self, folder, cluster, pki, settings=None, variables=None,
                 user="gateway", env=None, as_root=False,
                 sign_in=("bearer", "basic"), prefix=False, wait=True,
                 teams='"carl" "ml,data";\n', build=BUILD):
        self.folder, self.cluster, self.pki = \
            pathlib.Path(folder), cluster, pathlib.Path(pki)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.secret = secrets.token_hex(24)
        (self.folder / "secret").write_text(self.secret + "\n")
        (self.folder / "secret").chmod(0o600)
        self.token, self.other_token = (secrets.token_hex(32)
                                        for _ in range(2))
        self.password = secrets.token_hex(12)
        self.socket = self.folder / "fcgi.sock"
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = cluster.kubeconfig(user)
        self.env = dict(SANITIZERS, **(env or {}))
        self.sign_in, self.prefix, self.wait = sign_in, prefix, wait
        self.teams = teams      # lines of livy-teams.conf, if it is used
        self.variables = {"image": cluster.image}
        self.variables.update(variables or {})
        self.settings = {
            "gateway": "t",
            "process.log_level": "debug",
            "fastcgi.socket": str(self.socket),
            "fastcgi.secret_file": str(self.folder / "secret"),
            "fastcgi.workers": 6,
            "fastcgi.outbound_workers": 4,
            "kubernetes.credential": "kubeconfig",
            "kubernetes.kubeconfig": str(self.kubeconfig),
            "kubernetes.namespaces": [cluster.namespace],
            "sessions.agent_file": str(SRC / "deploy/agent/livy_agent.py"),
            "templates.dir": str(SRC / "conf" / "templates"),
        }
        self.settings.update(settings or {})
        self.write_keys(1)
        self.config = self.folder / "livy-fcgi.cfg"
        self.write_config()
        self.write_nginx()
        self.master = Part("livy-fcgi", self.folder, [
            build / "fcgi/livy-fcgi", "-c", self.config], env=self.env,
            as_root=as_root)
        self.nginx = Part("nginx", self.folder, [
            "/usr/sbin/nginx", "-p", self.folder / "nginx", "-e",
            self.folder / "nginx-error.log", "-c", "nginx.conf"])
        self.session = self.client(token=self.token)
        give(self.folder, *self.folder.rglob("*"))

    def write_keys(self, *versions):
        """The keys of sessions' tokens, the same at replicas of one id."""
        self.keys = {v: hashlib.sha256(
            f"{v} {self.settings['gateway']}".encode()).hexdigest()
            for v in versions}
        path = self.folder / "session.keys"
        path.write_text("".join(f"{v} {k}\n" for v, k in self.keys.items()))
        path.chmod(0o600)
        give(path)

    def write_config(self, **changes):
        self.settings.update(changes)
        tree = nested(self.settings)
        tree["vars"] = tuple((k, v) for k, v in self.variables.items())
        self.config.write_text("".join(
            f"{k}: {libconfig(v)};\n" for k, v in tree.items()))

    # nginx

    def write_nginx(self):
        prefix = self.folder / "nginx"
        shutil.rmtree(prefix, ignore_errors=True)
        shutil.copytree(SRC / "nginx", prefix / "livy")
        for path in (prefix / "livy").glob("*.conf"):
            path.write_text(self.adapt(path.read_text()))
        self.choose_sign_in(prefix / "livy" / "livy.conf")
        (prefix / "livy-secret.conf").write_text(
            f"fastcgi_param LIVY_SECRET {self.secret};\n")
        (prefix / "livy-tokens.conf").write_text(
            f'"Bearer {self.token}" "ana";\n'
            f'"Bearer {self.other_token}" "bob";\n')
        crypt = subprocess.run(
            ["openssl", "passwd", "-apr1", self.password], check=True,
            capture_output=True, text=True).stdout.strip()
        (prefix / "livy-users.conf").write_text(f"carl:{crypt}\n")
        (prefix / "livy-clients.crt").write_text(
            (self.pki / "clients.crt").read_text())
        (prefix / "livy-subjects.conf").write_text(
            '"CN=dora,OU=data,O=Example" "dora";\n')
        (prefix / "livy-teams.conf").write_text(self.teams)
        (prefix / "nginx.conf").write_text(f"""daemon off;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/nginx-error.log info;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    include livy/livy.conf;
}}
""")

    def choose_sign_in(self, path):
        text = re.sub(r"^#?(include livy/(?:auth-)?(\w+)\.conf;)$",
                      lambda m: m[1] if m[2] in (
                          "log", "identity", *self.sign_in) else "#" + m[1],
                      path.read_text(), flags=re.M)
        if self.prefix:
            text = text.replace("#include livy/prefix.conf;",
                                "include livy/prefix.conf;")
        path.write_text(text)

    def adapt(self, text):
        """The shipped part with this gateway's port, socket and files."""
        for pattern, value in (
                (r"listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                (r"server unix:\S+;", f"server unix:{self.socket};"),
                (r"/etc/livy-fcgi/tls\.(crt|key)",
                 rf"{self.pki}/server.\1"),
                (r"/var/log/nginx/livy\.log",
                 f"{self.folder}/nginx-access.log"),
                (r"/usr/share/livy-fcgi/status/", f"{SRC}/nginx/status/")):
            text = re.sub(pattern, value, text)
        return text

    # life

    def start(self):
        self.start_master()
        self.nginx.start()
        wait_for("nginx", self.nginx_answers)
        if self.wait:
            self.wait_reads()
        return self

    def start_master(self):
        self.master.start()
        wait_for("the FastCGI socket", self.socket_there)

    def socket_there(self):
        if not self.master.running():
            raise RuntimeError(f"livy-fcgi ended:\n{self.master.tail()}")
        return self.socket.exists()

    def nginx_answers(self):
        if not self.nginx.running():
            raise RuntimeError("nginx ended:\n" + self.nginx.tail() +
                               self.nginx_error())
        try:
            return self.get("/healthz")
        except requests.ConnectionError:
            return None

    def wait_reads(self):
        """Until the watcher has its first list."""
        wait_for("the first list", lambda: self.get(
            "/batches").status_code == 200)

    def stop(self):
        try:
            self.nginx.stop()
            if self.master.running():
                status = self.master.stop()
                assert status == 0, f"livy-fcgi ended with {status}"
        finally:
            self.kill()

    def kill(self):
        if self.nginx.running():    # its workers would go on without it
            for pid in (self.nginx.pid, *children(self.nginx.pid)):
                os.kill(pid, signal.SIGKILL)
            self.nginx.wait()
        self.kill_master()

    def kill_master(self):
        pids = self.pids() if self.master.running() else []
        self.master.kill()
        for pid in pids:
            wait_for(f"process {pid} to follow its master",
                     lambda p=pid: not alive(p))

    def pids(self, role=None):
        """Child processes of the master, of one role if named."""
        return [p for p in children(self.master.pid)
                if role is None or role in titles(p)]

    def nginx_error(self):
        path = self.folder / "nginx-error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self):
        return self.master.text()

    def access_lines(self, request_id):
        return [line for line in self.log().splitlines()
                if request_id in line and ACCESS.search(line)]

    def listeners(self):
        return listeners([self.nginx.pid, *children(self.nginx.pid),
                          self.master.pid, *self.pids()])

    def command(self, *argv, config=None):
        """livy-fcgi with other arguments: -t, render."""
        return subprocess.run(
            [str(BUILD / "fcgi/livy-fcgi"), "-c", str(config or self.config),
             *map(str, argv)], capture_output=True, text=True, timeout=60,
            env=self.master.env)

    # the client's side

    def client(self, token=None, user=None, password=None, cert=None):
        s = requests.Session()
        s.trust_env = False
        s.verify = str(self.pki / "ca.crt")
        if token:
            s.headers["Authorization"] = f"Bearer {token}"
        if user:
            s.auth = (user, password)
        if cert:    # one of pki's
            s.cert = tuple(str(self.pki / f"{cert}.{end}")
                           for end in ("crt", "key"))
        return s

    def call(self, method, path, session=None, **kwargs):
        kwargs.setdefault("timeout", 60)
        kwargs.setdefault("allow_redirects", False)
        return (session or self.session).request(
            method, self.url + path, **kwargs)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, body, **kwargs):
        return self.call("POST", path, json=body, **kwargs)

    def delete(self, path, **kwargs):
        return self.call("DELETE", path, **kwargs)

    def submit(self, body, **kwargs):
        """POST /batches that must be accepted; the new batch's view."""
        r = self.post("/batches", body, **kwargs)
        assert r.status_code == 201, f"{r.status_code} {r.text}"
        return r.json()

    def state(self, batch_id):
        r = self.get(f"/batches/{batch_id}/state")
        assert r.status_code == 200, f"{r.status_code} {r.text}"
        return r.json()["state"]

    def wait_state(self, batch_id, *states, seconds=2 * DEADLINE):
        def reached():
            state = self.state(batch_id)
            assert state in states or state not in FINAL, \
                f"batch {batch_id} is {state}, expected {states}\n" + \
                "\n".join(self.log_lines(batch_id))
            return state if state in states else None
        try:
            return wait_for(f"batch {batch_id} to be {' or '.join(states)}",
                            reached, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.told(batch_id)}") from None

    def told(self, batch_id):
        """What the cluster says of a batch that does not get on: whether it
        is the operator, the node or the gateway that it waits for."""
        name, kube = self.object_name(batch_id), self.cluster.kube
        try:
            known = (kube.app(name),
                     kube.get(kube.path("pods", f"{name}-driver")))
        except requests.RequestException as e:
            return repr(e)
        return "\n".join(json.dumps((o or {}).get("status")) for o in known)

    def log_lines(self, batch_id, size=-1):
        r = self.get(f"/batches/{batch_id}/log?size={size}")
        assert r.status_code == 200, f"{r.status_code} {r.text}"
        return r.json()["log"]

    def wait_line(self, batch_id, text, seconds=2 * DEADLINE):
        return wait_for(f"the log of batch {batch_id} to show {text!r}",
                        lambda: any(text in line for line in
                                    self.log_lines(batch_id)), seconds)

    def object_name(self, batch_id):
        return f"livy-{self.settings['gateway']}-b-{batch_id}"

    # past nginx

    def fcgi_params(self, method="GET", path="/batches", body=b"", **more):
        params = {
            "LIVY_SECRET": self.secret, "LIVY_AUTH": "bearer",
            "LIVY_USER": "ana", "LIVY_GROUPS": "",
            "REQUEST_ID": hashlib.md5(path.encode()).hexdigest(),
            "REQUEST_METHOD": method, "REQUEST_URI": path,
            "QUERY_STRING": path.partition("?")[2],
            "CONTENT_TYPE": "application/json" if body else "",
            "CONTENT_LENGTH": str(len(body)) if body else "",
            "REMOTE_ADDR": "127.0.0.1", "REQUEST_SCHEME": "https",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1",
        }
        params.update(more)
        return {k: v for k, v in params.items() if v is not None}

    def fcgi(self, *args, body=b"", **kwargs):
        return fcgi_client.request(
            self.socket, self.fcgi_params(*args, body=body, **kwargs), body)
