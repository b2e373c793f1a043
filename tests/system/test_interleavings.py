"""The table "Correct under every interleaving": what POST, GET and DELETE do with each state.

P is the sandbox's Pod, S its Service.
"""

import time

import pytest

import manifests
from http_api import Api, assert_problem, retry_after
from waiting import in_background, wait_until


def uid(thing):
    return thing["metadata"]["uid"]


@pytest.fixture
def whole(api, sandbox_id):
    """P and S, made by the provisioner for user u1, thread t1, 5 shells."""
    return api.create(sandbox_id, user_id="u1", thread_id="t1", max_shell_sessions=5)


@pytest.fixture
def post(api, sandbox_id):
    """The same request again, or a variation of it."""

    def call(**changes):
        fields = {"user_id": "u1", "thread_id": "t1", "max_shell_sessions": 5, **changes}
        return api.post(sandbox_id, **fields)

    return call


def orphan_service(cluster, sandbox_id):
    """S without P, and without an owner that the collector would follow."""
    cluster.patch_service(sandbox_id, {"metadata": {"ownerReferences": None}})
    cluster.delete_pod(sandbox_id)
    wait_until(lambda: cluster.pod(sandbox_id) is None, cluster.patience_s)


def assert_fresh(cluster, sandbox_id, answer, old):
    """A new sandbox took the place of `old`, with both of its objects."""
    assert answer.status_code == 201, answer.text
    assert answer.json()["container_id"] != old["container_id"]
    assert answer.json()["container_id"] == uid(cluster.pod(sandbox_id))
    assert cluster.whole_or_gone(sandbox_id)


# P and S, same identity


def test_p_and_s_same_identity_post_returns_it(whole, post, cluster, sandbox_id):
    before = uid(cluster.pod(sandbox_id)), uid(cluster.service(sandbox_id))
    answer = post()
    assert answer.status_code == 200, answer.text
    assert answer.json()["sandbox_url"] == whole["sandbox_url"]
    assert (uid(cluster.pod(sandbox_id)), uid(cluster.service(sandbox_id))) == before


@pytest.mark.parametrize("sessions", [None, 1, 5])
def test_p_and_s_with_enough_shells_is_compatible(whole, post, sessions):
    assert post(max_shell_sessions=sessions).status_code == 200


def test_p_and_s_get(whole, api, sandbox_id):
    answer = api.get(sandbox_id)
    assert answer.status_code == 200
    assert answer.json()["sandbox_url"] == whole["sandbox_url"]


