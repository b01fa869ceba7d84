"""Versions are compared by the numbers at their beginning."""

import re


def version_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a release such as 1.2.0, without zeros at its end; None for others.

    A version before its release (1.2.0rc1) is none: whether it lies in a range is not clear.

    >>> version_of("1.2.0"), version_of("1.2"), version_of("1.2.0rc1")
    ((1, 2), (1, 2), None)
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}", text, re.ASCII):
        return None
    numbers = [int(part) for part in text.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
