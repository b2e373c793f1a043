"""The objects: versions, creation, change and the rules of deletion."""
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from .resources import KINDS
from .status import already_exists, conflict, not_found

PRECONDITIONS = {"uid": ("UID", "The object might have been deleted and then recreated"),
                 "resourceVersion": ("ResourceVersion", "The object might have been modified")}


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
        rows = self.objects[resource]
        return (rows[key] for key in sorted(rows) if not namespace or key[0] == namespace)

    def create(self, resource: str, obj: dict) -> dict:
        meta = obj["metadata"]
        found = self.objects[resource].get((meta.get("namespace", ""), meta["name"]))
        if found:
            raise already_exists(resource, meta["name"], "deletionTimestamp" in found["metadata"])
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        return self.commit(resource, "ADDED", None, obj)

    def update(self, resource: str, old: dict, new: dict) -> dict:
        """Put `new` in place of `old`; without finalizers and grace left it goes for good."""
        meta = new["metadata"]
        if new == old:
            return old
        last = meta.get("deletionGracePeriodSeconds") == 0 and not meta.get("finalizers")
        return self.commit(resource, "DELETED" if last else "MODIFIED", old, new)

    def commit(self, resource: str, kind: str, old: dict | None, new: dict) -> dict:
        self.version += 1
        meta = new["metadata"]
        meta["resourceVersion"] = str(self.version)
        key = (meta.get("namespace", ""), meta["name"])
        self.objects[resource][key] = new
        if kind == "DELETED":
            del self.objects[resource][key]
        event = Event(self.version, resource, kind, old, new)
        self.events.append(event)
        for listener in self.listeners:
            listener(event)
        return new

    def edit(self, resource: str, obj: dict, change: Callable[[dict], None]) -> dict:
        new = deepcopy(obj)
        change(new)
        return self.update(resource, obj, new)

    def check(self, resource: str, meta: dict, preconditions: dict) -> None:
        for key, (name, why) in PRECONDITIONS.items():
            wanted = preconditions.get(key)
            if wanted and wanted != meta[key]:
                raise conflict(KINDS[resource].kind, meta["name"],
                               f"the {name} in the precondition ({wanted}) does not match "
                               f"the {name} in record ({meta[key]}). {why}")

    def delete(self, resource: str, obj: dict, grace: int | None = None) -> dict:
        """Begin or finish a deletion; the answer is the object as it was left."""
        known = obj["metadata"].get("deletionGracePeriodSeconds")
        grace = grace_of(obj, grace) if resource == "pods" else 0
        if known is not None and grace >= known:
            return obj
        return self.edit(resource, obj, lambda new: new["metadata"].update(
            deletionTimestamp=timestamp(grace), deletionGracePeriodSeconds=grace))


def grace_of(pod: dict, asked: int | None) -> int:
    if not pod["spec"].get("nodeName") or pod["status"].get("phase") in ("Failed", "Succeeded"):
        return 0
    return pod["spec"]["terminationGracePeriodSeconds"] if asked is None else max(asked, 0)
