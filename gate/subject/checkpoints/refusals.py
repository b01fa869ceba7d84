"""How the steps of this room say no, and how they quote what a file says.

A step raises :class:`RefusedError` without knowing the path; :mod:`.opening` and :mod:`.loading`
turn it into a :class:`gate.errors.CheckpointError` once, with the path and what is
known of the file.
"""

from collections.abc import Iterable
from pathlib import Path

from gate.errors import CheckpointError, Identity, Refusal
from gate.healing import Deciding

LONGEST_QUOTE = 120  # characters of a string from a file that are repeated to a person
LONGEST_LIST = 20  # names that are listed before "and 7 more"


class RefusedError(Deciding):
    """A checkpoint that is not evaluated: the class of refusal, a fact and a remedy."""

    def __init__(
        self, refusal: Refusal, fact: str, remedy: str, *, retriable: bool | None = None
    ) -> None:
        self.refusal = refusal
        self.fact = fact
        self.remedy = remedy
        self.retriable = retriable  # None: what it came from decides
        super().__init__(refusal, fact, remedy)

    def at(self, path: Path, identity: Identity) -> CheckpointError:
        """Return the same refusal as an error of the gate, with its place."""
        return CheckpointError(
            shown(str(path)),
            self.refusal,
            self.fact,
            self.remedy,
            identity,
            retriable=self.retriable,
        )


def unsafe(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of a file that could do harm if it were loaded."""
    return RefusedError(Refusal.UNSAFE, fact, remedy)


def corrupt(
    fact: str,
    remedy: str = "copy the file again from where it was made",
    *,
    retriable: bool | None = None,
) -> RefusedError:
    """Return the refusal of a file that is not, or no longer, what it claims to be."""
    return RefusedError(Refusal.CORRUPT, fact, remedy, retriable=retriable)


def mismatch(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of a sound file that does not hold the weights of this model."""
    return RefusedError(Refusal.MISMATCH, fact, remedy)


def numerically_bad(fact: str, remedy: str) -> RefusedError:
    """Return the refusal of weights that fit the model and cannot give sound outputs."""
    return RefusedError(Refusal.NUMERICALLY_BAD, fact, remedy)


def shown(text: str, *, longest: int = LONGEST_QUOTE) -> str:
    r"""Return a string from outside with control and odd characters escaped, and cut when long.

    >>> shown("fc.weight")
    'fc.weight'
    >>> print(shown("red" + chr(27) + "[31m"))
    red\x1b[31m
    """
    cut = text[:longest]
    if not cut.isprintable():
        cut = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
            for each in cut
        )
    return cut + ("..." if len(text) > longest else "")


def listed(names: Iterable[str], *, longest: int = LONGEST_LIST) -> str:
    """Return names from a file as a list for a person, escaped, with the rest counted.

    >>> listed(["a", "b", "c"], longest=2)
    'a, b and 1 more'
    """
    every = list(names)
    head = ", ".join(shown(name) for name in every[:longest])
    rest = len(every) - longest
    return f"{head} and {rest:,} more" if rest > 0 else head


def counted(number: int, noun: str) -> str:
    """Return a count with its noun in the right number.

    >>> counted(1, "tensor"), counted(2000, "tensor")
    ('1 tensor', '2,000 tensors')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def bytes_shown(size: int) -> str:
    """Return a number of bytes as a person reads it.

    >>> bytes_shown(864), bytes_shown(47185920)
    ('864 bytes', '45.0 MiB')
    """
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{size:,} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"
