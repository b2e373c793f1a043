"""The kinds that are served: a row each, with their defaults, and how a patch is merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import NamedTuple

from . import validation

PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
MERGE_KEYS = {"conditions": "type", "containers": "name", "initContainers": "name", "env": "name",
              "volumes": "name", "volumeMounts": "mountPath", "ownerReferences": "uid"}


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
        fill(probe, **PROBE)
        if "httpGet" in probe:
            fill(probe["httpGet"], path="/", scheme="HTTP")
    limits = container["resources"].get("limits")
    if limits:
        fill(container["resources"], requests={})
        fill(container["resources"]["requests"], **limits)


def default_pod(pod: dict) -> None:
    spec = pod["spec"]
    fill(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst",
         serviceAccountName="default", serviceAccount="default", securityContext={},
         schedulerName="default-scheduler", enableServiceLinks=True)
    for volume in spec.get("volumes") or []:
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        default_container(container)
    fill(pod["status"], phase="Pending", qosClass="Burstable")


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
    defaults: Callable[[dict], None] = lambda obj: None
    causes: Callable[[dict], Iterator[validation.Cause]] = validation.plain_causes
    collection: bool = True   # may be deleted as a whole


KINDS = {row.resource: row for row in (
    Kind("namespaces", "Namespace", "ns", False, default_namespace, validation.namespace_causes,
         False),
    Kind("nodes", "Node", "no", False),
    Kind("pods", "Pod", "po", True, default_pod, validation.pod_causes),
    Kind("services", "Service", "svc", True, default_service, validation.service_causes, False),
    Kind("serviceaccounts", "ServiceAccount", "sa"),
    Kind("resourcequotas", "ResourceQuota", "quota"),
    Kind("events", "Event", "ev"),
)}


def merge_lists(old: list, new: list, key: str) -> list:
    rows = {row[key]: row for row in old}
    for row in new:
        rows[row[key]] = merge(rows.get(row[key], {}), row, True)
    return list(rows.values())


def merge(target: object, patch: object, strategic: bool) -> object:
    """A JSON merge patch; strategic: the lists that have a key are merged by it."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif strategic and key in MERGE_KEYS and isinstance(value, list):
            result[key] = merge_lists(result.get(key) or [], value, MERGE_KEYS[key])
        else:
            result[key] = merge(result.get(key), value, strategic)
    return result
