"""Many rounds of things that happen at once. Whatever wins, it is whole."""

import os
import random
import signal
import time

import pytest

from http_api import Api
from waiting import at_once, in_background, wait_until

ROUNDS = 20


def settled(cluster, sandbox_id):
    """Neither or both; a pod on its way out is waited for."""
    return wait_until(
        lambda: cluster.whole_or_gone(sandbox_id),
        cluster.patience_s,
        f"{sandbox_id} is neither whole nor gone",
    )


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_two_posts_of_one_id_at_once(api, new_id, cluster):
    for _ in range(ROUNDS):
        sandbox_id = new_id()
        answers = at_once([lambda: api.post(sandbox_id)] * 2)
        assert sorted(answer.status_code for answer in answers) == [200, 201], [
            answer.text for answer in answers
        ]
        first, second = (answer.json() for answer in answers)
        for field in ("sandbox_url", "container_id"):
            assert first[field] == second[field]
        assert cluster.whole_or_gone(sandbox_id)


def test_eight_posts_of_one_id_at_once(api, sandbox_id, cluster):
    answers = at_once([lambda: api.post(sandbox_id)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["container_id"] for answer in answers}) == 1
    assert len({answer.json()["sandbox_url"] for answer in answers}) == 1


def test_two_users_post_one_id_at_once(api, new_id):
    for _ in range(ROUNDS // 2):
        sandbox_id = new_id()
        answers = at_once(
            [lambda user=user: api.post(sandbox_id, user_id=user) for user in ("u1", "u2")]
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_two_deletes_of_one_id_at_once(api, new_id, cluster):
    for _ in range(ROUNDS // 2):
        sandbox_id = new_id()
        api.create(sandbox_id)
        answers = at_once([lambda: api.delete(sandbox_id)] * 2)
        assert [answer.status_code for answer in answers] == [200, 200]
        wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)


def test_delete_while_post_runs(api, new_id, cluster):
    chance = random.Random(1)
    for _ in range(ROUNDS):
        sandbox_id = new_id()
        posting = in_background(lambda: api.post(sandbox_id))
        time.sleep(chance.uniform(0, 0.03))
        deleted = api.delete(sandbox_id)
        posted = posting.result(timeout=30)
        assert deleted.status_code == 200, deleted.text
        assert posted.status_code < 500 or posted.status_code == 503, posted.text
        settled(cluster, sandbox_id)


@pytest.mark.stub
@pytest.mark.parametrize("resource", ["pods", "services"])
def test_delete_in_the_middle_of_post(api, sandbox_id, cluster, resource):
    slow = {"verb": "create", "resource": resource, "action": "delay", "ms": 500}
    with cluster.faults(slow):
        posting = in_background(lambda: api.post(sandbox_id))
        wait_until(lambda: cluster.in_flight("create", resource))
        assert api.delete(sandbox_id).status_code == 200
        posting.result(timeout=30)
    settled(cluster, sandbox_id)


def test_workers_killed_at_any_point_of_post(stack_with, key, new_id, cluster):
    stack = stack_with(settings={"server": {"writers": 2}})
    api = Api(stack.url, key)
    chance = random.Random(2)
    for _ in range(5):  # the master starts workers ever slower that die young
        sandbox_id = new_id()
        posting = in_background(lambda: api.post(sandbox_id))
        time.sleep(chance.uniform(0, 0.03))
        kill(stack.worker_pids())
        posting.result(timeout=30)  # whatever it is: 201 when the kill came late, else 502
        wait_until(lambda: api.post(sandbox_id).status_code in (200, 201), 20)
        assert cluster.service(sandbox_id) and cluster.whole_or_gone(sandbox_id)


@pytest.mark.stub
def test_worker_killed_between_pod_and_service(stack_with, key, sandbox_id, cluster):
    stack = stack_with(settings={"server": {"writers": 2}})
    api = Api(stack.url, key)
    slow = {"verb": "create", "resource": "services", "action": "delay", "ms": 1500}
    with cluster.faults(slow):
        posting = in_background(lambda: api.post(sandbox_id))
        pod = wait_until(lambda: cluster.pod(sandbox_id))
        kill(stack.worker_pids())
        assert posting.result(timeout=30).status_code == 502
    assert cluster.service(sandbox_id) is None
    wait_until(lambda: api.post(sandbox_id).status_code in (200, 201), 20)
    assert cluster.pod(sandbox_id)["metadata"]["uid"] == pod["metadata"]["uid"]
    assert cluster.service(sandbox_id) and cluster.whole_or_gone(sandbox_id)


def test_workers_killed_at_any_point_of_delete(stack_with, key, new_id, cluster):
    stack = stack_with(settings={"server": {"writers": 2}})
    api = Api(stack.url, key)
    chance = random.Random(3)
    for _ in range(4):
        sandbox_id = new_id()
        wait_until(lambda: api.post(sandbox_id).status_code in (200, 201), 20)
        deleting = in_background(lambda: api.delete(sandbox_id))
        time.sleep(chance.uniform(0, 0.03))
        kill(stack.worker_pids())
        deleting.result(timeout=30)
        wait_until(lambda: api.delete(sandbox_id).status_code == 200, 20)
        wait_until(lambda: cluster.gone(sandbox_id), cluster.patience_s)
