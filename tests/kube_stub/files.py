"""The certificates and kubeconfig files, made afresh at each start."""
import json
import subprocess
from pathlib import Path

from .auth import TOKENS


def make_certificate(folder: Path, name: str, *words: object) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30, "-subj", f"/CN=stub-{name}",
               "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", *words]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=30)


def make_certificates(folder: Path) -> None:
    make_certificate(folder, "ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    make_certificate(folder, "server", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
                     "-addext", "basicConstraints=critical,CA:FALSE",
                     "-addext", "extendedKeyUsage=serverAuth",
                     "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


def write_kubeconfigs(folder: Path, url: str) -> None:
    for name, token in zip(("admin", "provisioner"), TOKENS):
        text = json.dumps({   # JSON is YAML too
            "apiVersion": "v1", "kind": "Config", "current-context": "stub",
            "clusters": [{"name": "stub", "cluster": {
                "server": url, "certificate-authority": str(folder / "ca.crt")}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": name}}]})
        (folder / f"{name}.kubeconfig").write_text(text + "\n")
