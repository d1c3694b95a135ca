"""Refusals of POST /batches: the statuses and words of Livy."""

import json

import pytest

REJECTED = "Rejected, Reason: "
NOT_BATCH = "Cannot deserialize value of type " \
    "`org.apache.livy.server.batch.CreateBatchRequest` from Array value"

# case: (body as sent, status, how the msg or the bare text begins)
MSG, BARE = "msg", "bare"
CASES = {
    "no file": ({}, 400, MSG,
                REJECTED + "requirement failed: File is required."),
    "a null file": ({"file": None}, 400, MSG,
                    REJECTED + "requirement failed: File is required."),
    "a relative path": (
        {"file": "x.jar"}, 400, MSG, REJECTED +
        "requirement failed: Path 'x.jar' is not absolute."),
    "a local file that is not allowed": (
        {"file": "file:///etc/passwd"}, 400, MSG, REJECTED +
        "requirement failed: Local path /etc/passwd cannot be added to user "
        "sessions."),
    "a relative jar": (
        {"file": "JOB", "jars": ["x.jar"]}, 400, MSG, REJECTED +
        "requirement failed: Path 'x.jar' is not absolute."),
    "a local pyFile that is not allowed": (
        {"file": "JOB", "pyFiles": ["/etc/passwd"]}, 400, MSG, REJECTED +
        "requirement failed: Local path /etc/passwd cannot be added to user "
        "sessions."),
    "a local path in spark.jars": (
        {"file": "JOB", "conf": {"spark.jars": "/etc/passwd"}}, 400, MSG,
        REJECTED + "requirement failed: Local path /etc/passwd cannot be "
        "added to user sessions."),
    "no URI": (
        {"file": "ht tp://a b"}, 400, MSG, REJECTED +
        "java.net.URISyntaxException: Illegal character in scheme name at "
        "index 2: ht tp://a b"),
    "one refused conf key": (
        {"file": "JOB", "conf": {"spark.master": "local"}}, 400, MSG,
        REJECTED + "Blacklisted configuration values in session config: "
        "spark.master"),
    "two refused conf keys": (
        {"file": "JOB", "conf": {"spark.master": "local",
                                 "spark.submit.deployMode": "client"}},
        400, MSG, REJECTED + "Blacklisted configuration values in session "
        "config: spark.master, spark.submit.deployMode"),
    "a name of digits": ({"file": "JOB", "name": "123"}, 400, MSG,
                         REJECTED + "Invalid session name: 123"),
    "an empty name": ({"file": "JOB", "name": ""}, 400, MSG,
                      REJECTED + "Invalid session name: "),
    "an unknown field": (
        {"file": "JOB", "bogus": 1}, 400, BARE, 'Unrecognized field "bogus" '
        "(class org.apache.livy.server.batch.CreateBatchRequest), not marked "
        "as ignorable (16 known properties: "),
    "a text for a list": (
        {"file": "JOB", "args": "x"}, 400, BARE, "Cannot deserialize value of "
        "type `scala.collection.immutable.List<java.lang.String>` from "
        "String value (token `JsonToken.VALUE_STRING`)"),
    "a list for conf": (
        {"file": "JOB", "conf": []}, 400, BARE,
        "Cannot deserialize value of type "
        "`scala.collection.immutable.Map<java.lang.String,java.lang.String>` "
        "from Array value (token `JsonToken.START_ARRAY`)"),
    "a text for cores": ({"file": "JOB", "driverCores": "3"}, 500, BARE,
                         "java.lang.ClassCastException"),
    "a null conf": ({"file": "JOB", "conf": None}, 500, BARE,
                    "java.lang.NullPointerException"),
    "an array": (b"[]", 400, BARE, NOT_BATCH),
    "null": (b"null", 500, BARE, "java.lang.NullPointerException"),
    "nothing": (b"", 400, BARE, "No content to map due to end-of-input"),
    "blanks": (b"  \n", 400, BARE, "No content to map due to end-of-input"),
    "half an object": (b'{"file":', 400, BARE, "Unexpected end-of-input"),
    "no JSON": (b"abcde", 400, BARE, "Unrecognized token 'abcde'"),
    "bytes that are no UTF-8": (b'{"file":"\xfc"}', 400, BARE, "Invalid UTF-8"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case, gateway, cluster, job):
    body, status, shape, text = CASES[case]
    if not isinstance(body, bytes):
        body = json.dumps(body).replace("JOB", job("echo.py")).encode()
    before = cluster.kube.apps()

    r = gateway.call("POST", "/batches", data=body,
                     headers={"Content-Type": "application/json"})

    assert r.status_code == status, r.text
    assert r.headers["Content-Type"] == "application/json;charset=utf-8"
    said = r.json()
    if shape == MSG:
        assert list(said) == ["msg"] and said["msg"] == text
    else:
        assert isinstance(said, str) and said.startswith(text), said
    assert cluster.kube.apps() == before


@pytest.mark.parametrize("content_type", [
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_counts_as_no_body(content_type, gateway, job):
    r = gateway.call("POST", "/batches", data=json.dumps(
        {"file": job("echo.py")}), headers={"Content-Type": content_type})

    assert r.status_code in (400, 500)


@pytest.mark.parametrize("content_type", [None, "text/plain",
                                          "application/json"])
def test_the_content_type_of_json_does_not_matter(content_type, gateway, job):
    r = gateway.call(
        "POST", "/batches/", headers={"Content-Type": content_type},
        data=b'{"file": "x", "file": "%s"} trailing' %
        job("lines.py").encode())

    assert r.status_code == 201, r.text
    gateway.delete(r.headers["Location"])


def test_a_body_over_the_limit_is_413(gateway):
    r = gateway.post("/batches", {"file": "x" * (2 << 20)})

    assert r.status_code == 413
    assert r.headers["Content-Type"].startswith("application/json")
    assert "msg" in r.json()


def test_deep_nesting_is_refused(gateway):
    r = gateway.call("POST", "/batches", data=b'{"conf":' + b"[" * 100000)

    assert r.status_code == 400
