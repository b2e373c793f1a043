"""Objects made by somebody else than the program under test."""

from typing import Any, Optional

from kube_view import OURS, pod_name, service_name

# No scheduler answers to this name: the pod stays as a test makes it, on every cluster.
NOBODY = "system-tests-nobody"

# What a kubelet says of a pod that answers.
RUNNING = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
}

# And of one that it has evicted.
ENDED = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "The node was low on resource: memory.",
    "conditions": [{"type": "Ready", "status": "False"}],
}


def labels_of(sandbox_id: str) -> dict[str, str]:
    key, _, value = OURS.partition("=")
    return {key: value, "sandbox-id": sandbox_id}


def identity(user_id: str, thread_id: str) -> dict[str, str]:
    return {
        "sandbox-provisioner/user-id": user_id,
        "sandbox-provisioner/thread-id": thread_id,
    }


def pod(
    sandbox_id: str,
    labels: Optional[dict[str, str]] = None,
    annotations: Optional[dict[str, str]] = None,
) -> dict[str, Any]:
    """A pod under a sandbox's name. No annotations: as DeerFlow's own provisioner makes them."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(sandbox_id),
            "labels": labels_of(sandbox_id) if labels is None else labels,
            "annotations": annotations or {},
        },
        "spec": {
            "schedulerName": NOBODY,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "sandbox",
                    "image": "localhost/sandbox:1",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                }
            ],
        },
    }


def service(sandbox_id: str, labels: Optional[dict[str, str]] = None) -> dict[str, Any]:
    """A Service under a sandbox's name, owned by nothing."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(sandbox_id),
            "labels": labels_of(sandbox_id) if labels is None else labels,
        },
        "spec": {
            "type": "NodePort",
            "selector": {"sandbox-id": sandbox_id},
            "ports": [{"name": "http", "port": 8080, "targetPort": 8080}],
        },
    }
