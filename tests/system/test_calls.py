"""How many requests each endpoint makes of the API server, and that pairs go side by side."""

import pytest

from http_api import assert_problem
from kube_view import pod_name, service_name
from waiting import in_background, wait_until

pytestmark = pytest.mark.calls


def shape(calls):
    return sorted((call.verb, call.resource) for call in calls)


def overlap(calls):
    return max(call.start for call in calls) < min(call.end for call in calls)


@pytest.fixture
def slowly(cluster):
    """Makes requests of one verb long enough to be seen to overlap; on the stand-in only."""

    def delay(verb):
        return cluster.fault(verb=verb, action="delay", ms=150, count=2)

    yield delay if cluster.is_stub else lambda verb: None
    if cluster.is_stub:
        cluster.stub("DELETE", "faults")


def test_new_post_makes_exactly_two(api, sandbox_id, cluster):
    with cluster.requests() as calls:
        api.create(sandbox_id, user_id="u", max_shell_sessions=2)
    assert [(call.verb, call.resource) for call in calls] == [
        ("create", "pods"),
        ("create", "services"),
    ]
    assert [call.code for call in calls] == [201, 201]


def test_get_makes_two_in_parallel(api, sandbox_id, cluster, slowly):
    api.create(sandbox_id)
    slowly("get")
    with cluster.requests() as calls:
        assert api.get(sandbox_id).status_code == 200
    assert shape(calls) == [("get", "pods"), ("get", "services")]
    assert {call.name for call in calls} == {pod_name(sandbox_id), service_name(sandbox_id)}
    assert not cluster.is_stub or overlap(calls)


def test_get_of_an_unknown_id_makes_no_more(api, sandbox_id, cluster):
    with cluster.requests() as calls:
        assert_problem(api.get(sandbox_id), 404)
    assert shape(calls) == [("get", "pods"), ("get", "services")]


def test_list_makes_two_in_parallel_whatever_n(api, new_id, cluster, slowly):
    made = {new_id() for _ in range(30)}
    for sandbox_id in made:
        api.create(sandbox_id)
    slowly("list")
    with cluster.requests() as calls:
        assert made <= set(api.listed_ids())
    assert shape(calls) == [("list", "pods"), ("list", "services")]
    assert not cluster.is_stub or overlap(calls)


def test_delete_makes_two_rounds_of_two_in_parallel(api, sandbox_id, cluster, slowly):
    api.create(sandbox_id)
    slowly("get")
    slowly("delete")
    with cluster.requests() as calls:
        assert api.delete(sandbox_id).status_code == 200
    reads, deletes = calls[:2], calls[2:]
    assert shape(reads) == [("get", "pods"), ("get", "services")]
    assert shape(deletes) == [("delete", "pods"), ("delete", "services")]
    assert [call.code for call in calls] == [200] * 4
    if cluster.is_stub:
        assert overlap(reads) and overlap(deletes)


def test_presence_makes_one(api, sandbox_id, cluster):
    api.create(sandbox_id)
    with cluster.requests() as calls:
        assert api.presence(sandbox_id).json()["exists"] is True
    assert shape(calls) == [("get", "pods")]


def test_health_and_capabilities_make_none(api, cluster):
    with cluster.requests() as calls:
        for path in ("/health", "/api/capabilities"):
            assert api.call("GET", path).status_code == 200
    assert calls == []


def test_refused_requests_make_none(api, sandbox_id, cluster):
    with cluster.requests() as calls:
        assert_problem(api.post(sandbox_id, max_shell_sessions=0), 422)
        assert_problem(api.post_raw(b"{"), 400)
        assert_problem(api.call("PUT", f"/api/sandboxes/{sandbox_id}"), 405)
    assert calls == []


# Every delete names the UID that was looked at: whatever takes the name meanwhile stays.


def replaced(cluster, sandbox_id):
    """Replaces the pod under a request's feet by one of the same name and labels."""
    old = cluster.pod(sandbox_id)
    again = {
        "metadata": {name: old["metadata"][name] for name in ("name", "labels", "annotations")},
        "spec": {"containers": [{"name": "sandbox", "image": "localhost/sandbox:1"}]},
    }
    cluster.delete_pod(sandbox_id)
    wait_until(lambda: cluster.pod(sandbox_id) is None)
    return cluster.make_pod(again)["metadata"]["uid"]


@pytest.mark.stub
def test_delete_carries_the_uid_as_a_precondition(api, sandbox_id, cluster):
    api.create(sandbox_id)
    slow = {"verb": "delete", "resource": "pods", "action": "delay", "ms": 1000}
    with cluster.faults(slow):
        deleting = in_background(lambda: api.delete(sandbox_id))
        wait_until(lambda: cluster.in_flight("delete", "pods"))
        new_uid = replaced(cluster, sandbox_id)
        deleting.result(timeout=20)
    meta = cluster.pod(sandbox_id)["metadata"]
    assert meta["uid"] == new_uid
    assert "deletionTimestamp" not in meta


@pytest.mark.stub
def test_roll_back_removes_only_the_pod_that_this_call_made(api, sandbox_id, cluster):
    refused = {
        "verb": "create",
        "resource": "services",
        "action": "status",
        "ms": 1000,
        "code": 403,
        "reason": "Forbidden",
        "message": 'services "x" is forbidden: exceeded quota: q, requested: services=1',
    }
    with cluster.faults(refused):
        posting = in_background(lambda: api.post(sandbox_id))
        wait_until(lambda: cluster.in_flight("create", "services"))
        new_uid = replaced(cluster, sandbox_id)
        posting.result(timeout=30)
    meta = cluster.pod(sandbox_id)["metadata"]
    assert meta["uid"] == new_uid
    assert "deletionTimestamp" not in meta
