"""The HTTP side: credentials, the record of requests, and the faults that tests arm."""
import asyncio
import itertools
import time

from aiohttp import web

from .api import Api
from .auth import ADMIN, check_access, user_of
from .request import target_of
from .status import ApiError

LATENCY_MS = 2   # of every request
MATCHED = ("verb", "resource", "namespace", "name", "user")
ACTIONS = ("delay", "status", "drop_before", "drop_after")


class Front:
    def __init__(self, api: Api):
        self.api, self.numbers = api, itertools.count(1)
        self.requests: list[dict] = []
        self.faults: list[dict] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        target, user = target_of(request), user_of(request.headers.get("Authorization"))
        if request.path.startswith("/stub/") and user == ADMIN:
            return await self.control(request)
        call = {"n": next(self.numbers), **target._asdict(), "user": user, "code": None,
                "user_agent": request.headers.get("User-Agent", ""),
                "start": time.monotonic(), "end": None}
        self.requests.append(call)
        fault = self.fault_of(call)
        response = web.Response()
        try:
            text = await request.read()
            await asyncio.sleep((LATENCY_MS + fault.get("ms", 0)) / 1000)
            if fault["action"] == "status":
                raise ApiError(fault.get("code", 500), fault.get("reason", "InternalError"),
                               fault.get("message", "injected by a test"), {})
            if fault["action"] != "drop_before":
                check_access(user, target)
                call["code"], body = self.api.answer(user, target, text)
                response = web.json_response(body, status=call["code"])
        except ApiError as error:
            call["code"] = error.code
            retry = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            response = web.json_response(error.body, status=error.code, headers=retry)
        finally:
            call["end"] = time.monotonic()
        if fault["action"].startswith("drop") and request.transport:
            request.transport.abort()
        return response

    def fault_of(self, call: dict) -> dict:
        """The fault that this call meets: from the nth match on, count times."""
        for fault in self.faults:
            if all(fault.get(key) in (None, call[key]) for key in MATCHED):
                fault["seen"] += 1
                if 0 <= fault["seen"] - fault.get("nth", 1) < fault.get("count", 1):
                    return fault
        return {"action": ""}

    async def control(self, request: web.BaseRequest) -> web.Response:
        what = self.faults if request.path == "/stub/faults" else self.requests
        if request.method == "DELETE":
            what.clear()
        elif request.method == "POST":
            fault = await request.json()
            if fault.get("action") not in ACTIONS:
                raise web.HTTPUnprocessableEntity(text=f"action: one of {ACTIONS}")
            self.faults.append({**fault, "seen": 0})
        return web.json_response(what)
