"""An API server that fails: what the client is told, and what the log says."""

import contextlib
import socket

import pytest

from http_api import Api, assert_problem, retry_after
from waiting import at_once, in_background, wait_until

pytestmark = pytest.mark.stub

RBAC = (
    'User "system:serviceaccount:deer-flow:sandbox-provisioner" cannot {verb} '
    'resource "{resource}" in API group "" in the namespace "deer-flow"'
)


def failing(code, reason, message="injected", **more):
    return {"action": "status", "code": code, "reason": reason, "message": message, **more}


def calls_of(api, sandbox_id):
    return {
        "get": lambda: api.get(sandbox_id),
        "list": api.list,
        "presence": lambda: api.presence(sandbox_id),
        "delete": lambda: api.delete(sandbox_id),
        "create": lambda: api.post(sandbox_id),
    }


ENDPOINTS = ["get", "list", "presence", "delete", "create"]


def verb_of(endpoint):
    """The Kubernetes verb that the endpoint begins with."""
    return {"list": "list", "create": "create"}.get(endpoint, "get")


@pytest.fixture
def armed(cluster):
    with contextlib.ExitStack() as faults:
        yield lambda **fault: faults.enter_context(cluster.faults({"count": 99, **fault}))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "fault, statuses",
    [
        (failing(500, "InternalError", "etcd is on fire"), {502, 503}),
        (failing(503, "ServiceUnavailable", "apiserver is shutting down"), {503}),
        (failing(429, "TooManyRequests", "slow down", retry_after=30), {429}),
        (failing(401, "Unauthorized", "Unauthorized"), {502}),
    ],
    ids=["500", "503", "429", "401"],
)
def test_errors_of_the_api_server(api, stack, sandbox_id, armed, endpoint, fault, statuses):
    armed(verb=verb_of(endpoint), **fault)
    answer = calls_of(api, sandbox_id)[endpoint]()
    problem = assert_problem(answer, answer.status_code)
    assert answer.status_code in statuses, problem
    if answer.status_code in (429, 503):
        retry_after(answer)
    log = wait_until(lambda: log_of(stack, problem["request_id"]))
    assert fault["message"] in log


def log_of(stack, request_id):
    return "\n".join(line for line in stack.log().splitlines() if request_id in line)


@pytest.mark.parametrize("resource", ["pods", "services"])
@pytest.mark.parametrize("endpoint", ["get", "list", "delete", "create"])
def test_missing_rights_are_502_and_named(
    api, stack, sandbox_id, cluster, armed, endpoint, resource
):
    verb = verb_of(endpoint)
    why = f"{resource} is forbidden: " + RBAC.format(verb=verb, resource=resource)
    armed(verb=verb, resource=resource, **failing(403, "Forbidden", why))
    problem = assert_problem(calls_of(api, sandbox_id)[endpoint](), 502)
    assert verb in problem["detail"] and resource in problem["detail"]
    log = wait_until(lambda: log_of(stack, problem["request_id"]))
    assert verb in log and resource in log
    if endpoint == "create":
        wait_until(lambda: cluster.gone(sandbox_id))


@pytest.mark.parametrize("resource", ["pods", "services"])
def test_a_failed_read_is_never_an_absence_or_a_status(
    api, sandbox_id, armed, resource
):
    api.create(sandbox_id)
    armed(verb="get", resource=resource, **failing(500, "InternalError"))
    assert api.get(sandbox_id).status_code >= 500
    armed(verb="list", resource=resource, **failing(500, "InternalError"))
    assert api.list().status_code >= 500


@pytest.mark.parametrize("resource", ["pods", "services"])
def test_a_lost_answer_to_a_creation_is_our_own_201(api, sandbox_id, cluster, resource):
    with cluster.faults({"verb": "create", "resource": resource, "action": "drop_after"}):
        sandbox = api.create(sandbox_id)
    assert sandbox["container_id"] == cluster.pod(sandbox_id)["metadata"]["uid"]
    assert cluster.service(sandbox_id) and cluster.whole_or_gone(sandbox_id)


