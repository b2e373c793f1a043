"""What tests see and steer: the record of requests, and faults to come."""
import time

from aiohttp import web

from .auth import Target

MATCHED = ("verb", "resource", "namespace", "name", "user")
ACTIONS = ("delay", "status", "drop_before", "drop_after")


class Control:
    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.faults: list[dict] = []
        self.serial = 0

    def begin(self, target: Target, user: str, user_agent: str) -> dict:
        self.serial += 1
        call = {"n": self.serial, "verb": target.verb, "name": target.name, "user": user,
                "resource": target.full_resource or target.path, "namespace": target.namespace,
                "code": None, "user_agent": user_agent, "start": time.monotonic(), "end": None}
        self.requests.append(call)
        return call

    def fault(self, call: dict) -> dict:
        """The fault that this call meets: from the nth match on, count times."""
        for fault in self.faults:
            if all(fault.get(key) in (None, call[key]) for key in MATCHED):
                fault["seen"] += 1
                if 0 <= fault["seen"] - fault.get("nth", 1) < fault.get("count", 1):
                    return fault
        return {"action": ""}

    async def answer(self, request: web.Request) -> web.Response:
        what = {"/stub/requests": self.requests, "/stub/faults": self.faults}.get(request.path)
        if what is None:
            return web.json_response({"detail": "unknown"}, status=404)
        if request.method == "DELETE":
            what.clear()
        elif request.method == "POST" and what is self.faults:
            fault = await request.json()
            if fault.get("action") not in ACTIONS:
                return web.json_response({"detail": f"action: one of {ACTIONS}"}, status=422)
            what.append({**fault, "seen": 0})
        elif request.method != "GET":
            return web.json_response({"detail": "method"}, status=405)
        return web.json_response(what)
