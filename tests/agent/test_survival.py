"""What user code does to a session, and what the session survives."""

import time

import pytest
from procs import alive
from session import DEADLINE, SOON


@pytest.fixture(scope="module")
def session(start):
    session = start(kind="pyspark")
    session.wait_for("idle")
    session.text("spark.range(3).createOrReplaceTempView('kept')")
    return session


def pid(session):
    return session.text("import os; os.getpid()")


@pytest.mark.parametrize("code, how", [
    ("import os; os._exit(5)", "exited with status 5"),
    ("import ctypes; ctypes.string_at(0)", "signal 11 (SIGSEGV)"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
     "signal 9 (SIGKILL)"),
])
def test_a_dead_interpreter_is_replaced(session, code, how):
    session.text("variable = 1")

    error = session.error(code)

    assert error["ename"] == "Error"
    assert error["evalue"].startswith("Interpreter died:\n")
    assert how in error["evalue"]
    assert session.error("variable")["ename"] == "NameError"
    assert session.text("spark.table('kept').count()") == "3"
    assert session.state() in ("idle", "busy")


def test_a_forked_child_that_outlives_its_parent(session):
    """It has the parent's descriptors, so nothing shows the end by itself."""
    error = session.error("""
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(20)
    os._exit(0)
os._exit(6)""")

    assert "status 6" in error["evalue"]
    assert session.text("1") == "1"


def test_fork(session):
    before = pid(session)

    assert session.text("""
import os
if os.fork() == 0:
    print('child', flush=True)
    os._exit(0)
os.wait()
print('parent')""") == "child\nparent"
    session.text("import os\nchild = os.fork()")    # it comes back from exec
    assert session.text("os.waitpid(child, 0)[1]") == "0"
    assert pid(session) == before


def test_multiprocessing(session):
    assert session.text("""
import multiprocessing as mp
def square(x): return x * x
with mp.get_context('fork').Pool(2) as pool:
    print(pool.map(square, [1, 2, 3]))""") == "[1, 4, 9]"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_is_cut_and_says_so(session, stream):
    text = session.text("""
import sys
line = 'x' * 99 + '\\n'
for _ in range(1000): written = sys.%s.write(line * 1000)""" % stream)

    assert 16 << 20 <= len(text) < (16 << 20) + 200
    assert "%d bytes are missing" % (100000000 - (16 << 20)) in text[-200:]
    assert session.text("1") == "1"


def test_code_in_c_that_lets_nothing_else_run_holds_up_no_request(session):
    number = session.running("import ctypes; ctypes.PyDLL(None).sleep(60)")
    time.sleep(0.5)

    answers = session.at_once(60, "POST", "/v1/completion", {
        "code": "x" * 9000, "kind": "pyspark", "cursor": 9000})

    assert session.get("/v1/statements/%d" % number)["state"] == "running"
    assert answers == [(200, b'{"candidates": []}')] * 60
    session.cancel(number)
    assert session.text("1+1") == "2"


def test_a_million_elements_are_whole(session):
    text = session.text("list(range(1000000))")

    assert text == repr(list(range(1000000)))


def test_a_long_result_of_another_alphabet_is_whole(session):
    data = session.run("x = 'é' * 7000000\n%json x")["data"]

    assert data["application/json"] == "é" * 7000000


def test_descriptors_closed_and_stdout_replaced(session):
    session.text("import os; os.close(1); os.close(2)")
    assert session.text("print('again')") == "again"
    session.text("import sys, io; sys.stdout = io.StringIO()")
    assert session.text("1") == ""
    session.text("sys.stdout = sys.__stdout__")
    session.text("sys.stdout = ['no', 'stream']")
    session.text("sys.stdout = sys.__stdout__")

    session.run("import os; os.closerange(3, 110)")     # and its own

    assert session.run("1")["status"] in ("ok", "error")
    assert session.text("print('well')") == "well"


def test_garbage_on_the_control_channel(session):
    session.run("""
import os, stat
for fd in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, b'\\xff' * 64)
    except OSError:
        pass""")

    assert session.text("40+2") == "42"


def test_threads_that_stay(session):
    session.text("""
import threading, time
late = []
def later():
    time.sleep(0.3); print('late'); late.append(1)
    time.sleep(3600)
threading.Thread(target=later).start()
threading.Thread(target=later, daemon=True).start()""")
    deadline = time.monotonic() + DEADLINE
    while not session.text("len(late)").endswith("2"):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert session.text("'clean'") == "'clean'"


def test_recursion_in_c_and_python(session):
    assert session.error("def r(): return r()\nr()")["ename"] == \
        "RecursionError"
    assert session.text("'still'") == "'still'"


def test_unicode(session):
    text = "é€😀\u2028\x00\x1b[0m"

    assert session.text("print(%r)" % text) == text.rstrip()
    assert session.error("raise ValueError(%r)" % text)["evalue"] == text
    assert session.error("raise ValueError('\\ud800')")["evalue"]


def test_a_huge_error(session):
    error = session.error("raise ValueError('x' * 100000000)")

    assert error["ename"] == "ValueError"
    assert "bytes are missing" in error["evalue"]


def test_memory(session):
    assert session.error("b'x' * (1 << 50)")["ename"] == "MemoryError"


def test_signal_handlers_of_the_user(session):
    session.text("import signal, time\n"
                 "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                 "signal.signal(signal.SIGINT, signal.SIG_IGN)")

    view, took = session.cancel(session.running("time.sleep(60)"))

    assert view["output"]["ename"] == "KeyboardInterrupt" and took < SOON


def test_results_are_kept_within_the_bound(session):
    last = [session.submit("'%d'" % i) for i in range(1100)][-1]
    session.result(last)

    view = session.get("/v1/statements?order=desc&size=1000")

    assert view["total_statements"] == 1000
    assert [s["id"] for s in view["statements"]] == \
        list(range(last, last - 1000, -1))
    big = [session.submit("print('x' * 15000000)") for _ in range(6)][-1]
    session.result(big)
    kept = [s["outputBytes"] for s in session.get("/v1/state")["changed"]]
    assert 55000000 < sum(kept) <= 64 << 20     # four of them
    assert kept[-1] > 15000000


def test_an_interpreter_that_dies_between_statements_is_told(session):
    kernel = int(pid(session))
    session.text("import threading, os\n"
                 "threading.Timer(0.3, os._exit, (3,)).start()")
    deadline = time.monotonic() + DEADLINE
    while alive(kernel):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    error = session.error("1+1")

    assert error["evalue"].startswith("Interpreter died:\n")
    assert "status 3" in error["evalue"]
    assert session.text("1+1") == "2"
