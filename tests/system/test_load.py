"""A burst of creations, and reads that are answered meanwhile."""

import threading

from waiting import at_once, wait_until

BURST = 40


def test_a_burst_of_new_posts_succeeds_while_gets_are_answered(api, new_id, cluster):
    watched = new_id()
    api.create(watched)
    ids = [new_id() for _ in range(BURST)]
    answers, over = [], threading.Event()

    def keep_getting():
        while not over.is_set():
            answers.append(api.get(watched).status_code)

    reader = threading.Thread(target=keep_getting, daemon=True)
    reader.start()
    wait_until(lambda: answers)
    before = len(answers)
    posted = at_once([lambda name=name: api.post(name) for name in ids])
    during = len(answers) - before
    over.set()
    reader.join(timeout=15)
    assert not reader.is_alive()

    assert [answer.status_code for answer in posted] == [201] * BURST
    assert len({answer.json()["sandbox_url"] for answer in posted}) == BURST
    assert during > 0 and set(answers) == {200}
    assert set(ids) <= set(api.listed_ids())

    deleted = at_once([lambda name=name: api.delete(name) for name in ids])
    assert [answer.status_code for answer in deleted] == [200] * BURST
    wait_until(lambda: all(cluster.gone(name) for name in ids), cluster.patience_s)


def test_creations_and_deletions_crosswise_leave_only_pairs(api, new_id, cluster):
    ids = [new_id() for _ in range(12)]

    def churn(name):
        api.post(name)
        api.delete(name)
        # Those that wait for the old pod to go are limited: a refusal says when to come again.
        wait_until(lambda: api.post(name).status_code in (200, 201), cluster.patience_s)

    at_once([lambda name=name: churn(name) for name in ids])
    wait_until(lambda: all(cluster.whole_or_gone(name) for name in ids), cluster.patience_s)
    assert set(ids) <= set(api.listed_ids())
