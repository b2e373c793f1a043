"""The scheduler, the kubelet of one node and the garbage collectors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .store import Event, Store, timestamp

NODE = "node1"
LABELS = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
UNSCHEDULABLE = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity."
SCHEDULE_S = COLLECT_S = 0.05


def condition(name: str, true: bool, **why: str) -> dict:
    return {"type": name, "status": "True" if true else "False", "lastProbeTime": None,
            "lastTransitionTime": timestamp(), **why}


def container_status(container: dict, state: dict, ready: bool) -> dict:
    return {"name": container["name"], "state": state, "lastState": {}, "ready": ready,
            "restartCount": 0, "image": container["image"], "imageID": "", "started": ready}


def pull_failure(image: str) -> dict:
    return {"waiting": {"reason": "ErrImagePull", "message": "rpc error: code = NotFound desc = "
                        f'failed to pull and unpack image "{image}": not found'}}


class Node:
    """Reacts to the store's events after a moment; every step looks at the object anew."""

    def __init__(self, store: Store, start_ms: int, stop_ms: int):
        self.store, self.start_s, self.stop_s = store, start_ms / 1000, stop_ms / 1000
        self.patched: set[str] = set()   # pods whose status a test has taken over
        self.addresses = 1
        store.listeners.append(self.notice)
        store.create("nodes", {"metadata": {"name": NODE, "labels": LABELS}, "spec": {},
                               "status": {"conditions": [condition("Ready", True)]}})

    def later(self, seconds: float, step: Callable, *args: object) -> None:
        asyncio.get_running_loop().call_later(seconds, step, *args)

    def notice(self, event: Event) -> None:
        meta, uid = event.new["metadata"], event.new["metadata"]["uid"]
        if event.type == "DELETED" or meta.get("ownerReferences"):
            self.later(COLLECT_S, self.collect)
        if event.type == "DELETED":
            self.patched.discard(uid)
        elif event.resource == "namespaces" and meta.get("deletionTimestamp"):
            self.later(0.01, self.sweep, meta["name"])
        elif event.resource == "pods" and meta.get("deletionTimestamp"):
            self.later(min(meta["deletionGracePeriodSeconds"], self.stop_s), self.kill, uid)
        elif event.resource == "pods" and event.type == "ADDED":
            self.later(SCHEDULE_S, self.schedule, uid)

    def alive(self, uid: str) -> dict | None:
        pod = self.store.find("pods", uid)
        return pod if pod and "deletionTimestamp" not in pod["metadata"] else None

    def schedule(self, uid: str) -> None:
        pod = self.alive(uid)
        if not pod or uid in self.patched:
            return
        fits = (pod["spec"].get("nodeSelector") or {}).items() <= LABELS.items()
        if pod["spec"].get("nodeName", NODE) != NODE:
            return   # somebody else's node: no kubelet will ever touch it
        if not fits:
            why = {"reason": "Unschedulable", "message": UNSCHEDULABLE}
            self.report(pod, conditions=[condition("PodScheduled", False, **why)])
            return
        pod = self.store.edit("pods", pod, lambda new: new["spec"].update(nodeName=NODE))
        self.report_containers(pod, False)
        self.later(self.start_s, self.start, uid)

    def start(self, uid: str) -> None:
        pod = self.alive(uid)
        if pod and uid not in self.patched:
            self.report_containers(pod, True)

    def report(self, pod: dict, **status: object) -> None:
        self.store.edit("pods", pod, lambda new: new["status"].update(status))

    def report_containers(self, pod: dict, tried: bool) -> None:
        spec = pod["spec"]
        ready = tried and not any("missing" in container["image"] for container in
                                  spec["containers"] + (spec.get("initContainers") or []))
        why = {} if ready else {"reason": "ContainersNotReady"}
        rows = []
        for container in spec["containers"]:
            state = {"waiting": {"reason": "ContainerCreating"}}
            if ready:
                state = {"running": {"startedAt": timestamp()}}
            elif tried and "missing" in container["image"]:
                state = pull_failure(container["image"])
            rows.append(container_status(container, state, ready))
        status = {"phase": "Running" if ready else "Pending", "containerStatuses": rows,
                  "hostIP": "10.244.0.1", "startTime": timestamp(), "conditions": [
                      condition("Initialized", True), condition("Ready", ready, **why),
                      condition("ContainersReady", ready, **why), condition("PodScheduled", True)]}
        if ready:
            self.addresses += 1
            address = f"10.244.{self.addresses >> 8 & 255}.{self.addresses & 255}"
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        self.report(pod, **status)

    def kill(self, uid: str) -> None:
        pod = self.store.find("pods", uid)
        if pod and pod["spec"].get("nodeName") in (NODE, None):
            self.store.delete("pods", pod, 0)

    def collect(self) -> None:
        """Delete what has owners, none of which is left."""
        every = [(resource, obj) for resource, rows in self.store.objects.items()
                 for obj in rows.values()]
        uids = {obj["metadata"]["uid"] for _, obj in every}
        for resource, obj in every:
            owners = obj["metadata"].get("ownerReferences")
            if owners and not any(owner["uid"] in uids for owner in owners):
                self.store.delete(resource, obj)

    def sweep(self, name: str) -> None:
        """Empty a terminating namespace, then let it go."""
        left = [(resource, obj) for resource in self.store.objects
                for obj in list(self.store.select(resource, name))]
        for resource, obj in left:
            ours = resource != "pods" or obj["spec"].get("nodeName") == NODE
            self.store.delete(resource, obj, None if ours else 0)
        namespace = self.store.objects["namespaces"].get(("", name))
        if left:
            self.later(0.05, self.sweep, name)
        elif namespace:
            self.store.commit("namespaces", "DELETED", namespace, dict(namespace))
