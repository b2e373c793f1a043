"""NodePorts: which are free, and the sandboxes that answer on them."""
import asyncio
import random
import socket

from aiohttp import web

from .status import ApiError
from .store import Store

FULL = "failed to allocate a nodePort: range is full"


class NodePorts:
    """Hands out ports that nobody on this machine uses, and answers on them."""

    def __init__(self, store: Store, low: int, high: int):
        self.store, self.range = store, range(low, high + 1)
        self.held: dict[int, asyncio.Task] = {}
        self.sandboxes = web.Server(self.answer)
        store.listeners.append(lambda *_: self.release())

    def services(self) -> dict[int, dict]:
        return {port["nodePort"]: service for service in self.store.select("services")
                for port in service["spec"]["ports"] if port.get("nodePort")}

    async def listen(self, sock: socket.socket) -> None:
        server = await asyncio.get_running_loop().create_server(self.sandboxes, sock=sock)
        await server.serve_forever()

    def release(self) -> None:
        """Give up the ports that no service has."""
        for port in self.held.keys() - self.services().keys():
            self.held.pop(port).cancel()

    def allocate(self, service: dict) -> None:
        """Give a new service its address and ports; it cannot ask for certain ones."""
        address = f"10.96.{random.randrange(256)}.{random.randrange(1, 255)}"
        service["spec"].setdefault("clusterIP", address)
        for port in service["spec"]["ports"]:
            if service["spec"]["type"] == "NodePort":
                port["nodePort"] = self.allocate_port()

    def allocate_port(self) -> int:
        for port in random.sample(self.range, len(self.range)):
            if port in self.held:
                continue
            try:
                sock = socket.create_server(("127.0.0.1", port))
            except OSError:   # somebody else has it
                continue
            self.held[port] = asyncio.create_task(self.listen(sock))
            return port
        raise ApiError(500, "InternalError", f"Internal error occurred: {FULL}",
                       {"causes": [{"message": FULL}]})

    def backend(self, service: dict) -> str:
        """The pod that a service leads to: running, as is a sandbox that is not ready yet."""
        selector = service["spec"].get("selector") or {}
        for pod in self.store.select("pods", service["metadata"]["namespace"]):
            meta = pod["metadata"]
            if (selector and selector.items() <= meta.get("labels", {}).items()
                    and pod["status"]["phase"] == "Running" and "deletionTimestamp" not in meta):
                return meta["name"]
        return ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """What a sandbox says; without one behind the port, the connection breaks."""
        service = self.services().get(request.transport.get_extra_info("sockname")[1])
        pod, known = service and self.backend(service), request.path == "/v1/sandbox"
        if not pod:
            request.transport.abort()
        response = web.json_response({"status": "ok" if known else "not found", "pod": pod},
                                     status=200 if known else 404)
        response.force_close()   # the next request may find another pod, or none
        return response
