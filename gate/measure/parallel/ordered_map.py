"""Many threads work, and results come back in their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(
    work: Callable[[Given], Made],
    given: Iterable[Given],
    *,
    threads: int,
    ahead: int | None = None,
    thread_init: Callable[[], None] | None = None,
) -> Generator[Made, None, None]:
    """Yield what ``work`` makes of each thing given, in order, while the next ones are made.

    At most ``ahead`` are made and not yet taken, by default two a thread. Each thread calls
    ``thread_init`` once. What ``work`` raises is raised in its turn.
    """
    ahead = 2 * threads if ahead is None else ahead
    pool = ThreadPoolExecutor(threads, initializer=thread_init)
    waiting: deque[Future[Made]] = deque()
    try:
        for each in given:
            waiting.append(pool.submit(work, each))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # after the last, an error, or Ctrl-C: nobody waits for the rest
        pool.shutdown(wait=True, cancel_futures=True)


def do_all(work: Callable[[Given], None], given: Iterable[Given], *, threads: int) -> None:
    """Do ``work`` on each thing given; each has a place of its own for what comes out.

    Raises what it raises for the first of them.
    """
    for _ in in_order(work, given, threads=threads):
        pass
