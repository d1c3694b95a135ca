"""What nginx does before a worker: certificates, a path of its own, limits,
kept connections, and its own errors."""

import json
import re
import shutil
import socket
import ssl
import threading

import pytest

from procs import wait_for
from rig import SRC

pytestmark = pytest.mark.local


def connect(gateway):
    context = ssl.create_default_context(cafile=str(gateway.pki / "ca.crt"))
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", gateway.port), 60),
        server_hostname="127.0.0.1")


def request(gateway, method, path, *lines, version="1.1"):
    head = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1",
            f"Authorization: Bearer {gateway.token}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


def answer(stream):
    """Status, headers and body of the next answer of a connection."""
    status = int(stream.readline().split()[1])
    headers = {}
    for raw in iter(stream.readline, b"\r\n"):
        name, _, value = raw.decode().strip().partition(": ")
        headers[name.lower()] = value
    return status, headers, stream.read(int(headers["content-length"]))


def words(r):
    assert r.headers["Content-Type"].startswith("application/json"), r.text
    return r.json()["msg"]


# certificates

@pytest.fixture(scope="module")
def certified(session_maker, cluster):
    return session_maker.gateway(cluster, sign_in=("mtls",), wait=False,
                                 settings={"gateway": "mtls"})


@pytest.fixture(scope="module")
def all_ways(session_maker, cluster):
    return session_maker.gateway(
        cluster, sign_in=("mtls", "bearer", "basic"), wait=False,
        settings={"gateway": "ways"})


@pytest.fixture(scope="module")
def teams(session_maker, cluster):
    def rule(**members):
        return {"kind": "batch", "template": "batch.cfg", **members}
    return session_maker.gateway(
        cluster, sign_in=("mtls", "bearer", "basic", "teams"), wait=False,
        settings={"gateway": "teams", "templates.choose": (
            rule(team="ops"), rule(user="carl", team="ml"),
            rule(team="data"))})


def whoami(gateway, job, **who):
    """The owner of a batch that such a client makes, or the status."""
    client = gateway.client(**who)
    wait_for("the first list", lambda: gateway.get(
        "/batches", session=client).status_code != 503)
    r = gateway.post("/batches", {"file": job("lines.py"), "args": ["0"]},
                     session=client)
    if r.status_code == 401:
        assert r.headers["WWW-Authenticate"] and words(r)
    return r.json()["owner"] if r.status_code == 201 else r.status_code


@pytest.mark.parametrize("cert, owner", [
    ("dora", "dora"),       # of the authority, and known by name
    ("eve", 401),           # of the authority, but nobody's
    ("forged", 401),        # dora's name by another authority
    (None, 401)])
def test_a_certificate_says_who(cert, owner, certified, job):
    assert whoami(certified, job, cert=cert) == owner


@pytest.mark.parametrize("who, owner", [
    ({"cert": "dora"}, "dora"),
    ({"token": True}, "ana"),
    ({"user": "carl", "password": True}, "carl"),
    ({"cert": "dora", "token": True}, "ana"),
    ({"cert": "dora", "token": "wrong"}, 401),
    ({"cert": "eve", "token": True}, "ana"),
    ({"cert": "eve"}, 401),
    ({"cert": "eve", "user": "carl", "password": True}, "carl"),
    ({"cert": "eve", "user": "carl", "password": "wrong"}, 401),
    ({"cert": "dora", "user": "carl", "password": "wrong"}, "dora"),
    ({}, 401)])
def test_certificates_tokens_and_passwords_together(who, owner, all_ways,
                                                    job):
    who = dict(who)
    if who.get("token") is True:
        who["token"] = all_ways.token
    if who.get("password") is True:
        who["password"] = all_ways.password

    assert whoami(all_ways, job, **who) == owner


@pytest.mark.parametrize("who, team, rule", [
    ({"cert": "dora"}, "data", 'team = "data"'),
    ({"user": "carl", "password": True}, "ml", 'user = "carl", team = "ml"'),
    ({"token": True}, None, None)])
def test_teams_are_told_by_nginx_and_choose_the_template(
        who, team, rule, teams, job):
    who = {k: getattr(teams, k) if v is True else v for k, v in who.items()}
    client = teams.client(**who)
    wait_for("the first list", lambda: teams.get(
        "/batches", session=client).status_code == 200)

    r = teams.post("/batches?dryRun=true", {"file": job("lines.py")},
                   session=client, headers={"Livy-Groups": "ops",
                                            "LIVY_GROUPS": "ops"})

    assert r.status_code == 200, r.text
    shown = r.json()
    assert (shown.get("rule") or ":: ").split(": ", 1)[1] == (rule or "")
    assert shown["manifest"]["metadata"]["annotations"].get(
        "livy-fcgi/team") == team


