"""What stands between a valid object and the store: namespaces, service accounts, quotas."""

from __future__ import annotations

from .status import ApiError, forbidden
from .store import Store


def check_namespace(store: Store, resource: str, namespace: str, name: str) -> None:
    found = store.get("namespaces", "", namespace)
    if found["status"]["phase"] == "Terminating":
        error = forbidden(resource, name, f"unable to create new content in namespace {namespace} "
                          "because it is being terminated")
        error.body["details"]["causes"] = [{
            "reason": "NamespaceTerminating", "field": "metadata.namespace",
            "message": f"namespace {namespace} is being terminated"}]
        raise error


def check_service_account(store: Store, pod: dict) -> None:
    meta = pod["metadata"]
    try:
        store.get("serviceaccounts", meta["namespace"], pod["spec"]["serviceAccountName"])
    except ApiError as error:
        account = f"{meta['namespace']}/{pod['spec']['serviceAccountName']}"
        raise forbidden("pods", meta.get("name"),
                        f"error looking up service account {account}: {error}") from None


def charge(resource: str, obj: dict) -> dict[str, int]:
    """What one object takes from a quota."""
    if resource == "pods" and obj["status"].get("phase") in ("Failed", "Succeeded"):
        return {}
    costs = {resource: 1}
    if resource == "services" and obj["spec"]["type"] in ("NodePort", "LoadBalancer"):
        costs["services.nodeports"] = len(obj["spec"].get("ports") or [])
    return costs


def check_quotas(store: Store, resource: str, obj: dict) -> None:
    namespace, wanted = obj["metadata"]["namespace"], charge(resource, obj)
    for quota in store.select("resourcequotas", namespace):
        used = quota_use(store, quota)
        hard = quota["spec"].get("hard") or {}
        over = sorted(key for key in wanted
                      if key in hard and used[key] + wanted[key] > int(hard[key]))
        if over:
            lists = [",".join(f"{key}={amounts[key]}" for key in over)
                     for amounts in (wanted, used, hard)]
            raise forbidden(resource, obj["metadata"]["name"],
                            f"exceeded quota: {quota['metadata']['name']}, requested: {lists[0]}, "
                            f"used: {lists[1]}, limited: {lists[2]}")


def quota_use(store: Store, quota: dict) -> dict[str, int]:
    used = dict.fromkeys(quota["spec"].get("hard") or {}, 0)
    for resource in ("pods", "services"):
        for obj in store.select(resource, quota["metadata"]["namespace"]):
            for key, cost in charge(resource, obj).items():
                if key in used:
                    used[key] += cost
    return used
