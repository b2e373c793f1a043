"""The kinds that are served, a row each, and what kubectl is told of them."""
from typing import NamedTuple

from .status import invalid
from .validation import cause, check_containers, check_metadata


class Kind(NamedTuple):
    """One resource of core/v1."""

    resource: str
    kind: str
    short: str
    namespaced: bool = True
    required: str = ""   # the list in its spec that must not be empty
    spec: dict = {}      # the defaults
    status: dict = {}

    def complete(self, obj: dict) -> None:
        obj |= {"spec": self.spec | obj["spec"], "status": self.status}

    def check(self, obj: dict) -> None:
        causes = list(check_metadata(obj["metadata"]))
        if self.required and not obj["spec"].get(self.required):
            causes.append(cause("Required", f"spec.{self.required}", "Required value"))
        causes += check_containers(obj["spec"])
        if causes:
            raise invalid(self.kind, obj["metadata"].get("name", ""), causes)


KINDS = {row.resource: row for row in (
    Kind("namespaces", "Namespace", "ns", False, status={"phase": "Active"}),
    Kind("pods", "Pod", "po", True, "containers",
         {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
          "serviceAccountName": "default", "schedulerName": "default-scheduler"},
         {"phase": "Pending"}),
    Kind("services", "Service", "svc", True, "ports",
         {"type": "ClusterIP", "sessionAffinity": "None"}, {"loadBalancer": {}}),
    Kind("resourcequotas", "ResourceQuota", "quota"),
)}
DOCUMENTS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": row.resource, "singularName": "", "namespaced": row.namespaced, "kind": row.kind,
         "verbs": ["create", "delete", "get", "list", "patch"], "shortNames": [row.short]}
        for row in KINDS.values()]},
}
