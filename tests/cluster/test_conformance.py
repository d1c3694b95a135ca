"""One set of requests, on localkube and on a real API server: the same
status, reason and watch events. Where they differ, localkube is wrong.

localkube is always asked; the real one when LIVY_TEST_KUBECONFIG names it.
Each server's tests share a namespace of their own.

What localkube leaves out on purpose, and no test asks for: RBAC (a request
without a token is 401, not an anonymous 403), discovery, managedFields,
server-side apply and JSON patches, bodies of YAML or protobuf, compressed
answers, admission; namespaces need not be made first; a pod has one container
and restartPolicy Never; the later pages of a list show the state of now."""

import base64
import json
import os
import queue
import re
import secrets
import socket
import threading
import time

import pytest

import kube
import rig
from procs import wait_for

NODE_IMAGE = rig.SPARK_IMAGE
MERGE = "application/merge-patch+json"


class Localkube(rig.Cluster):
    """Without an operator: applications stay as they are put."""

    def start(self):
        self.start_localkube()
        return self


class Server:
    def __init__(self, api):
        self.api = api
        self.ns = api.namespace
        self.apps = f"{kube.APPS}/namespaces/{self.ns}/sparkapplications"
        self.core = f"/api/v1/namespaces/{self.ns}"

    def __call__(self, method, path, body=None, **kwargs):
        if "raw" in kwargs:
            kwargs["data"] = kwargs.pop("raw")
        return self.api.call(method, path, body, **kwargs)

    def made(self, path, body):
        r = self("POST", path, body)
        assert r.status_code == 201, r.text
        return r.json()

    def patch(self, path, body, kind=MERGE):
        return self("PATCH", path, raw=json.dumps(body),
                    headers={"Content-Type": kind})


SERVERS = ["localkube"]
if os.environ.get("LIVY_TEST_KUBECONFIG") and \
        os.environ.get("LIVY_TEST_TIER", "cluster") == "cluster":
    SERVERS.append("real")


