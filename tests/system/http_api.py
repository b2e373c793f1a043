"""The provisioner as an ordinary HTTP client sees it."""

from __future__ import annotations

from typing import Any, Optional

import requests
from requests.adapters import HTTPAdapter

# What DeerFlow's client waits for, in seconds.
TIMEOUT_S = {"POST": 30, "DELETE": 15, "GET": 10}


class Api:
    """One client with one key; may be shared by threads."""

    def __init__(self, url: str, key: Optional[str]) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", HTTPAdapter(pool_maxsize=64))
        if key is not None:
            self.session.headers["X-API-Key"] = key

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", TIMEOUT_S.get(method, 10))
        options.setdefault("allow_redirects", False)
        return self.session.request(method, self.url + path, **options)

    def post_raw(self, body: bytes, content_type: str = "application/json") -> requests.Response:
        return self.call(
            "POST", "/api/sandboxes", data=body, headers={"Content-Type": content_type}
        )

    def post(self, sandbox_id: str, **fields: Any) -> requests.Response:
        return self.call("POST", "/api/sandboxes", json={"sandbox_id": sandbox_id, **fields})

    def create(self, sandbox_id: str, **fields: Any) -> dict[str, Any]:
        """POST that must make a new sandbox; returns the sandbox."""
        answer = self.post(sandbox_id, **fields)
        assert answer.status_code == 201, (answer.status_code, answer.text)
        return answer.json()

    def get(self, sandbox_id: str) -> requests.Response:
        return self.call("GET", f"/api/sandboxes/{sandbox_id}")

    def presence(self, sandbox_id: str) -> requests.Response:
        return self.call("GET", f"/api/sandboxes/{sandbox_id}/presence")

    def delete(self, sandbox_id: str) -> requests.Response:
        return self.call("DELETE", f"/api/sandboxes/{sandbox_id}")

    def list(self, **query: Any) -> requests.Response:
        return self.call("GET", "/api/sandboxes", params=query)

    def listed_ids(self, **query: Any) -> list[str]:
        answer = self.list(**query)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return [sandbox["sandbox_id"] for sandbox in answer.json()["sandboxes"]]


def assert_problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """Asserts that the answer is a problem document of that status; returns it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for field in ("type", "title", "detail", "request_id"):
        assert isinstance(problem[field], str) and problem[field], field
    assert answer.headers["X-Request-ID"] == problem["request_id"]
    return problem


def broken_fields(answer: requests.Response) -> set[str]:
    """The names in `errors` of a 422."""
    errors = assert_problem(answer, 422)["errors"]
    assert all(isinstance(error["message"], str) and error["message"] for error in errors)
    return {error["field"] for error in errors}


def retry_after(answer: requests.Response) -> int:
    """The seconds of Retry-After, which must be there."""
    seconds = int(answer.headers["Retry-After"])
    assert seconds > 0
    return seconds
