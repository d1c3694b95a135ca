"""Runs the tiers and counts: the body of tests/run."""

import argparse
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time

import build
import environments
import procs
import skip_rules
from place import Place, is_root

TIERS = ("unit", "api", "agent", "spark", "cluster", "fuzz",
         "fresh")
DEFAULT = ("unit", "api", "agent", "spark", "cluster")
# The cluster tier is the others' suites once more, on a cluster that exists.
# The conformance suite asks localkube always, and the real one beside it.
FILES = {"unit": ["unit"], "api": ["api", "cluster"], "agent": ["agent"],
         "spark": ["spark"], "cluster": ["cluster", "api", "spark"]}
BUILD_OF = {"api": "asan", "spark": "plain", "cluster": "plain"}
# Tiers whose tests mostly wait: two processes take a file each, in turns, or
# what the tier's conftest.py says.
TWO_AT_ONCE = {"api", "agent"}
AGAIN_MAX = 12  # tests of a tier that are run once more if they fail
FIRST_SAID, AGAIN_SAID = "in the first run:", "when it was run again:"


HELP = """\
Builds (plain, and with the address and undefined-behaviour sanitizers), runs
the tests and counts them. Everything it makes is kept in one folder outside
the checkout: /var/cache/livy-fcgi-tests for root, else
~/.cache/livy-fcgi-tests. Root is used for packages, for tests of what only
root can do, and for the fresh tier; all else runs as the system user
livy-fcgi-tests.

  unit     modules by themselves, and rules of the source
  api      nginx, the gateway and localkube, without Spark
  agent    the session agent alone, on real PySpark 3.5 and 4.1
  spark    real PySpark on the local cluster, real clients of Livy from PyPI
           (Airflow, pylivy and others); deploy/local/up
  cluster  the same on the cluster that LIVY_TEST_KUBECONFIG names
  fuzz     the parsers of what comes from outside, under libFuzzer
  fresh    deploy/local/up in a minbase Debian, as root and as a user

A few tests of a tier that fail are run once more, by themselves, or with all
of their file if they build on each other. What passes then counts as passed,
and is named at the end with how it failed first.
"""

ENVIRONMENT = """\
environment:
  TESTS_DIR                the folder for everything
  LIVY_TEST_DEADLINE       seconds a test waits for anything (120)
  LIVY_TEST_KUBECONFIG     the cluster of the cluster tier
  LIVY_TEST_CLUSTER_UP     a command that brings it up first
  LIVY_TEST_IMAGE          its image with Spark and Python (spark:3.5.9)
  LIVY_TEST_SPARK_VERSION  the version of Spark in it (3.5.9)
  LIVY_TEST_PYTHON39       Python 3.9 for dbt (python3.9, one of pyenv's)
  LIVY_TEST_JOBS           the URI of tests/spark/jobs, as its pods see it

The cluster tier makes a namespace of its own, and deletes it. Where no Spark
Operator is found there, localspark plays it.
"""


def arguments():
    p = argparse.ArgumentParser(
        prog="tests/run", description=HELP, epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tier", nargs="*", choices=(*TIERS, "all", []),
                   help="unit, api, agent, spark, cluster (without a name: "
                   "these five), fuzz, fresh, all; cluster needs "
                   "LIVY_TEST_KUBECONFIG")
    p.add_argument("-k", metavar="EXPR", help="only tests that match, as "
                   "pytest's -k (not for the unit and fresh tiers)")
    p.add_argument("-x", action="store_true", help="stop a tier at its first "
                   "failure")
    p.add_argument("--full", action="store_true", help="the tier agent runs "
                   "every test on every version of Spark")
    p.add_argument("--build", choices=sorted(build.BUILDS), help="the build "
                   "that api, spark and cluster use instead of their own")
    p.add_argument("--fuzz-seconds", metavar="N", type=int, default=60,
                   help="seconds a fuzz target gets (60); two run at once")
    args = p.parse_args()
    if "all" in args.tier:
        args.tier = list(TIERS)
    args.tier = [t for t in TIERS if t in (args.tier or DEFAULT)]
    return args


def indented(text):
    return "    " + text.rstrip().replace("\n", "\n    ")


