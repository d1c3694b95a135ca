"""Who is let in: nginx decides, and a worker believes nginx alone."""

import pytest

pytestmark = pytest.mark.local


def test_no_token_is_401_and_says_how_to_sign_in(gateway):
    r = gateway.call("GET", "/batches", session=gateway.client())

    assert r.status_code == 401
    assert r.headers["WWW-Authenticate"]
    assert r.headers["Content-Type"].startswith("application/json")
    assert "msg" in r.json()


@pytest.mark.parametrize("value", [
    "Bearer wrong", "Bearer ", "Bearer", "Basic Og==", "Basic Y2FybDo=",
    "Negotiate abc", "x"])
def test_a_wrong_credential_is_401(value, gateway):
    r = gateway.call("GET", "/batches", session=gateway.client(),
                     headers={"Authorization": value})

    assert r.status_code == 401
    assert r.headers["WWW-Authenticate"]


def test_a_refused_post_reaches_no_worker(gateway, cluster, job):
    before = cluster.kube.apps()

    r = gateway.post("/batches", {"file": job("echo.py")},
                     session=gateway.client(token="wrong"))

    assert r.status_code == 401
    assert cluster.kube.apps() == before


def test_user_and_password_sign_in(gateway, job):
    carl = gateway.client(user="carl", password=gateway.password)

    batch = gateway.submit({"file": job("lines.py"), "args": ["0"]},
                           session=carl)

    assert batch["owner"] == "carl"
    wrong = gateway.client(user="carl", password="wrong")
    assert gateway.call("GET", "/batches",
                        session=wrong).status_code == 401


def test_the_owner_is_the_tokens_user(gateway, job):
    bob = gateway.client(token=gateway.other_token)

    batch = gateway.submit({"file": job("lines.py"), "args": ["0"]},
                           session=bob)

    assert batch["owner"] == "bob"
    assert gateway.get(f"/batches/{batch['id']}").json()["owner"] == "bob"


@pytest.mark.parametrize("header", [
    "LIVY_USER", "LIVY-USER", "Livy-User", "X-Livy-User", "LIVY_AUTH",
    "Livy-Auth", "LIVY_SECRET", "Livy-Secret", "REMOTE_USER", "Remote-User",
    "X-Remote-User", "X-Forwarded-User"])
def test_a_header_makes_nobody_else(header, gateway, job):
    r = gateway.post("/batches", {"file": job("lines.py"), "args": ["0"]},
                     headers={header: "root"})
    assert r.status_code == 201 and r.json()["owner"] == "ana"

    r = gateway.call("GET", "/batches", session=gateway.client(),
                     headers={header: "root"})
    assert r.status_code == 401


def test_proxy_user_and_do_as_are_dropped_without_impersonation(gateway, job):
    r = gateway.post("/batches?doAs=bob", {
        "file": job("lines.py"), "args": ["0"], "proxyUser": "root"})

    assert r.status_code == 201
    assert (r.json()["owner"], r.json()["proxyUser"]) == ("ana", None)


def test_a_request_without_the_secret_is_refused(gateway):
    for secret in (None, "", "wrong", gateway.secret[:-1],
                   gateway.secret + "x"):
        reply = gateway.fcgi(LIVY_SECRET=secret)

        assert reply.status in (401, 403), secret
        assert b"sessions" not in reply.body
        assert gateway.secret.encode() not in reply.body + reply.stderr


def test_a_request_that_names_no_user_is_refused(gateway):
    for changes in ({"LIVY_USER": ""}, {"LIVY_USER": None},
                    {"LIVY_AUTH": ""}, {"LIVY_AUTH": None},
                    {"LIVY_AUTH": "none", "LIVY_USER": ""}):
        assert gateway.fcgi(**changes).status in (401, 403), changes


def test_a_header_cannot_play_a_parameter(gateway):
    reply = gateway.fcgi(LIVY_USER="", HTTP_LIVY_USER="root",
                         HTTP_LIVY_SECRET=gateway.secret)

    assert reply.status in (401, 403)


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"}])
def test_a_foreign_page_cannot_write(headers, gateway, cluster, job):
    before = cluster.kube.apps()

    r = gateway.post("/batches", {"file": job("lines.py")}, headers=headers)

    assert r.status_code == 403
    assert cluster.kube.apps() == before
    assert gateway.get("/batches", headers=headers).status_code == 200


@pytest.mark.parametrize("path", [
    "/batches/../version", "/batches/./0", "//batches", "/batches//0",
    "/batches/%2e%2e/version", "/batches/%00", "/batches/..%2fversion"])
def test_a_crooked_path_is_404(path, gateway):
    reply = gateway.fcgi("GET", path)

    assert reply.status in (400, 404)


def test_with_none_everybody_is_nobody(maker, cluster, job):
    gateway = maker.gateway(cluster, sign_in=("none",), settings={
        "gateway": "open", "fastcgi.identity": "none"})
    anyone = gateway.client()

    batch = gateway.submit({"file": job("lines.py"), "args": ["0"]},
                           session=anyone)

    assert batch["owner"] is None
    assert gateway.delete(f"/batches/{batch['id']}",
                          session=anyone).status_code == 200


def test_nginx_alone_cannot_open_a_gateway(maker, cluster):
    """Without identity = "none" in its own configuration."""
    gateway = maker.gateway(cluster, sign_in=("none",), settings={
        "gateway": "shut"}, wait=False)

    assert gateway.get("/batches").status_code in (401, 403)


def test_bearer_alone_and_basic_alone(maker, cluster):
    for way, other in (("bearer", "basic"), ("basic", "bearer")):
        gateway = maker.gateway(cluster, sign_in=(way,), settings={
            "gateway": way}, wait=False)
        sessions = {"bearer": gateway.client(token=gateway.token),
                    "basic": gateway.client(user="carl",
                                            password=gateway.password)}

        assert gateway.get("/batches", session=sessions[way]).status_code \
            in (200, 503)
        assert gateway.get("/batches",
                           session=sessions[other]).status_code == 401