@pytest.fixture(scope="module")
def team_images(session_maker, cluster):
    """A gateway whose templates have an image for each team."""
    folder = session_maker.folder("t")
    shutil.copytree(SRC / "conf/templates", folder, dirs_exist_ok=True)
    for team in ("ml", "data"):
        (folder / f"{team}.cfg").write_text(
            'extends = "batch.cfg";\n'
            'application = { spec = { image = "%s:1"; }; };\n' % team)
    return session_maker.gateway(
        cluster, sign_in=("mtls", "bearer", "basic", "teams"), wait=False,
        settings={"gateway": "timages", "templates.dir": str(folder),
                  "templates.choose": (
                      {"kind": "batch", "team": "ml", "template": "ml.cfg"},
                      {"kind": "batch", "team": ["da*"],
                       "template": "data.cfg"})})


FORGED = {"Livy-Groups": "ml", "Livy-Teams": "ml", "LIVY_GROUPS": "ml",
          "X-Livy-Team": "ml", "LIVY-USER": "carl", "X-Remote-User": "carl",
          "SSL-Client-S-DN": "CN=dora,OU=ml,O=Example",
          "SSL-Client-Verify": "SUCCESS"}


@pytest.mark.parametrize("headers", [None, FORGED])
@pytest.mark.parametrize("who, team, image", [
    ({"user": "carl", "password": True}, "ml", "ml:1"),
    ({"cert": "dora"}, "data", "data:1"),
    ({"token": True}, None, None)])
def test_each_team_has_the_image_of_its_template(
        who, team, image, headers, team_images, cluster, job):
    who = {k: getattr(team_images, k) if v is True else v
           for k, v in who.items()}
    client = team_images.client(**who)
    wait_for("the first list", lambda: team_images.get(
        "/batches", session=client).status_code == 200)

    r = team_images.post("/batches", {"file": job("lines.py"), "args": ["0"]},
                         session=client, headers=headers)

    assert r.status_code == 201, r.text
    made = cluster.kube.app(team_images.object_name(r.json()["id"]))
    assert made["spec"]["image"] == (image or cluster.image)
    assert made["metadata"]["annotations"].get("livy-fcgi/team") == team


def test_a_header_is_no_certificate(certified):
    r = certified.get("/batches", session=certified.client(), headers={
        "Livy-Subject": "CN=dora,OU=data,O=Example",
        "SSL-Client-Verify": "SUCCESS",
        "SSL-Client-S-DN": "CN=dora,OU=data,O=Example", "Livy-User": "dora"})

    assert r.status_code == 401


# a path of its own

@pytest.fixture(scope="module")
def prefixed(session_maker, cluster):
    return session_maker.gateway(cluster, prefix=True,
                                 settings={"gateway": "prefix"})


def test_a_prefix_works_end_to_end(prefixed, job):
    r = prefixed.post("/livy/batches", {"file": job("lines.py"),
                                        "args": ["0"]})
    assert r.status_code == 201, r.text
    batch = r.json()["id"]
    assert r.headers["Location"] == f"/livy/batches/{batch}"

    for path in (f"/{batch}", f"/{batch}/state", f"/{batch}/log", "",
                 "/?size=1", "?size=1"):
        r = prefixed.get("/livy/batches" + path)
        assert r.status_code == 200, path
    assert prefixed.get("/livy/version").json()["version"]
    assert prefixed.get("/livy/nothing").status_code == 404
    assert prefixed.get("/livybatches").status_code == 404
    r = prefixed.delete(f"/livy/batches/{batch}")
    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})


def test_redirects_stay_below_the_prefix(prefixed):
    for path in ("/livy", "/livy/", "/livy?x"):
        r = prefixed.get(path)
        assert (r.status_code, r.headers["Location"]) == (
            302, f"{prefixed.url}/livy/ui"), path
    r = prefixed.get("/livy/ui")
    assert (r.status_code, r.headers["Location"]) == (301, "/livy/ui/")
    assert prefixed.get("/livy/ui/").headers["Content-Type"].startswith(
        "text/html")


def test_the_raw_path_below_a_prefix_is_judged(prefixed, job):
    name = "a/b c?d"
    batch = prefixed.submit({"file": job("lines.py"), "args": ["0"],
                             "name": name})["id"]

    r = prefixed.get("/livy/batches/a%2Fb%20c%3Fd")
    assert r.status_code == 200 and r.json()["id"] == batch
    for path in ("/livy//batches", "/livy/batches/..%2fversion",
                 "/livy/batches/%2e%2e/version"):
        assert prefixed.get(path).status_code == 404, path


def test_without_a_prefix_it_answers_too(prefixed):
    assert prefixed.get("/batches").status_code == 200


# one request, one try

