"""What is refused before Kubernetes is asked: paths, methods, bodies, fields."""

import json

import pytest

from http_api import assert_problem, broken_fields

LIMIT = 64 * 1024


def body_of(sandbox_id: str, rest: str = "") -> bytes:
    return f'{{"sandbox_id": "{sandbox_id}"{rest}}}'.encode()


# Paths and methods


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/",
        "/api/sandbox",
        "/api/sandboxes/",
        "/api/sandboxes/abc/",
        "/api/sandboxes/abc/nothing",
        "/api/sandboxes/abc/presence/x",
        "/healthy",
    ],
)
def test_unknown_path_is_404(api, path):
    assert_problem(api.call("GET", path), 404)


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("POST", "/health", {"GET"}),
        ("DELETE", "/api/capabilities", {"GET"}),
        ("POST", "/api/capabilities", {"GET"}),
        ("PUT", "/api/sandboxes", {"GET", "POST"}),
        ("DELETE", "/api/sandboxes", {"GET", "POST"}),
        ("PATCH", "/api/sandboxes/abc", {"GET", "DELETE"}),
        ("POST", "/api/sandboxes/abc", {"GET", "DELETE"}),
        ("DELETE", "/api/sandboxes/abc/presence", {"GET"}),
    ],
)
def test_wrong_method_is_405_with_allow(api, method, path, allowed):
    answer = api.call(method, path)
    assert_problem(answer, 405)
    given = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert given - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a.b", "a%20b", "a" * 52, "%C3%A9"])
@pytest.mark.parametrize(
    "method, rest", [("GET", ""), ("DELETE", ""), ("GET", "/presence")], ids=lambda v: v or "id"
)
def test_illegal_id_in_a_path_is_422(api, method, rest, name):
    assert "sandbox_id" in broken_fields(api.call(method, f"/api/sandboxes/{name}{rest}"))


@pytest.mark.calls
def test_illegal_ids_cost_no_kubernetes_call(api, cluster):
    with cluster.requests() as calls:
        for method in ("GET", "DELETE"):
            assert api.call(method, "/api/sandboxes/A_B").status_code == 422
        assert api.call("GET", "/api/sandboxes/A_B/presence").status_code == 422
        assert api.post("A_B").status_code == 422
    assert calls == []


# Bodies


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_other_content_types_are_415(api, sandbox_id, content_type):
    assert_problem(api.post_raw(body_of(sandbox_id), content_type), 415)


def test_content_type_with_a_charset_is_taken(api, sandbox_id):
    answer = api.post_raw(body_of(sandbox_id), "application/json; charset=utf-8")
    assert answer.status_code == 201, answer.text


def padded(sandbox_id: str, size: int) -> bytes:
    empty = body_of(sandbox_id, ', "padding": ""')
    return body_of(sandbox_id, f', "padding": "{"x" * (size - len(empty))}"')


def test_body_at_the_limit_is_taken(api, sandbox_id):
    answer = api.post_raw(padded(sandbox_id, LIMIT))
    assert answer.status_code == 201, answer.text


def test_body_over_the_limit_is_413(api, sandbox_id):
    assert_problem(api.post_raw(padded(sandbox_id, LIMIT + 1)), 413)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b'{"sandbox_id": "abc"} {}',
        b'{"sandbox_id": "abc", "sandbox_id": "abc"}',
        b'{"sandbox_id": "abc", "other": {"a": 1, "a": 2}}',
        b"{'sandbox_id': 'abc'}",
        b'{"sandbox_id": "abc",}',
        b'{"sandbox_id": "abc", "n": NaN}',
        b'{"sandbox_id": "abc", "s": "\xff"}',
        b'{"sandbox_id": "abc", "s": "a\nb"}',
        b'{"sandbox_id": "abc", "s": "a\\u0000b"}',
        b'{"sandbox_id": "abc", "n": 99999999999999999999}',
        b'{"sandbox_id": "abc", "deep": ' + b"[" * 200 + b"]" * 200 + b"}",
    ],
    ids=[
        "empty",
        "cut",
        "null",
        "array",
        "string",
        "two values",
        "duplicate key",
        "duplicate key inside",
        "single quotes",
        "trailing comma",
        "NaN",
        "not UTF-8",
        "raw newline",
        "NUL",
        "integer beyond 64 bits",
        "too deep",
    ],
)
def test_a_body_that_is_not_one_json_object_is_400(api, body):
    assert_problem(api.post_raw(body), 400)


# Fields


