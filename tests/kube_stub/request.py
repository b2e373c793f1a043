"""What a request asks for: its path, its body, its options."""
import json

from aiohttp import web

from .auth import Target
from .status import ApiError, bad_request

METHODS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def target_of(request: web.Request) -> Target:
    path, parts = request.path, request.path.strip("/").split("/")
    verb, group, rest = METHODS.get(request.method, request.method.lower()), "", []
    if parts[:2] == ["api", "v1"]:
        rest = parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    if not rest:
        return Target(verb, path)
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if namespace and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    resource, name, subresource = (rest + ["", ""])[:3]
    if not name and verb in ("get", "delete"):
        watch = request.query.get("watch", "").lower() in ("1", "true")
        verb = "deletecollection" if verb == "delete" else "watch" if watch else "list"
    return Target(verb, path, group, resource, namespace, name, subresource)


def body_of(request: web.Request, text: bytes, kind: str) -> dict:
    if request.content_type != "application/json":
        raise ApiError(415, "UnsupportedMediaType", "the body of the request was in an unknown "
                       "format - accepted media types include: application/json", {})
    try:
        obj = json.loads(text)
        found, version = obj.get("kind", kind), obj.get("apiVersion", "v1")
    except (ValueError, AttributeError) as error:
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): couldn't "
                          f"get version/kind; json parse error: {error}") from None
    if found != kind:
        raise bad_request(f'{found} in version "{version}" cannot be handled as a {kind}: '
                          f"converting ({version}.{found}) to (core.{kind}): unknown conversion")
    parts = {"metadata": {}, "spec": {}, "status": {}}
    obj = parts | {key: value for key, value in obj.items() if value is not None}
    if not all(isinstance(obj[key], dict) for key in parts):
        raise bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: readObjectStart')
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def delete_options(request: web.Request, text: bytes) -> dict:
    try:
        options = json.loads(text or b"{}")
    except ValueError as error:
        raise ApiError(500, "", f"couldn't get version/kind; json parse error: {error}") from None
    if "gracePeriodSeconds" in request.query and not text:
        options["gracePeriodSeconds"] = int(request.query["gracePeriodSeconds"])
    return options
