"""Start the stand-in: PYTHONPATH=tests /usr/bin/python3 -m kube_stub --dir DIR"""
import argparse
import asyncio
import os
import signal
import ssl
from pathlib import Path

from aiohttp import web

from .api import Api
from .files import make_certificates, write_kubeconfigs
from .front import Front
from .node import Node
from .ports import NodePorts
from .store import Store


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("kube_stub")
    parser.add_argument("--dir", type=Path, required=True, help="for certificates, kubeconfigs")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--node-ports", default="30000-32767", metavar="LOW-HIGH")
    parser.add_argument("--pod-start-ms", type=int, default=300, help="until a pod runs")
    parser.add_argument("--pod-stop-ms", type=int, default=300, help="until a deleted one is gone")
    return parser.parse_args()


async def wait_for_end(parent: int) -> None:
    """Until SIGTERM, SIGINT, or the parent's death."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set() and os.getppid() == parent:
        await asyncio.sleep(0.1)


async def main(options: argparse.Namespace, parent: int) -> None:
    os.umask(0o077)   # keys and tokens are the owner's
    options.dir.mkdir(parents=True, exist_ok=True)
    folder = options.dir.resolve()
    make_certificates(folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.crt", folder / "server.key")

    store = Store()
    low, high = map(int, options.node_ports.split("-"))
    Node(store, options.pod_start_ms, options.pod_stop_ms)
    runner = web.ServerRunner(web.Server(Front(Api(store, NodePorts(store, low, high))).handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, ssl_context=tls, shutdown_timeout=0.2)
    await site.start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    write_kubeconfigs(folder, url)
    print(f"ready {url}", flush=True)
    await wait_for_end(parent)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(parse(), os.getppid()))
