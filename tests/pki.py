"""Throwaway certificate authorities, made by openssl."""

import subprocess

from procs import give


def openssl(*argv, cwd):
    subprocess.run(["openssl", *argv], cwd=cwd, check=True,
                   capture_output=True)


def authority(folder, name, subject):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.crt",
            cwd=folder)


def certificate(folder, name, subject, extensions, ca="ca"):
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject,
            "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=folder)
    (folder / f"{name}.ext").write_text(extensions)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt",
            "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "30",
            "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=folder)


def make_ca(folder):
    """ca.crt, server.crt for this machine, and their keys; clients.crt is
    the authority of dora and eve, who stand before a gateway with their
    certificates; forged is another one's dora."""
    folder.mkdir(parents=True, exist_ok=True)
    authority(folder, "ca", "/CN=livy-fcgi tests")
    certificate(folder, "server", "/CN=localhost",
                "subjectAltName=IP:127.0.0.1,DNS:localhost\n"
                "extendedKeyUsage=serverAuth\n")
    for ca in ("clients", "others"):
        authority(folder, ca, f"/O=Example/CN={ca}")
    for name, ca in (("dora", "clients"), ("eve", "clients"),
                     ("forged", "others")):
        user = "dora" if name == "forged" else name
        certificate(folder, name, f"/O=Example/OU=data/CN={user}",
                    "extendedKeyUsage=clientAuth\n", ca=ca)
    give(folder, *folder.iterdir())
    return folder
