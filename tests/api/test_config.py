"""livy-fcgi -t, render and the other words of its command line."""

import json

import pytest

from rig import SRC

pytestmark = pytest.mark.local

# What is put into the good file, and what -t must say of it.
BROKEN = {
    "an unknown key": ("bogus = 1;", "bogus"),
    "an unknown key in a group": ("livy = { bogus = 1; };", "bogus"),
    "a number for a text": ("gateway = 5;", "gateway"),
    "a text for a number": ('fastcgi = { workers = "4"; };', "workers"),
    "a number past its limit": ("fastcgi = { workers = 100000; };", "workers"),
    "a number that overflows": ("fastcgi = { workers = 99999999999; };",
                                "workers"),
    "a float": ("fastcgi = { workers = 1.5; };", "workers"),
    "a bad time": ('fastcgi = { drain = "5 parsecs"; };', "drain"),
    "a bad word": ('process = { log_level = "loud"; };', "log_level"),
    "a bad mode": ('fastcgi = { socket_mode = "999"; };', "socket_mode"),
    "a bad namespace": ('kubernetes = { namespaces = [ "A_b" ]; };',
                        "namespaces"),
    "no namespaces": ("kubernetes = { namespaces = [ ]; };", "namespaces"),
    "a bad gateway id": ('gateway = "Über";', "gateway"),
    "a comma at the end of a list": (
        'kubernetes = { namespaces = [ "a", ]; };', None),
    "an open group": ("fastcgi = {", None),
    "a key twice": ('gateway = "a";\ngateway = "b";', None),
    "no such template": ('templates = { batch = "absent.cfg"; };',
                         "absent.cfg"),
}


def minimal(tmp_path, line):
    agent = SRC / "deploy/agent/livy_agent.py"
    if "agent_file" in line:
        line = line.replace('agent_file = ""', f'agent_file = "{agent}"')
    else:
        line += f'\nsessions = {{ agent_file = "{agent}"; }};'
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "session.keys").write_text(f"1 {'k' * 32}\n")
    (tmp_path / "session.keys").chmod(0o600)
    (tmp_path / "templates").symlink_to(SRC / "conf" / "templates")
    path = tmp_path / "livy-fcgi.cfg"
    path.write_text(f"# a comment\n\n{line}\n")
    return path


def test_the_shipped_configuration_checks(gateway, tmp_path):
    path = minimal(tmp_path, (SRC / "conf/livy-fcgi.cfg").read_text())

    done = gateway.command("-t", config=path)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_configuration_is_told_by_file_and_line(
        case, gateway, tmp_path):
    line, named = BROKEN[case]
    path = minimal(tmp_path, line)

    done = gateway.command("-t", config=path)

    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{path.name}:" in said, said
    where = said.split(f"{path.name}:", 1)[1].split(":")[0]
    assert where.isdigit() and 3 <= int(where) <= 5, said
    if named:
        assert named in said, said


def test_every_mistake_is_told_at_once(gateway, tmp_path):
    path = minimal(tmp_path, "bogus = 1;\nfastcgi = { workers = 0; "
                   "backlog = 0; };")

    said = gateway.command("-t", config=path).stderr

    assert all(word in said for word in ("bogus", "workers", "backlog")), said


@pytest.mark.parametrize("old, new, named", [
    ('mode = "cluster";', 'mode = "${nosuch}";', "nosuch"),
    ('mode = "cluster";', 'mode = "${open";', "mode"),
    ("\napplication = {", "\napplicatoin = {", "applicatoin"),
])
def test_a_broken_template_is_told_by_file_and_line(
        old, new, named, gateway, tmp_path):
    path = minimal(tmp_path, 'gateway = "t";')
    (tmp_path / "templates").unlink()
    (tmp_path / "templates").mkdir()
    text = (SRC / "conf/templates/batch.cfg").read_text()
    assert old in text
    (tmp_path / "templates" / "batch.cfg").write_text(
        text.replace(old, new, 1))

    done = gateway.command("-t", config=path)

    assert done.returncode != 0
    assert "batch.cfg:" in done.stderr and named in done.stderr, done.stderr


def test_render_is_what_post_creates(gateway, cluster, job, tmp_path):
    body = {"file": job("lines.py"), "args": ["1", "zwei ${x} é"],
            "name": "rendered", "conf": {"spark.executor.memory": "700m"},
            "driverMemory": "600m", "numExecutors": 2,
            "jars": ["local:///opt/a.jar"], "pyFiles": ["local:///opt/b.py"]}
    (tmp_path / "request.json").write_text(json.dumps(body))

    done = gateway.command("render", "batch", tmp_path / "request.json")
    assert done.returncode == 0, done.stderr
    rendered = json.loads(done.stdout)

    batch = gateway.submit(body)["id"]
    created = cluster.kube.app(gateway.object_name(batch))
    gateway.delete(f"/batches/{batch}")
    assert masked(created["spec"], batch) == \
        masked(rendered["spec"], rendered["metadata"]["labels"].get(
            "livy-fcgi/id", "0"))
    for part in ("labels", "annotations"):
        assert set(rendered["metadata"][part]) == \
            set(created["metadata"][part])


def masked(spec, batch_id):
    """The spec without the one thing that is each batch's own, its id."""
    return json.loads(json.dumps(spec).replace(f"-b-{batch_id}", "-b-ID"))


def test_render_refuses_what_post_refuses(gateway, tmp_path):
    (tmp_path / "request.json").write_text('{"file": "relative.py"}')

    done = gateway.command("render", "batch", tmp_path / "request.json")

    assert done.returncode != 0
    assert "Path 'relative.py' is not absolute" in done.stderr


def test_version_and_help(gateway):
    for words in (["-V"], ["--help"]):
        done = gateway.command(*words)
        assert done.returncode == 0
        assert "livy-fcgi" in done.stdout


def test_an_unknown_option_is_refused(gateway):
    assert gateway.command("--bogus").returncode not in (0, None)
