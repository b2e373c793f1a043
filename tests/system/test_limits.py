"""A Service that is refused: 429, and no Pod is left behind."""

import contextlib

import pytest

from stack import Stub
from http_api import Api, assert_problem, retry_after
from kube_view import StubCluster, none_if_absent
from waiting import wait_until

QUOTA = "system-tests"


@contextlib.contextmanager
def no_more(cluster, resource):
    """A quota that is used up."""
    kube, namespace = cluster.kube, cluster.namespace
    body = {"metadata": {"name": QUOTA}, "spec": {"hard": {resource: "0"}}}
    kube.create_namespaced_resource_quota(namespace, body)
    try:
        if not cluster.is_stub:  # a real one counts from when its controller has seen it
            read = kube.read_namespaced_resource_quota
            wait_until(lambda: read(QUOTA, namespace).status.hard, 20)
        yield
    finally:
        none_if_absent(lambda: kube.delete_namespaced_resource_quota(QUOTA, namespace))


def assert_refused(answer, cluster, sandbox_id):
    assert_problem(answer, 429)
    retry_after(answer)
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


def test_s_refused_by_quota_is_429_and_no_pod_is_left(api, sandbox_id, cluster):
    with no_more(cluster, "services"):
        answer = api.post(sandbox_id)
        assert_refused(answer, cluster, sandbox_id)
        assert "quota" in answer.json()["detail"]
    wait_until(lambda: api.post(sandbox_id).status_code == 201, 20)


def test_s_refused_keeps_a_pod_that_was_there_before(api, sandbox_id, cluster):
    made = api.create(sandbox_id)
    cluster.delete_service(sandbox_id)
    with no_more(cluster, "services"):
        assert_problem(api.post(sandbox_id), 429)
    meta = cluster.pod(sandbox_id)["metadata"]
    assert meta["uid"] == made["container_id"]
    assert "deletionTimestamp" not in meta


def test_p_refused_by_quota_is_429(api, sandbox_id, cluster):
    with no_more(cluster, "pods"):
        assert_refused(api.post(sandbox_id), cluster, sandbox_id)


@pytest.mark.parametrize("resource", ["pods", "services"])
def test_a_full_quota_does_not_hide_what_is_there(api, sandbox_id, cluster, resource):
    """The API server charges the quota before it looks whether the name is taken."""
    made = api.create(sandbox_id)
    with no_more(cluster, resource):
        answer = api.post(sandbox_id)
    assert answer.status_code == 200, answer.text
    assert answer.json()["container_id"] == made["container_id"]


@pytest.mark.stub
def test_node_ports_exhausted_is_429_and_no_pod_is_left(tmp_path, stack_with, key):
    with Stub(tmp_path, "--node-ports", "31990-31991") as stub:
        tiny = StubCluster(tmp_path, stub.url, "deer-flow")
        api = Api(stack_with(on=tiny).url, key)
        api.create("one")
        api.create("two")
        assert_refused(api.post("three"), tiny, "three")
        assert api.delete("one").status_code == 200
        wait_until(lambda: tiny.gone("one"), 20)
        wait_until(lambda: api.post("three").status_code == 201, 20)


@pytest.mark.stub
@pytest.mark.parametrize(
    "code, reason, message",
    [
        (
            422,
            "Invalid",
            'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 0: '
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (
            500,
            "InternalError",
            "Internal error occurred: failed to allocate a nodePort: range is full",
        ),
        (422, "Invalid", "no more ports"),
    ],
)
def test_every_way_to_say_that_ports_ran_out(api, sandbox_id, cluster, code, reason, message):
    fault = {"action": "status", "code": code, "reason": reason, "message": message, "count": 9}
    with cluster.faults({"verb": "create", "resource": "services", **fault}):
        assert_refused(api.post(sandbox_id), cluster, sandbox_id)


@pytest.mark.stub
def test_the_api_servers_own_429_is_handed_on(api, sandbox_id, cluster):
    fault = {"action": "status", "code": 429, "reason": "TooManyRequests", "retry_after": 17}
    with cluster.faults({"verb": "create", "resource": "services", "count": 9, **fault}):
        answer = api.post(sandbox_id)
        assert_refused(answer, cluster, sandbox_id)
        assert retry_after(answer) >= 17
