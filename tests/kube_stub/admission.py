"""What stands between a valid object and the store: namespaces, service accounts, quotas."""
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
    meta, account = pod["metadata"], pod["spec"]["serviceAccountName"]
    if (meta["namespace"], account) not in store.objects["serviceaccounts"]:
        raise forbidden("pods", meta.get("name", ""), "error looking up service account "
                        f'{meta["namespace"]}/{account}: serviceaccount "{account}" not found')


def charge(resource: str, obj: dict) -> dict[str, int]:
    """What one object takes from a quota."""
    if resource == "pods" and obj["status"].get("phase") in ("Failed", "Succeeded"):
        return {}
    node_ports = len(obj["spec"]["ports"]) if obj["spec"].get("type") == "NodePort" else 0
    return {resource: 1, **({"services.nodeports": node_ports} if node_ports else {})}


def check_quotas(store: Store, resource: str, obj: dict) -> None:
    namespace, wanted = obj["metadata"]["namespace"], charge(resource, obj)
    for quota in store.select("resourcequotas", namespace):
        hard = quota["spec"].get("hard") or {}
        used = dict.fromkeys(wanted, 0)
        for other in store.select(resource, namespace):
            used |= {key: used[key] + cost for key, cost in charge(resource, other).items()
                     if key in used}
        over = sorted(key for key in wanted
                      if key in hard and used[key] + wanted[key] > int(hard[key]))
        if over:
            shown = [",".join(f"{key}={row[key]}" for key in over) for row in (wanted, used, hard)]
            raise forbidden(resource, obj["metadata"]["name"],
                            f"exceeded quota: {quota['metadata']['name']}, requested: {shown[0]}, "
                            f"used: {shown[1]}, limited: {shown[2]}")
