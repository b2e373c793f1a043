"""nginx, spawn-fcgi and the program as one thing that starts and stops."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import stat
import tempfile
from pathlib import Path

from .nginx import Nginx, worker_gid
from .process import StackError, wait_until
from .provisioner import Provisioner

LANES = ("read", "write", "probe")
# sockaddr_un holds 108 bytes, and `/write.sock` and its end are part of them.
LONGEST_SOCKET_DIR = 107 - len("/write.sock")


def reachable(folder: Path) -> bool:
    """Whether nginx's workers get to the folder: as root they are www-data."""
    if os.geteuid() != 0:
        return True
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.resolve().parents)


class RuntimeDir:
    """Where the sockets are: in the work folder, or if that is too long or too
    private, in a folder of its own that is gone afterwards."""

    def __init__(self, workdir: Path):
        inside = workdir / "sockets"
        self._temporary = len(os.fsencode(inside)) > LONGEST_SOCKET_DIR or not reachable(inside)
        if self._temporary:
            self.path = Path(tempfile.mkdtemp(prefix="sandbox-provisioner-", dir="/tmp"))
        else:
            shutil.rmtree(inside, ignore_errors=True)
            inside.mkdir(mode=0o700)
            self.path = inside
        gid = worker_gid()
        if gid is not None:
            # Sockets made in a set-group-id folder get its group, so 0660 lets
            # the workers in and nobody else.
            os.chown(self.path, -1, gid)
            self.path.chmod(0o2710)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Stack:
    """Starts on free ports unless told otherwise; `with Stack(...) as stack` stops it.

    api_keys: name -> key. settings: merged into the generated provisioner.conf.
    env: added to the program's otherwise bare environment.
    changes: file of nginx/ -> {text: replacement}.
    """

    def __init__(self, kubeconfig: Path | str | None, workdir: Path | str, *,
                 program: Path | str, api_keys: dict[str, str] | None = None,
                 settings: dict | None = None, env: dict[str, str] | None = None,
                 port: int = 0, tls_port: int = 0,
                 changes: dict[str, dict[str, str]] | None = None):
        self.workdir = Path(workdir).resolve()
        self._kubeconfig = kubeconfig
        self._program = Path(program).resolve()
        self._api_keys = api_keys or {}
        self._settings, self._env = settings or {}, env or {}
        self._ports = {"port": port, "tls_port": tls_port}
        self._changes = changes
        # After so many seconds the program is killed, whatever it is serving.
        self.drain_s = 5.0
        self._running = contextlib.ExitStack()
        self.nginx: Nginx | None = None
        self.provisioner: Provisioner | None = None

    def start(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        self.workdir.mkdir(parents=True, exist_ok=True)
        runtime = RuntimeDir(self.workdir)
        self._running.callback(runtime.remove)
        self._sockets = {lane: runtime.path / f"{lane}.sock" for lane in LANES}
        temp = runtime.path / "temp"
        temp.mkdir(mode=0o711)

        self.provisioner = Provisioner(
            self.workdir, self._program, self._sockets, kubeconfig=self._kubeconfig,
            api_keys=self._api_keys, settings=self._settings, env=self._env)
        self.nginx = Nginx(self.workdir / "nginx", temp, self._sockets, **self._ports,
                           changes=self._changes)
        self._running.callback(lambda: self.provisioner.stop(self.drain_s))
        self._start_provisioner()
        self._running.callback(self.nginx.stop)
        self.nginx.start()
        self._wait_for_health()

    def _start_provisioner(self) -> None:
        try:
            self.provisioner.start()
        except StackError as error:
            raise StackError(f"{error}\n{self.provisioner.log()}".rstrip()) from None
        self.provisioner.write_nginx_keys(self.nginx.keys_file)

    def _wait_for_health(self) -> None:
        try:
            wait_until(self._is_healthy_or_ended, 10, "/health did not answer")
        except StackError as error:
            raise StackError(f"{error}\n{self.log()}") from None
        if not self.alive():
            raise StackError(f"the stack ended while it started\n{self.log()}")

    def _is_healthy_or_ended(self) -> bool:
        return not self.alive() or self._is_healthy()

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.nginx.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        self._running.close()

    def alive(self) -> bool:
        return self.nginx.alive() and self.provisioner.alive()

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self) -> str:
        return self.provisioner.log() + self.nginx.error_log()

    @property
    def url(self) -> str:
        return self.nginx.url

    @property
    def tls_url(self) -> str:
        return self.nginx.tls_url

    @property
    def ca_file(self) -> str:
        return str(self.nginx.ca_file)

    @property
    def master_pid(self) -> int:
        return self.provisioner.pid

    def worker_pids(self) -> list[int]:
        return self.provisioner.worker_pids()

    @property
    def read_socket(self) -> str:
        return str(self._sockets["read"])

    @property
    def write_socket(self) -> str:
        return str(self._sockets["write"])

    @property
    def probe_socket(self) -> str:
        return str(self._sockets["probe"])
