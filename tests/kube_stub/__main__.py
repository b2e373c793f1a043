"""Start the stand-in: PYTHONPATH=tests /usr/bin/python3 -m kube_stub --dir DIR"""

import argparse
import asyncio
import os
import signal
import ssl
from pathlib import Path

from aiohttp import web

from .api import Api
from .auth import Access
from .files import make_certificates, write_kubeconfigs
from .http import Front
from .node import Node
from .ports import NodePorts
from .store import Store


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("kube_stub")
    parser.add_argument("--dir", type=Path, required=True, help="for certificates, kubeconfigs")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--node-ports", default="30000-32767", metavar="LOW-HIGH")
    parser.add_argument("--no-sandbox-ports", action="store_true", help="NodePorts do not answer")
    for name, value, what in (("pod-start", 300, "until a pod runs"),
                              ("pod-stop", 300, "until a deleted pod is gone"),
                              ("service-account-delay", 0, "until a namespace has its account"),
                              ("latency", 2, "added to every request")):
        parser.add_argument(f"--{name}-ms", type=int, default=value, help=what)
    return parser.parse_args()


async def wait_for_end(parent: int) -> None:
    """Until SIGTERM, SIGINT, or the parent's death."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except asyncio.TimeoutError:
            pass


async def main(options: argparse.Namespace, parent: int) -> None:
    options.dir.mkdir(parents=True, exist_ok=True)
    folder = options.dir.resolve()
    make_certificates(folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.crt", folder / "server.key")

    store, access = Store(), Access()
    low, high = map(int, options.node_ports.split("-"))
    ports = NodePorts(store, low, high, not options.no_sandbox_ports)
    node = Node(store, options.pod_start_ms, options.pod_stop_ms)
    front = Front(Api(store, access, ports, node, options), options.latency_ms)
    ports_task = asyncio.create_task(ports.run())

    app = web.Application(client_max_size=3 << 20)
    app.router.add_route("*", "/{path:.*}", front.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, ssl_context=tls, shutdown_timeout=0.2)
    await site.start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    write_kubeconfigs(folder, url, access)
    print(f"ready {url}", flush=True)
    await wait_for_end(parent)
    ports_task.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(parse(), os.getppid()))
