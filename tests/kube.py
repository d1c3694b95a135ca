"""What tests ask of the Kubernetes API, with requests, past the gateway."""

import base64
import copy
import pathlib
import tempfile

import requests
import yaml

APPS = "/apis/sparkoperator.k8s.io/v1beta2"


class Kube:
    def __init__(self, url, namespace, ca=None, token=None, cert=None):
        self.url, self.namespace = url.rstrip("/"), namespace
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca) if ca else True
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
        if cert:
            self.session.cert = tuple(map(str, cert))

    def twin(self):
        """The same, for another thread: a session is one thread's."""
        other = copy.copy(self)
        other.session = requests.Session()
        for name in ("trust_env", "verify", "cert"):
            setattr(other.session, name, getattr(self.session, name))
        other.session.headers.update(self.session.headers)
        return other

    def call(self, method, path, body=None, **kwargs):
        kwargs.setdefault("timeout", 30)
        return self.session.request(method, self.url + path, json=body,
                                    **kwargs)

    def get(self, path, **kwargs):
        r = self.call("GET", path, **kwargs)
        return r.json() if r.status_code == 200 else None

    def path(self, plural, name=None):
        base = APPS if plural == "sparkapplications" else "/api/v1"
        path = f"{base}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def items(self, plural, selector=""):
        r = self.call("GET", self.path(plural),
                      params={"labelSelector": selector} if selector else {})
        r.raise_for_status()
        return r.json()["items"]

    def names(self, plural, selector=""):
        return sorted(i["metadata"]["name"]
                      for i in self.items(plural, selector))

    def apps(self):
        return self.names("sparkapplications")

    def app(self, name):
        return self.get(self.path("sparkapplications", name))

    def delete(self, plural, name):
        return self.call("DELETE", self.path(plural, name))

    def merge(self, plural, name, body):
        """A merge patch that has to do."""
        r = self.call("PATCH", self.path(plural, name), body, headers={
            "Content-Type": "application/merge-patch+json"})
        assert r.status_code == 200, r.text

    def create(self, plural, body):
        return self.call("POST", self.path(plural), body)


def flatten(kubeconfig, folder):
    """A kubeconfig's current context with everything it names inside it, so
    that another user can read it. Returns (path, Kube's arguments)."""
    base = pathlib.Path(kubeconfig).resolve().parent
    doc = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
    named = {kind: {e["name"]: e[one] for e in doc[kind]} for kind, one in
             (("contexts", "context"), ("clusters", "cluster"),
              ("users", "user"))}
    context = named["contexts"][doc["current-context"]]
    cluster = dict(named["clusters"][context["cluster"]])
    user = dict(named["users"][context["user"]])
    for part in (cluster, user):
        for key in ("certificate-authority", "client-certificate",
                    "client-key"):
            if key in part:
                data = (base / part.pop(key)).read_bytes()
                part[f"{key}-data"] = base64.b64encode(data).decode()
    if "tokenFile" in user:
        user["token"] = (base / user.pop("tokenFile")).read_text().strip()
    path = pathlib.Path(folder) / "flat.kubeconfig"
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {
            "cluster": "c", "user": "u",
            "namespace": context.get("namespace", "default")}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}]}))
    path.chmod(0o600)
    return path, credentials(cluster, user)


def credentials(cluster, user):
    def file_of(part, key):
        if f"{key}-data" not in part:
            return None
        f = tempfile.NamedTemporaryFile(prefix="livy-test-", delete=False)
        f.write(base64.b64decode(part[f"{key}-data"]))
        f.close()
        return f.name
    cert = file_of(user, "client-certificate")
    return {"url": cluster["server"],
            "ca": file_of(cluster, "certificate-authority"),
            "token": user.get("token"),
            "cert": (cert, file_of(user, "client-key")) if cert else None}
