"""Objects that somebody else made: never changed when foreign, taken over when adopted."""

import pytest

import manifests
from http_api import assert_problem
from waiting import wait_until

FOREIGN = {
    "no labels": {},
    "another app": {"app": "shop"},
    "our app, another id": {"app": "deer-flow-sandbox", "sandbox-id": "another"},
    "our app, no id": {"app": "deer-flow-sandbox"},
}


def fingerprint(thing):
    meta = thing["metadata"]
    fields = ("uid", "labels", "annotations", "ownerReferences", "deletionTimestamp")
    return {field: meta.get(field) for field in fields}, thing["spec"].get("selector")


@pytest.fixture(params=FOREIGN.values(), ids=FOREIGN.keys())
def foreign_labels(request, sandbox_id):
    labels = dict(request.param)
    if "sandbox-id" not in labels and labels.get("app") != "deer-flow-sandbox":
        labels["sandbox-id"] = sandbox_id  # one of the two labels alone makes nothing ours
    return labels


@pytest.fixture
def foreign_pod(cluster, sandbox_id, foreign_labels):
    before = cluster.make_pod(manifests.pod(sandbox_id, labels=foreign_labels))
    yield
    assert fingerprint(cluster.pod(sandbox_id)) == fingerprint(before)


@pytest.fixture
def foreign_service(cluster, sandbox_id, foreign_labels):
    before = cluster.make_service(manifests.service(sandbox_id, labels=foreign_labels))
    yield
    assert fingerprint(cluster.service(sandbox_id)) == fingerprint(before)


def test_foreign_pod_post_is_409(foreign_pod, api, cluster, sandbox_id):
    assert_problem(api.post(sandbox_id), 409)
    assert cluster.service(sandbox_id) is None


def test_foreign_pod_delete_is_409(foreign_pod, api, sandbox_id):
    assert_problem(api.delete(sandbox_id), 409)


def test_foreign_pod_get_is_404(foreign_pod, api, sandbox_id):
    assert_problem(api.get(sandbox_id), 404)
    assert api.presence(sandbox_id).json()["exists"] is False
    assert sandbox_id not in api.listed_ids()


def test_foreign_service_post_is_409_and_leaves_no_pod(
    foreign_service, api, cluster, sandbox_id
):
    assert_problem(api.post(sandbox_id), 409)
    wait_until(lambda: cluster.pod(sandbox_id) is None, cluster.patience_s)


def test_foreign_service_delete_is_409(foreign_service, api, sandbox_id):
    assert_problem(api.delete(sandbox_id), 409)


def test_foreign_service_get_is_404(foreign_service, api, sandbox_id):
    assert_problem(api.get(sandbox_id), 404)


def test_foreign_service_beside_our_pod_delete_is_409(api, cluster, sandbox_id):
    api.create(sandbox_id)
    cluster.delete_service(sandbox_id)
    made = cluster.make_service(manifests.service(sandbox_id, labels={"app": "shop"}))
    assert_problem(api.post(sandbox_id), 409)
    assert_problem(api.delete(sandbox_id), 409)
    assert fingerprint(cluster.service(sandbox_id)) == fingerprint(made)


# Sandboxes of DeerFlow's own provisioner


def test_adopted_is_got(adopted, api, cluster):
    answer = api.get(adopted)
    assert answer.status_code == 200, answer.text
    port = cluster.service(adopted)["spec"]["ports"][0]["nodePort"]
    assert answer.json()["sandbox_url"] == f"http://127.0.0.1:{port}"
    assert answer.json()["container_id"] == cluster.pod(adopted)["metadata"]["uid"]
    assert api.presence(adopted).json()["exists"] is True


def test_adopted_is_listed(adopted, api):
    assert adopted in api.listed_ids()


def test_adopted_is_stamped_by_the_next_post(adopted, api, cluster):
    before = cluster.pod(adopted)["metadata"]["uid"]
    answer = api.post(adopted, user_id="u1", thread_id="t1")
    assert answer.status_code == 200, answer.text
    meta = cluster.pod(adopted)["metadata"]
    assert meta["uid"] == before
    assert meta["annotations"]["sandbox-provisioner/user-id"] == "u1"
    assert meta["annotations"]["sandbox-provisioner/thread-id"] == "t1"
    assert api.listed_ids(user_id="u1", thread_id="t1") == [adopted]
    assert_problem(api.post(adopted, user_id="u2", thread_id="t1"), 409)
    assert api.post(adopted, user_id="u1", thread_id="t1").status_code == 200


def test_adopted_is_deleted(adopted, api, cluster):
    assert api.delete(adopted).status_code == 200
    wait_until(lambda: cluster.gone(adopted), cluster.patience_s)
