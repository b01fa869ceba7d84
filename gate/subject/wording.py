"""Words for messages: strings from outside made harmless, and the name that was probably meant."""

import difflib
from collections.abc import Collection, Sequence
from itertools import islice

from gate.masking import masked

# Names that a misspelt one is compared with: a file may hold millions, of any length.
_MOST_KNOWN = 5000
_LONGEST_KNOWN = 200


def quoted(text: object, limit: int = 80) -> str:
    """Return ``text`` in double quotes on one line, control characters escaped, long text cut."""
    return f'"{plain(text, limit)}"'


def plain(text: object, limit: int = 80) -> str:
    r"""Return ``text`` on one line without control characters, cut after ``limit`` characters.

    What URLs in it keep secret is gone before it is cut.

    >>> plain("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    line = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in masked(str(text))[: limit + 1]
    )
    return line if len(line) <= limit else f"{line[:limit]}..."


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return ``did you mean "..."?`` for the nearest known name, or "" where none is near."""
    known = [each for each in islice(known, _MOST_KNOWN) if len(each) <= _LONGEST_KNOWN]
    near = difflib.get_close_matches(name.lower(), [each.lower() for each in known], n=1)
    meant = [each for each in known if near and each.lower() == near[0]]
    return f"did you mean {quoted(meant[0])}?" if meant else ""


def listed(names: Sequence[object], limit: int = 5) -> str:
    """Return the first ``limit`` names, separated by commas, and how many more there are."""
    shown = ", ".join(plain(each, 60) for each in names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: ``1 image``, ``1,200 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
