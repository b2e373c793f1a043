"""The HTTP interface: from a request to the store and back."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import time
from copy import deepcopy

from aiohttp import web

from . import admission, discovery
from .auth import Access, Target
from .control import Control
from .node import Node
from .ports import NodePorts
from .resources import KINDS, Kind, merge
from .selectors import Test, field_test, label_test
from .status import (ApiError, Cause, bad_request, conflict, details_of, gone, invalid,
                     method_not_allowed, not_found, unknown_path)
from .store import Event, Store, timestamp
from .validation import check_types, wrong

PATCHES = {"application/merge-patch+json": False, "application/strategic-merge-patch+json": True}
METHODS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
MUTABLE = ("activeDeadlineSeconds", "tolerations")
POD_UPDATE = ("Forbidden: pod updates may not change fields other than "
              "`spec.containers[*].image`, `spec.initContainers[*].image`, "
              "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing "
              "tolerations)")


def parse(request: web.Request) -> Target:
    path, parts = request.path, request.path.strip("/").split("/")
    verb, group = METHODS.get(request.method, request.method.lower()), ""
    if parts[:2] == ["api", "v1"]:
        rest = parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    else:
        rest = []
    if not rest:
        return Target(verb, path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, sub = (rest + ["", ""])[:3]
    if not name and verb in ("get", "delete"):
        verb = "list" if verb == "get" else "deletecollection"
        if verb == "list" and request.query.get("watch", "0").lower() in ("1", "true"):
            verb = "watch"
    return Target(verb, path, group, resource, namespace, name, sub)


def body_of(text: bytes, kind: str) -> dict:
    why = f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind"
    try:
        obj = json.loads(text)
    except ValueError as error:
        raise bad_request(f"{why}; json parse error: {error}") from None
    if not isinstance(obj, dict):
        raise bad_request(f"{why}; json parse error: json: cannot unmarshal")
    found, version = obj.get("kind", kind), obj.get("apiVersion", "v1")
    if found != kind or version not in ("v1", "authorization.k8s.io/v1"):
        raise bad_request(f'{found} in version "{version}" cannot be handled as a {kind}: '
                          f"converting ({version}.{found}) to (core.{kind}): unknown conversion")
    return obj


def respond(obj: dict, code: int = 200, kind: Kind | None = None) -> web.Response:
    if kind:
        obj = {"kind": kind.kind, "apiVersion": "v1", **obj}
    return web.json_response(obj, status=code)


class Api:
    def __init__(self, store: Store, access: Access, control: Control, ports: NodePorts,
                 node: Node, options: argparse.Namespace):
        self.store, self.access, self.control = store, access, control
        self.ports, self.node, self.options = ports, node, options
        for name in ("default", "kube-system"):
            self.create_namespace({"metadata": {"name": name}, "spec": {
                "finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/stub/"):
            if self.access.allowed(self.user_of(request), "control", ""):
                return await self.control.answer(request)
            return respond(ApiError(401, "Unauthorized", "Unauthorized").body, 401)
        target = parse(request)
        call = self.control.begin(target, request.headers.get("User-Agent", ""))
        call["user"] = self.user_of(request)
        fault = self.control.fault(call) or {"action": ""}
        try:
            response = await self.answer_or_fail(request, target, fault)
            call["code"] = None if response is None else response.status
            if response is None or fault["action"] == "drop_after":
                request.transport.abort()
                response = web.Response()
        finally:
            call["end"] = time.monotonic()
        return response

    def user_of(self, request: web.Request) -> str:
        try:
            return self.access.user(request.headers.get("Authorization"))
        except ApiError:
            return ""

    async def answer_or_fail(self, request: web.Request, target: Target,
                             fault: dict) -> web.StreamResponse | None:
        """None: hang up without an answer."""
        try:
            body = await request.read()
            await asyncio.sleep((self.options.latency_ms + fault.get("ms", 0)) / 1000)
            if fault["action"] == "drop_before":
                return None
            if fault["action"] == "status":
                raise ApiError(fault.get("code", 500), fault.get("reason", "InternalError"),
                               fault.get("message", "injected by a test"), {})
            user = self.access.user(request.headers.get("Authorization"))
            self.access.check(user, target)
            return await self.answer(request, target, user, body)
        except ApiError as error:
            response = respond(error.body, error.code)
            if fault.get("retry_after"):
                response.headers["Retry-After"] = str(fault["retry_after"])
            return response

    async def answer(self, request: web.Request, target: Target, user: str,
                     body: bytes) -> web.StreamResponse:
        if not target.resource:
            return discovery.answer(target.path)
        if target.resource == "selfsubjectaccessreviews" and target.verb == "create":
            return self.review(user, body_of(body, "SelfSubjectAccessReview"))
        kind = KINDS.get(target.resource)
        if target.group or not kind or target.subresource not in ("", "status"):
            raise unknown_path()
        if target.verb == "watch":
            return await self.watch(request, target)
        verb = getattr(self, f"do_{target.verb}", None)
        if not verb or (target.verb == "create" and target.name) or (
                target.verb == "deletecollection" and not kind.collection):
            raise method_not_allowed()
        return verb(kind, target, request, body)

    def review(self, user: str, obj: dict) -> web.Response:
        wanted = (obj.get("spec") or {}).get("resourceAttributes") or {}
        resource = "/".join(filter(None, (wanted.get("resource"), wanted.get("subresource"))))
        return respond({**obj, "status": {
            "allowed": self.access.allowed(user, wanted.get("verb", ""), resource)}}, 201)

    def find(self, kind: Kind, target: Target) -> dict:
        return self.store.get(kind.resource, target.namespace if kind.namespaced else "",
                              target.name)

    def do_get(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        return respond(self.find(kind, target), 200, kind)

    def tests(self, target: Target, query) -> list[Test]:
        tests = [label_test(query.get("labelSelector", "")),
                 field_test(query.get("fieldSelector", ""))]
        if target.namespace:
            tests.append(lambda obj: obj["metadata"].get("namespace") == target.namespace)
        return tests

    def do_list(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        tests = self.tests(target, request.query)
        items = [obj for obj in self.store.select(kind.resource, target.namespace)
                 if all(test(obj) for test in tests)]
        meta: dict = {"resourceVersion": str(self.store.version)}
        token, limit = request.query.get("continue"), int(request.query.get("limit") or 0)
        if token:
            try:
                start = json.loads(base64.urlsafe_b64decode(token + "=="))["start"]
            except ValueError:
                raise bad_request("invalid continue token: continue key is not valid") from None
            items = [obj for obj in items if sort_key(obj) > start]
        if limit and len(items) > limit:
            last = json.dumps({"v": "meta.k8s.io/v1", "start": sort_key(items[limit - 1])})
            meta["continue"] = base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")
            meta["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        return respond({"kind": f"{kind.kind}List", "apiVersion": "v1", "metadata": meta,
                        "items": items})

    async def watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        kind, tests = KINDS[target.resource], self.tests(target, request.query)
        seen = int(request.query.get("resourceVersion") or self.store.version)
        end = time.monotonic() + int(request.query.get("timeoutSeconds") or 1800)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        oldest = self.store.events[0].version if self.store.events else 0
        if seen and seen < oldest - 1:
            error = gone(f"too old resource version: {seen} ({oldest})")
            await send(response, "ERROR", error.body)
            return response
        while time.monotonic() < end and request.transport:
            for event in [event for event in self.store.events if event.version > seen]:
                change = shown(event, target.resource, tests)
                if change:
                    await send(response, change, {"kind": kind.kind, "apiVersion": "v1",
                                                  **event.new})
                seen = event.version
            await asyncio.sleep(0.02)
        return response

    def do_create(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        obj = body_of(body, kind.kind)
        check_types(kind.kind, obj)
        obj = {"metadata": obj.get("metadata") or {}, "spec": obj.get("spec") or {},
               "status": {}} | {key: obj[key] for key in obj
                                if key not in ("metadata", "spec", "status", "kind", "apiVersion")}
        meta, name = obj["metadata"], obj["metadata"].get("name", "")
        if kind.namespaced:
            if meta.setdefault("namespace", target.namespace) != target.namespace:
                raise bad_request("the namespace of the provided object does not match the "
                                  "namespace sent on the request")
            admission.check_namespace(self.store, kind.resource, target.namespace, name)
        kind.defaults(obj)
        if kind.resource == "pods":
            admission.check_service_account(self.store, obj)
        self.validate(kind, obj)
        if kind.resource == "namespaces":
            return respond(self.create_namespace(obj), 201, kind)
        if kind.resource == "services":
            self.ports.allocate(obj)
            if not obj["spec"].get("clusterIP"):
                address = f"10.96.{random.randrange(256)}.{random.randrange(1, 255)}"
                obj["spec"] |= {"clusterIP": address, "clusterIPs": [address]}
        admission.check_quotas(self.store, kind.resource, obj)
        return respond(self.store.create(kind.resource, obj), 201, kind)

    def create_namespace(self, obj: dict) -> dict:
        created = self.store.create("namespaces", obj)
        self.node.later(self.options.service_account_delay_ms / 1000, self.create_account,
                        created["metadata"]["uid"])
        if not self.options.service_account_delay_ms:
            self.create_account(created["metadata"]["uid"])
        return created

    def create_account(self, uid: str) -> None:
        namespace = self.store.find("namespaces", uid)
        key = (namespace["metadata"]["name"], "default") if namespace else None
        if key and key not in self.store.objects["serviceaccounts"]:
            self.store.create("serviceaccounts",
                              {"metadata": {"name": "default", "namespace": key[0]}})

    @staticmethod
    def validate(kind: Kind, obj: dict, more: list[Cause] | None = None) -> None:
        causes = (more or []) + list(kind.causes(obj))
        if causes:
            raise invalid(kind.kind, obj["metadata"].get("name", ""), causes)

    def do_patch(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        if request.content_type not in PATCHES:
            raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        old = self.find(kind, target)
        try:
            patch = json.loads(body)
        except ValueError:
            raise ApiError(500, "", "Invalid JSON Patch") from None
        return self.change(kind, target, old, merge(old, patch, PATCHES[request.content_type]))

    def do_update(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        return self.change(kind, target, self.find(kind, target), body_of(body, kind.kind))

    def change(self, kind: Kind, target: Target, old: dict, new: dict) -> web.Response:
        check_types(kind.kind, new)
        new = deepcopy({key: new[key] for key in new if key not in ("kind", "apiVersion")})
        meta, was = new["metadata"], old["metadata"]
        if meta.get("name") != target.name:
            raise bad_request(f"the name of the object ({meta.get('name')}) does not match the "
                              f"name on the URL ({target.name})")
        if meta.get("resourceVersion", was["resourceVersion"]) != was["resourceVersion"]:
            raise conflict(kind.resource, target.name, "the object has been modified; please "
                           "apply your changes to the latest version and try again")
        causes = [wrong("metadata.uid", meta["uid"], "field is immutable")] \
            if meta.get("uid", was["uid"]) != was["uid"] else []
        meta |= {key: was[key] for key in KEPT if key in was} | {
            "resourceVersion": was["resourceVersion"]}
        for empty in [key for key in ("labels", "annotations", "finalizers") if not meta.get(key)]:
            meta.pop(empty, None)
        part = "spec" if target.subresource == "status" else "status"
        if part in old and kind.resource in ("pods", "services", "namespaces"):
            new[part] = deepcopy(old[part])
        kind.defaults(new)
        if kind.resource == "pods" and frozen(new["spec"]) != frozen(old["spec"]):
            causes.append(Cause("FieldValueForbidden", "spec", POD_UPDATE))
        self.validate(kind, new, causes)
        if kind.resource == "pods" and target.subresource == "status":
            self.node.patched.add(was["uid"])
        return respond(self.store.update(kind.resource, old, new), 200, kind)

    def do_delete(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        options = delete_options(request, body)
        old = self.find(kind, target)
        if kind.resource == "namespaces":
            self.store.check_preconditions("namespaces", old["metadata"],
                                           options.get("preconditions") or {})
            return respond(self.store.edit("namespaces", old, terminate), 200, kind)
        left = self.store.delete(kind.resource, old, options.get("gracePeriodSeconds"),
                                 options.get("preconditions"))
        if kind.resource == "pods":
            return respond(left, 200, kind)
        return respond({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                        "details": {**details_of(kind.resource, target.name),
                                    "uid": old["metadata"]["uid"]}})

    def do_deletecollection(self, kind: Kind, target: Target, request: web.Request, body: bytes):
        options, answer = delete_options(request, body), self.do_list(kind, target, request, body)
        for obj in json.loads(answer.body)["items"]:
            try:
                now = self.store.get(kind.resource, obj["metadata"].get("namespace", ""),
                                     obj["metadata"]["name"])
            except ApiError:
                continue
            self.store.delete(kind.resource, now, options.get("gracePeriodSeconds"))
        return answer


def delete_options(request: web.Request, body: bytes) -> dict:
    try:
        options = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(500, "", f"couldn't get version/kind; json parse error: {error}") from None
    if "gracePeriodSeconds" in request.query and not body:
        options["gracePeriodSeconds"] = int(request.query["gracePeriodSeconds"])
    return options


def terminate(namespace: dict) -> None:
    namespace["metadata"].setdefault("deletionTimestamp", timestamp())
    namespace["status"]["phase"] = "Terminating"


def frozen(spec: dict) -> dict:
    """The part of a pod's spec that no update may change."""
    result = {key: value for key, value in spec.items() if key not in MUTABLE}
    for key in ("containers", "initContainers"):
        if key in spec:
            result[key] = [{**row, "image": ""} for row in spec[key]]
    return result


def sort_key(obj: dict) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def shown(event: Event, resource: str, tests: list[Test]) -> str:
    """The type that a watcher with this selector is told, or nothing."""
    if event.resource != resource:
        return ""
    before = event.old is not None and all(test(event.old) for test in tests)
    after = event.type != "DELETED" and all(test(event.new) for test in tests)
    return {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}.get(
        (before, after), "")


async def send(response: web.StreamResponse, change: str, obj: dict) -> None:
    await response.write(json.dumps({"type": change, "object": obj}).encode() + b"\n")