@pytest.fixture(scope="module", params=SERVERS)
def server(request, session_maker, workdir):
    namespace = f"conformance-{secrets.token_hex(3)}"
    if request.param == "real":
        _, arguments = kube.flatten(os.environ["LIVY_TEST_KUBECONFIG"],
                                    workdir)
        api = kube.Kube(namespace=namespace, **arguments)
    else:
        cluster = session_maker.keep(Localkube(
            session_maker.folder("k"), session_maker.pki,
            images={NODE_IMAGE: {"entrypoint": [], "workdir": "/tmp"}}))
        api = kube.Kube(cluster.url, namespace, session_maker.pki / "ca.crt",
                        cluster.tokens["admin"])
    s = Server(api)
    s("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    # a real one makes this account a moment later, and pods need it
    if request.param == "real":
        wait_for("the service account", lambda: s(
            "GET", f"{s.core}/serviceaccounts/default").status_code == 200)
    yield s
    s("DELETE", f"/api/v1/namespaces/{namespace}")
    wait_for("the pods to go", lambda: not s(
        "GET", f"{s.core}/pods").json()["items"])


@pytest.fixture
def name():
    return f"t-{secrets.token_hex(4)}"


def app(name, labels=None, **spec):
    full = {"type": "Python", "mode": "cluster", "sparkVersion": "3.5.9",
            "mainApplicationFile": "local:///x.py",
            "driver": {"cores": 1}, "executor": {"instances": 1},
            "restartPolicy": {"type": "Never"}, **spec}
    return {"apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {k: v for k, v in full.items() if v is not None}}


def configmap(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name}, "data": data}


def refused(r, code, reason, message=None):
    """A Status with these; returns it."""
    assert r.status_code == code, r.text
    status = r.json()
    assert status["kind"] == "Status" and status["apiVersion"] == "v1"
    assert status["status"] == "Failure" and status["code"] == code
    assert status.get("reason", "") == reason, status
    if message is not None:
        assert status["message"].strip() == message
    return status


def causes(status):
    return {(c["field"], c["reason"], c["message"])
            for c in status["details"]["causes"]}


# What needs no object

def test_version_and_probes(server):
    version = server("GET", "/version").json()
    assert version["major"] == "1" and version["gitVersion"].startswith("v1.")
    for probe in ("/livez", "/readyz", "/healthz"):
        r = server("GET", probe)
        assert (r.status_code, r.text) == (200, "ok")


def test_a_wrong_token_is_401(server):
    r = server("GET", server.apps, headers={"Authorization": "Bearer no"},
               cert=None)
    if server.api.session.cert:
        pytest.skip("this server is asked with a client certificate")
    assert refused(r, 401, "Unauthorized", "Unauthorized")


@pytest.mark.parametrize("path", ["/nope", "/apis/no.such/v1/things"])
def test_an_unknown_page_is_a_plain_404(server, path):
    r = server("GET", path)
    assert (r.status_code, r.text) == (404, "404 page not found\n")


def test_an_unknown_resource_is_a_404_status(server):
    refused(server("GET", f"{server.core}/things"), 404, "NotFound",
            "the server could not find the requested resource")


# Creation

def test_creation_fills_the_metadata(server, name):
    body = app(name)
    body["status"] = {"driverInfo": {}}
    made = server.made(server.apps, body)
    meta = made["metadata"]
    assert meta["name"] == name and meta["namespace"] == server.ns
    assert meta["generation"] == 1 and len(meta["uid"]) == 36
    assert int(meta["resourceVersion"]) > 0
    assert meta["creationTimestamp"].endswith("Z")
    assert "status" not in made
    assert made["spec"] == body["spec"]
    assert server("GET", f"{server.apps}/{name}").json()["spec"] == \
        body["spec"]


def test_a_taken_name_is_409(server, name):
    server.made(server.apps, app(name))
    status = refused(
        server("POST", server.apps, app(name)), 409, "AlreadyExists",
        f'sparkapplications.sparkoperator.k8s.io "{name}" already exists')
    assert status["details"] == {
        "name": name, "group": "sparkoperator.k8s.io",
        "kind": "sparkapplications"}
    server.made(f"{server.core}/configmaps", configmap(name))
    status = refused(
        server("POST", f"{server.core}/configmaps", configmap(name)), 409,
        "AlreadyExists", f'configmaps "{name}" already exists')
    assert status["details"] == {"name": name, "kind": "configmaps"}


def test_a_generated_name_begins_with_its_prefix(server):
    body = app("x")
    body["metadata"] = {"generateName": "some-"}
    made = server.made(server.apps, body)
    assert made["metadata"]["name"].startswith("some-")
    assert len(made["metadata"]["name"]) == len("some-") + 5


def test_a_dry_run_keeps_nothing(server, name):
    r = server("POST", f"{server.apps}?dryRun=All", app(name))
    assert r.status_code == 201 and "uid" in r.json()["metadata"]
    refused(server("GET", f"{server.apps}/{name}"), 404, "NotFound")
    refused(server("POST", f"{server.apps}?dryRun=All", app(name, type=None)),
            422, "Invalid")
    refused(server("POST", f"{server.apps}?dryRun=Some", app(name)), 422,
            "Invalid")


REQUIRED = ("FieldValueRequired", "Required value")


@pytest.mark.parametrize("spec,field,reason,message", [
    ({"type": None}, "spec.type", *REQUIRED),
    ({"driver": None}, "spec.driver", *REQUIRED),
    ({"mainApplicationFile": None}, "spec.mainApplicationFile", *REQUIRED),
    ({"type": "Go"}, "spec.type", "FieldValueNotSupported",
     'Unsupported value: "Go": supported values: "Java", "Python", "Scala", '
     '"R"'),
    ({"mode": "local"}, "spec.mode", "FieldValueNotSupported",
     'Unsupported value: "local": supported values: "cluster", "client"'),
    ({"restartPolicy": {"type": "Maybe"}}, "spec.restartPolicy.type",
     "FieldValueNotSupported", 'Unsupported value: "Maybe": supported '
     'values: "Never", "Always", "OnFailure"'),
    ({"driver": {"cores": 0}}, "spec.driver.cores", "FieldValueInvalid",
     "Invalid value: 0: spec.driver.cores in body should be greater than or "
     "equal to 1"),
    ({"executor": {"instances": 0}}, "spec.executor.instances",
     "FieldValueInvalid", "Invalid value: 0: spec.executor.instances in body "
     "should be greater than or equal to 1"),
    ({"driver": {"cores": "1"}}, "spec.driver.cores", "FieldValueTypeInvalid",
     'Invalid value: "string": spec.driver.cores in body must be of type '
     'integer: "string"'),
    ({"driver": {"cores": 1.5}}, "spec.driver.cores", "FieldValueTypeInvalid",
     'Invalid value: "number": spec.driver.cores in body must be of type '
     'integer: "number"'),
    ({"arguments": "a"}, "spec.arguments", "FieldValueTypeInvalid",
     'Invalid value: "string": spec.arguments in body must be of type array: '
     '"string"'),
    ({"arguments": [1]}, "spec.arguments[0]", "FieldValueTypeInvalid",
     'Invalid value: "integer": spec.arguments[0] in body must be of type '
     'string: "integer"'),
    ({"sparkConf": {"a": 1}}, "spec.sparkConf.a", "FieldValueTypeInvalid",
     'Invalid value: "integer": spec.sparkConf.a in body must be of type '
     'string: "integer"'),
    ({"suspend": "yes"}, "spec.suspend", "FieldValueTypeInvalid",
     'Invalid value: "string": spec.suspend in body must be of type boolean: '
     '"string"'),
    ({"deps": {"jars": "a"}}, "spec.deps.jars", "FieldValueTypeInvalid",
     'Invalid value: "string": spec.deps.jars in body must be of type array: '
     '"string"'),
])
def test_a_bad_spec_is_422(server, name, spec, field, reason, message):
    status = refused(server("POST", server.apps, app(name, **spec)), 422,
                     "Invalid")
    assert causes(status) == {(field, reason, message)}
    assert status["message"] == \
        f'SparkApplication.sparkoperator.k8s.io "{name}" is invalid: ' \
        f"{field}: {message}"
    assert status["details"]["kind"] == "SparkApplication"


def test_all_that_is_wrong_is_told_at_once(server, name):
    status = refused(
        server("POST", server.apps, app(name, type="Go", mode="x",
                                        executor=None)), 422, "Invalid")
    assert {c[0] for c in causes(status)} == {"spec.type", "spec.mode",
                                              "spec.executor"}


def test_null_stands_for_no_value_of_the_type(server, name):
    body = app(name)
    body["spec"]["mainClass"] = None
    r = server("POST", server.apps, body)
    assert refused(r, 422, "Invalid") if r.status_code != 201 else \
        "mainClass" not in r.json()["spec"]


@pytest.mark.parametrize("bad", ["Upper", "a_b", "-a", "a-", "a..b",
                                 "x" * 254])
def test_a_bad_name_is_422(server, bad):
    for path, body in ((server.apps, app(bad)),
                       (f"{server.core}/configmaps", configmap(bad))):
        status = refused(server("POST", path, body), 422, "Invalid")
        assert {c[0] for c in causes(status)} == {"metadata.name"}


def test_no_name_is_422(server):
    body = app("x")
    del body["metadata"]["name"]
    status = refused(server("POST", server.apps, body), 422, "Invalid")
    assert causes(status) == {("metadata.name", "FieldValueRequired",
                               "Required value: name or generateName is "
                               "required")}


@pytest.mark.parametrize("labels", [{"a b": "c"}, {"a": "b c"},
                                    {"a": "x" * 64}, {"": "x"}])
def test_a_bad_label_is_422(server, name, labels):
    status = refused(server("POST", server.apps, app(name, labels)), 422,
                     "Invalid")
    assert {c[0] for c in causes(status)} == {"metadata.labels"}


def test_unknown_fields_are_refused_dropped_or_warned_of(server, name):
    body = app(name, bogus=1)
    refused(server("POST", f"{server.apps}?fieldValidation=Strict", body),
            400, "BadRequest", 'SparkApplication in version "v1beta2" cannot '
            'be handled as a SparkApplication: strict decoding error: unknown '
            'field "spec.bogus"')
    r = server("POST", f"{server.apps}?fieldValidation=Ignore", body)
    assert r.status_code == 201 and "Warning" not in r.headers
    assert "bogus" not in r.json()["spec"]
    body["metadata"]["name"] = name + "-w"
    r = server("POST", server.apps, body)
    assert r.status_code == 201 and "bogus" not in r.json()["spec"]
    assert r.headers["Warning"] == '299 - "unknown field \\"spec.bogus\\""'
    refused(server("POST", f"{server.apps}?fieldValidation=Strict",
                   app(name, driver={"cores": 1, "extra": 1})), 400,
            "BadRequest")
    refused(server("POST", f"{server.core}/configmaps?fieldValidation=Strict",
                   dict(configmap(name), bogus=1)), 400, "BadRequest",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
            'strict decoding error: unknown field "bogus"')
    refused(server("POST", f"{server.apps}?fieldValidation=Some", app(name)),
            422, "Invalid")


def test_templates_are_taken_as_they_come(server, name):
    template = {"spec": {"containers": [{"name": "c", "anything": [1]}]}}
    body = app(name, driver={"cores": 1, "template": template})
    r = server("POST", f"{server.apps}?fieldValidation=Strict", body)
    assert r.status_code == 201, r.text
    assert r.json()["spec"]["driver"]["template"] == template


@pytest.mark.parametrize("raw", ["{bad", "[]", '"x"', ""])
def test_a_body_that_is_no_object_is_400(server, raw):
    for path in (server.apps, f"{server.core}/configmaps"):
        refused(server("POST", path, raw=raw,
                       headers={"Content-Type": "application/json"}), 400,
                "BadRequest")


def test_a_body_of_another_kind_is_refused(server, name):
    refused(server("POST", server.apps, raw="x",
                   headers={"Content-Type": "text/plain"}), 415,
            "UnsupportedMediaType")
    refused(server("POST", server.apps, dict(app(name), kind="Other")), 422,
            "Invalid")
    refused(server("POST", server.apps, dict(app(name), apiVersion="v1")),
            400, "BadRequest", "the API version in the data (v1) does not "
            "match the expected API version (sparkoperator.k8s.io/v1beta2)")
    body = app(name)
    body["metadata"]["namespace"] = "other"
    refused(server("POST", server.apps, body), 400, "BadRequest",
            "the namespace of the provided object does not match the "
            "namespace sent on the request")
    body = app(name)
    body["metadata"]["resourceVersion"] = "5"
    refused(server("POST", server.apps, body), 500, "")


def test_a_body_that_is_too_long_is_413(server, name):
    body = configmap(name, a="x" * (3 * 1024 * 1024))
    refused(server("POST", f"{server.core}/configmaps", body), 413,
            "RequestEntityTooLarge")


# Changes

def test_an_update_needs_the_version_that_is_there(server, name):
    made = server.made(server.apps, app(name))
    path = f"{server.apps}/{name}"
    status = refused(server("PUT", path, app(name)), 422, "Invalid")
    assert {c[0] for c in causes(status)} == {"metadata.resourceVersion"}
    made["spec"]["mainClass"] = "A"
    r = server("PUT", path, made)
    assert r.status_code == 200 and r.json()["metadata"]["generation"] == 2
    assert int(r.json()["metadata"]["resourceVersion"]) > \
        int(made["metadata"]["resourceVersion"])
    made["spec"]["mainClass"] = "B"
    status = refused(
        server("PUT", path, made), 409, "Conflict",
        "Operation cannot be fulfilled on "
        f'sparkapplications.sparkoperator.k8s.io "{name}": the object has '
        "been modified; please apply your changes to the latest version and "
        "try again")
    assert status["details"]["name"] == name
    refused(server("PUT", path, app("other")), 400, "BadRequest",
            f"the name of the object (other) does not match the name on the "
            f"URL ({name})")
    refused(server("PUT", f"{server.apps}/{name}-no", app(f"{name}-no")),
            404, "NotFound")


def test_core_objects_are_also_updated_without_a_version(server, name):
    path = f"{server.core}/configmaps"
    server.made(path, configmap(name, a="1"))
    r = server("PUT", f"{path}/{name}", configmap(name, a="2"))
    assert r.status_code == 200 and r.json()["data"] == {"a": "2"}
    assert "generation" not in r.json()["metadata"]
    body = configmap(name, a="3")
    body["metadata"]["resourceVersion"] = "1"
    refused(server("PUT", f"{path}/{name}", body), 409, "Conflict")
    refused(server("PUT", f"{path}/{name}-no", configmap(f"{name}-no")), 404,
            "NotFound")


def test_a_merge_patch_sets_and_removes(server, name):
    server.made(server.apps, app(name, arguments=["a", "b"],
                                 sparkConf={"x": "1", "y": "2"}))
    path = f"{server.apps}/{name}"
    r = server.patch(path, {"spec": {
        "arguments": ["c"], "sparkConf": {"x": None, "z": "3"}},
        "metadata": {"annotations": {"note": "n"}}})
    assert r.status_code == 200, r.text
    assert r.json()["spec"]["arguments"] == ["c"]
    assert r.json()["spec"]["sparkConf"] == {"y": "2", "z": "3"}
    assert r.json()["metadata"]["annotations"] == {"note": "n"}
    assert r.json()["metadata"]["generation"] == 2


def test_what_is_no_change_of_the_spec_leaves_the_generation(server, name):
    server.made(server.apps, app(name))
    path = f"{server.apps}/{name}"
    r = server.patch(path, {"metadata": {"annotations": {"a": "1"}}})
    assert r.json()["metadata"]["generation"] == 1
    again = server.patch(path, {"metadata": {"annotations": {"a": "1"}}})
    assert again.json()["metadata"]["resourceVersion"] == \
        r.json()["metadata"]["resourceVersion"]


def test_patches_that_are_refused(server, name):
    server.made(server.apps, app(name))
    path = f"{server.apps}/{name}"
    for kind in ("application/strategic-merge-patch+json", "application/json",
                 "text/plain"):
        refused(server.patch(path, {}, kind), 415, "UnsupportedMediaType")
    refused(server("PATCH", path, raw="{bad",
                   headers={"Content-Type": MERGE}), 400, "BadRequest")
    refused(server.patch(f"{path}-no", {}), 404, "NotFound")
    refused(server.patch(path, {"metadata": {"resourceVersion": "1"}}), 409,
            "Conflict")
    refused(server.patch(path, {"metadata": {"name": "other"}}), 400,
            "BadRequest")
    refused(server.patch(path, {"metadata": {"uid": "other"}}), 422,
            "Invalid")
    refused(server.patch(path, {"spec": {"type": "Go"}}), 422, "Invalid")
    refused(server.patch(path, {"spec": {"type": None}}), 422, "Invalid")
    status = refused(server.patch(f"{path}?fieldValidation=Strict",
                                  {"spec": {"bogus": 1}}), 422, "Invalid")
    assert {c[0] for c in causes(status)} == {"patch"}


def test_the_status_is_changed_by_its_own_path_alone(server, name):
    server.made(server.apps, app(name))
    path = f"{server.apps}/{name}"
    state = {"applicationState": {"state": "SUBMITTED"}, "driverInfo": {}}
    r = server.patch(path, {"status": state})
    assert r.status_code == 200 and "status" not in r.json()

    r = server.patch(f"{path}/status", {
        "status": state, "spec": {"mainClass": "no"}})
    assert r.status_code == 200 and r.json()["status"] == state
    assert "mainClass" not in r.json()["spec"]
    assert r.json()["metadata"]["generation"] == 1

    changed = server.patch(path, {"spec": {"mainClass": "A"},
                                  "status": None}).json()
    assert changed["status"] == state and changed["spec"]["mainClass"] == "A"
    assert changed["metadata"]["generation"] == 2

    changed["status"]["applicationState"]["state"] = "RUNNING"
    r = server("PUT", f"{path}/status", changed)
    assert r.json()["status"]["applicationState"]["state"] == "RUNNING"
    refused(server("PUT", f"{path}/status", changed), 409, "Conflict")


def test_a_bad_status_is_422(server, name):
    server.made(server.apps, app(name))
    path = f"{server.apps}/{name}/status"
    status = refused(server.patch(path, {"status": {
        "applicationState": {"errorMessage": "x"}}}), 422, "Invalid")
    assert {c[0] for c in causes(status)} == {
        "status.driverInfo", "status.applicationState.state"}


def test_methods_that_are_not_allowed(server, name):
    server.made(server.apps, app(name))
    refused(server("POST", f"{server.apps}/{name}/status", {}), 405,
            "MethodNotAllowed")
    refused(server("DELETE", f"{server.apps}/{name}/status"), 405,
            "MethodNotAllowed")
    refused(server("GET", f"{server.apps}/{name}/nothing"), 404, "NotFound")
    refused(server("PUT", f"{server.core}/configmaps", configmap(name)), 405,
            "MethodNotAllowed")


# Lists

def test_a_list_comes_in_pages(server, name):
    for i in range(5):
        server.made(server.apps, app(f"{name}-{i}", {"page": name}))
    base = f"{server.apps}?labelSelector=page%3D{name}"
    first = server("GET", f"{base}&limit=2").json()
    assert first["kind"] == "SparkApplicationList"
    names = [i["metadata"]["name"] for i in first["items"]]
    pages, token = 1, first["metadata"]["continue"]
    while token:
        page = server("GET", f"{base}&limit=2&continue={token}").json()
        names += [i["metadata"]["name"] for i in page["items"]]
        assert page["metadata"]["resourceVersion"] == \
            first["metadata"]["resourceVersion"]
        pages, token = pages + 1, page["metadata"].get("continue")
    assert (names, pages) == ([f"{name}-{i}" for i in range(5)], 3)
    every = server("GET", base).json()
    assert len(every["items"]) == 5 and \
        not every["metadata"].get("continue")
    refused(server("GET", f"{base}&continue=zzz"), 400, "BadRequest")


def test_what_is_left_of_a_list_is_told(server, name):
    for i in range(3):
        server.made(f"{server.core}/secrets", {
            "metadata": {"name": f"{name}-{i}"}})
    page = server("GET", f"{server.core}/secrets?limit=1").json()
    every = server("GET", f"{server.core}/secrets").json()
    assert page["metadata"]["remainingItemCount"] == len(every["items"]) - 1


@pytest.mark.parametrize("selector,found", [
    ("k=a", "0"), ("k==a", "0"), ("k!=a", "123"), ("k in (a,b)", "01"),
    ("k notin (a,b)", "23"), ("k", "012"), ("!k", "3"), ("k,j=x", "1"),
    ("k in (a),j=x", ""), ("j in (x,),k", "1"), ("k in (b, c)", "12"),
])
def test_label_selectors(server, selector, found):
    group = "sel" + secrets.token_hex(3)
    for i, labels in enumerate(({"k": "a"}, {"k": "b", "j": "x"},
                                {"k": "c"}, {})):
        server.made(f"{server.core}/configmaps", {
            "metadata": {"name": f"{group}-{i}",
                         "labels": {"g": group, **labels}}})
    r = server("GET", f"{server.core}/configmaps", params={
        "labelSelector": f"g={group},{selector}"})
    assert r.status_code == 200, r.text
    assert "".join(i["metadata"]["name"][-1]
                   for i in r.json()["items"]) == found


def test_field_selectors(server, name):
    server.made(server.apps, app(name))
    r = server("GET", server.apps,
               params={"fieldSelector": f"metadata.name={name}"})
    assert [i["metadata"]["name"] for i in r.json()["items"]] == [name]
    r = server("GET", f"{kube.APPS}/sparkapplications", params={
        "fieldSelector": f"metadata.name={name},"
                         f"metadata.namespace={server.ns}"})
    assert [i["metadata"]["name"] for i in r.json()["items"]] == [name]
    refused(server("GET", f"{server.apps}?fieldSelector=spec.type%3DR"), 400,
            "BadRequest", "field label not supported: spec.type")


@pytest.mark.parametrize("query,message", [
    ("labelSelector=a%20b%20c", "unable to parse requirement: found 'b', "
     "expected: in, notin, =, ==, !=, gt, lt"),
    ("labelSelector=a%20in%20(b", "unable to parse requirement: found '', "
     "expected: ',' or ')'"),
    ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
])
def test_bad_queries_are_400(server, query, message):
    refused(server("GET", f"{server.apps}?{query}"), 400, "BadRequest",
            message)


def test_a_version_of_the_future_is_504(server):
    r = server("GET", f"{server.apps}?resourceVersion=999999999999")
    status = refused(r, 504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == \
        "ResourceVersionTooLarge"
    assert r.headers["Retry-After"] == "1"


# Watches

class Watch:
    """The events of a watch, read in the background."""

    def __init__(self, server, path, **params):
        self.events = queue.Queue()
        self.response = server(
            "GET", path, params={"watch": "1", "timeoutSeconds": "60",
                                 **params}, stream=True, timeout=70)
        assert self.response.status_code == 200, self.response.text
        self.socket = self.response.raw.connection.sock
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.response.iter_lines(chunk_size=1):
                if line:
                    self.events.put(json.loads(line))
        except Exception as e:
            self.events.put({"type": "CUT", "object": repr(e)})
        self.events.put({"type": "END"})

    def next(self, seconds=60):
        return self.events.get(timeout=seconds)

    def types(self, n):
        return [self.next()["type"] for _ in range(n)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # close() would wait for the reader
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def version_of(server, path):
    return server("GET", path).json()["metadata"]["resourceVersion"]


def test_a_watch_tells_what_happens_after_its_version(server, name):
    since = version_of(server, server.apps)
    path = f"{server.apps}/{name}"
    server.made(server.apps, app(name, {"w": name}))
    server.patch(path, {"metadata": {"annotations": {"a": "1"}}})
    with Watch(server, server.apps, resourceVersion=since,
               labelSelector=f"w={name}") as w:
        added, modified = w.next(), w.next()
        assert (added["type"], modified["type"]) == ("ADDED", "MODIFIED")
        assert added["object"]["kind"] == "SparkApplication"
        assert "annotations" not in added["object"]["metadata"]
        assert modified["object"]["metadata"]["annotations"] == {"a": "1"}
        server("DELETE", path)
        deleted = w.next()
        assert deleted["type"] == "DELETED"
        versions = [int(e["object"]["metadata"]["resourceVersion"])
                    for e in (added, modified, deleted)]
        assert versions == sorted(set(versions))


def test_a_watch_without_a_version_begins_with_what_is_there(server, name):
    server.made(server.apps, app(name, {"w": name}))
    for params in ({}, {"resourceVersion": "0"}):
        with Watch(server, server.apps, labelSelector=f"w={name}",
                   **params) as w:
            event = w.next()
            assert event["type"] == "ADDED"
            assert event["object"]["metadata"]["name"] == name


def test_entering_and_leaving_a_selection_is_told(server, name):
    made = server.made(server.apps, app(name))
    path = f"{server.apps}/{name}"
    with Watch(server, server.apps, labelSelector=f"w={name}",
               resourceVersion=made["metadata"]["resourceVersion"]) as w:
        server.patch(path, {"metadata": {"labels": {"w": name}}})
        assert w.next()["type"] == "ADDED"
        server.patch(path, {"metadata": {"annotations": {"a": "1"}}})
        assert w.next()["type"] == "MODIFIED"
        last = server.patch(path, {"metadata": {"labels": {"w": None}}})
        event = w.next()
        assert event["type"] == "DELETED"
        meta = event["object"]["metadata"]
        assert meta["labels"] == {"w": name}
        assert meta["resourceVersion"] == \
            last.json()["metadata"]["resourceVersion"]


def test_a_watch_ends_at_its_timeout_after_a_bookmark(server, name):
    since = server.made(server.apps, app(name))["metadata"]["resourceVersion"]
    with Watch(server, server.apps, resourceVersion=since,
               labelSelector=f"w={name}", allowWatchBookmarks="true",
               timeoutSeconds="4") as w:
        event = w.next()
        while event["type"] == "BOOKMARK":
            meta = event["object"]["metadata"]
            assert event["object"]["kind"] == "SparkApplication"
            assert int(meta["resourceVersion"]) >= int(since)
            event = w.next()
        assert event["type"] == "END"


def test_no_bookmark_where_none_was_asked_for(server, name):
    since = server.made(server.apps, app(name))["metadata"]["resourceVersion"]
    with Watch(server, server.apps, resourceVersion=since,
               labelSelector=f"w={name}", timeoutSeconds="3") as w:
        assert w.next()["type"] == "END"


def test_a_version_that_is_too_old_is_expired(server):
    with Watch(server, server.apps, resourceVersion="1") as w:
        event = w.next()
        assert event["type"] == "ERROR"
        status = event["object"]
        assert (status["code"], status["reason"]) == (410, "Expired")
        assert status["message"].startswith("too old resource version: 1 (")
        assert w.next()["type"] == "END"


def test_a_watch_of_all_namespaces(server, name):
    since = version_of(server, f"{server.core}/configmaps")
    with Watch(server, "/api/v1/configmaps", resourceVersion=since,
               fieldSelector=f"metadata.name={name}") as w:
        server.made(f"{server.core}/configmaps", configmap(name))
        assert w.next()["object"]["metadata"]["namespace"] == server.ns


# Deletion

def test_deletion_answers_with_the_uid(server, name):
    uid = server.made(server.apps, app(name))["metadata"]["uid"]
    r = server("DELETE", f"{server.apps}/{name}",
               {"kind": "DeleteOptions", "apiVersion": "v1",
                "propagationPolicy": "Background"})
    assert r.status_code == 200
    assert r.json()["status"] == "Success"
    assert r.json()["details"] == {
        "name": name, "group": "sparkoperator.k8s.io",
        "kind": "sparkapplications", "uid": uid}
    status = refused(server("DELETE", f"{server.apps}/{name}"), 404,
                     "NotFound")
    assert status["details"]["name"] == name


def test_preconditions_of_a_deletion(server, name):
    made = server.made(server.apps, app(name))
    path, uid = f"{server.apps}/{name}", made["metadata"]["uid"]
    refused(server("DELETE", path, {"preconditions": {"uid": "x"}}), 409,
            "Conflict", "Operation cannot be fulfilled on "
            f'SparkApplication.sparkoperator.k8s.io "{name}": the UID in the '
            f"precondition (x) does not match the UID in record ({uid}). The "
            "object might have been deleted and then recreated")
    refused(server("DELETE", path, {"preconditions": {
        "resourceVersion": "1"}}), 409, "Conflict")
    refused(server("DELETE", path, {"propagationPolicy": "Some"}), 422,
            "Invalid")
    assert server("DELETE", path,
                  {"preconditions": {"uid": uid}}).status_code == 200


def test_a_collection_is_deleted_by_selector(server, name):
    for i in range(3):
        server.made(server.apps, app(f"{name}-{i}", {"d": name}))
    kept = server.made(server.apps, app(name))["metadata"]["name"]
    r = server("DELETE", f"{server.apps}?labelSelector=d%3D{name}")
    assert r.status_code == 200
    left = server("GET", server.apps).json()["items"]
    names = [i["metadata"]["name"] for i in left]
    assert kept in names and f"{name}-0" not in names


def owned(server, owner, name, uid=None):
    return {"metadata": {"name": name, "ownerReferences": [{
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication", "name": owner["metadata"]["name"],
        "uid": uid or owner["metadata"]["uid"]}]}}


def gone(server, path):
    return lambda: server("GET", path).status_code == 404


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_what_an_application_owns_goes_with_it(server, name, policy):
    owner = server.made(server.apps, app(name))
    server.made(f"{server.core}/secrets", owned(server, owner, name))
    server.made(f"{server.core}/configmaps", owned(server, owner, name))
    r = server("DELETE", f"{server.apps}/{name}",
               {"propagationPolicy": policy})
    assert r.status_code == 200
    for path in (f"{server.apps}/{name}", f"{server.core}/secrets/{name}",
                 f"{server.core}/configmaps/{name}"):
        wait_for(f"{path} to go", gone(server, path))


def test_orphans_stay_without_their_owner(server, name):
    owner = server.made(server.apps, app(name))
    path = f"{server.core}/configmaps/{name}"
    server.made(f"{server.core}/configmaps", owned(server, owner, name))
    server("DELETE", f"{server.apps}/{name}", {"propagationPolicy": "Orphan"})
    wait_for("the owner to go", gone(server, f"{server.apps}/{name}"))
    wait_for("the reference to go", lambda: "ownerReferences" not in
             server("GET", path).json()["metadata"])


def test_what_is_owned_by_nobody_that_lives_goes(server, name):
    owner = server.made(server.apps, app(name))
    server("DELETE", f"{server.apps}/{name}")
    server.made(f"{server.core}/configmaps", owned(server, owner, name))
    wait_for("it to go", gone(server, f"{server.core}/configmaps/{name}"))


# Secrets, ConfigMaps, Leases, Events

def test_secrets_take_plain_text_and_give_base64(server, name):
    made = server.made(f"{server.core}/secrets", {
        "metadata": {"name": name}, "stringData": {"a": "v", "b": "w"},
        "data": {"b": "eA==", "c": "eA=="}, "immutable": True})
    assert made["data"] == {"a": "dg==", "b": "dw==", "c": "eA=="}
    assert made["type"] == "Opaque" and "stringData" not in made
    status = refused(server.patch(
        f"{server.core}/secrets/{name}", {"stringData": {"a": "z"}}), 422,
        "Invalid", f'Secret "{name}" is invalid: data: Forbidden: field is '
        "immutable when `immutable` is set")
    assert {c[0] for c in causes(status)} == {"data"}
    refused(server("POST", f"{server.core}/secrets", {
        "metadata": {"name": name + "-b"}, "data": {"a": "!!"}}), 400,
        "BadRequest", 'Secret in version "v1" cannot be handled as a Secret: '
        "illegal base64 data at input byte 0")


def test_configmaps_check_keys_and_types(server, name):
    path = f"{server.core}/configmaps"
    status = refused(server("POST", path, configmap(name, **{"a b": "1"})),
                     422, "Invalid")
    assert {c[0] for c in causes(status)} == {"data[a b]"}
    refused(server("POST", path, configmap(name, a=1)), 400, "BadRequest",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
            "json: cannot unmarshal number into Go struct field "
            "ConfigMap.data of type string")
    server.made(path, dict(configmap(name, a="1"), immutable=True))
    refused(server.patch(f"{path}/{name}", {"data": {"a": "2"}}), 422,
            "Invalid")
    r = server.patch(f"{path}/{name}", {"metadata": {"labels": {"x": "y"}}})
    assert r.status_code == 200


def test_a_lease_changes_hands_by_its_version(server, name):
    path = f"/apis/coordination.k8s.io/v1/namespaces/{server.ns}/leases"
    made = server.made(path, {
        "metadata": {"name": name},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15,
                 "renewTime": "2026-11-23T17:00:00.000000Z"}})
    assert made["kind"] == "Lease"
    mine, theirs = dict(made), json.loads(json.dumps(made))
    mine["spec"] = dict(made["spec"], holderIdentity="b")
    theirs["spec"]["holderIdentity"] = "c"
    assert server("PUT", f"{path}/{name}", mine).status_code == 200
    refused(server("PUT", f"{path}/{name}", theirs), 409, "Conflict")
    assert server("GET", f"{path}/{name}").json()["spec"][
        "holderIdentity"] == "b"
    refused(server("POST", path, {"metadata": {"name": name + "-x"}, "spec": {
        "renewTime": "soon"}}), 400, "BadRequest")


def test_events_are_found_by_their_object(server, name):
    server.made(f"{server.core}/events", {
        "metadata": {"generateName": f"{name}."},
        "involvedObject": {"kind": "SparkApplication", "name": name,
                           "namespace": server.ns},
        "reason": "Tested", "message": "m", "type": "Normal"})
    r = server("GET", f"{server.core}/events", params={
        "fieldSelector": "involvedObject.kind=SparkApplication,"
                         f"involvedObject.name={name}"})
    assert [i["reason"] for i in r.json()["items"]] == ["Tested"]


# Pods

def pod(name, script, container=None, image=NODE_IMAGE, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"restartPolicy": "Never",
                     "terminationGracePeriodSeconds": 2,
                     "containers": [{"name": "main", "image": image,
                                     "args": ["sh", "-c", script],
                                     **(container or {})}], **spec}}


def state_of(pod):
    statuses = pod.get("status", {}).get("containerStatuses")
    return statuses[0]["state"] if statuses else {}


def until(server, name, what):
    path = f"{server.core}/pods/{name}"
    return wait_for(f"{what} of {name}", lambda: (lambda p: what in
                    state_of(p) and p)(server("GET", path).json()))


def log(server, name, **params):
    return server("GET", f"{server.core}/pods/{name}/log", params=params)


def test_a_pod_runs_to_its_end(server, name):
    since = version_of(server, f"{server.core}/pods")
    server.made(f"{server.core}/pods", pod(name, "echo one; echo two >&2; "
                                           "sleep 3; exit 3"))
    seen = []
    with Watch(server, f"{server.core}/pods", resourceVersion=since,
               fieldSelector=f"metadata.name={name}") as w:
        while not seen or seen[-1][1] not in ("Failed", "Succeeded"):
            event = w.next()
            p = event["object"]
            state = state_of(p)
            step = (event["type"], p["status"]["phase"],
                    next(iter(state), None))
            if not seen or seen[-1] != step:
                seen.append(step)
    assert [s for s in seen if s[2] != "waiting"] == [
        ("ADDED", "Pending", None), ("MODIFIED", "Pending", None),
        ("MODIFIED", "Running", "running"),
        ("MODIFIED", "Failed", "terminated")]
    ended = state_of(p)["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert ended["startedAt"] <= ended["finishedAt"]
    assert p["spec"]["nodeName"] and p["status"]["podIP"]
    conditions = {c["type"]: c["status"] for c in p["status"]["conditions"]}
    assert conditions == {"PodScheduled": "True", "Initialized": "True",
                          "Ready": "False", "ContainersReady": "False"} or \
        conditions.items() >= {"PodScheduled": "True",
                               "Ready": "False"}.items()
    assert sorted(log(server, name).text.splitlines()) == ["one", "two"]


def test_a_pod_that_ends_well_has_succeeded(server, name):
    server.made(f"{server.core}/pods", pod(name, "true"))
    p = until(server, name, "terminated")
    assert p["status"]["phase"] == "Succeeded"
    assert state_of(p)["terminated"]["reason"] == "Completed"


def test_the_options_of_a_log(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "for i in 1 2 3 4 5; do echo line $i; done; printf tail"))
    until(server, name, "terminated")
    lines = "".join(f"line {i}\n" for i in range(1, 6))
    assert log(server, name).text.startswith(lines)
    assert log(server, name, container="main").text.startswith(lines)
    assert log(server, name, limitBytes=9).text == "line 1\nli"
    assert log(server, name, tailLines=0).text == ""
    stamped = log(server, name, timestamps="true").text.splitlines()[0]
    assert stamped.endswith("Z line 1")
    assert log(server, name, sinceTime="2099-01-01T00:00:00Z").text == ""
    assert "line 1" in log(server, name, sinceSeconds=3600).text


def test_the_last_lines_of_a_log(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "for i in 1 2 3 4 5; do echo line $i; done"))
    until(server, name, "terminated")
    assert log(server, name, tailLines=2).text == "line 4\nline 5\n"
    assert log(server, name, tailLines=99).text.count("\n") == 5


