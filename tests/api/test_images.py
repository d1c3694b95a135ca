"""Starts that fail before the driver runs."""

import pytest

from procs import wait_for
from rig import SRC

pytestmark = pytest.mark.local


def test_an_image_that_cannot_be_pulled_is_named_in_the_log(
        maker, cluster, job):
    gateway = maker.gateway(cluster, settings={"gateway": "noimage"},
                            variables={"image": "no/such:image"})
    batch = gateway.submit({"file": job("lines.py")})["id"]

    def told():
        text = "\n".join(gateway.log_lines(batch))
        return "ImagePullBackOff" in text or "ErrImagePull" in text
    wait_for("the log to tell of the image", told)

    assert gateway.state(batch) == "starting"
    text = "\n".join(gateway.log_lines(batch))
    assert "no/such:image" in text, text
    assert gateway.delete(f"/batches/{batch}").status_code == 200


def test_a_submission_that_fails_is_dead_with_its_reason(
        maker, cluster, job, tmp_path):
    """A template that asks for what spark-submit refuses."""
    text = (SRC / "conf/templates/batch.cfg").read_text()
    refused = '"${conf}",\n("spark.kubernetes.driver.volumes.nosuchtype.x.' \
        'mount.path", "/x"),'
    assert '"${conf}",' in text
    (tmp_path / "batch.cfg").write_text(text.replace('"${conf}",', refused))
    (tmp_path / "session.cfg").write_text(
        (SRC / "conf/templates/session.cfg").read_text())
    gateway = maker.gateway(cluster, settings={
        "gateway": "badsub", "templates.dir": str(tmp_path)})
    batch = gateway.submit({"file": job("lines.py")})["id"]

    gateway.wait_state(batch, "dead")

    text = "\n".join(gateway.log_lines(batch))
    assert "nosuchtype" in text, text
    assert "failed to run spark-submit" in text, text
