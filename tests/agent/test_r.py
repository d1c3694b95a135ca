"""Statements of kind sparkr. The package SparkR is in no registry, so where
R is, a stand-in of that name shows that ours is called as SparkR is."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from procs import alive
from session import SOON

STAND_IN = {
    "DESCRIPTION": "Package: SparkR\nVersion: 0.1\nTitle: Stand-In\n"
                   "Description: For tests.\nAuthor: x\nMaintainer: x <x@x>\n"
                   "License: none\n",
    "NAMESPACE": "export(sparkR.session, setJobGroup)\n",
    "R/a.R": """
sparkR.session <- function() {
  stopifnot(nzchar(Sys.getenv("SPARKR_BACKEND_AUTH_SECRET")))
  port <- as.integer(Sys.getenv("EXISTING_SPARKR_BACKEND_PORT"))
  close(socketConnection(port = port, blocking = TRUE, open = "wb"))
  "a session"
}
setJobGroup <- function(group, text, interrupt)
  assign("group", group, globalenv())
""",
}


@pytest.fixture(scope="module")
def session(start, kept_folder):
    if not shutil.which("Rscript"):
        pytest.skip("there is no R on this machine")
    source, library = kept_folder / "SparkR", kept_folder / "library"
    for name, text in STAND_IN.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    library.mkdir()
    subprocess.run(["R", "CMD", "INSTALL", "-l", str(library), str(source)],
                   check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    session = start(kind="sparkr", cancel_grace="2s",
                    environ={"R_LIBS": str(library)})
    session.wait_for("idle")
    return session


@pytest.mark.parametrize("code, text", [
    ("1+1", "[1] 2"),
    ("x <- 5", ""),
    ("x", "[1] 5"),
    ("", ""),
    ("cat('a\\n'); message('to stderr')", "a"),
    ("print('é€')\n'b'", '[1] "é€"\n[1] "b"'),
    ("spark", '[1] "a session"'),
    ("nchar(strrep('x', 100000))", "[1] 100000"),
])
def test_text(session, code, text):
    assert session.text(code) == text


def test_errors(session):
    assert "object 'nope' not found" in session.error("nope")["evalue"]
    assert session.error("stop('own')")["evalue"] == "Error: own"
    assert session.error("1 +")["ename"] == "Error"
    assert session.text("x") == "[1] 5"


def test_a_plot(session):
    data = session.run("plot(1:3)")["data"]

    assert data["image/png"].startswith("iVBORw0KGgo")
    assert "image/png" not in session.run("1")["data"]


def test_the_job_group(session):
    number = session.submit("group")

    assert session.result(number)["output"]["data"]["text/plain"] == \
        '[1] "%d"' % number


def test_cancel(session):
    number = session.running("Sys.sleep(60)")
    time.sleep(0.3)

    view, took = session.cancel(number)

    assert view["state"] == "cancelled" and took < SOON
    assert session.text("x") == "[1] 5"


def test_a_dead_interpreter_is_replaced(session):
    error = session.error("quit('no', 3)")

    assert "status 3" in error["evalue"]
    assert session.text("1") == "[1] 1"


def test_an_interpreter_that_dies_between_statements_is_told(session):
    pid = int(session.text("cat(Sys.getpid())"))
    os.kill(pid, signal.SIGKILL)
    while alive(pid):
        time.sleep(0.05)

    assert "signal 9" in session.error("1")["evalue"]
    assert session.text("1") == "[1] 1"