@pytest.mark.parametrize("params,code,reason,message", [
    ({"tailLines": "-1"}, 422, "Invalid", 'PodLogOptions "{0}" is invalid: '
     "tailLines: Invalid value: -1: must be greater than or equal to 0"),
    ({"limitBytes": "0"}, 422, "Invalid", 'PodLogOptions "{0}" is invalid: '
     "limitBytes: Invalid value: 0: must be greater than 0"),
    ({"tailLines": "x"}, 400, "BadRequest",
     'strconv.ParseInt: parsing "x": invalid syntax'),
    ({"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"}, 422,
     "Invalid", None),
    ({"container": "other"}, 400, "BadRequest",
     "container other is not valid for pod {0}"),
])
def test_bad_options_of_a_log(server, waiting_pod, params, code, reason,
                              message):
    refused(log(server, waiting_pod, **params), code, reason,
            message and message.format(waiting_pod))


@pytest.fixture(scope="module")
def waiting_pod(server):
    """One whose image cannot be had."""
    name = f"w-{secrets.token_hex(4)}"
    server.made(f"{server.core}/pods",
                pod(name, "true", image="no/such:image"))
    wait_for("the pull to fail", lambda: state_of(server(
        "GET", f"{server.core}/pods/{name}").json()).get("waiting", {}).get(
        "reason") == "ImagePullBackOff")
    return name