def test_unknown_fields_are_ignored(api, sandbox_id):
    answer = api.post(sandbox_id, unknown={"deep": [1, None]}, cpu="2")
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "field, value",
    [
        ("sandbox_id", '"A"'),
        ("sandbox_id", '""'),
        ("sandbox_id", "null"),
        ("sandbox_id", "5"),
        ("sandbox_id", '"ab\\n"'),
        ("sandbox_id", f'"{"a" * 52}"'),
        ("thread_id", '"a b"'),
        ("thread_id", '""'),
        ("thread_id", f'"{"a" * 65}"'),
        ("thread_id", "1"),
        ("user_id", '"a/b"'),
        ("user_id", '".."'),
        ("user_id", "true"),
        ("max_shell_sessions", "0"),
        ("max_shell_sessions", "-1"),
        ("max_shell_sessions", "1.0"),
        ("max_shell_sessions", "1e0"),
        ("max_shell_sessions", '"3"'),
        ("max_shell_sessions", "true"),
        ("max_shell_sessions", "9223372036854775807"),
        ("include_legacy_skills", '"true"'),
        ("include_legacy_skills", "1"),
        ("provision_lark_cli_runtime", '"false"'),
        ("provision_lark_cli_broker", "0"),
        ("skills_container_path", '"/"'),
        ("skills_container_path", '"skills"'),
        ("skills_container_path", '"/mnt"'),
        ("skills_container_path", '"/mnt/skills/../x"'),
        ("skills_container_path", '"/mnt//skills"'),
        ("skills_container_path", '"/mnt/user-data"'),
        ("skills_container_path", '"/mnt/user-data/skills"'),
        ("skills_container_path", '"/mnt/acp-workspace/x"'),
        ("skills_container_path", '"/mnt/integrations"'),
        ("skills_container_path", "[]"),
        ("extra_mounts", "{}"),
        ("extra_mounts", '"none"'),
        ("profile", "5"),
        ("profile", '"gpu"'),
        ("ttl_seconds", "60"),
        ("ttl_seconds", "59"),
        ("ttl_seconds", '"60"'),
    ],
)
def test_a_broken_field_is_422_and_named(api, field, value):
    id_field = "" if field == "sandbox_id" else '"sandbox_id": "abc", '
    body = f'{{{id_field}"{field}": {value}}}'.encode()
    assert broken_fields(api.post_raw(body)) == {field}


@pytest.mark.parametrize("field, value", [("profile", "gpu"), ("ttl_seconds", 3600)])
def test_what_is_not_supported_yet_says_so(api, sandbox_id, field, value):
    problem = assert_problem(api.post(sandbox_id, **{field: value}), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "not supported" in problem["errors"][0]["message"]


def test_missing_sandbox_id_is_422(api):
    assert broken_fields(api.post_raw(b"{}")) == {"sandbox_id"}


def test_all_broken_fields_are_named_at_once(api):
    body = {
        "sandbox_id": "A",
        "thread_id": "a b",
        "user_id": 7,
        "max_shell_sessions": 0,
        "include_legacy_skills": "yes",
        "skills_container_path": "/",
        "extra_mounts": [{"host_path": 1, "container_path": "/mnt/acp-workspace"}],
    }
    fields = broken_fields(api.post_raw(json.dumps(body).encode()))
    assert {field.partition("[")[0].partition(".")[0] for field in fields} == set(body)


def test_null_is_absent_where_a_field_is_optional(api, sandbox_id):
    answer = api.post(
        sandbox_id,
        thread_id=None,
        max_shell_sessions=None,
        profile=None,
        ttl_seconds=None,
    )
    assert answer.status_code == 201, answer.text


def test_sandbox_id_of_51_characters_is_taken(api, sandbox_id, cluster):
    longest = sandbox_id + "-" + "x" * (50 - len(sandbox_id))
    assert len(longest) == 51
    try:
        api.create(longest)
        assert api.get(longest).status_code == 200
        assert api.delete(longest).status_code == 200
    finally:
        cluster.remove(longest)


def test_ids_that_are_legal_although_they_look_odd(api, cluster):
    for odd in ("7", "a--b", "0-0"):
        try:
            assert api.create(odd)["sandbox_id"] == odd
        finally:
            cluster.remove(odd)


@pytest.mark.parametrize("name", ["_a", "a_", "__", "A-Z_9", "x" * 64])
def test_users_and_threads_that_are_no_label_values(api, sandbox_id, name):
    sandbox = api.create(sandbox_id, user_id=name, thread_id=name)
    assert (sandbox["user_id"], sandbox["thread_id"]) == (name, name)
    assert api.post(sandbox_id, user_id=name, thread_id=name).status_code == 200


def test_lark_flags_without_a_configured_image_change_nothing(api, sandbox_id, cluster):
    api.create(sandbox_id, provision_lark_cli_runtime=True, provision_lark_cli_broker=True)
    spec = cluster.pod(sandbox_id)["spec"]
    assert [container["name"] for container in spec["containers"]] == ["sandbox"]
    assert not spec.get("initContainers")
