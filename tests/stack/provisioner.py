"""The program, started by the real spawn-fcgi."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from .process import Process, StackError, child_pids, find_program, run_tool, wait_until

# What a developer has exported must not configure a test's program, so it gets
# only what concerns the machine and the sanitizers.
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS",
                    "UBSAN_OPTIONS", "LLVM_PROFILE_FILE")
BACKLOG = 1024


def libconfig_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # libconfig knows the escapes that JSON uses for these characters.
        return re.sub(r"\\u00([0-9a-f]{2})", r"\\x\1", json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return "[" + ", ".join(libconfig_value(item) for item in value) + "]"
    raise TypeError(f"no libconfig value for {value!r}")


def libconfig_text(settings: dict, indent: str = "") -> str:
    lines = []
    for name, value in settings.items():
        if isinstance(value, dict):
            inner = libconfig_text(value, indent + "\t")
            lines.append(f"{indent}{name} = {{\n{inner}{indent}}};\n")
        else:
            lines.append(f"{indent}{name} = {libconfig_value(value)};\n")
    return "".join(lines)


def merge(base: dict, extra: dict) -> dict:
    """`base` overridden by `extra`, group by group; None removes a setting."""
    merged = dict(base)
    for name, value in extra.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(merged.get(name, {}), value)
        else:
            merged[name] = value
    return merged


class Provisioner:
    def __init__(self, folder: Path, program: Path, sockets: dict[str, Path], *,
                 kubeconfig: Path | None, api_keys: dict[str, str], settings: dict,
                 env: dict[str, str]):
        self.config_file = folder / "provisioner.conf"
        self._key_file = folder / "api-keys"
        self._log = folder / "provisioner.log"
        self._program, self._sockets = program, sockets
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        self._env = kept | env
        self._process: Process | None = None
        self._write_keys(api_keys)
        self._write_config(kubeconfig, settings)

    def _write_keys(self, api_keys: dict[str, str]) -> None:
        self._key_file.touch(mode=0o600)
        self._key_file.write_text("".join(f"{name} {key}\n" for name, key in api_keys.items()))

    def _write_config(self, kubeconfig: Path | None, settings: dict) -> None:
        ours = {
            "server": {"write_socket": str(self._sockets["write"]),
                       "probe_socket": str(self._sockets["probe"])},
            "auth": {"key_file": str(self._key_file)},
        }
        if kubeconfig is not None:
            ours["kubernetes"] = {"kubeconfig": str(Path(kubeconfig).resolve())}
        self.config_file.write_text(libconfig_text(merge(ours, settings)))

    def write_nginx_keys(self, output: Path) -> None:
        """What the operator does: the program turns its keys into nginx's rows."""
        run_tool([str(self._program), "-c", str(self.config_file), "--nginx-keys", str(output)],
                 env=self._env)

    def start(self) -> None:
        if not os.access(self._program, os.X_OK):
            raise StackError(f"{self._program} is missing: run `make`")
        self._log.unlink(missing_ok=True)
        self._process = Process(
            [find_program("spawn-fcgi"), "-n", "-s", str(self._sockets["read"]), "-M", "0660",
             "-b", str(BACKLOG), "--", str(self._program), "-c", str(self.config_file)],
            self._log, self._env)
        wait_until(self._listens_or_ended, 10, "sandbox-provisioner did not open its sockets")
        if not self._process.alive():
            raise StackError("sandbox-provisioner did not start")

    def _listens_or_ended(self) -> bool:
        return not self._process.alive() or all(p.exists() for p in self._sockets.values())

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def stop(self, drain_s: float) -> None:
        if self._process:
            self._process.stop(drain_s)
            self._process = None

    @property
    def pid(self) -> int:
        if not self._process:
            raise StackError("sandbox-provisioner is not running")
        return self._process.pid

    def worker_pids(self) -> list[int]:
        return child_pids(self.pid)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""
