"""The amount of detail of the text: as much as fits on a screen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

MOST_LINES = 30
_ALL = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How many things of each kind are told, and in how many lines of text; 0 lines: any."""

    rules: int  # that did not pass, each with what it found
    lines: int  # of one rule
    named: int  # classes or slices of one rule
    listed: int  # names of rules in one line
    errors: int
    error_lines: int
    steps: int
    step_lines: int
    notes: int
    note_lines: int

    @classmethod
    def everything(cls) -> "Detail":
        """Return what leaves nothing out."""
        return cls(
            rules=_ALL, lines=0, named=_ALL, listed=_ALL, errors=_ALL, error_lines=0,
            steps=_ALL, step_lines=0, notes=_ALL, note_lines=0,
        )  # fmt: skip


_ALL_THAT_MATTERS = Detail(
    rules=14, lines=6, named=5, listed=20, errors=5, error_lines=0,
    steps=5, step_lines=0, notes=6, note_lines=0,
)  # fmt: skip
_SHORTER: Sequence[Mapping[str, int]] = (  # each beside what went before
    {"note_lines": 3},
    {"steps": 4},
    {"notes": 4, "note_lines": 2},
    {"steps": 3},
    {"lines": 3, "named": 3},
    {"notes": 3, "step_lines": 2},
    {"notes": 2, "steps": 2},
    {"lines": 2, "named": 2, "listed": 14},
    {"errors": 3, "error_lines": 6},
    {"rules": 10},
    {"rules": 8, "lines": 1, "notes": 1},
    {"errors": 2, "error_lines": 4, "listed": 8},
    {"rules": 4, "named": 1, "listed": 4, "errors": 1, "error_lines": 3},
    {"steps": 1, "step_lines": 1, "note_lines": 1},
)


def levels() -> Iterator[Detail]:
    """Yield one amount of detail after another, each less than the one before."""
    yield from accumulate(
        _SHORTER, lambda last, less: replace(last, **less), initial=_ALL_THAT_MATTERS
    )
