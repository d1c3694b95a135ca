"""What tests of sessions ask past the gateway: the agent in a driver."""

import hashlib
import hmac


def name_of(gateway, session):
    return f"livy-{gateway.settings['gateway']}-s-{session}"


def token_of(gateway, cluster, session, version=1):
    """Derived anew, as the gateway's documents say."""
    app = cluster.kube.app(name_of(gateway, session))["metadata"]
    assert app["annotations"]["livy-fcgi/token-key"] == str(version)
    return hmac.new(
        gateway.keys[version].encode(),
        "\n".join(["livy-fcgi token", str(version), app["namespace"],
                   app["name"], app["uid"]]).encode(),
        hashlib.sha256).hexdigest()


def ask_agent(gateway, cluster, session, token, path="/v1/state"):
    """GET, by the API server's proxy to the driver's pod."""
    pod = cluster.kube.path(
        "pods", f"{name_of(gateway, session)}-driver:8997")
    return cluster.kube.session.get(
        f"{cluster.kube.url}{pod}/proxy{path}",
        headers={"X-Livy-Token": token}, timeout=30)
