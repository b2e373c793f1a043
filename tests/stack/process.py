"""Child processes that end with their parent, and bounded waits."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# An ordinary user's PATH on Debian lacks the folders of nginx.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


class StackError(RuntimeError):
    """Something could not be started; the text says what and what to do."""


class PortTaken(StackError):
    """Somebody else listens on a port that was asked for."""


def find_program(name: str) -> str:
    path = shutil.which(name, path=SEARCH_PATH)
    if path is None:
        raise StackError(f"{name} is not installed: run `make deps`")
    return path


def run_tool(command: list[str], env: dict[str, str] | None = None) -> str:
    """Runs something short and returns what it printed."""
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    if done.returncode != 0:
        raise StackError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise PortTaken(f"port {port} needs root: choose one above 1023") from None
        except OSError:
            raise PortTaken(f"port {port} on 127.0.0.1 is already in use") from None


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"{what} within {timeout:g} s")
        time.sleep(0.02)


def child_pids(parent: int) -> list[int]:
    """The direct children, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # The name in parentheses may hold spaces: count from behind it.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent:
                    found.append(int(entry.name))
    return sorted(found)


class Process:
    """One child in a session of its own, so that Ctrl-C reaches only us.

    The kernel sends it SIGTERM when the thread that started it ends, however
    that happens.
    """

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None,
                 stdout: int | None = None):
        self.name = Path(command[0]).name
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                [find_program("setpriv"), "--pdeathsig", "TERM", "--", *command],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sink if stdout is None else stdout,
                stderr=sink,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stdout(self):
        return self._child.stdout

    def alive(self) -> bool:
        return self._child.poll() is None

    def stop(self, timeout: float = 5) -> None:
        """SIGTERM, then SIGKILL for it and whatever of its session is left."""
        if self.alive():
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout)
        # The group's number stays taken as long as one of its members lives.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()