def test_p_and_s_delete(whole, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


def test_p_and_s_with_another_image_or_mounts_is_compatible(
    whole, stack_with, key, sandbox_id
):
    changed = stack_with(
        settings={"sandbox": {"image": "localhost/newer:1"}, "storage": {"base_dir": "/srv/x"}}
    )
    answer = Api(changed.url, key).post(sandbox_id, user_id="u1", thread_id="t1")
    assert answer.status_code == 200, answer.text
    assert answer.json()["container_id"] == whole["container_id"]


# P and S, another identity or incompatible


@pytest.mark.parametrize(
    "changes",
    [{"user_id": "u2"}, {"thread_id": "t2"}, {"thread_id": None}, {"max_shell_sessions": 6}],
    ids=["other user", "other thread", "default thread", "more shells than it has"],
)
def test_p_and_s_of_another_request_post_is_409_and_touches_nothing(
    whole, post, api, cluster, sandbox_id, changes
):
    before = cluster.pod(sandbox_id)["metadata"], cluster.service(sandbox_id)["metadata"]
    assert_problem(post(**changes), 409)
    after = cluster.pod(sandbox_id)["metadata"], cluster.service(sandbox_id)["metadata"]
    for old, new in zip(before, after):
        for field in ("uid", "labels", "annotations"):
            assert old[field] == new[field]
        assert "deletionTimestamp" not in new
    assert api.get(sandbox_id).status_code == 200


def test_more_shells_than_the_default_is_incompatible(api, sandbox_id):
    api.create(sandbox_id)
    assert api.post(sandbox_id, max_shell_sessions=10).status_code == 200
    assert_problem(api.post(sandbox_id, max_shell_sessions=11), 409)


# P without S


@pytest.fixture
def p_without_s(whole, cluster, sandbox_id):
    cluster.delete_service(sandbox_id)
    wait_until(lambda: cluster.service(sandbox_id) is None)
    return whole


def test_p_without_s_post_creates_s(p_without_s, post, cluster, sandbox_id):
    answer = post()
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["container_id"] == p_without_s["container_id"]
    assert cluster.whole_or_gone(sandbox_id)
    port = cluster.service(sandbox_id)["spec"]["ports"][0]["nodePort"]
    assert answer.json()["sandbox_url"] == f"http://127.0.0.1:{port}"


def test_p_without_s_of_another_user_post_is_409(p_without_s, post, cluster, sandbox_id):
    assert_problem(post(user_id="u2"), 409)
    assert cluster.service(sandbox_id) is None


def test_p_without_s_get_is_503(p_without_s, api, sandbox_id):
    answer = api.get(sandbox_id)
    assert_problem(answer, 503)
    retry_after(answer)


def test_p_without_s_is_present_but_not_listed(p_without_s, api, sandbox_id):
    assert api.presence(sandbox_id).json()["exists"] is True
    assert sandbox_id not in api.listed_ids()


def test_p_without_s_delete(p_without_s, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


# S without P


@pytest.fixture
def s_without_p(whole, cluster, sandbox_id):
    orphan_service(cluster, sandbox_id)
    return whole


def test_s_without_p_post_makes_both_anew(s_without_p, post, cluster, sandbox_id):
    old_service = uid(cluster.service(sandbox_id))
    assert_fresh(cluster, sandbox_id, post(), s_without_p)
    assert uid(cluster.service(sandbox_id)) != old_service


def test_s_without_p_get_is_404(s_without_p, api, sandbox_id):
    assert_problem(api.get(sandbox_id), 404)
    assert sandbox_id not in api.listed_ids()


def test_s_without_p_delete(s_without_p, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


def test_s_whose_owner_has_just_gone_post_makes_both_anew(whole, post, cluster, sandbox_id):
    # The collector comes for the old S at any moment from now: it must not find the new one.
    old = whole
    for _ in range(3):
        cluster.delete_pod(sandbox_id)
        answer = post()
        assert_fresh(cluster, sandbox_id, answer, old)
        old = answer.json()
    time.sleep(1)
    assert cluster.service(sandbox_id) and cluster.whole_or_gone(sandbox_id)


# P terminating, S there


@pytest.fixture
def terminating(whole, cluster, sandbox_id):
    cluster.make_terminating(sandbox_id)
    return whole


def test_p_terminating_with_s_get(terminating, api, sandbox_id):
    answer = api.get(sandbox_id)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Terminating"
    assert answer.json()["ready"] is False
    assert sandbox_id in api.listed_ids()


def test_p_terminating_with_s_post_waits_and_creates(terminating, post, cluster, sandbox_id):
    waiting = in_background(post)
    time.sleep(1)
    assert not waiting.done(), waiting.result().text
    cluster.release(sandbox_id)
    assert_fresh(cluster, sandbox_id, waiting.result(timeout=30), terminating)


def test_p_terminating_with_s_post_of_another_user_waits_too(
    terminating, post, cluster, sandbox_id
):
    waiting = in_background(lambda: post(user_id="u2"))
    cluster.release(sandbox_id)
    answer = waiting.result(timeout=30)
    assert_fresh(cluster, sandbox_id, answer, terminating)
    assert answer.json()["user_id"] == "u2"


def test_p_terminating_with_s_delete(terminating, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.service(sandbox_id) is None)
    cluster.release(sandbox_id)
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


def test_p_terminating_for_20_s_post_is_409(api, new_id, cluster):
    # Both rows, with and without S, wait side by side.
    ids = [new_id(), new_id()]
    for sandbox_id in ids:
        api.create(sandbox_id)
        cluster.make_terminating(sandbox_id)
    cluster.delete_service(ids[1])
    waiting = [in_background(lambda name=name: api.post(name)) for name in ids]
    for future in waiting:
        answer = future.result(timeout=30)
        assert "being deleted" in assert_problem(answer, 409)["detail"]
        retry_after(answer)
    assert all("deletionTimestamp" in cluster.pod(name)["metadata"] for name in ids)


def test_waiters_are_at_most_a_quarter_of_the_write_workers(
    stack_with, key, new_id, cluster
):
    stack = stack_with(settings={"server": {"writers": 4}})
    client = Api(stack.url, key)
    first, second = new_id(), new_id()
    for sandbox_id in (first, second):
        client.create(sandbox_id)
        cluster.make_terminating(sandbox_id)
    waiting = in_background(lambda: client.post(first))
    time.sleep(1)
    answer = client.post(second)
    assert_problem(answer, 409)
    retry_after(answer)
    assert not waiting.done()
    cluster.release(first)
    assert waiting.result(timeout=30).status_code == 201


# P terminating, S gone


@pytest.fixture
def terminating_without_s(terminating, cluster, sandbox_id):
    cluster.delete_service(sandbox_id)
    wait_until(lambda: cluster.service(sandbox_id) is None)
    return terminating


def test_p_terminating_without_s_get_is_404(terminating_without_s, api, sandbox_id):
    problem = assert_problem(api.get(sandbox_id), 404)
    assert "is being deleted" in problem["detail"]


def test_p_terminating_without_s_is_present_but_not_listed(
    terminating_without_s, api, sandbox_id
):
    presence = api.presence(sandbox_id).json()
    assert presence["exists"] is True
    assert presence["container_id"] == terminating_without_s["container_id"]
    assert sandbox_id not in api.listed_ids()


def test_p_terminating_without_s_post_waits_and_creates(
    terminating_without_s, post, cluster, sandbox_id
):
    waiting = in_background(post)
    time.sleep(1)
    assert not waiting.done(), waiting.result().text
    cluster.release(sandbox_id)
    assert_fresh(cluster, sandbox_id, waiting.result(timeout=30), terminating_without_s)


def test_p_terminating_without_s_delete(terminating_without_s, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    cluster.release(sandbox_id)
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


# P Failed / Succeeded


@pytest.fixture(params=["Failed", "Succeeded"])
def ended(request, adopted, cluster, sandbox_id):
    """A sandbox whose pod has ended, as it is after an eviction."""
    cluster.set_status(sandbox_id, {**manifests.ENDED, "phase": request.param})
    return request.param


def test_p_ended_get_tells_status_and_reason(ended, api, sandbox_id):
    sandbox = api.get(sandbox_id).json()
    assert (sandbox["status"], sandbox["ready"]) == (ended, False)
    assert sandbox["reason"] == "Evicted"


def test_p_ended_post_replaces_p_and_s(ended, api, cluster, sandbox_id):
    old = {"container_id": uid(cluster.pod(sandbox_id))}
    old_service = uid(cluster.service(sandbox_id))
    assert_fresh(cluster, sandbox_id, api.post(sandbox_id), old)
    assert uid(cluster.service(sandbox_id)) != old_service


def test_p_ended_post_of_another_user_is_409(ended, api, cluster, sandbox_id):
    stamp = manifests.identity("u1", sandbox_id)
    cluster.patch_pod(sandbox_id, {"metadata": {"annotations": stamp}})
    old = uid(cluster.pod(sandbox_id))
    assert_problem(api.post(sandbox_id, user_id="u2"), 409)
    assert uid(cluster.pod(sandbox_id)) == old


def test_p_ended_delete(ended, api, cluster, sandbox_id):
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)