def test_a_pod_without_its_image_waits(server, waiting_pod):
    p = server("GET", f"{server.core}/pods/{waiting_pod}").json()
    assert p["status"]["phase"] == "Pending"
    assert state_of(p)["waiting"]["message"].startswith(
        'Back-off pulling image "no/such:image"')
    status = refused(log(server, waiting_pod), 400, "BadRequest")
    assert status["message"].startswith(
        f'container "main" in pod "{waiting_pod}" is waiting to start: ')


def test_there_is_no_log_without_its_pod(server, name):
    status = refused(log(server, name), 404, "NotFound",
                     f'pods "{name}" not found')
    assert status["details"] == {"name": name, "kind": "pods"}


def test_a_log_is_followed_to_its_end(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "echo first; sleep 5; echo last"))
    until(server, name, "running")
    r = server("GET", f"{server.core}/pods/{name}/log",
               params={"follow": "true"}, stream=True)
    lines = r.iter_lines(chunk_size=1)
    assert next(lines) == b"first"
    first = time.monotonic()
    assert list(lines) == [b"last"]
    assert time.monotonic() - first > 1     # it came when it was written


def test_a_log_is_taken_up_again_by_its_times(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "echo one; printf 'two\\r'; echo three; sleep 2; echo four"))
    until(server, name, "terminated")
    whole = log(server, name, timestamps="true", container="main").text
    lines = whole.split("\n")[:-1]
    times = [line.partition(" ")[0] for line in lines]
    assert [line.partition(" ")[2] for line in lines] == [
        "one", "two\rthree", "four"]
    # some write fewer digits where the last ones are noughts
    assert all(re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{1,9}Z", t)
               for t in times)
    assert times == sorted(times, key=lambda t: t[:-1].ljust(29, "0"))

    def since(stamp):
        return log(server, name, timestamps="true", follow="true",
                   sinceTime=stamp[:19] + "Z").text
    assert since(times[0]) == whole
    assert since(times[2]) == lines[2] + "\n"


