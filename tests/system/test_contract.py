"""What every endpoint answers when all is well: shapes, headers, filters, pages."""

import re

import pytest

from http_api import Api, assert_problem
from waiting import wait_until

FIELDS = {
    "sandbox_id",
    "sandbox_url",
    "status",
    "ready",
    "reason",
    "message",
    "thread_id",
    "user_id",
    "container_id",
    "created_at",
    "last_active_at",
    "expires_at",
    "max_shell_sessions",
    "lark_cli_broker",
}
PHASES = {"Pending", "Running", "Succeeded", "Failed", "Unknown", "Terminating"}
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def assert_json(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert answer.headers["X-Request-ID"]
    return answer.json()


def assert_sandbox(sandbox, sandbox_id):
    assert FIELDS <= sandbox.keys(), FIELDS - sandbox.keys()
    assert sandbox["sandbox_id"] == sandbox_id
    assert sandbox["status"] in PHASES
    assert isinstance(sandbox["ready"], bool)
    assert isinstance(sandbox["container_id"], str)
    assert re.fullmatch(INSTANT, sandbox["created_at"])
    assert sandbox["expires_at"] is None
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", sandbox["sandbox_url"])


# Open and configuration endpoints


def test_health_is_open(stack):
    answer = Api(stack.url, None).call("GET", "/health")
    assert assert_json(answer, 200) == {"status": "ok"}


def test_ready_with_a_working_cluster(stack):
    answer = Api(stack.url, None).call("GET", "/ready")
    assert_json(answer, 200)


def test_capabilities(api):
    capabilities = assert_json(api.call("GET", "/api/capabilities"), 200)
    assert capabilities["lark_cli_init_image"] is False
    assert capabilities["lark_cli_broker_image"] is False


def test_tls_serves_the_same(stack, key):
    client = Api(stack.tls_url, key)
    answer = client.call("GET", "/api/capabilities", verify=str(stack.ca_file))
    assert_json(answer, 200)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/api/capabilities"),
        ("POST", "/api/sandboxes"),
        ("GET", "/api/sandboxes"),
        ("GET", "/api/sandboxes/abc"),
        ("GET", "/api/sandboxes/abc/presence"),
        ("DELETE", "/api/sandboxes/abc"),
        ("GET", "/api/nothing"),
    ],
)
@pytest.mark.parametrize("wrong", ["none", "unknown", "other case"])
def test_without_the_key_everything_is_401(stack, key, method, path, wrong):
    given = {"none": None, "unknown": "x" * 32, "other case": key.swapcase()}[wrong]
    assert_problem(Api(stack.url, given).call(method, path), 401)


# One sandbox


def test_post_creates_201_with_location(api, sandbox_id):
    answer = api.post(sandbox_id, user_id="user_1", thread_id="thread-1")
    sandbox = assert_json(answer, 201)
    assert answer.headers["Location"].endswith(f"/api/sandboxes/{sandbox_id}")
    assert_sandbox(sandbox, sandbox_id)
    assert (sandbox["user_id"], sandbox["thread_id"]) == ("user_1", "thread-1")
    assert sandbox["max_shell_sessions"] == 10


def test_location_leads_to_the_sandbox(api, sandbox_id):
    location = api.post(sandbox_id).headers["Location"]
    path = "/" + location.split("://")[-1].partition("/")[2]
    assert assert_json(api.call("GET", path), 200)["sandbox_id"] == sandbox_id


def test_post_again_is_200_with_the_same_sandbox(api, sandbox_id):
    first = api.create(sandbox_id)
    answer = api.post(sandbox_id)
    second = assert_json(answer, 200)
    for field in ("sandbox_url", "container_id", "created_at", "user_id", "thread_id"):
        assert second[field] == first[field]


def test_defaults_of_user_and_thread(api, sandbox_id):
    sandbox = api.create(sandbox_id, thread_id=None)
    assert sandbox["user_id"] == "default"
    assert sandbox["thread_id"] == sandbox_id


def test_get(api, sandbox_id, cluster):
    created = api.create(sandbox_id, user_id="u", thread_id="_t_", max_shell_sessions=3)
    sandbox = assert_json(api.get(sandbox_id), 200)
    assert_sandbox(sandbox, sandbox_id)
    for field in ("sandbox_url", "container_id", "user_id", "thread_id", "max_shell_sessions"):
        assert sandbox[field] == created[field]
    assert sandbox["container_id"] == cluster.pod(sandbox_id)["metadata"]["uid"]


