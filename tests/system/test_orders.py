"""Orders of events that are rare and once went wrong: what was promised stays, nothing is left."""

import json
import os
import signal
import time
from contextlib import contextmanager

import fcgi_client
import manifests
import pytest
import yaml
from conftest import KEY
from http_api import Api
from waiting import in_background, wait_until

QUOTA_CONFLICT = (
    'Operation cannot be fulfilled on resourcequotas "q": the object has been modified; please '
    "apply your changes to the latest version and try again"
)


@pytest.fixture
def uids(cluster):
    def read(sandbox_id):
        found = cluster.pod(sandbox_id), cluster.service(sandbox_id)
        return [one and one["metadata"]["uid"] for one in found]

    return read


@contextmanager
def slow_services(cluster, sandbox_id, ms):
    """The first read of the id's Service takes long, so that its Pod is of an earlier time."""
    with cluster.faults(
        {"verb": "get", "resource": "services", "action": "delay", "ms": ms, "count": 1}
    ):
        yield


@pytest.mark.stub
@pytest.mark.parametrize("method", ["delete", "post"])
def test_a_late_look_never_takes_a_newer_sandboxs_service(api, cluster, sandbox_id, uids, method):
    """The Pod was read before the sandbox was replaced, its Service after it."""
    api.create(sandbox_id)
    with slow_services(cluster, sandbox_id, 1200):
        slow = in_background(lambda: getattr(api, method)(sandbox_id))
        wait_until(lambda: cluster.in_flight("get", "services"))
        cluster.delete_pod(sandbox_id)
        cluster.delete_service(sandbox_id)
        wait_until(lambda: cluster.gone(sandbox_id))
        api.create(sandbox_id)
        promised = uids(sandbox_id)
        assert slow.result(20).status_code == 200
    assert uids(sandbox_id) == promised


@pytest.mark.stub
@pytest.mark.parametrize("resource", ["pods", "services"])
def test_a_broken_api_server_is_not_hammered(api, cluster, sandbox_id, resource):
    fault = {"verb": "create", "resource": resource, "action": "drop_before", "count": 10**6}
    with cluster.requests() as calls, cluster.faults(fault):
        answer = api.post(sandbox_id)
    assert answer.status_code == 502, answer.text
    assert len(calls) < 20
    wait_until(lambda: cluster.gone(sandbox_id))


@pytest.mark.stub
@pytest.mark.parametrize("resource", ["pods", "services"])
def test_creates_that_collide_in_a_quota_are_tried_again(api, cluster, sandbox_id, resource):
    with cluster.faults(
        {
            "verb": "create",
            "resource": resource,
            "action": "status",
            "code": 409,
            "reason": "Conflict",
            "message": QUOTA_CONFLICT,
            "count": 2,
        }
    ):
        assert api.post(sandbox_id).status_code == 201


@pytest.mark.stub
def test_a_service_that_deerflow_made_for_our_pod_stays(api, cluster, sandbox_id, uids):
    with cluster.faults(
        {"verb": "create", "resource": "services", "action": "delay", "ms": 700, "count": 1}
    ):
        ours = in_background(lambda: api.post(sandbox_id))
        wait_until(lambda: cluster.in_flight("create", "services"))
        theirs = cluster.make_service(manifests.service(sandbox_id))
        assert ours.result(20).status_code in (200, 201)
    assert uids(sandbox_id)[1] == theirs["metadata"]["uid"]


@pytest.mark.stub
def test_a_stale_service_that_cannot_be_deleted_leaves_no_pod(api, cluster, sandbox_id):
    stale = manifests.service(sandbox_id)
    stale["metadata"]["annotations"] = {"sandbox-provisioner/request-id": "a-former-one"}
    with cluster.faults(
        {"verb": "create", "resource": "services", "action": "delay", "ms": 700, "count": 1},
        {"verb": "delete", "resource": "services", "action": "status", "code": 500, "count": 99},
    ):
        ours = in_background(lambda: api.post(sandbox_id))
        wait_until(lambda: cluster.in_flight("create", "services"))
        cluster.make_service(stale)
        assert ours.result(20).status_code == 502
        wait_until(lambda: cluster.pod(sandbox_id) is None)


