"""The verbs: from a request to the store and back."""
import argparse
import base64
import json
import random
from collections.abc import Callable
from copy import deepcopy

from aiohttp import web

from . import admission
from .auth import Access, Target
from .node import Node
from .ports import NodePorts
from .request import body_of, delete_options
from .resources import KINDS, Kind, merge
from .selectors import Test, field_test, label_test
from .status import ApiError, bad_request, conflict, details_of, invalid
from .store import Store, timestamp
from .validation import Causes, check_quantities

PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
POD_UPDATE = ("Forbidden: pod updates may not change fields other than "
              "`spec.containers[*].image`, `spec.initContainers[*].image`, "
              "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing "
              "tolerations)")
STALE = ("the object has been modified; please apply your changes to the latest version and try "
         "again")


def respond(obj: dict, code: int = 200, kind: Kind | None = None) -> web.Response:
    head = {"kind": kind.kind, "apiVersion": "v1"} if kind else {}
    return web.json_response(head | obj, status=code)


def check(kind: Kind, obj: dict, causes: Causes) -> None:
    kind.check(obj, causes)
    if causes:
        raise invalid(kind.kind, obj["metadata"].get("name", ""), causes)


class Api:
    def __init__(self, store: Store, access: Access, ports: NodePorts, node: Node,
                 options: argparse.Namespace):
        self.store, self.access, self.ports, self.node = store, access, ports, node
        self.account_delay_s = options.service_account_delay_ms / 1000
        for name in ("default", "kube-system"):
            namespace = {"metadata": {"name": name}, "spec": {}, "status": {}}
            KINDS["namespaces"].defaults(namespace)
            self.create_namespace(namespace)

    def verb(self, target: Target) -> Callable[..., web.Response]:
        kind = KINDS.get(target.resource)
        if target.group or not kind or target.subresource not in ("", "status"):
            raise ApiError(404, "NotFound", "the server could not find the requested resource", {})
        found = getattr(self, f"do_{target.verb}", None)
        if not found or (target.verb == "create" and target.name) or (
                target.verb == "deletecollection" and not kind.collection):
            raise ApiError(405, "MethodNotAllowed",
                           "the server does not allow this method on the requested resource", {})
        return lambda *words: found(kind, target, *words)

    def review(self, user: str, request: web.Request, text: bytes) -> web.Response:
        obj = body_of(request, text, "SelfSubjectAccessReview")
        wanted = obj["spec"].get("resourceAttributes") or {}
        resource = "/".join(filter(None, (wanted.get("resource"), wanted.get("subresource"))))
        obj["status"] = {"allowed": self.access.allowed(user, wanted.get("verb", ""), resource)}
        return respond({"kind": "SelfSubjectAccessReview",
                        "apiVersion": "authorization.k8s.io/v1", **obj}, 201)

    def find(self, kind: Kind, target: Target) -> dict:
        return self.store.get(kind.resource, target.namespace if kind.namespaced else "",
                              target.name)

    def do_get(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        return respond(self.find(kind, target), 200, kind)

    def do_list(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        tests = tests_of(target, request)
        items = [obj for obj in self.store.select(kind.resource, target.namespace)
                 if all(test(obj) for test in tests)]
        meta: dict = {"resourceVersion": str(self.store.version)}
        token, limit = request.query.get("continue"), int(request.query.get("limit") or 0)
        if token:
            try:
                start = json.loads(base64.urlsafe_b64decode(token))["start"]
            except ValueError:
                raise bad_request("invalid continue token: continue key is not valid") from None
            items = [obj for obj in items if sort_key(obj) > start]
        if limit and len(items) > limit:
            last = json.dumps({"v": "meta.k8s.io/v1", "start": sort_key(items[limit - 1])})
            meta |= {"continue": base64.urlsafe_b64encode(last.encode()).decode(),
                     "remainingItemCount": len(items) - limit}
        return respond({"kind": f"{kind.kind}List", "apiVersion": "v1", "metadata": meta,
                        "items": items[:limit or None]})

    def do_create(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        obj = body_of(request, text, kind.kind) | {"status": {}}
        meta = obj["metadata"]
        if kind.namespaced:
            if meta.setdefault("namespace", target.namespace) != target.namespace:
                raise bad_request("the namespace of the provided object does not match the "
                                  "namespace sent on the request")
            admission.check_namespace(self.store, kind.resource, target.namespace,
                                      meta.get("name", ""))
        if kind.resource == "pods":
            check_quantities(obj)
        kind.defaults(obj)
        if kind.resource == "pods":
            admission.check_service_account(self.store, obj)
        check(kind, obj, Causes())
        if kind.resource == "namespaces":
            return respond(self.create_namespace(obj), 201, kind)
        if kind.resource == "services":
            self.complete_service(obj)
        admission.check_quotas(self.store, kind.resource, obj)
        return respond(self.store.create(kind.resource, obj), 201, kind)

    def complete_service(self, service: dict) -> None:
        if service["spec"]["type"] == "NodePort":
            self.ports.allocate(service)
        if not service["spec"].get("clusterIP"):
            address = f"10.96.{random.randrange(256)}.{random.randrange(1, 255)}"
            service["spec"] |= {"clusterIP": address, "clusterIPs": [address]}

    def create_namespace(self, obj: dict) -> dict:
        created = self.store.create("namespaces", obj)
        if self.account_delay_s:
            self.node.later(self.account_delay_s, self.create_account, created["metadata"]["uid"])
        else:
            self.create_account(created["metadata"]["uid"])
        return created

    def create_account(self, uid: str) -> None:
        namespace = self.store.find("namespaces", uid)
        if namespace:
            self.store.create("serviceaccounts", {"metadata": {
                "name": "default", "namespace": namespace["metadata"]["name"]}})

    def do_update(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        return self.change(kind, target, self.find(kind, target),
                           body_of(request, text, kind.kind))

    def do_patch(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        if request.content_type not in PATCHES:
            raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        old = self.find(kind, target)
        try:
            new = merge(old, json.loads(text))
        except ValueError:
            raise ApiError(500, "", "Invalid JSON Patch") from None
        return self.change(kind, target, old, new)

    def change(self, kind: Kind, target: Target, old: dict, new: dict) -> web.Response:
        new = deepcopy({key: new[key] for key in new if key not in ("kind", "apiVersion")})
        meta, was, causes = new["metadata"], old["metadata"], Causes()
        if meta.get("name") != target.name:
            raise bad_request(f"the name of the object ({meta.get('name')}) does not match the "
                              f"name on the URL ({target.name})")
        if meta.get("resourceVersion", was["resourceVersion"]) != was["resourceVersion"]:
            raise conflict(kind.resource, target.name, STALE)
        if meta.get("uid", was["uid"]) != was["uid"]:
            causes.wrong("metadata.uid", meta["uid"], "field is immutable")
        meta |= {key: was[key] for key in (*KEPT, "resourceVersion") if key in was}
        for empty in [key for key in ("labels", "annotations", "finalizers") if not meta.get(key)]:
            meta.pop(empty, None)
        if "status" in old:
            part = "spec" if target.subresource == "status" else "status"
            new[part] = deepcopy(old[part])
        kind.defaults(new)
        if kind.resource == "pods" and frozen(new["spec"]) != frozen(old["spec"]):
            causes.add("Forbidden", "spec", POD_UPDATE)
        check(kind, new, causes)
        if kind.resource == "pods" and target.subresource == "status":
            self.node.patched.add(was["uid"])
        return respond(self.store.update(kind.resource, old, new), 200, kind)

    def do_delete(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        options, old = delete_options(request, text), self.find(kind, target)
        self.store.check(kind.resource, old["metadata"], options.get("preconditions") or {})
        if kind.resource == "namespaces":
            return respond(self.store.edit("namespaces", old, terminate), 200, kind)
        left = self.store.delete(kind.resource, old, options.get("gracePeriodSeconds"))
        if kind.resource == "pods":
            return respond(left, 200, kind)
        details = {**details_of(kind.resource, target.name), "uid": old["metadata"]["uid"]}
        return respond({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                        "details": details})

    def do_deletecollection(self, kind: Kind, target: Target, request: web.Request, text: bytes):
        options, listed = delete_options(request, text), self.do_list(kind, target, request, text)
        for obj in json.loads(listed.body)["items"]:
            self.store.delete(kind.resource, obj, options.get("gracePeriodSeconds"))
        return listed


def tests_of(target: Target, request: web.Request) -> list[Test]:
    return [label_test(request.query.get("labelSelector", "").strip()),
            field_test(request.query.get("fieldSelector", "")),
            lambda obj: target.namespace in ("", obj["metadata"].get("namespace", ""))]


def terminate(namespace: dict) -> None:
    namespace["metadata"].setdefault("deletionTimestamp", timestamp())
    namespace["status"]["phase"] = "Terminating"


def frozen(spec: dict) -> dict:
    """The part of a pod's spec that no update may change."""
    result = {key: spec[key] for key in spec if key not in ("activeDeadlineSeconds", "tolerations")}
    for key in {"containers", "initContainers"} & spec.keys():
        result[key] = [{**row, "image": ""} for row in spec[key]]
    return result


def sort_key(obj: dict) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
