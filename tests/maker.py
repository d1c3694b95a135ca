"""Makes the clusters and gateways of tests and ends them; knows their logs."""

import pathlib
import re
import tempfile

import rig
from gateway import Gateway

FINDINGS = ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanit",
            "Assertion `")

started = []    # what lives, for the logs of a failure


class Maker:
    """Makes clusters and gateways and ends them, newest first."""

    def __init__(self, workdir, pki):
        self.workdir, self.pki, self.made, self.number = workdir, pki, [], 0

    def folder(self, kind):
        self.number += 1
        return pathlib.Path(tempfile.mkdtemp(
            prefix=f"{kind}{self.number}-", dir=self.workdir))

    def cluster(self, **kwargs):
        return self.keep(rig.Cluster(self.folder("c"), self.pki, **kwargs))

    def gateway(self, cluster, **kwargs):
        return self.keep(Gateway(self.folder("g"), cluster, self.pki,
                                 **kwargs))

    def keep(self, thing):
        self.made.append(thing)
        started.append(thing)
        return thing.start()

    def end(self):
        errors = []
        for thing in reversed(self.made):
            try:
                thing.stop()
            except Exception as e:
                errors.append(e)
            errors += findings(thing)
            started.remove(thing)
        self.made.clear()
        if errors:
            raise AssertionError("\n".join(map(str, errors)))


def parts_of(thing):
    if isinstance(thing, Gateway):
        return [thing.master, thing.nginx]
    return thing.parts()


def findings(thing):
    """What sanitizers and assertions said in the logs of its programs."""
    return [f"{part.name}: {line}" for part in parts_of(thing)
            for line in part.text().splitlines()
            if any(f in line for f in FINDINGS)]


def notable(text, most):
    """The last lines of a log. Of those that differ in numbers only, as a
    client's polls do, the last one stands for all."""
    last = {}
    for line in text[-1000000:].splitlines():
        shape = re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", line)
        last[shape] = (line, last.pop(shape, ("", 0))[1] + 1)
    return "".join(line[:400] + (f"  [{n} such lines]" if n > 1 else "") + "\n"
                   for line, n in list(last.values())[-most:])


def logs(since=0):
    """Of what lives and has said something since that time."""
    text = ""
    for thing in started:
        paths = [(part.log, 40) for part in parts_of(thing)]
        if isinstance(thing, Gateway):
            paths.append((thing.folder / "nginx-error.log", 10))
        for path, most in paths:
            if path.exists() and path.stat().st_mtime >= since:
                text += f"--- {path}\n" + notable(
                    path.read_text(errors="replace"), most)
    return text
