"""The verbs: from a request to the store and back."""
import base64
import json

from .auth import allowed
from .ports import NodePorts
from .request import Target, body_of, label_test
from .resources import DOCUMENTS, KINDS, Kind
from .status import ApiError, bad_request, conflict, details_of, forbidden
from .store import Store, is_over, key_of

Answer = tuple[int, dict]
KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds")
STALE = ("the object has been modified; please apply your changes to the latest version and try "
         "again")


def merge(target: object, patch: object) -> object:
    """A JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class Api:
    def __init__(self, store: Store, ports: NodePorts):
        self.store, self.ports = store, ports
        self.verbs = {"get": self.get, "list": self.list, "create": self.create,
                      "patch": self.patch, "delete": self.delete}

    def answer(self, user: str, target: Target, text: bytes) -> Answer:
        """The code and body for a request that this user may make."""
        if target.path in DOCUMENTS:
            return 200, DOCUMENTS[target.path]
        if (target.resource, target.verb) == ("selfsubjectaccessreviews", "create"):
            obj = body_of(text, "SelfSubjectAccessReview")
            wanted = obj["spec"]["resourceAttributes"]
            obj["status"] = {"allowed": allowed(user, wanted["verb"], wanted["resource"])}
            return 201, obj
        kind, verb = KINDS.get(target.resource.removesuffix("/status")), self.verbs.get(target.verb)
        if target.group or not kind:
            raise ApiError(404, "NotFound", "the server could not find the requested resource", {})
        if not verb or (target.verb == "create" and target.name):
            raise ApiError(405, "MethodNotAllowed",
                           "the server does not allow this method on the requested resource", {})
        namespace = target.namespace if kind.namespaced else ""
        found = self.store.get(kind.resource, namespace, target.name) if target.name else {}
        code, obj = verb(kind, target, found, text)
        return code, {"kind": kind.kind, "apiVersion": "v1", **obj}

    def get(self, kind: Kind, target: Target, found: dict, text: bytes) -> Answer:
        return 200, found

    def list(self, kind: Kind, target: Target, found: dict, text: bytes) -> Answer:
        field, _, name = target.query.get("fieldSelector", "").partition("=")
        if field not in ("", "metadata.name"):
            raise bad_request(f"field label not supported: {field}")
        matches = label_test(target.query.get("labelSelector", ""))
        items = [obj for obj in self.store.select(kind.resource, target.namespace)
                 if matches(obj) and name in ("", obj["metadata"]["name"])]
        meta: dict = {"resourceVersion": str(self.store.version)}
        if "continue" in target.query:
            try:
                last = base64.urlsafe_b64decode(target.query["continue"]).decode()
            except ValueError:
                raise bad_request("invalid continue token: continue key is not valid") from None
            items = [obj for obj in items if key_of(obj) > last]
        limit = int(target.query.get("limit") or 0)
        if 0 < limit < len(items):
            token = base64.urlsafe_b64encode(key_of(items[limit - 1]).encode())
            meta |= {"continue": token.decode(), "remainingItemCount": len(items) - limit}
            items = items[:limit]
        return 200, {"kind": f"{kind.kind}List", "metadata": meta, "items": items}

    def create(self, kind: Kind, target: Target, found: dict, text: bytes) -> Answer:
        obj = body_of(text, kind.kind)
        if kind.namespaced:
            self.store.get("namespaces", "", target.namespace)
            obj["metadata"]["namespace"] = target.namespace
        kind.complete(obj)
        kind.check(obj)
        try:
            if kind.resource == "services":
                self.ports.allocate(obj)
            self.charge(kind.resource, target.namespace, obj["metadata"]["name"])
            return 201, self.store.create(kind.resource, obj)
        finally:
            self.ports.release()   # those of a service that was refused

    def charge(self, resource: str, namespace: str, name: str) -> None:
        """Quotas limit how many objects there are; the name is not looked at yet."""
        used = sum(not is_over(obj) for obj in self.store.select(resource, namespace))
        for quota in self.store.select("resourcequotas", namespace):
            hard = quota["spec"].get("hard", {}).get(resource)
            if hard is not None and used >= int(hard):
                raise forbidden(resource, name, f"exceeded quota: {quota['metadata']['name']}, "
                                f"requested: {resource}=1, used: {resource}={used}, "
                                f"limited: {resource}={hard}")

    def patch(self, kind: Kind, target: Target, found: dict, text: bytes) -> Answer:
        if target.media != "application/merge-patch+json":
            raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        new, was = merge(found, json.loads(text)), found["metadata"]
        if new["metadata"].get("resourceVersion") != was["resourceVersion"]:
            raise conflict(kind.resource, target.name, STALE)
        new["metadata"] = new["metadata"] | {key: was[key] for key in KEPT if key in was}
        kept = "spec" if target.resource.endswith("/status") else "status"
        new[kept] = found[kept]
        kind.check(new)
        return 200, self.store.update(kind.resource, found, new)

    def delete(self, kind: Kind, target: Target, found: dict, text: bytes) -> Answer:
        options = target.query | json.loads(text or b"{}")
        grace = int(options["gracePeriodSeconds"]) if "gracePeriodSeconds" in options else None
        left = self.store.delete(kind.resource, found, grace, options.get("preconditions") or {})
        if kind.resource == "namespaces":
            for resource, obj in self.store.every(target.name):
                self.store.delete(resource, obj, 0, {})
        if kind.resource in ("namespaces", "pods"):
            return 200, left
        details = {**details_of(kind.resource, target.name), "uid": found["metadata"]["uid"]}
        return 200, {"kind": "Status", "metadata": {}, "status": "Success", "details": details}
