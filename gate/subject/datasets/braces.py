"""Names of shards written short: ``test-{000..031}.tar``, as shells and WebDataset write them."""

import math
import re
from itertools import product

from gate.errors import DataError
from gate.wording import plain, quote

MOST_SHARDS = 100_000

_BRACES = re.compile(r"\{([^{}]*)\}")
_NUMBERS = re.compile(r"(\d{1,12})\.\.(\d{1,12})")
_LETTERS = re.compile(r"([a-z])\.\.([a-z])|([A-Z])\.\.([A-Z])")


def has_braces(written: str) -> bool:
    """Return whether a path stands for several; braces without a range or a comma are a name."""
    return any(_length(each) is not None for each in _BRACES.findall(written))


def expanded(written: str) -> tuple[str, ...]:
    """Return all paths that a path with braces stands for, in the order of a shell.

    Numbers are as wide as the wider end where an end begins with 0. Raises DataError for braces in
    braces, a path that is named twice, and more than MOST_SHARDS paths.

    >>> expanded("{a,b}-{08..10}.tar")[:4]
    ('a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar')
    """
    parts = _BRACES.split(written)  # text and what stands in braces by turns
    if any(mark in part for part in parts[::2] for mark in "{}"):
        raise DataError(
            plain(written, 200), "has braces in braces, or one without its pair", "write one range"
        )
    lengths = [_length(each) or 1 for each in parts[1::2]]
    if math.prod(lengths) > MOST_SHARDS:
        raise DataError(
            plain(written, 200),
            f"stands for {math.prod(lengths):,} files",
            f"name at most {MOST_SHARDS:,}",
        )
    choices = [_choices(part) if number % 2 else (part,) for number, part in enumerate(parts)]
    paths = tuple("".join(each) for each in product(*choices))
    if len(set(paths)) < len(paths):
        twice = next(path for number, path in enumerate(paths) if path in paths[:number])
        raise DataError(plain(written, 200), f"names {quote(twice)} twice", "name each file once")
    return paths


def _length(inside: str) -> int | None:
    """Return how many choices stand in braces; None where they are a name."""
    if numbers := _NUMBERS.fullmatch(inside):
        return abs(int(numbers[2]) - int(numbers[1])) + 1
    if _LETTERS.fullmatch(inside):
        return abs(ord(inside[-1]) - ord(inside[0])) + 1
    return inside.count(",") + 1 if "," in inside else None


def _choices(inside: str) -> tuple[str, ...]:
    if numbers := _NUMBERS.fullmatch(inside):
        padded = any(end != "0" and end.startswith("0") for end in numbers.groups())
        width = max(map(len, numbers.groups())) if padded else 0
        return tuple(f"{n:0{width}}" for n in _counted(int(numbers[1]), int(numbers[2])))
    if _LETTERS.fullmatch(inside):
        return tuple(map(chr, _counted(ord(inside[0]), ord(inside[-1]))))
    return tuple(inside.split(",")) if "," in inside else (f"{{{inside}}}",)


def _counted(first: int, last: int) -> range:
    step = 1 if first <= last else -1
    return range(first, last + step, step)
