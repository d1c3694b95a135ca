"""Fetches one release from the package index that pip is set up for, and goes
on where a download was cut, which pip of Debian 12 does not.

    python fetch.py NAME VERSION FOLDER

Runs in the virtual environment and uses the pip in it, so pip's own settings
hold: index, proxies, certificates, credentials. Prints the path of the file.
Ends with 1 if it could not be had; the caller then leaves it to pip."""

import hashlib
import os
import sys
import time

from pip._internal.commands import create_command
from pip._vendor.packaging.specifiers import SpecifierSet
from pip._vendor.requests import RequestException

IDLE_ATTEMPTS = 6  # attempts in a row that bring nothing
BLOCK = 1 << 16


def say(text):
    print("    " + text, file=sys.stderr, flush=True)


def find(command, options, session, name, version):
    finder = command._build_package_finder(options=options, session=session)
    best = finder.find_best_candidate(
        name, SpecifierSet("==" + version)).best_candidate
    if best is None:
        raise SystemExit(f"    no {name} {version} in the package index")
    return best.link


def attempt(session, url, path, name):
    """Adds to the file what it lacks; True once it is whole."""
    have = os.path.getsize(path) if os.path.exists(path) else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with session.get(url, headers=headers, stream=True, timeout=60) as reply:
        if reply.status_code == 416:  # nothing lacks
            return True
        reply.raise_for_status()
        if reply.status_code != 206:
            have = 0
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else None
        told = have
        with open(path, "r+b" if have else "wb") as file:
            file.seek(have)
            for block in reply.raw.stream(BLOCK, decode_content=False):
                file.write(block)
                have += len(block)
                if total and have - told >= total // 10:
                    say(f"{name}: {have >> 20} of {total >> 20} MB")
                    told = have
    return total is None or have >= total


def good(path, link):
    if not link.hash_name:
        return True
    digest = hashlib.new(link.hash_name)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest() == link.hash


def fetch(session, link, folder):
    whole = os.path.join(folder, link.filename)
    part = whole + ".part"
    if os.path.exists(whole) and good(whole, link):
        return whole
    idle = 0
    while idle < IDLE_ATTEMPTS:
        before = os.path.getsize(part) if os.path.exists(part) else 0
        if before:
            say(f"{link.filename}: going on after {before >> 20} MB")
        try:
            done = attempt(session, link.url_without_fragment, part,
                           link.filename)
        except (RequestException, OSError) as error:
            say(f"cut: {type(error).__name__}")
            done = False
        except Exception as error:  # urllib3's own, by whatever name
            say(f"cut: {type(error).__name__}")
            done = False
        after = os.path.getsize(part) if os.path.exists(part) else 0
        if done and good(part, link):
            os.replace(part, whole)
            return whole
        if done:
            say("its checksum is wrong: once more from the start")
            os.unlink(part)
        idle = 0 if after > before and not done else idle + 1
        time.sleep(min(idle * 2, 10))
    raise SystemExit("    the package index cannot be reached")


def main():
    name, version, folder = sys.argv[1:]
    command = create_command("download")
    with command.main_context():
        options, _ = command.parse_args(["--no-cache-dir", name])
        session = command.get_default_session(options)
        link = find(command, options, session, name, version)
        if link.is_file:
            print(link.file_path)
        else:
            print(fetch(session, link, folder))


main()