def test_the_warnings_of_one_pod_are_selected(server, name):
    for i, (about, kind) in enumerate((
            (name, "Warning"), (name, "Normal"), ("other", "Warning"))):
        server.made(f"{server.core}/events", {
            "metadata": {"name": f"{name}-{i}"}, "type": kind,
            "reason": f"Reason{i}", "message": "m",
            "lastTimestamp": "2026-11-23T17:00:00Z",
            "involvedObject": {"kind": "Pod", "name": about,
                               "namespace": server.ns}})
    r = server("GET", f"{server.core}/events", params={
        "fieldSelector": f"involvedObject.name={name},type=Warning",
        "limit": "50"})
    assert [e["reason"] for e in r.json()["items"]] == ["Reason0"]


def test_volumes_and_environment(server, name):
    server.made(f"{server.core}/configmaps", configmap(
        name, **{"a.txt": "from a", "b.txt": "from b"}))
    server.made(f"{server.core}/secrets", {
        "metadata": {"name": name}, "stringData": {"key": "hush"}})
    script = ("cat /etc/conf-x/a.txt; echo; ls /etc/conf-x /etc/items; "
              "cat /etc/secret-x/key; echo; echo $KEY $CM $NAME $IP $TWICE; "
              "echo scratch > /data/deep/f && cat /data/deep/f; "
              "echo no > /etc/conf-x/a.txt || echo read-only")
    server.made(f"{server.core}/pods", pod(name, script, {
        "env": [
            {"name": "KEY", "valueFrom": {"secretKeyRef": {
                "name": name, "key": "key"}}},
            {"name": "CM", "valueFrom": {"configMapKeyRef": {
                "name": name, "key": "b.txt"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {
                "fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {
                "fieldPath": "status.podIP"}}},
            {"name": "TWICE", "value": "$(NAME)/$(NAME)"}],
        "volumeMounts": [
            {"name": "c", "mountPath": "/etc/conf-x", "readOnly": True},
            {"name": "i", "mountPath": "/etc/items", "readOnly": True},
            {"name": "s", "mountPath": "/etc/secret-x", "readOnly": True},
            {"name": "e", "mountPath": "/data/deep"}]},
        volumes=[
            {"name": "c", "configMap": {"name": name}},
            {"name": "i", "configMap": {"name": name, "items": [
                {"key": "a.txt", "path": "other.txt"}]}},
            {"name": "s", "secret": {"secretName": name}},
            {"name": "e", "emptyDir": {}}]))
    p = until(server, name, "terminated")
    text = log(server, name).text
    ip = p["status"]["podIP"]
    for part in ("from a\n", "other.txt", "hush\n", "a.txt\nb.txt",
                 f"hush from b {name} {ip} {name}/{name}\n"):
        assert part in text, text


def test_a_pod_waits_for_what_it_refers_to(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "cat /etc/late/a", {"volumeMounts": [
            {"name": "c", "mountPath": "/etc/late"}]},
        volumes=[{"name": "c", "configMap": {"name": name}}]))
    p = until(server, name, "waiting")
    assert p["status"]["phase"] == "Pending"
    assert state_of(p)["waiting"]["reason"] == "ContainerCreating"
    refused(log(server, name), 400, "BadRequest",
            f'container "main" in pod "{name}" is waiting to start: '
            "ContainerCreating")
    server.made(f"{server.core}/configmaps", configmap(name, a="here"))
    until(server, name, "terminated")
    assert log(server, name).text.strip() == "here"