def test_a_post_is_not_sent_to_another_upstream(maker, cluster, job):
    """The first server takes the request and closes without an answer."""
    gateway = maker.gateway(cluster, settings={"gateway": "retry"})
    path, taken = gateway.folder / "dead.sock", []
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.listen()
    path.chmod(0o777)

    def serve():
        while True:
            try:
                peer, _ = dead.accept()
            except OSError:
                return
            with peer:
                taken.append(peer.recv(100000))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    conf = gateway.folder / "nginx/livy/livy.conf"
    conf.write_text(conf.read_text().replace(
        "server unix:", f"server unix:{path} weight=1000;\nserver unix:"))
    gateway.nginx.stop()
    gateway.nginx.start()
    wait_for("nginx", gateway.nginx_answers)
    before = cluster.kube.apps()
    try:
        r = gateway.post("/batches", {"file": job("lines.py")})
    finally:
        dead.close()

    assert r.status_code == 502 and words(r)
    assert [b"lines.py" in bytes_ for bytes_ in taken] == [True]
    assert cluster.kube.apps() == before


# limits

@pytest.mark.parametrize("path, size, status", [
    ("/batches", 3 << 19, 413),             # the worker's word
    ("/batches", 3 << 20, 413),             # nginx's
    ("/sessions/0/statements", 15 << 20, None),
    ("/sessions/0/statements", 18 << 20, 413),
    ("/sessions/0/upload-file", 99 << 20, None)])
def test_bodies_have_the_limit_of_their_path(path, size, status, gateway):
    """What is not too long is refused for another reason, if at all."""
    r = gateway.call("POST", path, data=b"x" * size)

    if status:
        assert r.status_code == status and words(r)
    else:
        assert r.status_code < 500 and r.status_code != 413, r.text


# connections

def test_a_connection_is_kept_over_errors(gateway):
    asked = [("GET", "/batches?size=0", 200), ("GET", "/batches/77777", 404),
             ("POST", "/batches", 400), ("PUT", "/batches", 405),
             ("GET", "/nothing", 404), ("HEAD", "/batches", 200),
             ("GET", "/version", 200)]
    with connect(gateway) as s, s.makefile("rb") as stream:
        for method, path, status in asked:
            s.sendall(request(gateway, method, path, "Content-Length: 0"))
            if method == "HEAD":
                assert stream.readline().split()[1] == b"200"
                while stream.readline() != b"\r\n":
                    pass
                continue
            assert answer(stream)[0] == status, path


def test_requests_that_are_sent_at_once_are_answered_in_order(gateway):
    with connect(gateway) as s, s.makefile("rb") as stream:
        s.sendall(b"".join(request(gateway, "GET", f"/batches/{n}/state")
                           for n in range(900000, 900010)))
        said = [json.loads(answer(stream)[2])["msg"] for _ in range(10)]

    assert said == [f"Session '{n}' not found."
                    for n in range(900000, 900010)]


def test_http_1_0(gateway):
    with connect(gateway) as s:
        s.sendall(request(gateway, "GET", "/batches?size=0", version="1.0"))
        got = b"".join(iter(lambda: s.recv(65536), b""))
    head, _, body = got.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"chunked" not in head.lower()
    assert b"connection: close" in head.lower()
    assert "sessions" in json.loads(body)
    with connect(gateway) as s, s.makefile("rb") as stream:
        for _ in range(2):
            s.sendall(request(gateway, "GET", "/batches?size=0",
                              "Connection: keep-alive", version="1.0"))
            assert answer(stream)[0] == 200


# nginx's own errors

def test_http_on_the_port_of_https_is_told_in_json(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 60) as s:
        s.sendall(request(gateway, "GET", "/batches", "Connection: close"))
        got = b"".join(iter(lambda: s.recv(65536), b""))

    assert got.startswith(b"HTTP/1.1 400 ")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["msg"]


def test_without_workers_it_is_503_in_the_words_that_prophecy_looks_for(
        maker, cluster):
    """A worker's 503 and nginx's have the same phrase."""
    gateway = maker.gateway(cluster, settings={"gateway": "words"})
    conf = gateway.folder / "nginx/livy/worker.conf"
    conf.write_text(re.sub(r"^fastcgi_pass .*", "return 503;",
                           conf.read_text(), flags=re.M))
    gateway.nginx.stop()
    gateway.nginx.start()
    wait_for("nginx", gateway.nginx_answers)

    r = gateway.get("/batches")

    assert r.status_code == 503
    assert r.reason == "Service Temporarily Unavailable"
    assert words(r).startswith("503 Service Temporarily Unavailable")
    assert r.headers["Retry-After"]


def test_a_workers_503_has_the_phrase_too(maker, cluster):
    cluster_down = maker.cluster()
    cluster_down.localkube.stop()
    gateway = maker.gateway(cluster_down, wait=False)

    r = gateway.get("/batches")

    assert (r.status_code, r.reason) == (
        503, "Service Temporarily Unavailable")
    assert words(r) and r.headers["Retry-After"]
