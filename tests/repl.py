"""Sessions as a client drives them; and those whose agent is the stub of the
api tier."""

import concurrent.futures
import secrets
import time

from procs import DEADLINE, give, wait_for
from rig import SRC


def stub_file(folder, delay=0):
    """The stub as a file that a gateway can hand to its sessions."""
    path = folder / f"stub_agent{delay}.py"
    path.write_text((SRC / "tests/api/stub_agent.py").read_text().replace(
        "@SRC@", str(SRC)).replace("@DELAY@", str(delay)))
    return path


def settings(folder, gateway="st", delay=0, **more):
    """For one replica, or for several: they share one key file then."""
    keys = folder / f"{gateway}.keys"
    if not keys.exists():
        keys.write_text(f"1 {secrets.token_hex(32)}\n")
        keys.chmod(0o600)
        give(keys)
    return dict({"gateway": gateway, "sessions.key_file": str(keys),
                 "sessions.agent_file": str(stub_file(folder, delay))},
                **more)


class Session:
    """A session as seen through one gateway, or through others too."""

    def __init__(self, gateway, body=None, wait=True):
        self.gateway = gateway
        r = gateway.post("/sessions", body or {"kind": "pyspark"})
        assert r.status_code == 201, f"{r.status_code} {r.text}"
        self.id = r.json()["id"]
        self.path = f"/sessions/{self.id}"
        if wait:
            self.wait("idle")

    def state(self, gateway=None):
        r = (gateway or self.gateway).get(self.path + "/state")
        assert r.status_code == 200, f"{r.status_code} {r.text}"
        return r.json()["state"]

    def wait(self, *states, gateway=None, seconds=DEADLINE):
        return wait_for(f"session {self.id} to be {states}",
                        lambda: self.state(gateway) in states, seconds)

    def post(self, code, gateway=None, **kwargs):
        body = {"code": code, **kwargs.pop("body", {})}
        return (gateway or self.gateway).post(
            self.path + "/statements", body, **kwargs)

    def submit(self, code, gateway=None, **kwargs):
        r = self.post(code, gateway, **kwargs)
        assert r.status_code == 201, f"{r.status_code} {r.text}"
        assert r.headers["Location"] == \
            f"{self.path}/statements/{r.json()['id']}"
        return r.json()["id"]

    def get(self, sid, gateway=None):
        return (gateway or self.gateway).get(
            f"{self.path}/statements/{sid}")

    def result(self, sid, gateway=None, seconds=DEADLINE):
        """The statement once it is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            r = self.get(sid, gateway)
            assert r.status_code == 200, f"{r.status_code} {r.text}"
            if r.json()["state"] in ("available", "cancelled"):
                return r.json()
            time.sleep(0.01)
        raise AssertionError(f"statement {sid} is not over: {r.text}")

    def run(self, code, gateway=None):
        output = self.result(self.submit(code, gateway), gateway)["output"]
        assert output["status"] == "ok", output
        return output["data"]["text/plain"]

    def delete(self):
        return self.gateway.delete(self.path)


def at_once(count, action):
    """Results of an action in so many threads."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(action, range(count)))