def test_a_variable_waits_for_its_secret(server, name):
    server.made(f"{server.core}/pods", pod(name, "echo $KEY", {"env": [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {
            "name": name, "key": "key"}}}]}))
    until(server, name, "waiting")
    server.made(f"{server.core}/secrets", {
        "metadata": {"name": name}, "stringData": {"key": "hush"}})
    until(server, name, "terminated")
    assert log(server, name).text == "hush\n"


def test_a_running_pod_is_asked_to_end(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "trap 'echo bye; exit 7' TERM; echo up; "
        "while :; do sleep 0.1; done"))
    until(server, name, "running")
    wait_for("its log", lambda: "up" in log(server, name).text)
    path = f"{server.core}/pods/{name}"
    since = version_of(server, f"{server.core}/pods")
    r = server("DELETE", path)
    assert r.status_code == 200
    meta = r.json()["metadata"]
    assert r.json()["kind"] == "Pod" and "deletionTimestamp" in meta
    assert meta["deletionGracePeriodSeconds"] == 2
    assert meta["generation"] == 2
    with Watch(server, f"{server.core}/pods", resourceVersion=since,
               fieldSelector=f"metadata.name={name}") as w:
        event = w.next()
        while event["type"] == "MODIFIED":
            event = w.next()
    assert event["type"] == "DELETED"
    assert state_of(event["object"])["terminated"]["exitCode"] == 7
    refused(server("GET", path), 404, "NotFound")
    refused(log(server, name), 404, "NotFound")


