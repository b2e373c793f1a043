"""The objects: versions, creation, change and the rules of deletion."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .resources import KINDS
from .status import already_exists, conflict, not_found


def timestamp(seconds: float = 0) -> str:
    when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Event(NamedTuple):
    """One change; `old` is None for a creation, `new` the last state of what is gone."""

    version: int
    resource: str
    type: str
    old: dict | None
    new: dict


class Store:
    """Objects are never changed in place: whoever holds one holds a snapshot."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[tuple[str, str], dict]] = {name: {} for name in KINDS}
        self.version = 1
        self.events: deque[Event] = deque(maxlen=20000)
        self.listeners: list[Callable[[Event], None]] = []

    def get(self, resource: str, namespace: str, name: str) -> dict:
        try:
            return self.objects[resource][namespace, name]
        except KeyError:
            raise not_found(resource, name) from None

    def find(self, resource: str, uid: str) -> dict | None:
        return next((obj for obj in self.objects[resource].values()
                     if obj["metadata"]["uid"] == uid), None)

    def select(self, resource: str, namespace: str = "") -> Iterator[dict]:
        for key in sorted(self.objects[resource]):
            if not namespace or key[0] == namespace:
                yield self.objects[resource][key]

    def check_absent(self, resource: str, namespace: str, name: str) -> None:
        found = self.objects[resource].get((namespace, name))
        if found:
            raise already_exists(resource, name, "deletionTimestamp" in found["metadata"])

    def create(self, resource: str, obj: dict) -> dict:
        meta = obj["metadata"]
        self.check_absent(resource, meta.get("namespace", ""), meta["name"])
        for key in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            meta.pop(key, None)
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        return self.commit(resource, "ADDED", None, obj)

    def update(self, resource: str, old: dict, new: dict) -> dict:
        """Put `new` in place of `old`; without finalizers and grace left it goes for good."""
        if new == old:
            return old
        meta = new["metadata"]
        if meta.get("deletionGracePeriodSeconds") == 0 and not meta.get("finalizers"):
            self.commit(resource, "DELETED", old, deepcopy(new))
            return new
        return self.commit(resource, "MODIFIED", old, new)

    def commit(self, resource: str, kind: str, old: dict | None, new: dict) -> dict:
        self.version += 1
        meta = new["metadata"]
        meta["resourceVersion"] = str(self.version)
        key = (meta.get("namespace", ""), meta["name"])
        if kind == "DELETED":
            del self.objects[resource][key]
        else:
            self.objects[resource][key] = new
        event = Event(self.version, resource, kind, old, new)
        self.events.append(event)
        for listener in self.listeners:
            listener(event)
        return new

    def edit(self, resource: str, obj: dict, change: Callable[[dict], None]) -> dict:
        new = deepcopy(obj)
        change(new)
        return self.update(resource, obj, new)

    def delete(self, resource: str, obj: dict, grace: int | None = None,
               preconditions: dict | None = None) -> dict:
        """Begin or finish a deletion; the answer is the object as it was left."""
        meta = obj["metadata"]
        self.check_preconditions(resource, meta, preconditions or {})
        grace = self.grace_of(resource, obj, grace)
        known = meta.get("deletionGracePeriodSeconds")
        if known is not None and grace >= known:
            return obj
        if resource != "pods" and not meta.get("finalizers"):
            return self.commit(resource, "DELETED", obj, deepcopy(obj))
        return self.edit(resource, obj, lambda new: new["metadata"].update(
            deletionTimestamp=timestamp(grace), deletionGracePeriodSeconds=grace))

    @staticmethod
    def check_preconditions(resource: str, meta: dict, wanted: dict) -> None:
        for key, name, why in (
                ("uid", "UID", "The object might have been deleted and then recreated"),
                ("resourceVersion", "ResourceVersion", "The object might have been modified")):
            if wanted.get(key) and wanted[key] != meta[key]:
                raise conflict(KINDS[resource].kind, meta["name"],
                               f"the {name} in the precondition ({wanted[key]}) does not match "
                               f"the {name} in record ({meta[key]}). {why}")

    @staticmethod
    def grace_of(resource: str, obj: dict, grace: int | None) -> int:
        if resource != "pods" or not obj["spec"].get("nodeName"):
            return 0
        if obj["status"].get("phase") in ("Failed", "Succeeded"):
            return 0
        return obj["spec"]["terminationGracePeriodSeconds"] if grace is None else max(grace, 0)
