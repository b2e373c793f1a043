"""The HTTP side: recording, faults, authorization, watching; the verbs are elsewhere."""
import asyncio
import json
import time

from aiohttp import web

from . import discovery
from .api import Api, respond, tests_of
from .auth import ADMIN, Target
from .control import Control
from .request import target_of
from .resources import KINDS
from .selectors import Test
from .status import ApiError
from .store import Event


class Front:
    def __init__(self, api: Api, latency_ms: int):
        self.api, self.latency_ms, self.control = api, latency_ms, Control()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        target = target_of(request)
        user = self.api.access.user(request.headers.get("Authorization"))
        if request.path.startswith("/stub/"):
            if user == ADMIN:
                return await self.control.answer(request)
            return respond(ApiError(401, "Unauthorized", "Unauthorized").body, 401)
        call = self.control.begin(target, user, request.headers.get("User-Agent", ""))
        fault = self.control.fault(call)
        try:
            await asyncio.sleep((self.latency_ms + fault.get("ms", 0)) / 1000)
            if fault["action"] != "drop_before":
                response = await self.respond(request, target, user, fault)
                call["code"] = response.status
            if fault["action"].startswith("drop"):
                response = web.Response()
                if request.transport:
                    request.transport.abort()
        finally:
            call["end"] = time.monotonic()
        return response

    async def respond(self, request: web.Request, target: Target, user: str,
                      fault: dict) -> web.StreamResponse:
        try:
            if fault["action"] == "status":
                raise ApiError(fault.get("code", 500), fault.get("reason", "InternalError"),
                               fault.get("message", "injected by a test"), {})
            self.api.access.check(user, target)
            text = await request.read()
            if not target.resource:
                return discovery.answer(target.path)
            if (target.resource, target.verb) == ("selfsubjectaccessreviews", "create"):
                return self.api.review(user, request, text)
            if target.verb == "watch":
                return await self.watch(request, target)
            return self.api.verb(target)(request, text)
        except ApiError as error:
            retry = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return web.json_response(error.body, status=error.code, headers=retry)

    async def watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        store, tests = self.api.store, tests_of(target, request)
        seen = int(request.query.get("resourceVersion") or store.version)
        end = time.monotonic() + int(request.query.get("timeoutSeconds") or 1800)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if seen and seen < store.events[0].version - 1:
            why = f"too old resource version: {seen} ({store.events[0].version})"
            await response.write(line("ERROR", ApiError(410, "Expired", why).body))
            return response
        while time.monotonic() < end and request.transport:
            for event in [event for event in store.events if event.version > seen]:
                seen, change = event.version, shown(event, target.resource, tests)
                if change:
                    await response.write(line(change, {
                        "kind": KINDS[target.resource].kind, "apiVersion": "v1", **event.new}))
            await asyncio.sleep(0.02)
        return response


def shown(event: Event, resource: str, tests: list[Test]) -> str:
    """The type that a watcher with this selector is told, or nothing."""
    if event.resource != resource:
        return ""
    before = event.old is not None and all(test(event.old) for test in tests)
    after = event.type != "DELETED" and all(test(event.new) for test in tests)
    return {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}.get(
        (before, after), "")


def line(change: str, obj: dict) -> bytes:
    return json.dumps({"type": change, "object": obj}).encode() + b"\n"
