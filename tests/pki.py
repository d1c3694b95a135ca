"""A throwaway certificate authority, made by openssl."""

import subprocess

from procs import give


def openssl(*argv, cwd):
    subprocess.run(["openssl", *argv], cwd=cwd, check=True,
                   capture_output=True)


def make_ca(folder):
    """ca.crt and ca.key, and server.crt and server.key for this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", "/CN=livy-fcgi tests", "-keyout", "ca.key",
            "-out", "ca.crt", cwd=folder)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
            "-keyout", "server.key", "-out", "server.csr", cwd=folder)
    (folder / "server.ext").write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\n"
        "extendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
            "server.ext", "-out", "server.crt", cwd=folder)
    give(folder, *folder.iterdir())
    return folder
