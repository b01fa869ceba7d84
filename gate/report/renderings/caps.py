"""The limits of the platforms that read renderings: what goes beyond is counted, not written."""

from collections.abc import Callable, Iterable
from typing import TypeVar

MOST_ENTRIES = 1_000  # findings of one file; GitHub shows 5,000 of SARIF and takes 25,000 a run
MOST_BYTES = 5_000_000  # GitHub takes 10 MB of SARIF, packed

Item = TypeVar("Item")


def first_that_fit(
    found: Iterable[Item], size: Callable[[Item], int], *, entries: int, room: int
) -> list[Item]:
    """Return the items from the first on, as many as fit into so many entries and bytes."""
    kept: list[Item] = []
    for each in found:
        room -= size(each)
        if len(kept) == entries or room < 0:
            break
        kept.append(each)
    return kept