@pytest.mark.stub
def test_parallel_calls_survive_a_new_token(stack_with, cluster, tmp_path):
    """Both reads of a GET leave with the old token; both learn of the new one."""
    config = yaml.safe_load(cluster.provisioner_kubeconfig.read_text())
    user = config["users"][0]["user"]
    token = tmp_path / "token"
    good = user.pop("token")
    token.write_text("a-token-that-has-expired")
    user["tokenFile"] = str(token)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    settings = {
        "server": {"readers": 1, "writers": 1},
        "kubernetes": {"kubeconfig": str(kubeconfig)},
    }
    api = Api(stack_with(settings=settings).url, KEY)
    token.write_text(good)
    assert api.get("nobody").status_code == 404


def test_the_master_removes_its_sockets_also_after_a_reload(stack_with):
    stack = stack_with()
    os.kill(stack.master_pid, signal.SIGHUP)
    wait_until(lambda: "configuration reloaded" in stack.log())
    assert os.path.exists(stack.write_socket)
    stack.provisioner.stop(60)
    assert not os.path.exists(stack.write_socket)
    assert not os.path.exists(stack.probe_socket)


def test_a_request_that_arrives_slowly_survives_a_reload(stack_with):
    stack = stack_with()
    whole = fcgi_client.request({"REQUEST_METHOD": "GET", "DOCUMENT_URI": "/health"})
    with fcgi_client.connect(stack.read_socket) as connection:
        connection.sendall(whole)
        os.kill(stack.master_pid, signal.SIGHUP)
        out, ended = fcgi_client.finish(connection)
    assert out.startswith(b"Status: 200") and ended


def test_time_in_the_queue_counts(stack, cluster, api, sandbox_id):
    """Too late to wait for the former sandbox: the answer comes in time all the same."""
    api.create(sandbox_id)
    cluster.make_terminating(sandbox_id)
    body = json.dumps({"sandbox_id": sandbox_id}).encode()
    params = {
        "REQUEST_METHOD": "POST",
        "DOCUMENT_URI": "/api/sandboxes",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "QUEUED_AT": f"{time.time() - 22:.3f}",
    }
    with fcgi_client.connect(stack.write_socket) as connection:
        connection.sendall(fcgi_client.request(params, body))
        out, ended = fcgi_client.finish(connection)
    assert out.startswith(b"Status: 409") and b"Retry-After" in out and ended
    params["QUEUED_AT"] = f"{time.time() - 26:.3f}"
    with fcgi_client.connect(stack.write_socket) as connection:
        connection.sendall(fcgi_client.request(params, body))
        out, ended = fcgi_client.finish(connection)
    assert out.startswith(b"Status: 503") and b"Retry-After" in out and ended


def test_waiters_keep_their_place(stack_with, cluster, new_id):
    """A quarter of the writers may wait; who comes later is refused, who waits is not."""
    api = Api(stack_with(settings={"server": {"writers": 8}}).url, KEY)
    ids = [new_id() for _ in range(6)]
    for sandbox_id in ids:
        api.create(sandbox_id)
        cluster.make_terminating(sandbox_id)
    waiting = [in_background(lambda i=i: api.post(i)) for i in ids[:2]]
    time.sleep(1)
    refused = [in_background(lambda i=i: api.post(i)) for i in ids[2:]]
    for answer in refused:
        assert answer.result(10).status_code == 409
    assert not any(answer.done() for answer in waiting)
    for sandbox_id in ids:
        cluster.release(sandbox_id)
    assert [answer.result(60).status_code for answer in waiting] == [201, 201]


@pytest.mark.stub
def test_time_over_in_the_middle_leaves_nothing_half(stack, cluster, sandbox_id):
    """The Service's answer comes after the deadline: the Pod is finished or taken back."""
    body = json.dumps({"sandbox_id": sandbox_id}).encode()
    params = {
        "REQUEST_METHOD": "POST",
        "DOCUMENT_URI": "/api/sandboxes",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "QUEUED_AT": f"{time.time() - 23.5:.3f}",
    }
    slow = {"verb": "create", "resource": "services", "action": "delay", "ms": 20000, "count": 1}
    with cluster.faults(slow), fcgi_client.connect(stack.write_socket) as connection:
        connection.sendall(fcgi_client.request(params, body))
        out, _ = fcgi_client.finish(connection)
        assert out.startswith(b"Status: 504")
        wait_until(lambda: cluster.gone(sandbox_id), 10)
