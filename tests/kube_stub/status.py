"""The Status bodies of the API server, each error with its code, reason and wording."""

from __future__ import annotations

import json
from typing import NamedTuple


class Cause(NamedTuple):
    """One broken field of an object."""

    reason: str
    field: str
    message: str


class ApiError(Exception):
    """A refusal, carrying what the Status object says."""

    def __init__(self, code: int, reason: str, message: str, details: dict | None = None):
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                     "message": message}
        if reason:
            self.body["reason"] = reason
        if details is not None:
            self.body["details"] = details
        self.body["code"] = code


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def details_of(resource: str, name: str | None, group: str = "") -> dict:
    details = {"name": name, "group": group, "kind": resource}
    return {key: value for key, value in details.items() if value}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, name: str | None, why: str, group: str = "") -> ApiError:
    what = f"{resource}.{group}" if group else resource
    subject = f"{what} {quoted(name)}" if name else what
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}",
                    details_of(resource, name, group))


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f"{resource} {quoted(name)} not found",
                    details_of(resource, name))


def unknown_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed",
                    "the server does not allow this method on the requested resource", {})


def already_exists(resource: str, name: str, deleting: bool) -> ApiError:
    prefix = "object is being deleted: " if deleting else ""
    return ApiError(409, "AlreadyExists", f"{prefix}{resource} {quoted(name)} already exists",
                    details_of(resource, name))


def conflict(kind: str, name: str, why: str) -> ApiError:
    return ApiError(409, "Conflict",
                    f"Operation cannot be fulfilled on {kind} {quoted(name)}: {why}",
                    details_of(kind, name))


def gone(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def invalid(kind: str, name: str, causes: list[Cause]) -> ApiError:
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    details = details_of(kind, name)
    details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field}
                         for cause in causes]
    return ApiError(422, "Invalid", f"{kind} {quoted(name)} is invalid: {text}", details)


def internal(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}",
                    {"causes": [{"message": message}]})
