"""What a request asks for: its verb, its place in the API, its body."""
import json
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from .status import bad_request

METHODS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Target(NamedTuple):
    """A path outside the resources has no resource; a subresource is `pods/status`."""

    verb: str
    path: str
    query: dict
    media: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


def target_of(request: web.BaseRequest) -> Target:
    verb, parts = METHODS.get(request.method, request.method.lower()), request.path[1:].split("/")
    target = Target(verb, request.path, dict(request.query), request.content_type)
    group = parts[1] if parts[0] == "apis" and len(parts) > 1 else ""
    rest = parts[3 if group else 2:] if parts[0] in ("api", "apis") else []
    if not rest:
        return target
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if namespace and len(rest) > 2:
        rest = rest[2:]
    resource, name, subresource = (rest + ["", ""])[:3]
    if not name and verb == "get":
        verb = "watch" if request.query.get("watch") in ("1", "true") else "list"
    elif not name and verb == "delete":
        verb = "deletecollection"
    resource = f"{resource}/{subresource}" if subresource else resource
    return target._replace(verb=verb, group=group, resource=resource, namespace=namespace,
                           name=name)


def body_of(text: bytes, kind: str) -> dict:
    """The object of a creation, without what the server decides."""
    try:
        return {"metadata": {}, "spec": {}, **json.loads(text)}
    except (ValueError, TypeError) as error:
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): couldn't "
                          f"get version/kind; json parse error: {error}") from None


def label_test(selector: str) -> Callable[[dict], bool]:
    """Equality and existence, separated by commas."""
    if set("!()") & set(selector):
        raise bad_request(f"the stand-in knows only equality and existence, not '{selector}'")
    tests = [part.replace("==", "=").partition("=") for part in selector.split(",") if part]

    def holds(obj: dict) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(labels.get(key) == value if sign else key in labels
                   for key, sign, value in tests)

    return holds
