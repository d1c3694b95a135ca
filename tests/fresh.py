"""The first command on a fresh Debian: a minbase root made by mmdebstrap from
this machine's own apt sources, entered by a mount namespace and pivot_root
(user namespaces are refused inside a chroot), once as root with the checkout
under /root and once as a user with a closed home."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from place import CHECKOUT, is_root

WHO = {"root": "/root", "user": "/home/newcomer"}
KEPT = re.compile(r"^(PIP_\w+|(https?|no|all)_proxy|SSL_CERT_\w+|"
                  r"REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$", re.I)
HOURGLASS = 3600    # seconds that one run may take at most


def run(place, say):
    if not is_root():
        return [(f"fresh/{who}", "skipped", "") for who in WHO]
    top = place.top / "fresh"
    remove(top)
    top.mkdir()
    say("fresh: a minbase root by mmdebstrap")
    base = top / "base.tar"
    done = subprocess.run(mmdebstrap(top, base), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        return [("fresh/mmdebstrap", "failed", done.stderr[-3000:])]
    rows = []
    for who, home in WHO.items():
        say(f"fresh: the first command as {who}")
        root = top / who
        try:
            prepare(root, base, home)
            rows += enter(root, who)
        finally:
            remove(root)
    remove(top)
    return rows


def remove(path):
    """Never across a mount: namespaces end with their processes."""
    if path.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


def codename():
    text = pathlib.Path("/etc/os-release").read_text()
    return re.search(r'^VERSION_CODENAME="?(\w+)', text, re.M)[1]


def sources():
    """The host's sources of Debian itself: those of its suites."""
    name = codename()
    kept = []
    for path in [pathlib.Path("/etc/apt/sources.list"),
                 *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        if not path.exists():
            continue
        text = path.read_text()
        if path.suffix == ".sources":
            for stanza in re.split(r"\n\s*\n", text):
                suites = re.search(r"^Suites:(.*)$", stanza, re.M)
                if suites and all(s.startswith(name)
                                  for s in suites[1].split()):
                    kept.append(stanza.strip())
        else:
            kept += [stanza_of(line) for line in text.splitlines()
                     if re.match(rf"deb\b.*\s{name}[\w/-]*\s", line)]
    return "\n\n".join(kept) + "\n"


def stanza_of(line):
    """deb [options] uri suite components, as deb822."""
    m = re.match(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
    text = f"Types: deb\nURIs: {m[2]}\nSuites: {m[3]}\nComponents: {m[4]}"
    for option in (m[1] or "").split():
        key, _, value = option.partition("=")
        text += f"\n{key.title()}: {value}"
    return text


def apt_settings():
    """Proxies and the like, not other packages' hooks."""
    return [p for p in sorted(pathlib.Path("/etc/apt/apt.conf.d").glob("*"))
            if re.search(r"Acquire::(https?|Retries|ForceIP)",
                         p.read_text(errors="replace"), re.I)]


def mmdebstrap(top, target):
    (top / "debian.sources").write_text(sources())
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase"]
    argv += [f"--aptopt={p}" for p in apt_settings()]
    return [str(a) for a in (*argv, codename(), target,
                             top / "debian.sources")]


def prepare(root, base, home):
    root.mkdir()
    subprocess.run(["tar", "-xf", base, "-C", root, "--exclude=./dev/*"],
                   check=True)
    for name in ("dev", "proc", "sys", "tmp"):
        (root / name).mkdir(exist_ok=True)
    copies = ["/etc/resolv.conf", "/etc/pip.conf", "/usr/share/keyrings"]
    if any(os.environ.get(k) for k in os.environ
           if KEPT.match(k) and "CERT" in k.upper()):
        copies += ["/etc/ssl/certs", "/usr/local/share/ca-certificates"]
    for links in os.environ.get("PIP_FIND_LINKS", "").split():
        copies.append(links)
    for name in copies:
        copy(pathlib.Path(name), root)
    for path in apt_settings():
        copy(path, root)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    if home.startswith("/home/"):
        subprocess.run(["chroot", root, "useradd", "--create-home",
                        "--home-dir", home, "--shell", "/bin/bash",
                        "newcomer"], check=True)
    checkout = root / home.lstrip("/") / "livy-fcgi"
    shutil.copytree(CHECKOUT, checkout, symlinks=True,
                    ignore=generated)
    (root / home.lstrip("/")).chmod(0o700)
    owner = (root / home.lstrip("/")).stat()
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    shutil.copy(pathlib.Path(__file__).with_name("fresh_inside"),
                root / "fresh_inside")


def generated(folder, names):
    """A clone has none of what autogen.sh makes."""
    made = {"autom4te.cache", "build-aux", "aclocal.m4", "configure",
            "configure~", "config.h.in", "config.h.in~", "Makefile.in",
            "__pycache__"}
    return made & set(names)


def copy(source, root):
    target = root / str(source).lstrip("/")
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False, dirs_exist_ok=True,
                        ignore_dangling_symlinks=True)
    else:
        target.unlink(missing_ok=True)
        shutil.copy(source, target)


def received():
    """Bytes that came in from other machines."""
    total = 0
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, rest = line.partition(":")
        if name.strip() != "lo":
            total += int(rest.split()[0])
    return total


def enter(root, who):
    env = {k: v for k, v in os.environ.items() if KEPT.match(k)}
    env.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
               "/sbin:/bin", TERM="dumb")
    inside = pathlib.Path(__file__).with_name("fresh_inside")
    start, before = time.monotonic(), received()
    process = subprocess.Popen(
        ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork",
         "--kill-child", "--propagation", "private",
         "/bin/bash", inside, "enter", root, who],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace")
    rows, lines = [], []
    try:
        for line in process.stdout:
            lines.append(line)
            m = re.match(r"POINT (ok|not ok) (.*)", line)
            if m:
                outcome = "passed" if m[1] == "ok" else "failed"
                detail = "" if outcome == "passed" else "".join(lines[-40:])
                rows.append((f"fresh/{who}::{m[2]}", outcome, detail))
                lines.clear()
            elif line.startswith("UP "):
                took = time.monotonic() - start
                print(f"    fresh as {who}: {took:.0f} s, "
                      f"{(received() - before) / 1e6:.0f} MB downloaded",
                      flush=True)
            else:
                print("    | " + line, end="", flush=True)
            if time.monotonic() - start > HOURGLASS:
                process.kill()
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0 and all(r[1] == "passed" for r in rows):
        rows.append((f"fresh/{who}::the whole run", "failed",
                     "".join(lines[-60:])))
    return rows