def test_a_pod_that_does_not_end_is_killed(server, name):
    server.made(f"{server.core}/pods", pod(
        name, "trap '' TERM; echo up; while :; do sleep 0.1; done"))
    until(server, name, "running")
    wait_for("its log", lambda: "up" in log(server, name).text)
    start = time.monotonic()
    server("DELETE", f"{server.core}/pods/{name}")
    wait_for("it to go", gone(server, f"{server.core}/pods/{name}"))
    assert time.monotonic() - start > 1


def test_a_finished_pod_is_gone_at_once(server, name):
    server.made(f"{server.core}/pods", pod(name, "true"))
    until(server, name, "terminated")
    server("DELETE", f"{server.core}/pods/{name}")
    refused(server("GET", f"{server.core}/pods/{name}"), 404, "NotFound")


def test_an_application_takes_its_pod_along(server, name):
    owner = server.made(server.apps, app(name))
    body = pod(name, "sleep 300")
    body["metadata"] = owned(server, owner, name)["metadata"]
    server.made(f"{server.core}/pods", body)
    until(server, name, "running")
    server("DELETE", f"{server.apps}/{name}")
    wait_for("the pod to go", gone(server, f"{server.core}/pods/{name}"))


def test_bad_pods_are_422(server, name):
    body = {"metadata": {"name": name}, "spec": {}}
    status = refused(server("POST", f"{server.core}/pods", body), 422,
                     "Invalid")
    assert ("spec.containers", "FieldValueRequired", "Required value") in \
        causes(status)
    body = pod(name, "true")
    body["spec"]["restartPolicy"] = "Maybe"
    status = refused(server("POST", f"{server.core}/pods", body), 422,
                     "Invalid")
    assert {c[0] for c in causes(status)} == {"spec.restartPolicy"}