@pytest.mark.parametrize("verb, resource", [("get", "pods"), ("get", "services")])
def test_a_read_whose_kept_connection_breaks_is_made_again(
    stack_with, key, sandbox_id, cluster, verb, resource
):
    api = Api(stack_with(settings={"server": {"readers": 1, "writers": 1}}).url, key)
    api.create(sandbox_id)
    assert api.get(sandbox_id).status_code == 200  # the one reader has its connections now
    with cluster.faults({"verb": verb, "resource": resource, "action": "drop_before"}):
        assert api.get(sandbox_id).status_code == 200


def test_a_delete_whose_answer_is_lost_is_made_again(api, sandbox_id, cluster):
    api.create(sandbox_id)
    with cluster.faults({"verb": "delete", "resource": "services", "action": "drop_after"}):
        assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), 20)


def test_a_refused_manifest_is_500_with_the_servers_words(api, sandbox_id, cluster, armed):
    why = f'Pod "sandbox-{sandbox_id}" is invalid: spec.containers[0].image: Required value'
    armed(verb="create", resource="pods", **failing(422, "Invalid", why))
    problem = assert_problem(api.post(sandbox_id), 500)
    assert "spec.containers[0].image: Required value" in problem["detail"]
    assert cluster.gone(sandbox_id)


def test_a_namespace_without_its_service_account_is_worth_a_retry(api, sandbox_id, cluster):
    why = (
        f'pods "sandbox-{sandbox_id}" is forbidden: error looking up service account '
        'deer-flow/default: serviceaccount "default" not found'
    )
    with cluster.faults({"verb": "create", "resource": "pods", **failing(403, "Forbidden", why)}):
        assert api.post(sandbox_id).status_code == 201


def test_a_missing_namespace_is_created_at_start_and_by_post(stack_with, key, cluster):
    name = "elsewhere"
    stack = stack_with(settings={"kubernetes": {"namespace": name}})

    def phases():
        spaces = cluster.kube.list_namespace().items
        return [space.status.phase for space in spaces if space.metadata.name == name]

    wait_until(lambda: phases() == ["Active"])
    cluster.kube.delete_namespace(name)
    wait_until(lambda: phases() == [])
    answer = Api(stack.url, key).post("abc")
    assert answer.status_code == 201, answer.text
    assert phases() == ["Active"]
    cluster.kube.delete_namespace(name)


# No API server at all


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def black_hole():
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        yield f"https://127.0.0.1:{silent.getsockname()[1]}"


def test_unreachable_is_502(stack_with, key, nobody):
    stack = stack_with(settings={"kubernetes": {"api_server": nobody}})
    client = Api(stack.url, key)
    for call in calls_of(client, "abc").values():
        problem = assert_problem(call(), 502)
        assert wait_until(lambda: log_of(stack, problem["request_id"]))
    assert_problem(client.call("GET", "/ready"), 503)
    assert client.call("GET", "/health").status_code == 200
    assert client.call("GET", "/api/capabilities").status_code == 200


def test_a_black_hole_is_504_in_time_and_health_answers(stack_with, key, black_hole):
    workers = {"readers": 4, "writers": 4}
    stack = stack_with(settings={"kubernetes": {"api_server": black_hole}, "server": workers})
    client = Api(stack.url, key)
    # More than there are workers: those that queue too long are told so without a call.
    reads = [lambda: client.get("abc")] * 8 + [client.list, lambda: client.presence("abc")]
    calls = [*reads, lambda: client.delete("abc")]
    answers = in_background(lambda: at_once(calls))
    while not answers.done():
        assert client.call("GET", "/health", timeout=1).status_code == 200
        assert client.call("GET", "/api/capabilities", timeout=1.5).status_code == 200
    statuses = [answer.status_code for answer in answers.result()]
    # 504: the deadline passed; 502: no connection came about; 503: queued for too long.
    assert set(statuses) <= {502, 503, 504} and 504 in statuses, statuses
    for answer in answers.result():
        problem = assert_problem(answer, answer.status_code)
        assert log_of(stack, problem["request_id"])


def test_another_servers_certificate_is_502(stack_with, key, cluster, stack):
    # nginx's own TLS port: a server, but not one that the cluster's CA vouches for.
    other = stack_with(settings={"kubernetes": {"api_server": stack.tls_url}})
    problem = assert_problem(Api(other.url, key).get("abc"), 502)
    assert "certificate" in problem["detail"].lower() or "tls" in problem["detail"].lower()
