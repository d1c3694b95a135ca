"""The life of a session, as a Livy client sees it, up to the point where its
agent answers. The image is one without Spark, the agent a fake one."""

import pytest

from procs import wait_for
from rig import SRC

pytestmark = pytest.mark.local

VIEW = ["id", "name", "appId", "owner", "proxyUser", "state", "kind",
        "appInfo", "log", "ttl", "idleTimeout", "driverMemory", "driverCores",
        "executorMemory", "executorCores", "conf", "archives", "files",
        "heartbeatTimeoutInSecond", "jars", "numExecutors", "pyFiles",
        "queue"]
AGENT = SRC / "tests/api/fake_agent.py"


@pytest.fixture(scope="module")
def gateway(session_maker, cluster):
    return session_maker.gateway(cluster, settings={
        "gateway": "se", "sessions.agent_file": str(AGENT)})


def create(gateway, body=None, **kwargs):
    r = gateway.post("/sessions", body or {}, **kwargs)
    assert r.status_code == 201, f"{r.status_code} {r.text}"
    return r.json()


def wait_pod(cluster, gateway, session_id, phase="Running"):
    name = f"livy-{gateway.settings['gateway']}-s-{session_id}-driver"

    def there():
        pod = cluster.kube.get(cluster.kube.path("pods", name))
        return pod if pod and pod["status"].get("phase") == phase else None
    return wait_for(f"pod {name} to be {phase}", there)


def test_a_session_is_created_and_its_view_has_livys_fields(gateway):
    r = gateway.post("/sessions", {"kind": "python"})

    assert r.status_code == 201
    view = r.json()
    assert r.headers["Location"] == f"/sessions/{view['id']}"
    assert list(view) == VIEW
    assert list(view["appInfo"]) == [
        "driverLogUrl", "sparkUiUrl", "executorLogUrls"]
    assert (view["state"], view["kind"]) == ("starting", "pyspark")
    assert (view["owner"], view["proxyUser"], view["name"]) == (
        "ana", None, None)
    wait_for("the same view", lambda: list(gateway.get(
        f"/sessions/{view['id']}").json()) == VIEW)


def test_its_driver_starts_and_its_agent_has_the_token(gateway, cluster):
    session = create(gateway, {"kind": "sql"})["id"]

    wait_pod(cluster, gateway, session)

    wait_for("the agent", lambda: "agent: listens" in gateway.get(
        f"/sessions/{session}/log").json()["log"])
