#!/usr/bin/env python3
"""Measures the session agent against its bounds, on one machine.

    agent.py [PYTHON…]

Each PYTHON is that of a virtual environment with pyspark; default are those
of LIVY_AGENT_PYTHON35 and LIVY_AGENT_PYTHON41. One line a number; the exit
status is 1 if one is over its bound.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "agent"))

from session import CONF, Session, environment, spark_submit  # noqa: E402

EMPTY = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
open('ready', 'w').close()
spark.stop()
"""

# A bare interpreter in the session's own JVM, with the agent's options.
BARE = """
import time
jvm = sc._jvm
loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
settings = jvm.scala.tools.nsc.Settings()
options = jvm.java.util.ArrayList()
import tempfile
for text in ('-Yrepl-class-based', '-Yrepl-outdir', tempfile.mkdtemp()):
    options.add(text)
settings.processArguments(jvm.PythonUtils.toSeq(options).toList(), True)
settings.usejavacp().tryToSetFromPropertyValue('true')
settings.embeddedDefaults(loader)
writer = jvm.java.io.PrintWriter(jvm.java.io.StringWriter())
nsc = jvm.scala.tools.nsc.interpreter
if sc.version.startswith('3.'):
    intp = nsc.IMain(settings, writer)
    intp.initializeSynchronous()
else:
    intp = nsc.IMain(settings, nsc.shell.ReplReporterImpl(settings, writer))
    intp.initializeCompiler()
intp.setContextClassLoader()
intp.interpret('''%s''').toString()

def bare():
    began = time.perf_counter()
    assert intp.interpret('1+1').toString() == 'Success'
    return (time.perf_counter() - began) * 1000
"""

failures = 0


def tell(name, value, bound, unit, most=True, note=""):
    global failures
    good = value <= bound if most else value >= bound
    failures += not good
    print("%-40s %8.2f %-2s %s %.2f %-2s: %.2f of it%s%s" % (
        name, value, unit, "at most" if most else "at least", bound, unit,
        value / bound, "" if good else ", OVER",
        " (%s)" % note if note else ""), flush=True)


def milliseconds(action, times):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def bare_start(python, folder):
    """Seconds from spark-submit to a SparkSession, in an empty script."""
    folder.mkdir()
    script = folder / "empty.py"
    script.write_text(EMPTY)
    command = spark_submit(python) + ["--master", "local[2]"]
    for key, value in CONF.items():
        command += ["--conf", "%s=%s" % (key, value)]
    began = time.monotonic()
    with open(str(folder / "log"), "wb") as log:
        process = subprocess.Popen(
            command + [str(script)], env=environment(python),
            cwd=str(folder), stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT)
        while not (folder / "ready").exists():
            if process.poll() is not None:
                sys.exit((folder / "log").read_text()[-2000:])
            time.sleep(0.01)
        took = time.monotonic() - began
        process.wait()
    return took


def agent_start(python, folder, kind):
    session = Session(python, folder, kind=kind)
    try:
        session.wait_for("idle")
        return time.monotonic() - session.began
    finally:
        session.close()


def bench_start(python, folder):
    bare, agent = [], []
    for i in range(3):
        bare.append(bare_start(python, folder / ("b%d" % i)))
        agent.append(agent_start(python, folder / ("a%d" % i), "pyspark"))
    bare, agent = min(bare), min(agent)
    tell("start to idle, best of 3", agent, bare + 1, "s",
         note="%.2f s more than an empty script, %.2f" % (
             agent - bare, bare))


def bench_statements(session):
    def statement(code, kind):
        assert session.run(code, kind)["status"] == "ok"

    milliseconds(lambda: statement("1+1", "pyspark"), 100)
    taken = milliseconds(lambda: statement("1+1", "pyspark"), 500)
    tell("1+1 in Python over HTTP, median", statistics.median(taken), 3,
         "ms", note="p90 %.1f" % sorted(taken)[450])

    began = time.perf_counter()
    last = [session.submit("1+1", "pyspark") for _ in range(300)][-1]
    session.result(last)
    tell("300 statements posted without waiting",
         300 / (time.perf_counter() - began), 300, "/s", most=False)

    code = "print('x' * %d)" % (2621440)
    statement(code, "pyspark")
    taken = milliseconds(lambda: statement(code, "pyspark"), 20)
    tell("a result of 2.5 MiB, median", statistics.median(taken), 100, "ms")

    statement("1", "spark")
    prelude = session_prelude()
    session.text(BARE % prelude, "pyspark", timeout=300)
    bare, agent = [], []
    for i in range(60):
        one = float(session.text("bare()", "pyspark"))
        other = milliseconds(lambda: statement("1+1", "spark"), 1)[0]
        if i >= 20:
            bare.append(one)
            agent.append(other)
    bare, agent = statistics.median(bare), statistics.median(agent)
    tell("1+1 in Scala over HTTP, median", agent, 1.3 * bare, "ms",
         note="%.2f of IMain.interpret alone, %.1f" % (agent / bare, bare))


CANCELLED = {
    "a Python loop": ("pyspark", "while True: pass"),
    "time.sleep": ("pyspark", "import time; time.sleep(600)"),
    "a job of Python": (
        "pyspark", "import time\nsc.parallelize(range(2), 2)"
        ".map(lambda x: time.sleep(600)).count()"),
    "Thread.sleep in Scala": ("spark", "Thread.sleep(600000)"),
    "a job of Scala": (
        "spark", "sc.parallelize(1 to 2, 2)"
        ".map { i => Thread.sleep(600000); i }.count()"),
}


def bench_cancel(session, times=3):
    """From the cancel until the statement is seen to be over."""
    taken = {"what waits": []}
    for name, (kind, code) in CANCELLED.items():
        taken[name] = []
        for _ in range(times):
            number = session.running(code, kind)
            waiting = session.submit("1", kind)
            time.sleep(1)       # its tasks are under way
            for what, which in (("what waits", waiting), (name, number)):
                view, took = session.cancel(which)
                assert view["state"] == "cancelled", view
                taken[what].append(took * 1000)
    for name, each in taken.items():
        tell("cancel of %s, slowest" % name, max(each), 1000, "ms",
             note="median %.0f" % statistics.median(each))


def session_prelude():
    """The lines that the agent's own interpreter begins with."""
    sys.dont_write_bytecode = True
    from session import AGENT
    sys.path.insert(0, str(AGENT.parent))
    import livy_agent
    return livy_agent.ScalaRepl.PRELUDE


def bench(python):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lb-", dir="/tmp"))
    print("%s, load %.1f" % (python, os.getloadavg()[0]), flush=True)
    try:
        session = Session(python, folder / "s", kind="shared")
        try:
            session.wait_for("idle")
            bench_statements(session)
            bench_cancel(session)
        finally:
            session.close()
        bench_start(python, folder)
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


def main():
    pythons = sys.argv[1:] or [
        os.environ[name] for name in (
            "LIVY_AGENT_PYTHON35", "LIVY_AGENT_PYTHON41")
        if os.environ.get(name)]
    if not pythons:
        sys.exit(__doc__)
    for python in pythons:
        bench(python)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