def essence(detail, most):
    """So many lines of why it failed, of each of its runs: what the test has
    printed, where its last assertion begins, and the end."""
    runs = re.split(f"(?m)^(?={AGAIN_SAID})", detail.rstrip())
    return "\n".join(line for run in runs for line in essence_of_run(
        [line[:300] for line in run.splitlines()], most // len(runs)))


def essence_of_run(lines, most):
    error = [line.startswith("E  ") for line in lines]
    begins = [i for i in range(1, len(lines)) if error[i] > error[i - 1]]
    if len(lines) <= most or not begins:
        return lines[-most:]
    begin = max(0, begins[-1] - 3)      # and the line of the test
    before = [line for line in lines[1:begin] if line.startswith(
        ("printed: ", "call: ", "setup: "))][-(most // 4):]
    if begin > 0:
        before.insert(0, lines[0])
    most -= len(before)
    return before + (lines[begin:] if len(lines) - begin <= most else [
        *lines[begin:][:most - most // 3], "…", *lines[-(most // 3):]])


class Count:
    def __init__(self):
        self.rows = []
        self.unsteady = []
        self.logs = {}      # test: of what ran when it failed

    def add(self, rows):
        """Takes (id, outcome, detail) rows; an unlisted skip fails."""
        for test_id, outcome, detail in rows:
            if outcome == "skipped":
                reason = skip_rules.reason_for(test_id)
                if reason is None:
                    outcome = "failed"
                    detail = f"a skip that tests/skips has not: {detail}"
                else:
                    detail = reason
            self.rows.append((test_id, outcome, detail))

    def of(self, outcome):
        return [r for r in self.rows if r[1] == outcome]

    def close(self):
        """What failed comes last, after what helps to find out why: often
        the end of the output is all that is looked at."""
        failed = self.of("failed")
        for test_id, _, reason in self.of("skipped"):
            print(f"skipped: {test_id}: {reason}")
        for test_id, _, detail in failed:
            print(f"\nall of {test_id}:\n" + indented(
                self.logs.get(test_id, "") + detail))
        for test_id, detail in self.unsteady:
            print(f"\npassed only when it was run again: {test_id}\n" +
                  indented(essence(detail, 15)))
        most = max(6, 45 // max(1, len(failed)))
        for test_id, _, detail in failed:
            print(f"\nFAILED: {test_id}\n{indented(essence(detail, most))}")
        passed, failed, skipped = (
            len(self.of(o)) for o in ("passed", "failed", "skipped"))
        print(f"\n{passed} passed, {failed} failed, {skipped} skipped",
              flush=True)
        return 0 if failed == 0 and passed > 0 else 1


def adopt_orphans():
    """Processes that lose their parent become this one's children."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)     # PR_SET_CHILD_SUBREAPER


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


# Processes of a cluster that was brought up for us: whoever did, ends it.
NOT_OURS = set()


def end_orphans(grace=60):
    """Ends what a tier has left running and does not end by itself in so
    many seconds; says what that was."""
    left, end = set(), time.monotonic() + grace
    while True:
        reap()
        pids = set(procs.children(os.getpid())) - NOT_OURS
        if not pids:
            return sorted(left)
        if time.monotonic() > end:
            for pid in pids:
                left.add(procs.titles(pid).replace("\n", " ").strip()[:120])
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


class Runner:
    def __init__(self, args):
        self.args = args
        self.count = Count()
        self.place = Place()
        self.place.lock()
        self.built = {}
        self.fuzzing = None

    def say(self, text):
        seconds = int(time.monotonic() - START)
        print(f"== [{seconds // 60:02d}:{seconds % 60:02d}] {text}",
              flush=True)

    def build(self, name):
        """Makes a build once; its folder, or None when it failed."""
        if name not in self.built:
            self.say(f"build {name}")
            try:
                self.built[name] = build.build(self.place, name)
                self.count.add([(f"build/{name}", "passed", "")])
            except build.BuildError as e:
                message, log = e.args
                print(build.tail(log, 30), flush=True)
                self.count.add([(f"build/{name}", "failed", message)])
                self.built[name] = None
        return self.built[name]

    def unit(self):
        for name in ("plain", "asan"):
            if self.build(name):
                self.say(f"unit tests, {name}")
                self.count.add(build.unit(self.place, name))
        if self.build("clang"):
            self.say("unit tests, the tree")
            self.env = self.place.environ(LIVY_TEST_TIER="unit")
            self.pytest_part("unit", "not root", self.place.as_user)

    def pytest(self, tier):
        if tier == "cluster" and not os.environ.get("LIVY_TEST_KUBECONFIG"):
            self.count.add([("cluster/all", "skipped", "")])
            return
        folder = self.build(self.args.build or BUILD_OF[tier])
        timed = self.build(self.args.build or "plain")
        if not folder or not timed or (
                tier == "cluster" and not self.cluster_up()):
            return
        self.env = self.place.environ(
            LIVY_TEST_BUILD=folder, LIVY_TEST_TIMED_BUILD=timed,
            LIVY_TEST_TIER=tier,
            LIVY_TEST_ROOT="1" if is_root() else "0",
            LIVY_TEST_UID=self.place.user.pw_uid,
            LIVY_TEST_GID=self.place.user.pw_gid)
        if tier == "spark" and not self.spark():
            return
        if tier == "cluster":
            self.cluster()
        else:
            self.env.pop("LIVY_TEST_KUBECONFIG", None)
        self.say(f"tier {tier}")
        self.place.copy_jobs()
        # "root" tests are those that only root can run; the rest never do.
        local = " and not local" if tier == "cluster" else ""
        self.pytest_part(tier, "not root" + local, self.place.as_user)
        self.pytest_part(tier, "root" + local, list)

    def agent(self):
        """No build and no cluster: the agent under spark-submit."""
        self.env = self.place.environ(
            LIVY_TEST_TIER="agent", LIVY_TEST_FULL=str(int(self.args.full)))
        for name, variable in (("venv", "LIVY_AGENT_PYTHON35"),
                               ("venv-4.1", "LIVY_AGENT_PYTHON41")):
            self.say(f"real Spark, {build.VENVS[name][0]}")
            try:
                folder = build.venv(self.place, name, build.ALSO[name])
            except build.BuildError as e:
                self.count.add([(f"agent/{name}", "failed", str(e.args[0]))])
                return
            self.env[variable] = str(folder / "bin" / "python")
        self.say("tier agent")
        self.pytest_part("agent", "not root", self.place.as_user)

    def spark(self):
        self.say("real Spark")
        try:
            self.env["LIVY_TEST_SPARK_HOME"] = str(build.spark(self.place))
        except build.BuildError as e:
            self.count.add([("spark/pyspark", "failed", str(e.args[0]))])
            return False
        return True

    def cluster_up(self):
        """Whoever names a cluster may name a command that brings it up."""
        command = os.environ.get("LIVY_TEST_CLUSTER_UP")
        if not command:
            return True
        self.say("the cluster")
        done = subprocess.run(command, shell=True, text=True,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        NOT_OURS.update(procs.children(os.getpid()))
        self.count.add([("cluster/up", "passed", "") if done.returncode == 0
                        else ("cluster/up", "failed", done.stdout[-4000:])])
        return done.returncode == 0

    def cluster(self):
        """The kubeconfig in one file that the tests' user can read."""
        import kube
        path, _ = kube.flatten(os.environ["LIVY_TEST_KUBECONFIG"],
                               self.place.top / "home")
        self.place.give(path)
        self.env["LIVY_TEST_KUBECONFIG"] = str(path)

    def pytest_part(self, tier, mark, prefix):
        src = self.place.src
        more = []
        if self.args.k:
            more += ["-k", self.args.k]
        if self.args.x:
            more += ["-x"]
        if tier in TWO_AT_ONCE and prefix != list and not self.args.k:
            more += ["-n", "2", "--dist", "loadfile"]
        code, rows = self.pytest_once(prefix, [
            "-m", mark, *(src / "tests" / name for name in FILES[tier]),
            *more])
        again = list(dict.fromkeys(row[3] for row in rows
                                   if row[1] == "failed"))
        if 0 < len(again) <= AGAIN_MAX and not self.args.x:
            rows = self.once_more(prefix, rows, again)
            code = 0 if all(r[1] != "failed" for r in rows) else code
        self.count.add([row[:3] for row in rows])
        self.count.logs.update({row[0]: row[4] for row in rows})
        left = end_orphans()
        if left:
            self.count.add([(f"{tier}/processes left behind", "failed",
                             "\n".join(left))])
        # 5: nothing was collected, which a mark or -k may well do
        if code not in (0, 5) and all(r[1] == "passed" for r in rows):
            self.count.add([(f"{tier}/pytest", "failed",
                             f"pytest ended with status {code}")])

    def pytest_once(self, prefix, more):
        """Its status, and a row for each test: id, outcome, detail, node."""
        results = self.place.top / "results.jsonl"
        results.write_text("")
        self.place.give(results)
        src = self.place.src
        argv = ["/usr/bin/python3", "-B", "-m", "pytest", "-p",
                "no:cacheprovider", "-c", src / "tests" / "pytest.ini",
                "--rootdir", src / "tests", *more]
        env = dict(self.env, LIVY_TEST_RESULTS=str(results))
        code = subprocess.run(prefix([str(a) for a in argv]), env=env,
                              cwd=src / "tests",
                              stdin=subprocess.DEVNULL).returncode
        return code, [json.loads(line) for line in
                      results.read_text().splitlines()]

    def once_more(self, prefix, rows, nodes):
        """A few that failed are run again by themselves. What passes then is
        counted as passed, and named at the end with how it failed first."""
        end_orphans()
        self.say("again: " + ", ".join(nodes))
        _, new = self.pytest_once(prefix, nodes)
        again = {row[0]: row for row in new}
        for row in rows:
            if row[1] != "failed":
                continue
            other = again.get(row[0], [row[0], "failed", "it did not end", "",
                                       ""])
            if other[1] == "passed":
                self.count.unsteady.append((row[0], row[2]))
                row[1], row[2] = "passed", ""
            else:
                row[2] = f"{FIRST_SAID}\n{row[2].rstrip()}\n" \
                    f"{AGAIN_SAID}\n{other[2]}"
                row[4] += other[4]
        return rows

    def begin_fuzz(self):
        """Takes what time others leave, beside the tiers that come first."""
        if self.fuzzing:
            return
        folder = self.place.top / "build-fuzz"
        folder.mkdir(exist_ok=True)
        self.place.give(folder)
        seconds = self.args.fuzz_seconds
        self.say(f"fuzz targets, {seconds} s each")
        self.fuzz_log = open(self.place.logs / "fuzz.log", "w+")
        self.fuzzing = subprocess.Popen(
            self.place.as_user(["nice", self.place.src / "tests/fuzz/run",
                                seconds]),
            env=self.place.environ(FUZZ_BUILD=folder),
            stdin=subprocess.DEVNULL, stdout=self.fuzz_log,
            stderr=subprocess.STDOUT, start_new_session=True)
        NOT_OURS.add(self.fuzzing.pid)

    def fuzz(self):
        """tests/fuzz/run says a line a target; what broke one is kept."""
        self.begin_fuzz()
        self.say("tier fuzz")
        self.fuzzing.wait()     # its status may have been reaped
        self.fuzz_log.seek(0)
        said = self.fuzz_log.read()
        print(said, end="", flush=True)
        lines = re.findall(r"^(\w+): (.*(?:FAILED|nothing found).*)$", said,
                           re.M)
        self.count.add([(f"fuzz/{name}", "failed" if "FAILED" in text else
                         "passed", text) for name, text in lines])
        targets = list((self.place.src / "tests/fuzz").glob("fuzz_*.c"))
        if len(lines) != len(targets):
            self.count.add([("fuzz/run", "failed", said[-4000:])])

    def end_fuzz(self):
        if self.fuzzing and self.fuzzing.poll() is None:
            os.killpg(self.fuzzing.pid, signal.SIGKILL)

    def fresh(self):
        self.say("tier fresh")
        import fresh
        self.count.add(fresh.run(self.place, self.say))

    def begin_clients(self):
        """The real clients' packages come while other tiers run; a test
        that needs some waits for them."""
        made = subprocess.Popen(self.place.as_user([
            "/usr/bin/python3", "-B", self.place.src / "tests" /
            "environments.py", self.place.top]), env=self.place.environ(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)      # who waits tries it again
        NOT_OURS.add(made.pid)

    def run(self):
        self.say(f"source to {self.place.src}")
        self.place.copy_source()
        if "spark" in self.args.tier:
            environments.lend(self.place.top)
            if not self.args.k:
                self.begin_clients()
        for tier in self.args.tier:
            if "fuzz" in self.args.tier and tier != "unit":
                self.begin_fuzz()
            if tier == "unit":
                self.unit()
            elif tier in ("agent", "fuzz", "fresh"):
                getattr(self, tier)()
            else:
                self.pytest(tier)
        self.say("done")
        return self.count.close()


START = time.monotonic()

if __name__ == "__main__":
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    runner = Runner(arguments())
    adopt_orphans()
    try:
        sys.exit(runner.run())
    finally:
        runner.end_fuzz()
        end_orphans(grace=0)
