"""Many threads, one order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.measure.parallel import ordered_map
from gate.measure.parallel.ordered_map import in_order

SOON = 30.0  # seconds after which something that should happen never does


@pytest.fixture
def left_over():
    """Return a function that gives the threads which the test began and which are still there."""
    before = set(threading.enumerate())
    return lambda: set(threading.enumerate()) - before


@settings(max_examples=30)
@given(st.lists(st.integers(), max_size=40), st.integers(1, 5), st.integers(1, 9))
def test_results_come_in_the_order_of_what_was_given(given_, threads, ahead):
    made = in_order(lambda each: each * 3, given_, threads=threads, ahead=ahead)

    assert list(made) == [each * 3 for each in given_]


def test_results_come_in_order_though_later_ones_are_ready_first():
    ready = [threading.Event() for _ in range(4)]

    def after_the_next(index):
        if index < 3:
            assert ready[index + 1].wait(SOON)
        ready[index].set()
        return index

    made = in_order(after_the_next, range(4), threads=4)

    assert list(made) == [0, 1, 2, 3]


@pytest.mark.parametrize(("ahead", "most"), [(1, 1), (3, 3), (None, 4)])
def test_never_more_are_begun_and_not_taken_than_allowed(ahead, most):
    begun = []
    made = in_order(begun.append, range(20), threads=2, ahead=ahead)

    overtaken = [len(begun) - taken for taken, _ in enumerate(made)]

    assert len(begun) == 20
    assert max(overtaken) <= most


def test_as_many_are_made_at_once_as_there_are_threads():
    together = threading.Barrier(3)

    made = in_order(lambda _: together.wait(SOON), range(3), threads=3)

    assert sorted(made) == [0, 1, 2]  # a barrier lets nobody through alone


def test_what_is_given_without_end_is_not_waited_for():
    made = in_order(lambda each: -each, count(), threads=2)

    assert [next(made) for _ in range(5)] == [0, -1, -2, -3, -4]
    made.close()


def test_an_error_is_raised_in_its_turn():
    failed = threading.Event()

    def work(index):
        if index == 2:
            failed.set()
            raise ValueError("the third")
        assert index > 2 or failed.wait(SOON)  # those before it are made after it has failed
        return index

    made = in_order(work, range(3), threads=3, ahead=3)

    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(made)


def test_an_error_in_what_is_given_ends_it(left_over):
    def two_and_an_error():
        yield 1
        yield 2
        raise OSError("the disk")

    made = in_order(abs, two_and_an_error(), threads=2, ahead=1)

    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(OSError, match="the disk"):
        next(made)
    assert not left_over()


def test_every_thread_is_told_once_before_it_works():
    told = []
    together = threading.Barrier(3)

    def work(_):
        together.wait(SOON)
        return threading.get_ident() in told

    made = in_order(
        work, range(6), threads=3, thread_init=lambda: told.append(threading.get_ident())
    )

    assert list(made) == [True] * 6
    assert len(told) == len(set(told)) == 3


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_closed_early_no_thread_is_left(taken, left_over):
    made = in_order(lambda each: each, range(1000), threads=2, ahead=4)
    for _ in range(taken):
        next(made)

    made.close()

    assert not left_over()


def test_what_waits_is_not_begun_when_it_is_closed(monkeypatch):
    closing = threading.Event()
    begun = []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            closing.set()
            super().shutdown(wait=wait)

    def work(index):
        begun.append(index)
        assert index == 0 or closing.wait(SOON)

    monkeypatch.setattr(ordered_map, "ThreadPoolExecutor", Pool)
    made = in_order(work, range(9), threads=1, ahead=4)
    next(made)

    made.close()

    assert begun in ([0], [0, 1])  # the second one may be at work already


def test_after_an_error_no_thread_is_left(left_over):
    made = in_order(lambda each: 1 // each, [1, 0, 1], threads=2)

    with pytest.raises(ZeroDivisionError):
        list(made)

    assert not left_over()
