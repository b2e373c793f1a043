"""The objects: versions, creation, change and the rules of deletion."""
import uuid
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta, timezone

from .resources import KINDS
from .status import already_exists, conflict, not_found

PRECONDITIONS = {"uid": ("UID", "The object might have been deleted and then recreated"),
                 "resourceVersion": ("ResourceVersion", "The object might have been modified")}


def timestamp(seconds: float = 0) -> str:
    when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(obj: dict) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def is_over(obj: dict) -> bool:
    return obj.get("status", {}).get("phase") in ("Failed", "Succeeded")


class Store:
    """Objects are never changed in place: whoever holds one holds a snapshot."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict]] = {name: {} for name in KINDS}
        self.version = 1
        # Called with ADDED, MODIFIED or DELETED, the resource and the object.
        self.listeners: list[Callable[[str, str, dict], None]] = []

    def get(self, resource: str, namespace: str, name: str) -> dict:
        try:
            return self.objects[resource][f"{namespace}/{name}"]
        except KeyError:
            raise not_found(resource, name) from None

    def find(self, resource: str, uid: str) -> dict | None:
        rows = self.objects[resource].values()
        return next((obj for obj in rows if obj["metadata"]["uid"] == uid), None)

    def select(self, resource: str, namespace: str = "") -> list[dict]:
        rows, prefix = self.objects[resource], f"{namespace}/" if namespace else ""
        return [rows[key] for key in sorted(rows) if key.startswith(prefix)]

    def every(self, namespace: str = "") -> list[tuple[str, dict]]:
        return [(resource, obj) for resource in KINDS for obj in self.select(resource, namespace)]

    def create(self, resource: str, obj: dict) -> dict:
        found, meta = self.objects[resource].get(key_of(obj)), obj["metadata"]
        if found:
            raise already_exists(resource, meta["name"], "deletionTimestamp" in found["metadata"])
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        return self.commit("ADDED", resource, obj)

    def update(self, resource: str, old: dict, new: dict) -> dict:
        """Put `new` in place of `old`; without finalizers and grace left it goes for good."""
        if new == old:
            return old
        meta = new["metadata"]
        last = meta.get("deletionGracePeriodSeconds") == 0 and not meta.get("finalizers")
        return self.commit("DELETED" if last else "MODIFIED", resource, new)

    def commit(self, change: str, resource: str, new: dict) -> dict:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self.objects[resource][key_of(new)] = new
        if change == "DELETED":
            del self.objects[resource][key_of(new)]
        for listener in self.listeners:
            listener(change, resource, new)
        return new

    def edit(self, resource: str, obj: dict, part: str, **values: object) -> dict:
        """Set fields of an object's metadata, spec or status."""
        return self.update(resource, obj, deepcopy(obj) | {part: {**obj[part], **values}})

    def delete(self, resource: str, obj: dict, grace: int | None, preconditions: dict) -> dict:
        """Begin or finish a deletion; the answer is the object as it was left."""
        meta, kind = obj["metadata"], KINDS[resource].kind
        for key, (name, why) in PRECONDITIONS.items():
            wanted = preconditions.get(key)
            if wanted and wanted != meta[key]:
                raise conflict(kind, meta["name"], f"the {name} in the precondition ({wanted}) "
                               f"does not match the {name} in record ({meta[key]}). {why}")
        known = meta.get("deletionGracePeriodSeconds")
        if resource != "pods" or "nodeName" not in obj["spec"] or is_over(obj):
            grace = 0
        elif grace is None:
            grace = obj["spec"]["terminationGracePeriodSeconds"]
        if known is not None and grace >= known:
            return obj
        return self.edit(resource, obj, "metadata", deletionTimestamp=timestamp(grace),
                         deletionGracePeriodSeconds=grace)
