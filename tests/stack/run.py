"""`make run`: the whole product on loopback, in front of a cluster of your choice or
of the stand-in, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import secrets
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from .process import PortTaken, Process, StackError, require_free
from .stack import Stack
from .stub import Stub

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,128}")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The settings that a demo may take from the environment. Those that
# choose the cluster are not among them.
PASSED_ENVIRONMENT = (
    "K8S_NAMESPACE", "SANDBOX_IMAGE", "SANDBOX_CONTAINER_PORT", "SANDBOX_SERVICE_TYPE",
    "NODE_HOST", "SKILLS_HOST_PATH", "THREADS_HOST_PATH", "DEER_FLOW_HOST_BASE_DIR",
    "SKILLS_PVC_NAME", "SKILLS_PVC_SUBPATH_TEMPLATE", "USERDATA_PVC_NAME", "LARK_CLI_INIT_IMAGE",
    "LARK_CLI_BROKER_IMAGE", "LARK_CLI_BROKER_DENY_SUBCOMMANDS",
)


class Stopped(BaseException):
    """A signal asked for the end; not an error, so not an Exception."""


def stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C must not interrupt the cleaning up.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in STOP_SIGNALS:
        # What nohup ignores stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
            signal.signal(number, stop)


def port_of(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StackError(f"{name}={text} is no port: give a number from 1 to 65535")
    try:
        require_free(int(text))
    except PortTaken as error:
        raise StackError(
            f"{error}: stop what uses it, or choose another with `make run {name}=NUMBER`"
        ) from None
    return int(text)


def api_key() -> str:
    key = os.environ.get("API_KEY") or secrets.token_urlsafe(24)
    if not KEY_PATTERN.fullmatch(key):
        raise StackError("API_KEY must be 16 to 128 letters, digits, `_` or `-`")
    return key


def lock(workdir: Path) -> int:
    """Held until the process ends: two demos would write into one folder."""
    workdir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(workdir / "lock", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StackError(
            f"another `make run` uses {workdir}: stop it first, or add BUILD=OTHER_FOLDER"
        ) from None
    return descriptor


def curl_lines(stack: Stack, key: str) -> list[tuple[str, str]]:
    def curl(path: str, options: str = "") -> str:
        auth = f"-H 'X-API-Key: {key}' " if path.startswith("/api") else ""
        return f"curl -sS -w '\\n' {auth}{options}{stack.url}{path}"

    body = '{"sandbox_id":"demo-1","thread_id":"thread-1","user_id":"demo"}'
    one = "/api/sandboxes/demo-1"
    url_of = "/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[\"sandbox_url\"])'"
    return [
        ("is it up?", curl("/health")),
        ("does it reach the cluster?", curl("/ready")),
        ("what is configured?", curl("/api/capabilities")),
        ("create", curl("/api/sandboxes",
                        f"-H 'Content-Type: application/json' -d '{body}' ")),
        ("look", curl(one)),
        ("is it there?", curl(f"{one}/presence")),
        ("list", curl("/api/sandboxes")),
        # without -S: that it does not answer yet is what the retries are for
        ("reach the sandbox itself",
         f"curl -s -w '\\n' --retry 20 --retry-all-errors --retry-delay 1 "
         f"\"$({curl(one)} | {url_of})/v1/sandbox\""),
        ("delete", curl(one, "-X DELETE ")),
        ("over TLS", f"curl -sS -w '\\n' --cacert '{stack.ca_file}' {stack.tls_url}/health"),
    ]


def announce(stack: Stack, key: str) -> None:
    print(f"Serving on {stack.url} and {stack.tls_url}, API key {key}")
    print(f"Log: {stack.workdir}/provisioner.log\n")
    for purpose, command in curl_lines(stack, key):
        print(f"# {purpose}\n{command}")
    print("\nCtrl-C stops it.", flush=True)


def watch(parts: list[tuple[str, Stack | Process]], parent: int, log: Stack) -> None:
    """Returns when the parent is gone; raises when a part ends by itself."""
    while os.getppid() == parent:
        for name, part in parts:
            if not part.alive():
                tail = "\n".join(log.log().splitlines()[-20:])
                raise StackError(f"{name} ended by itself\n{tail}")
        time.sleep(0.5)


def serve(options: argparse.Namespace, running: contextlib.ExitStack) -> None:
    parent = os.getppid()
    port, tls_port = port_of("PORT", 8002), port_of("TLS_PORT", 8443)
    key = api_key()
    running.callback(os.close, lock(options.workdir))
    env = {name: os.environ[name] for name in PASSED_ENVIRONMENT if os.environ.get(name)}
    env.setdefault("NODE_HOST", "127.0.0.1")

    parts: list[tuple[str, Stack | Process]] = []
    if options.kubeconfig:
        kubeconfig = Path(options.kubeconfig).expanduser()
        if not kubeconfig.is_file():
            raise StackError(f"KUBECONFIG={options.kubeconfig} is no file: name one kubeconfig")
        print(f"Cluster: yours, by {kubeconfig}; sandboxes are said to be at {env['NODE_HOST']}, "
              "set NODE_HOST to the address of a node")
    else:
        stub = running.enter_context(Stub(options.workdir / "stub"))
        parts.append(("the stand-in", stub.process))
        kubeconfig = options.workdir / "stub/provisioner.kubeconfig"
        print(f"Cluster: the stand-in of tests/kube_stub at {stub.url}; "
              "`make run KUBECONFIG=FILE` takes yours")

    stack = Stack(kubeconfig, options.workdir, program=options.program, api_keys={"demo": key},
                  env=env, port=port, tls_port=tls_port)
    # Before the start: a signal in the middle of it has to stop what is there.
    running.callback(stack.stop)
    stack.start()
    parts.append(("nginx or sandbox-provisioner", stack))
    announce(stack, key)
    watch(parts, parent, stack)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--workdir", type=Path, required=True, help="for all files it writes")
    parser.add_argument("--kubeconfig", help="the cluster's; without it, the stand-in")
    options = parser.parse_args()
    options.workdir = options.workdir.resolve()
    stop_on_signals()
    try:
        with contextlib.ExitStack() as running:
            serve(options, running)
    except StackError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
