"""The virtual environments of the real clients, one for each list of packages
in tests/spark/clients: made once, then kept until its list changes. Started
as a program it makes all of them."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

from place import USER

LISTS = pathlib.Path(__file__).resolve().parent / "spark" / "clients"
# What the first line of a list asks for, if not this system's Python.
PYTHONS = {"# python3.9": ("3.9", "LIVY_TEST_PYTHON39")}


def run(log, *argv):
    with open(log, "ab") as out:
        done = subprocess.run([str(a) for a in argv], stdout=out,
                              stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        text = log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{argv}: exit status {done.returncode}\n{text}")


def runs(python, version):
    """Whether the tests' user can run this, and it is that Python."""
    if not python:
        return False
    user = {"user": USER, "group": USER, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(
            [python, "-c", "import ensurepip, ssl, sys, venv\n"
             "print('%d.%d' % sys.version_info[:2])"], cwd="/", text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, **user)
    except (OSError, LookupError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def copy_python(python, top):
    """A Python without what was installed into it, in a folder of its own,
    where it finds its library by itself. Returns its path."""
    version, prefix = subprocess.run(
        [python, "-c", "import sys\nprint('%d.%d' % sys.version_info[:2], "
         "sys.base_prefix)"], check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).stdout.strip().split(" ", 1)
    name, prefix = f"python{version}", pathlib.Path(prefix)
    folder = top / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        prefix / "lib" / name, folder / "lib" / name,
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__"))
    (folder / "lib" / name / "site-packages").mkdir()
    for library in prefix.glob(f"lib/libpython{version}*"):
        shutil.copy(library, folder / "lib", follow_symlinks=False)
    copied = folder / "bin" / name
    copied.parent.mkdir()
    # Where its library was is written in it, with room for where it is.
    was, now = f"{prefix}/lib\0".encode(), b"$ORIGIN/../lib\0"
    program = pathlib.Path(os.path.realpath(prefix / "bin" / name)) \
        .read_bytes()
    if len(was) >= len(now):
        program = program.replace(was, now.ljust(len(was), b"\0"))
    copied.write_bytes(program)
    copied.chmod(0o755)
    return str(copied)


def lend(top):
    """A Python that a list asks for and that the tests' user cannot run, in
    pyenv in root's home for one, is copied to where it can."""
    for version, variable in PYTHONS.values():
        name = f"python{version}"
        lent = str(top / name / "bin" / name)
        if os.environ.get(variable) or runs(shutil.which(name), version):
            continue
        if not runs(lent, version):
            lent = lend_first(version, top)
        if lent:
            os.environ[variable] = lent


def lend_first(version, top):
    """The first of those that are here which runs once it is copied."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or
                         os.path.expanduser("~/.pyenv"))
    for found in (shutil.which(f"python{version}"), *sorted(
            pyenv.glob(f"versions/{version}.*/bin/python{version}"))):
        try:
            copied = copy_python(found, top)
        except (OSError, TypeError, ValueError, subprocess.SubprocessError):
            continue        # there is none, or its name leads nowhere
        if runs(copied, version):
            return copied
    return None


def interpreter(name):
    """The Python that a list asks for; None if it is not here."""
    with open(LISTS / f"{name}.txt") as lines:
        asked = PYTHONS.get(next(lines).strip())
    if not asked:
        return "/usr/bin/python3"
    version, variable = asked
    python = os.environ.get(variable) or shutil.which(f"python{version}")
    return python if runs(python, version) else None


def environment(top, name):
    """Its folder, once all of its packages are in it. The lists are complete:
    they name what pip chose for the client's own requirements."""
    listed = LISTS / f"{name}.txt"
    folder = top / "clients" / name
    stamp, log = folder / "installed", top / "logs" / f"clients-{name}.log"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != listed.read_text() \
                or not (folder / "bin/python").exists():
            log.unlink(missing_ok=True)
            run(log, interpreter(name), "-m", "venv", "--clear", folder)
            run(log, folder / "bin/pip", "install", "--no-compile",
                "--no-deps", "--retries", "5", "-r", listed)
            stamp.write_text(listed.read_text())
    return folder


if __name__ == "__main__":
    os.nice(5)
    for path in sorted(LISTS.glob("*.txt")):
        if interpreter(path.stem):
            environment(pathlib.Path(sys.argv[1]), path.stem)
