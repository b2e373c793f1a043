"""The kinds that are served, a row each, with their defaults."""
from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

from . import validation


def fill(target: dict, **defaults: object) -> None:
    for key, value in defaults.items():
        if target.get(key) in (None, ""):
            target[key] = deepcopy(value)


def default_container(container: dict) -> None:
    tag = container.get("image", "").rpartition("/")[2].partition(":")[2]
    fill(container, resources={}, terminationMessagePath="/dev/termination-log",
         terminationMessagePolicy="File",
         imagePullPolicy="Always" if tag in ("", "latest") else "IfNotPresent")
    for port in container.get("ports") or []:
        fill(port, protocol="TCP")
    for probe in (container[key] for key in container if key.endswith("Probe")):
        fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
        if "httpGet" in probe:
            fill(probe["httpGet"], path="/", scheme="HTTP")
    if container["resources"].get("limits"):
        fill(container["resources"], requests={})
        fill(container["resources"]["requests"], **container["resources"]["limits"])


def default_pod(pod: dict) -> None:
    spec = pod["spec"]
    fill(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst",
         serviceAccountName="default", serviceAccount="default", securityContext={},
         schedulerName="default-scheduler", enableServiceLinks=True)
    containers = (spec.get("containers") or []) + (spec.get("initContainers") or [])
    for container in containers:
        default_container(container)
    limited = any(container["resources"] for container in containers)
    fill(pod["status"], phase="Pending", qosClass="Burstable" if limited else "BestEffort")


def default_service(service: dict) -> None:
    spec = service["spec"]
    fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] == "NodePort":
        fill(spec, externalTrafficPolicy="Cluster")
    for port in spec.get("ports") or []:
        fill(port, protocol="TCP", port=0)
        fill(port, targetPort=port["port"])
    fill(service["status"], loadBalancer={})


def default_namespace(namespace: dict) -> None:
    fill(namespace["spec"], finalizers=["kubernetes"])
    fill(namespace["status"], phase="Active")


class Kind(NamedTuple):
    """One resource of core/v1."""

    resource: str
    kind: str
    short: str
    namespaced: bool = True
    collection: bool = True   # may be deleted as a whole
    defaults: Callable[[dict], None] = lambda obj: None
    check: Callable[[dict, validation.Causes], None] = validation.plain_causes


KINDS = {row.resource: row for row in (
    Kind("namespaces", "Namespace", "ns", False, False, default_namespace,
         validation.namespace_causes),
    Kind("nodes", "Node", "no", False),
    Kind("pods", "Pod", "po", True, True, default_pod, validation.pod_causes),
    Kind("services", "Service", "svc", True, False, default_service, validation.service_causes),
    Kind("serviceaccounts", "ServiceAccount", "sa"),
    Kind("resourcequotas", "ResourceQuota", "quota"),
    Kind("events", "Event", "ev"),
)}


def merge(target: object, patch: object) -> object:
    """A JSON merge patch; strategic ones are treated alike, their lists replaced as a whole."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
