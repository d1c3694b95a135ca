"""Reads tests/skips and says whether a skip is allowed: a row names it and
the row's condition holds here."""

import fnmatch
import os
import pathlib
import shutil
import urllib.request

import environments


def kubeconfig_text():
    path = os.environ.get("LIVY_TEST_KUBECONFIG")
    return pathlib.Path(path).read_text() if path else ""


def answers(url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"),
                               timeout=20).close()
        return True
    except OSError:
        return False


CONDITIONS = {
    "client-certificate": lambda: "client-certificate" in kubeconfig_text(),
    "no-kubeconfig": lambda: not os.environ.get("LIVY_TEST_KUBECONFIG"),
    "no-maven": lambda: not answers("https://repo1.maven.org/maven2/"),
    "no-python39": lambda: not environments.interpreter("dbt"),
    "no-r": lambda: not shutil.which("Rscript"),
    "not-root": lambda: os.environ.get("LIVY_TEST_ROOT") != "1",
}


def rows():
    for line in pathlib.Path(__file__).with_name("skips").read_text() \
            .splitlines():
        if line and not line.startswith("#"):
            pattern, condition, reason = line.split("\t")
            yield pattern, CONDITIONS[condition], reason


def reason_for(test_id):
    """Why this test may be skipped here; None if it may not."""
    for pattern, holds, reason in rows():
        if fnmatch.fnmatchcase(test_id, pattern) and holds():
            return reason
    return None
