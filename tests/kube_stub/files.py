"""The certificates and kubeconfig files, made afresh at each start."""
import json
import os
import subprocess
from pathlib import Path

from .auth import Access


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


def make_certificates(folder: Path) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")
    extensions = folder / "server.ext"
    extensions.write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
                          "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", *key, folder / "ca.key", "-out", folder / "ca.crt", "-days", 30,
            "-subj", "/CN=kube-stub-ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *key, folder / "server.key", "-out", folder / "server.csr",
            "-subj", "/CN=kube-stub")
    openssl("x509", "-req", "-in", folder / "server.csr", "-out", folder / "server.crt",
            "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", 30,
            "-extfile", extensions)


def write_kubeconfigs(folder: Path, url: str, access: Access) -> None:
    for name, token in zip(("admin", "provisioner"), access.tokens):
        text = json.dumps({   # JSON is YAML too
            "apiVersion": "v1", "kind": "Config", "current-context": "stub",
            "clusters": [{"name": "stub", "cluster": {
                "server": url, "certificate-authority": str(folder / "ca.crt")}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": name}}]})
        path = folder / f"{name}.kubeconfig"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as out:
            out.write(text + "\n")
