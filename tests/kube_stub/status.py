"""The Status bodies of the API server, each error with its code, reason and wording."""
import json


class ApiError(Exception):
    """A refusal, carrying the Status object."""

    def __init__(self, code: int, reason: str, message: str, details: dict | None = None):
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                     "message": message, "reason": reason, "code": code}
        if details is not None:
            self.body["details"] = details


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def details_of(resource: str, name: str, group: str = "") -> dict:
    details = {"name": name, "group": group, "kind": resource}
    return {key: value for key, value in details.items() if value}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(resource: str, name: str, why: str, group: str = "") -> ApiError:
    subject = (f"{resource}.{group}" if group else resource) + (f" {quoted(name)}" if name else "")
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}",
                    details_of(resource, name, group))


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f"{resource} {quoted(name)} not found",
                    details_of(resource, name))


def already_exists(resource: str, name: str, deleting: bool) -> ApiError:
    prefix = "object is being deleted: " if deleting else ""
    return ApiError(409, "AlreadyExists", f"{prefix}{resource} {quoted(name)} already exists",
                    details_of(resource, name))


def conflict(kind: str, name: str, why: str) -> ApiError:
    return ApiError(409, "Conflict", f"Operation cannot be fulfilled on {kind} {quoted(name)}: "
                    f"{why}", details_of(kind, name))


def invalid(kind: str, name: str, causes: list[dict]) -> ApiError:
    lines = [f"{cause['field']}: {cause['message']}" for cause in causes]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    return ApiError(422, "Invalid", f"{kind} {quoted(name)} is invalid: {text}",
                    {**details_of(kind, name), "causes": causes})
