"""Plain scalars: an unquoted word has one meaning, or is refused.

YAML 1.1 and 1.2 disagree on what ``no``, ``010``, ``1_000`` and ``12:30`` are. A number that both
read alike is that number; ``1e-3``, which YAML 1.1 calls text, is the number that everybody means;
whatever is left in doubt is refused, because the author knows and the gate can only guess.
"""

import math
import re
from dataclasses import dataclass

Scalar = None | bool | int | float | str

_CONSTANTS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LARGEST = 2**53  # beyond it a float no longer holds every integer
_LONGEST = len(f"-{_LARGEST}")

_OLD_BOOLEAN = re.compile(r"yes|no|on|off|y|n", re.IGNORECASE)
_NOT_FINITE = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)
_OTHER_BASE = re.compile(r"[-+]?0[xobXOB][0-9a-fA-F_]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_UNDERSCORES = re.compile(r"[-+]?[0-9.][0-9_.]*_[0-9_.]*([eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")

_QUOTE = "quote it if it is a name"
_TRAPS = (
    (_OLD_BOOLEAN, "is a yes-or-no to some YAML readers and a word to others",
     "quote it, or write true or false"),
    (_NOT_FINITE, "is not a finite number", "write a number, or quote it if it is a name"),
    (_OTHER_BASE, "is a number in another base to some YAML readers and a word to others",
     f"write the decimal number, or {_QUOTE}"),
    (_LEADING_ZERO, "is octal to some YAML readers and decimal to others",
     f"write it without leading zeros, or {_QUOTE}"),
    (_UNDERSCORES, "is a number to some YAML readers and a word to others",
     f"write it without '_', or {_QUOTE}"),
    (_SEXAGESIMAL, "is a number in base 60 to some YAML readers and a word to others",
     "quote it, or write the number"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trap:
    """Why an unquoted word is refused: ``fact`` continues the sentence that the word starts."""

    fact: str
    remedy: str


def read_plain(text: str) -> Scalar | Trap:
    """Return what an unquoted scalar means, or the trap that it is.

    >>> read_plain("1e-3"), read_plain("2026-01-01"), read_plain("010").fact
    (0.001, '2026-01-01', 'is octal to some YAML readers and decimal to others')
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NUMBER.fullmatch(text):
        return _number(text)
    for pattern, fact, remedy in _TRAPS:
        if pattern.fullmatch(text):
            return Trap(fact, remedy)
    return text


def _number(text: str) -> int | float | Trap:
    is_integer = _INTEGER.fullmatch(text) is not None
    value = float(text)
    if math.isinf(value) or (is_integer and (len(text) > _LONGEST or abs(int(text)) > _LARGEST)):
        return Trap("is too large to be read exactly", f"write a smaller number, or {_QUOTE}")
    if value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
        return Trap("is too small to be read as anything but 0", "write 0 if you mean it")
    return int(text) if is_integer else value