def test_a_pods_spec_stays(server, waiting_pod):
    path = f"{server.core}/pods/{waiting_pod}"
    r = server.patch(path, {"metadata": {"annotations": {"a": "1"}}})
    assert r.status_code == 200
    status = refused(server.patch(path, {"spec": {"nodeSelector": {
        "a": "b"}}}), 422, "Invalid")
    assert {c[0] for c in causes(status)} == {"spec"}


ECHO = """
import http.server, json, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(n)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
        text = json.dumps({"method": self.command, "path": self.path,
            "headers": {k.lower(): v for k, v in self.headers.items()},
            "body": len(body)}).encode()
        self.send_response(int(self.headers.get("X-Want", "200")))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Answer", "yes")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_GET = do_POST = do_PUT = do_DELETE = do
    def log_message(self, *a): pass
print("ready", flush=True)
http.server.ThreadingHTTPServer((sys.argv[1], 8765), H).serve_forever()
"""


@pytest.fixture(scope="module")
def echo(server):
    """A pod that says what it was asked, and a port where nobody listens."""
    name = f"e-{secrets.token_hex(4)}"
    code = base64.b64encode(ECHO.encode()).decode()
    server.made(f"{server.core}/pods", pod(
        name, f"echo {code} | base64 -d > /tmp/e.py; "
        "exec python3 /tmp/e.py $IP", {"env": [
            {"name": "IP", "valueFrom": {"fieldRef": {
                "fieldPath": "status.podIP"}}}]}))
    until(server, name, "running")
    wait_for("the echo", lambda: server(
        "GET", f"{server.core}/pods/{name}:8765/proxy/").status_code == 200)
    return f"{server.core}/pods/{name}"


def test_the_proxy_passes_a_request_on(server, echo):
    r = server("POST", f"{echo}:8765/proxy/a%20b/c?x=1&y=%2F",
               raw=b"z" * 3000000,
               headers={"X-Livy-Token": "t", "X-Want": "418"})
    assert r.status_code == 418 and r.headers["X-Answer"] == "yes"
    seen = r.json()
    assert (seen["method"], seen["body"]) == ("POST", 3000000)
    assert seen["path"] == "/a%20b/c?x=1&y=%2F"
    assert seen["headers"]["x-livy-token"] == "t"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_proxy_drops_the_authorization(server, echo, method):
    r = server(method, f"{echo}:8765/proxy/",
               headers={"Authorization": server.api.session.headers.get(
                   "Authorization", "")} if server.api.session.headers.get(
                       "Authorization") else {})
    assert r.status_code == 200
    assert r.json()["method"] == method
    assert "authorization" not in r.json()["headers"]


def test_the_proxy_streams_a_body_of_no_known_length(server, echo):
    r = server("POST", f"{echo}:8765/proxy/",
               raw=(b"x" * 10000 for _ in range(20)))
    assert r.json()["body"] == 200000


def test_the_proxy_takes_a_scheme(server, echo):
    base, _, name = echo.rpartition("/")
    r = server("GET", f"{base}/http:{name}:8765/proxy/x")
    assert r.json()["path"] == "/x"


def test_a_port_where_nobody_listens_is_503(server, echo):
    status = refused(server("GET", f"{echo}:8766/proxy/"), 503,
                     "ServiceUnavailable")
    assert status["message"].startswith("error trying to reach service: dial "
                                        "tcp ")
    assert status["message"].endswith(":8766: connect: connection refused")


def test_a_pod_that_is_not_there_is_404_for_the_proxy(server, name):
    refused(server("GET", f"{server.core}/pods/{name}:80/proxy/"), 404,
            "NotFound", f'pods "{name}" not found')
