"""NodePorts: which are free, and the sandboxes that answer on them."""

from __future__ import annotations

import asyncio
import random
import socket

from aiohttp import web

from .status import internal, invalid
from .store import Store
from .validation import wrong


class NodePorts:
    """Hands out ports that nobody on this machine uses, and serves those with a pod behind."""

    def __init__(self, store: Store, low: int, high: int, serve: bool):
        self.store, self.low, self.high, self.serve = store, low, high, serve
        self.held: dict[int, socket.socket] = {}
        self.open: dict[int, tuple[str, asyncio.Server, web.Server]] = {}
        self.changed = asyncio.Event()
        store.listeners.append(lambda event: self.changed.set())

    def used(self) -> set[int]:
        return {port.get("nodePort") for service in self.store.select("services")
                for port in service["spec"].get("ports") or []}

    def hold(self, port: int) -> bool:
        """Bind without listening: refused until a pod is there, and no one else gets it."""
        if not self.serve or port in self.held or port in self.open:
            return True
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            sock.close()
            return False
        self.held[port] = sock
        return True

    def allocate(self, service: dict) -> None:
        """Fill in the node ports of a service that needs them."""
        spec, used = service["spec"], self.used()
        for index, port in enumerate(spec.get("ports") or []):
            if spec["type"] not in ("NodePort", "LoadBalancer"):
                port.pop("nodePort", None)
            elif port.get("nodePort"):
                self.check(service, f"spec.ports[{index}].nodePort", port["nodePort"], used)
            else:
                free = [n for n in range(self.low, self.high + 1) if n not in used]
                random.shuffle(free)
                port["nodePort"] = next(filter(self.hold, free), 0)
                if not port["nodePort"]:
                    raise internal("failed to allocate a nodePort: range is full")
                used.add(port["nodePort"])

    def check(self, service: dict, field: str, port: int, used: set[int]) -> None:
        why = ""
        if not self.low <= port <= self.high:
            why = ("provided port is not in the valid range. The range of valid ports is "
                   f"{self.low}-{self.high}")
        elif port in used or not self.hold(port):
            why = "provided port is already allocated"
        if why:
            raise invalid("Service", service["metadata"]["name"], [wrong(field, port, why)])

    def backend(self, service: dict) -> str | None:
        """The pod that a service leads to, as its endpoints would."""
        spec, namespace = service["spec"], service["metadata"]["namespace"]
        for pod in self.store.select("pods", namespace) if spec.get("selector") else ():
            meta, status = pod["metadata"], pod["status"]
            ready = "deletionTimestamp" not in meta and any(
                row["type"] == "Ready" and row["status"] == "True"
                for row in status.get("conditions") or [])
            if (status.get("phase") == "Running" and (ready or spec.get("publishNotReadyAddresses"))
                    and spec["selector"].items() <= (meta.get("labels") or {}).items()):
                return meta["name"]
        return None

    async def run(self) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            wanted = {port["nodePort"]: self.backend(service)
                      for service in self.store.select("services")
                      for port in service["spec"].get("ports") or [] if port.get("nodePort")}
            for port in [port for port in self.open if wanted.get(port) != self.open[port][0]]:
                await self.shut(port)
            for port in [port for port in self.held if port not in wanted]:
                self.held.pop(port).close()
            for port, pod in wanted.items():
                if self.serve and port not in self.open and self.hold(port) and pod:
                    await self.listen(port, pod)

    async def listen(self, port: int, pod: str) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            if request.path != "/v1/sandbox":
                return web.json_response({"detail": "Not Found"}, status=404)
            return web.json_response({"status": "ok", "pod": pod})

        handler = web.Server(answer)
        server = await asyncio.get_running_loop().create_server(handler, sock=self.held.pop(port))
        self.open[port] = (pod, server, handler)

    async def shut(self, port: int) -> None:
        _, server, handler = self.open.pop(port)
        server.close()
        await server.wait_closed()
        await handler.shutdown(0.1)
