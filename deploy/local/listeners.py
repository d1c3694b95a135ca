"""Who of our processes listens where. Everything of the local installation
is to be reached from this machine only, so each address must be a loopback
one; Spark's ports, which it opens by itself, are the reason to look."""

import ipaddress
import os
import pathlib
import socket
import struct

LISTEN = "0A"


def loopback(address):
    ip = ipaddress.ip_address(address)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def decode(text):
    """An address of /proc/net/tcp or tcp6: words in the machine's order."""
    raw = bytes.fromhex(text)
    words = struct.unpack(f">{len(raw) // 4}I", raw)
    raw = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(
        socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def sockets():
    """inode: (address, port, uid) of each listening TCP socket."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            field = line.split()
            if field[3] == LISTEN:
                address, port = field[1].split(":")
                found[field[9]] = (decode(address), int(port, 16),
                                   int(field[7]))
    return found


def processes():
    """pid: (parent, session) of each process."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        field = stat.rpartition(")")[2].split()
        found[int(entry)] = (int(field[1]), int(field[3]))
    return found


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def ours(state):
    """Pids of the services, of what runs from the state folder, and of all
    that descend from them."""
    table = processes()
    leaders = set()
    for path in pathlib.Path(state, "private/run").glob("*.pid"):
        leaders.add(int(path.read_text().split()[0]))
    found = {pid for pid, (_, session) in table.items()
             if session in leaders or executable(pid).startswith(state + "/")}
    while True:
        more = {pid for pid, (parent, _) in table.items()
                if parent in found} - found
        if not more:
            return found
        found |= more


def inodes(pids):
    found = set()
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    found.add(target[8:-1])
        except OSError:
            continue
    return found


def listeners(state, whole_user):
    """(address, port) of all our listeners; whole_user says that every
    process of this user is one of ours."""
    table = sockets()
    mine = inodes(ours(state))
    return {(address, port) for inode, (address, port, uid) in table.items()
            if inode in mine or (whole_user and uid == os.getuid())}
