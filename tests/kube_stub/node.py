"""The scheduler, the kubelet of one node and the garbage collector."""
import asyncio

from .store import Store, timestamp

NODE = {"nodeName": "node1"}
SCHEDULER = "default-scheduler"
MOMENT_S = 0.05


def condition(name: str, true: bool) -> dict:
    why = {} if true else {"reason": "ContainersNotReady"}
    return {"type": name, "status": str(true), "lastTransitionTime": timestamp(), **why}


class Node:
    """Reacts to the store's changes after a moment; every step looks at the object anew."""

    def __init__(self, store: Store, start_ms: int, stop_ms: int):
        self.store, self.start_s, self.stop_s = store, start_ms / 1000, stop_ms / 1000
        self.later = asyncio.get_running_loop().call_later
        store.listeners.append(self.notice)

    def notice(self, change: str, resource: str, obj: dict) -> None:
        meta = obj["metadata"]
        if change == "DELETED" or meta.get("ownerReferences"):
            self.later(MOMENT_S, self.collect)
        if resource != "pods" or change == "DELETED":
            return
        if "deletionTimestamp" in meta:
            grace_s = min(meta["deletionGracePeriodSeconds"], self.stop_s)
            self.later(grace_s, self.kill, meta["uid"])
        elif change == "ADDED" and obj["spec"]["schedulerName"] == SCHEDULER:
            self.later(MOMENT_S, self.report, meta["uid"], obj["status"], "Pending")

    def report(self, uid: str, known: dict, phase: str) -> None:
        """Say that the pod is here, later that it runs; a status set by a test is left alone."""
        pod = self.store.find("pods", uid)
        if not pod or pod["status"] != known or "deletionTimestamp" in pod["metadata"]:
            return
        running = phase == "Running"
        pod = self.store.edit("pods", pod, "spec", **NODE)
        conditions = [condition("PodScheduled", True), condition("Ready", running)]
        pod = self.store.edit("pods", pod, "status", phase=phase, conditions=conditions)
        if not running:
            self.later(self.start_s, self.report, uid, pod["status"], "Running")

    def kill(self, uid: str) -> None:
        pod = self.store.find("pods", uid)
        if pod:
            self.store.delete("pods", pod, 0, {})

    def collect(self) -> None:
        """Delete what has owners, none of which is left."""
        every = self.store.every()
        uids = {obj["metadata"]["uid"] for _, obj in every}
        for resource, obj in every:
            owners = obj["metadata"].get("ownerReferences")
            if owners and not any(owner["uid"] in uids for owner in owners):
                self.store.delete(resource, obj, None, {})
