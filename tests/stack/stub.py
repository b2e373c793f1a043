"""The stand-in for a cluster, as a process."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

from .process import Process, StackError

TESTS = Path(__file__).resolve().parents[1]
START_S = 20


class Stub:
    """Leaves its kubeconfigs in `directory`; .url once it has started."""

    def __init__(self, directory: Path, *options: str):
        directory.mkdir(exist_ok=True)
        self.url = ""
        self._log = directory / "stub.log"
        self._log.unlink(missing_ok=True)
        self.process = Process(
            ["/usr/bin/python3", "-B", "-m", "kube_stub", "--dir", str(directory), "--port", "0",
             *options],
            self._log, os.environ | {"PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE)

    def __enter__(self) -> Stub:
        stdout = self.process.stdout
        readable, _, _ = select.select([stdout], [], [], START_S)
        line = stdout.readline().decode() if readable else ""
        if not line.startswith("ready "):
            self.process.stop()
            raise StackError(
                f"the stand-in did not start\n{self._log.read_text(errors='replace')}")
        self.url = line.split()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()
