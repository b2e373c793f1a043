"""The scheduler, the kubelet of one node and the garbage collectors."""
import asyncio
from collections.abc import Callable

from .store import Event, Store, timestamp

NODE = "node1"
LABELS = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
UNSCHEDULABLE = {
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity."}
MOMENT_S = 0.05


def condition(name: str, true: bool, why: dict | None = None) -> dict:
    return {"type": name, "status": "True" if true else "False", "lastProbeTime": None,
            "lastTransitionTime": timestamp(), **(why or {})}


def container_status(container: dict, running: bool, tried: bool) -> dict:
    image, state = container["image"], {"waiting": {"reason": "ContainerCreating"}}
    if running:
        state = {"running": {"startedAt": timestamp()}}
    elif tried and "missing" in image:
        state = {"waiting": {"reason": "ErrImagePull", "message": "rpc error: code = NotFound desc "
                             f'= failed to pull and unpack image "{image}": not found'}}
    return {"name": container["name"], "state": state, "lastState": {}, "ready": running,
            "restartCount": 0, "image": image, "imageID": "", "started": running}


class Node:
    """Reacts to the store's events after a moment; every step looks at the object anew."""

    def __init__(self, store: Store, start_ms: int, stop_ms: int):
        self.store, self.start_s, self.stop_s = store, start_ms / 1000, stop_ms / 1000
        self.patched: set[str] = set()   # pods whose status a test has taken over
        store.listeners.append(self.notice)
        store.create("nodes", {"metadata": {"name": NODE, "labels": LABELS}, "spec": {},
                               "status": {"conditions": [condition("Ready", True)]}})

    def later(self, seconds: float, step: Callable, *words: object) -> None:
        asyncio.get_running_loop().call_later(seconds, step, *words)

    def notice(self, event: Event) -> None:
        meta, uid = event.new["metadata"], event.new["metadata"]["uid"]
        if event.type == "DELETED" or meta.get("ownerReferences"):
            self.later(MOMENT_S, self.collect)
        if event.type == "DELETED":
            return
        if event.resource == "namespaces" and "deletionTimestamp" in meta:
            self.later(0.01, self.sweep, meta["name"])
        elif event.resource == "pods" and "deletionTimestamp" in meta:
            self.later(min(meta["deletionGracePeriodSeconds"], self.stop_s), self.kill, uid)
        elif event.resource == "pods" and event.type == "ADDED":
            self.later(MOMENT_S, self.schedule, uid)

    def ours(self, uid: str) -> dict | None:
        """The pod, if it is there to be started here."""
        pod = self.store.find("pods", uid)
        return pod if (pod and "deletionTimestamp" not in pod["metadata"] and uid not in
                       self.patched and pod["spec"].get("nodeName", NODE) == NODE) else None

    def schedule(self, uid: str) -> None:
        pod = self.ours(uid)
        if not pod:
            return
        if not (pod["spec"].get("nodeSelector") or {}).items() <= LABELS.items():
            self.report(pod, conditions=[condition("PodScheduled", False, UNSCHEDULABLE)])
            return
        self.report(self.store.edit("pods", pod, lambda new: new["spec"].update(nodeName=NODE)),
                    **self.status(pod, False))
        self.later(self.start_s, self.start, uid)

    def start(self, uid: str) -> None:
        pod = self.ours(uid)
        if pod:
            self.report(pod, **self.status(pod, True))

    def report(self, pod: dict, **status: object) -> None:
        self.store.edit("pods", pod, lambda new: new["status"].update(status))

    def status(self, pod: dict, tried: bool) -> dict:
        containers, first = pod["spec"]["containers"], pod["spec"].get("initContainers") or []
        ready = tried and not any("missing" in row["image"] for row in containers + first)
        why = {} if ready else {"reason": "ContainersNotReady"}
        address = f"10.244.{self.store.version >> 8 & 255}.{self.store.version & 255}"
        return {"phase": "Running" if ready else "Pending", "hostIP": "10.244.0.1",
                "startTime": timestamp(), **({"podIP": address} if ready else {}),
                "containerStatuses": [container_status(row, ready, tried) for row in containers],
                "conditions": [condition("Initialized", True), condition("Ready", ready, why),
                               condition("ContainersReady", ready, why),
                               condition("PodScheduled", True)]}

    def kill(self, uid: str) -> None:
        pod = self.store.find("pods", uid)
        if pod and pod["spec"].get("nodeName") == NODE:
            self.store.delete("pods", pod, 0)

    def collect(self) -> None:
        """Delete what has owners, none of which is left."""
        every = [(resource, obj) for resource in self.store.objects
                 for obj in self.store.select(resource)]
        uids = {obj["metadata"]["uid"] for _, obj in every}
        for resource, obj in every:
            owners = obj["metadata"].get("ownerReferences")
            if owners and not any(owner["uid"] in uids for owner in owners):
                self.store.delete(resource, obj)

    def sweep(self, name: str) -> None:
        """Empty a terminating namespace, then let it go."""
        left = [(resource, obj) for resource in self.store.objects
                for obj in self.store.select(resource, name)]
        for resource, obj in left:   # no kubelet ends the pods of other nodes
            here = resource != "pods" or obj["spec"].get("nodeName") == NODE
            self.store.delete(resource, obj, None if here else 0)
        namespace = self.store.objects["namespaces"].get(("", name))
        if left:
            self.later(MOMENT_S, self.sweep, name)
        elif namespace:
            self.store.delete("namespaces", namespace)
