"""The paths that tell clients what is served."""
from aiohttp import web

from .resources import KINDS

GROUP = {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
DOCUMENTS = {
    "/version": {"major": "1", "minor": "20", "gitVersion": "v1.20.2", "platform": "linux/amd64"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": "authorization.k8s.io", "versions": [GROUP], "preferredVersion": GROUP}]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": row.resource, "singularName": "", "namespaced": row.namespaced, "kind": row.kind,
         "verbs": VERBS + ["deletecollection"] * row.collection, "shortNames": [row.short]}
        for row in KINDS.values()]},
    "/apis/authorization.k8s.io/v1": {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP["groupVersion"],
        "resources": [{"name": "selfsubjectaccessreviews", "singularName": "", "verbs": ["create"],
                       "namespaced": False, "kind": "SelfSubjectAccessReview"}]},
}


def answer(path: str) -> web.Response:
    path = path.rstrip("/")
    if path in ("/healthz", "/livez", "/readyz"):
        return web.Response(text="ok")
    if path in DOCUMENTS:
        return web.json_response(DOCUMENTS[path])
    return web.Response(text="404 page not found\n", status=404)
