"""The virtual environments of the real clients, one for each list of packages
in tests/spark/clients: made once, then kept until its list changes. Started
as a program it makes all of them."""

import fcntl
import os
import pathlib
import subprocess
import sys

LISTS = pathlib.Path(__file__).resolve().parent / "spark" / "clients"


def run(log, *argv):
    with open(log, "ab") as out:
        done = subprocess.run([str(a) for a in argv], stdout=out,
                              stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        text = log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{argv}: exit status {done.returncode}\n{text}")


def environment(top, name):
    """Its folder, once all of its packages are in it. The lists are complete:
    they name what pip chose for the client's own requirements."""
    listed = LISTS / f"{name}.txt"
    folder = top / "clients" / name
    stamp, log = folder / "installed", top / "logs" / f"clients-{name}.log"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != listed.read_text():
            log.unlink(missing_ok=True)
            run(log, "/usr/bin/python3", "-m", "venv", "--clear", folder)
            run(log, folder / "bin/pip", "install", "--no-compile",
                "--no-deps", "--retries", "5", "-r", listed)
            stamp.write_text(listed.read_text())
    return folder


if __name__ == "__main__":
    os.nice(5)
    for path in sorted(LISTS.glob("*.txt")):
        environment(pathlib.Path(sys.argv[1]), path.stem)