def test_get_of_an_unknown_id_is_404(api, sandbox_id):
    assert sandbox_id in assert_problem(api.get(sandbox_id), 404)["detail"]


def test_presence_of_a_sandbox(api, sandbox_id):
    created = api.create(sandbox_id)
    assert assert_json(api.presence(sandbox_id), 200) == {
        "sandbox_id": sandbox_id,
        "exists": True,
        "container_id": created["container_id"],
    }


def test_presence_of_an_unknown_id(api, sandbox_id):
    assert assert_json(api.presence(sandbox_id), 200) == {
        "sandbox_id": sandbox_id,
        "exists": False,
        "container_id": None,
    }


def test_delete(api, sandbox_id, cluster):
    api.create(sandbox_id)
    answer = assert_json(api.delete(sandbox_id), 200)
    assert answer == {"ok": True, "sandbox_id": sandbox_id}
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)
    assert_problem(api.get(sandbox_id), 404)


def test_delete_twice(api, sandbox_id):
    api.create(sandbox_id)
    assert_json(api.delete(sandbox_id), 200)
    assert_json(api.delete(sandbox_id), 200)


def test_delete_of_an_unknown_id(api, sandbox_id):
    assert assert_json(api.delete(sandbox_id), 200) == {"ok": True, "sandbox_id": sandbox_id}


def test_the_same_id_again_after_delete(api, sandbox_id, cluster):
    first = api.create(sandbox_id)
    api.delete(sandbox_id)
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)
    assert api.create(sandbox_id)["container_id"] != first["container_id"]


# Many


def test_list(api, new_id):
    made = {sandbox_id: api.create(sandbox_id) for sandbox_id in (new_id(), new_id())}
    body = assert_json(api.list(), 200)
    assert body["count"] == len(body["sandboxes"])
    listed = {sandbox["sandbox_id"]: sandbox for sandbox in body["sandboxes"]}
    for sandbox_id, sandbox in made.items():
        assert_sandbox(listed[sandbox_id], sandbox_id)
        assert listed[sandbox_id]["sandbox_url"] == sandbox["sandbox_url"]


def test_list_by_user_and_thread(api, new_id):
    one, two, other = new_id(), new_id(), new_id()
    user = f"_{one}_"  # no legal label value, yet a legal user
    api.create(one, user_id=user, thread_id="a")
    api.create(two, user_id=user, thread_id="b")
    api.create(other, user_id="somebody", thread_id="a")
    assert sorted(api.listed_ids(user_id=user)) == sorted([one, two])
    assert api.listed_ids(user_id=user, thread_id="b") == [two]
    assert api.listed_ids(user_id=user, thread_id="c") == []
    assert other in api.listed_ids(thread_id="a")


def test_list_by_status(api, sandbox_id, cluster):
    api.create(sandbox_id, user_id=sandbox_id)
    cluster.make_terminating(sandbox_id)
    assert api.listed_ids(user_id=sandbox_id, status="Terminating") == [sandbox_id]
    assert api.listed_ids(user_id=sandbox_id, status="Running") == []


def test_list_in_pages(api, new_id):
    made = {new_id() for _ in range(5)}
    for sandbox_id in made:
        api.create(sandbox_id)
    seen: list[str] = []
    query = {"limit": 2}
    for _ in range(100):
        page = assert_json(api.list(**query), 200)
        assert len(page["sandboxes"]) <= 2
        seen += [sandbox["sandbox_id"] for sandbox in page["sandboxes"]]
        if not page.get("continue"):
            break
        query["continue"] = page["continue"]
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


@pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": "0"}, {"limit": "-1"}])
def test_list_with_an_illegal_limit_is_422(api, query):
    assert_problem(api.list(**query), 422)


# Identity and transport of a request


def test_request_ids_differ_and_reach_the_log(stack, api):
    ids = [api.call("GET", "/api/sandboxes").headers["X-Request-ID"] for _ in range(2)]
    assert ids[0] != ids[1]
    wait_until(lambda: all(request_id in stack.log() for request_id in ids))


def test_the_client_cannot_choose_the_request_id(api):
    answer = api.call("GET", "/api/capabilities", headers={"X-Request-ID": "mine"})
    assert answer.headers["X-Request-ID"] != "mine"
