"""Bounded waiting and running things at the same time."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Iterable, TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 10, what: str = "") -> T:
    """Polls until `condition` is true and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not true within {seconds} s: {what or condition}")
        time.sleep(0.02)


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Runs all calls at the same moment, each in its own thread; results in their order."""
    calls = list(calls)
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(timeout=10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def in_background(call: Callable[[], T]) -> "Future[T]":
    """Starts `call` in a daemon thread, so that a failing test never waits for it."""
    future: "Future[T]" = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # handed to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
