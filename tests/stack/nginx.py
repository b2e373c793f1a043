"""The site of nginx/, run unprivileged on loopback.

The shipped files are used as they are, copied into a folder laid out like
/etc/nginx. Only the two that the site includes for this purpose are written
anew, listen.conf and sockets.conf, and the main nginx.conf that a
distribution would supply.
"""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from .process import (PortTaken, Process, StackError, find_program, free_port, require_free,
                      run_tool, wait_until)

SITE = Path(__file__).resolve().parents[2] / "nginx"
WORKER_USER = "www-data"

MAIN = """\
{user}worker_processes 2;
pid nginx.pid;
error_log error.log notice;
events {{
	worker_connections 1000;
}}
http {{
	client_body_temp_path "{temp}/body";
	fastcgi_temp_path "{temp}/fastcgi";
	proxy_temp_path "{temp}/proxy";
	scgi_temp_path "{temp}/scgi";
	uwsgi_temp_path "{temp}/uwsgi";
	include sandbox-provisioner.conf;
}}
"""

LISTEN = """\
listen 127.0.0.1:{port};
listen 127.0.0.1:{tls_port} ssl http2;
server_name _;
ssl_certificate tls/cert.pem;
ssl_certificate_key tls/key.pem;
access_log access.log sandbox_provisioner;
{extra}
"""

UPSTREAM = """\
upstream sandbox_provisioner_{lane} {{
	server "unix:{socket}";
}}
"""


def worker_gid() -> int | None:
    """The group of nginx's workers when we may choose it, that is as root."""
    return pwd.getpwnam(WORKER_USER).pw_gid if os.geteuid() == 0 else None


def make_certificate(folder: Path) -> Path:
    """A self-signed pair for localhost; returns the certificate."""
    folder.mkdir(exist_ok=True)
    run_tool([
        find_program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30",
        "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
    ])
    return folder / "cert.pem"


class Nginx:
    """sockets: lane (read, write, probe) -> path. `extra` goes into listen.conf,
    `changes` is file -> {text: replacement}, to make a limit small enough to reach."""

    def __init__(self, folder: Path, temp: Path, sockets: dict[str, Path], *, port: int = 0,
                 tls_port: int = 0, extra: str = "",
                 changes: dict[str, dict[str, str]] | None = None):
        self.folder = folder
        self.port, self.tls_port = port, tls_port
        self.keys_file = folder / "sandbox-provisioner/keys/keys.map"
        self._temp, self._sockets = temp, sockets
        self._asked_ports = (port, tls_port)
        self._extra, self._changes = extra, changes or {}
        self._process: Process | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(SITE, self.folder)
        self.keys_file.parent.mkdir(exist_ok=True)
        self.ca_file = make_certificate(self.folder / "tls")
        user = f"user {WORKER_USER};\n" if os.geteuid() == 0 else ""
        self._write("nginx.conf", MAIN.format(user=user, temp=self._temp))
        upstreams = [UPSTREAM.format(lane=lane, socket=path)
                     for lane, path in self._sockets.items()]
        self._write("sandbox-provisioner/sockets.conf", "".join(upstreams))
        for name, replacements in self._changes.items():
            self._change(self.folder / name, replacements)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    @staticmethod
    def _change(path: Path, replacements: dict[str, str]) -> None:
        text = path.read_text()
        for old, new in replacements.items():
            if old not in text:
                raise StackError(f"{path.name} no longer holds {old!r}")
            text = text.replace(old, new)
        path.write_text(text)

    def start(self) -> None:
        attempts = 1 if all(self._asked_ports) else 5
        for attempt in range(attempts):
            try:
                self._start_once()
                return
            except PortTaken:
                self.stop()
                # A port that was free a moment ago may be somebody's by now.
                if attempt == attempts - 1 or self._is_asked_port_taken():
                    raise

    def _is_asked_port_taken(self) -> bool:
        try:
            for port in filter(None, self._asked_ports):
                require_free(port)
        except PortTaken:
            return True
        return False

    def _start_once(self) -> None:
        self.port, self.tls_port = (port or free_port() for port in self._asked_ports)
        for port in (self.port, self.tls_port):
            require_free(port)
        self._write("sandbox-provisioner/listen.conf", LISTEN.format(
            port=self.port, tls_port=self.tls_port, extra=self._extra))
        (self.folder / "error.log").unlink(missing_ok=True)
        self._process = Process(
            [find_program("nginx"), "-p", f"{self.folder}/", "-c", "nginx.conf",
             "-e", "error.log", "-g", "daemon off;"],
            self.folder / "output.log")
        wait_until(self._has_started_or_ended, 10, "nginx did not start")
        if not self._process.alive():
            text = self.error_log()
            kind = PortTaken if "Address already in use" in text else StackError
            raise kind(f"nginx did not start: {text}")

    def _has_started_or_ended(self) -> bool:
        # Written after the listening sockets are open.
        return not self._process.alive() or (self.folder / "nginx.pid").exists()

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def error_log(self) -> str:
        parts = (self.folder / "output.log", self.folder / "error.log")
        return "".join(path.read_text(errors="replace") for path in parts if path.exists())

    @property
    def access_log(self) -> Path:
        return self.folder / "access.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"
