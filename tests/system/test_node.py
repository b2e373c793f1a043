"""Sandboxes that really run: reached by their URL, and gone after DELETE."""

import statistics
import time

import pytest
import requests

from http_api import Api
from waiting import wait_until

pytestmark = pytest.mark.node

FIRST_ANSWER_S = 3.0
GONE_S = 20


def answers(url):
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(f"{url}/v1/sandbox", timeout=1).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(autouse=True)
def idle_node(cluster):
    """What other tests have left behind must not be measured."""
    pods = cluster.kube.list_namespaced_pod
    wait_until(lambda: not pods(cluster.namespace).items, 120, "pods of other tests are gone")


def test_the_sandbox_answers_at_its_url(api, sandbox_id):
    sandbox = api.create(sandbox_id)
    wait_until(lambda: answers(sandbox["sandbox_url"]), 60)
    wait_until(lambda: api.get(sandbox_id).json()["ready"], 60)
    ready = api.get(sandbox_id).json()
    assert (ready["status"], ready["reason"]) == ("Running", None)


def test_post_to_first_answer_takes_3_s_or_less(api, new_id):
    api.create(warm := new_id())  # the first pod of a node pays for what later ones find there
    wait_until(lambda: api.get(warm).json()["ready"], 60)
    api.delete(warm)
    took = []
    for _ in range(5):
        sandbox_id = new_id()
        start = time.monotonic()
        url = api.create(sandbox_id)["sandbox_url"]
        wait_until(lambda: answers(url), 30)
        took.append(time.monotonic() - start)
        api.delete(sandbox_id)
    assert statistics.median(took) <= FIRST_ANSWER_S, took


def test_delete_leaves_nothing_within_20_s(api, sandbox_id, cluster):
    url = api.create(sandbox_id)["sandbox_url"]
    wait_until(lambda: answers(url), 60)
    assert api.delete(sandbox_id).status_code == 200
    wait_until(lambda: cluster.gone(sandbox_id), GONE_S)
    assert not answers(url)


def test_an_image_that_cannot_be_pulled_is_told(stack_with, key, sandbox_id):
    api = Api(stack_with(settings={"sandbox": {"image": "localhost/missing:1"}}).url, key)
    api.create(sandbox_id)
    told = ("ErrImagePull", "ImagePullBackOff")
    wait_until(lambda: api.get(sandbox_id).json()["reason"] in told, 60)
    sandbox = api.get(sandbox_id).json()
    assert (sandbox["status"], sandbox["ready"]) == ("Pending", False)
    assert "localhost/missing:1" in sandbox["message"]
