"""NodePorts: which are free, and the sandboxes that answer on them."""
import asyncio
import random
import socket

from aiohttp import web

from .status import ApiError, invalid
from .store import Store
from .validation import Causes

FULL = "failed to allocate a nodePort: range is full"


def is_ready(pod: dict) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and any(
        row["type"] == "Ready" and row["status"] == "True"
        for row in pod["status"].get("conditions") or [])


class NodePorts:
    """Hands out ports that nobody on this machine uses, and serves those with a pod behind."""

    def __init__(self, store: Store, low: int, high: int, serve: bool):
        self.store, self.low, self.high, self.serve = store, low, high, serve
        self.held: dict[int, socket.socket] = {}
        self.open: dict[int, tuple[str, asyncio.Server, web.Server]] = {}
        self.changed = asyncio.Event()
        store.listeners.append(lambda event: self.changed.set())

    def services(self) -> dict[int, dict]:
        return {port["nodePort"]: service for service in self.store.select("services")
                for port in service["spec"].get("ports") or [] if port.get("nodePort")}

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
        """Fill in the node ports of a service that needs them, check those it asks for."""
        used, causes = set(self.services()), Causes()
        for index, port in enumerate(service["spec"]["ports"]):
            wanted = port.get("nodePort") or 0
            if not wanted:
                free = [port for port in range(self.low, self.high + 1) if port not in used]
                random.shuffle(free)
                port["nodePort"] = next(filter(self.hold, free), 0)
                if not port["nodePort"]:
                    raise ApiError(500, "InternalError", f"Internal error occurred: {FULL}",
                                   {"causes": [{"message": FULL}]})
            elif not self.low <= wanted <= self.high:
                causes.wrong(f"spec.ports[{index}].nodePort", wanted, "provided port is not in the "
                             f"valid range. The range of valid ports is {self.low}-{self.high}")
            elif wanted in used or not self.hold(wanted):
                causes.wrong(f"spec.ports[{index}].nodePort", wanted,
                             "provided port is already allocated")
            used.add(port["nodePort"])
        if causes:
            raise invalid("Service", service["metadata"]["name"], causes)

    def backend(self, service: dict) -> str:
        """The pod that a service leads to, as its endpoints would."""
        spec = service["spec"]
        for pod in self.store.select("pods", service["metadata"]["namespace"]):
            labels = pod["metadata"].get("labels") or {}
            if (spec.get("selector") and spec["selector"].items() <= labels.items()
                    and pod["status"].get("phase") == "Running"
                    and (is_ready(pod) or spec.get("publishNotReadyAddresses"))):
                return pod["metadata"]["name"]
        return ""

    async def run(self) -> None:
        while await self.changed.wait():
            self.changed.clear()
            wanted = {port: self.backend(service) for port, service in self.services().items()}
            for port in [port for port in self.open if wanted.get(port) != self.open[port][0]]:
                _, server, handler = self.open.pop(port)
                server.close()
                await handler.shutdown(0.1)
            for port in [port for port in self.held if port not in wanted]:
                self.held.pop(port).close()
            for port, pod in wanted.items():
                if self.serve and port not in self.open and self.hold(port) and pod:
                    await self.listen(port, pod)

    async def listen(self, port: int, pod: str) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            known = request.path == "/v1/sandbox"
            return web.json_response({"status": "ok" if known else "not found", "pod": pod},
                                     status=200 if known else 404)

        handler = web.Server(answer)
        server = await asyncio.get_running_loop().create_server(handler, sock=self.held.pop(port))
        self.open[port] = (pod, server, handler)
