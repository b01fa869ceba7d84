"""Keys as people mean them: two spellings of one group, person, class, slice or image are equal.

Three questions, three strengths. *Is it the same name?* (:func:`name_key`: classes, slices, ids,
columns): what nobody sees counts for nothing, and different names are never merged. *Is it the same
group?* (:func:`group_keys`, for a whole column): compatible forms and equal numbers are equal too,
and words for "missing" are missing. *Could somebody take one for the other?* (:func:`spellings`):
look-alike letters, case and leading zeros are equal as well; this is asked where two splits must
not share a group, and where two people must not be one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from gate.lookalikes import as_ascii_looks

# What a reader does not see: controls that are no white space, and what Unicode calls ignorable.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# An exponent counts only as programs write it, with its sign: 1E5 is a well on a plate.
_NUMBER = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?(e[+-][0-9]{1,3})?", re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_LEADING_ZEROS = re.compile(r"(?<![0-9])(?<![0-9][.,])0+(?=[0-9])")
_MISSING = frozenset(
    {"", "nan", "none", "null", "<na>", "nat"}
)  # the last two are what pandas writes
_LONGEST_MISSING = max(map(len, _MISSING))
_MAIL = re.compile(r"([^<>]*)<([^<>]*)>")

_REMEMBERED = 1 << 18  # names: a report asks for those of two splits twice

Cells = Sequence[str | None]  # None where the cell is empty
Form = Literal["NFC", "NFKC"]


def name_key(text: str) -> str:
    """Return a class, slice, id or column name as it is compared and shown.

    NFC, trimmed, without what nobody sees. The empty text is no name.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    return _settle(text, "NFC").strip()


def name_keys(cells: Cells) -> list[str | None]:
    """Return the names of a column, None where a cell is empty.

    Where every cell is a number, it is written without empty decimals (1000.0 is 1000), as another
    file format would: but only where that leaves different numbers different (1.1 and 1.10).
    """
    keys = [None if cell is None else name_key(cell) or None for cell in cells]
    return _with_short_numbers(keys, merging=False)


def group_keys(cells: Cells) -> list[str | None]:
    """Return the groups of a column, None where a cell is empty or says that it is missing.

    NFKC, trimmed, white space collapsed, without what nobody sees; in a column of numbers alone
    equal numbers are equal. Numbers are compared as text: none passes through a float.
    """
    known: dict[str | None, str | None] = {None: None}
    for cell in cells:
        if cell is not None and cell not in known:
            known[cell] = _present(_plain(cell))
    return _with_short_numbers([known[cell] for cell in cells], merging=True)


@lru_cache(maxsize=_REMEMBERED)
def spellings(name: str) -> tuple[str, ...]:
    """Return what a name may be taken for; two that share one look like the same to a reader.

    Letters that look alike, case, leading zeros and empty decimals make no difference.
    """
    plain = _plain(name)
    if plain.isascii():
        return (_as_read(plain),)
    # Once as it is written, where capitals look alike, and once in small letters, which may look
    # like others than their capitals do: a Greek nu like v, its capital like N.
    return tuple(sorted({_as_read(as_ascii_looks(each)) for each in (plain, plain.casefold())}))


def shared_groups(
    first: Collection[str], second: Collection[str], *, exact: bool = False
) -> list[tuple[str, str]]:
    """Return each group of ``second`` that ``first`` has, with its name in ``first``; sorted.

    Unless ``exact``, names that :func:`spellings` takes for each other are one group.
    """
    if exact:
        return [(group, group) for group in sorted(set(first) & set(second))]
    found = {spelling: group for group in sorted(first) for spelling in spellings(group)}
    pairs = []
    for group in sorted(second):
        same = next((found[each] for each in spellings(group) if each in found), None)
        if same is not None:
            pairs.append((group if group in first else same, group))
    return pairs


def look_alikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of different names that may be taken for each other; sorted, each name once."""
    seen: dict[str, str] = {}
    pairs = []
    for name in sorted(set(names)):
        same = [seen[each] for each in spellings(name) if each in seen]
        if same:
            pairs.append((same[0], name))
        for each in spellings(name):
            seen.setdefault(each, name)
    return pairs


def is_one_person(first: str, second: str) -> bool:
    """Return whether two names may be one person: @Ann, ann, and Ann <ann@example.org>."""
    return not _names_of(first).isdisjoint(_names_of(second))


def is_somebody(name: str) -> bool:
    """Return whether anything of the name can be seen."""
    return bool(_names_of(name))


def people(names: Iterable[str]) -> list[str]:
    """Return one name for each person, in the order in which they occur."""
    found: list[tuple[str, frozenset[str]]] = []
    for name in names:
        own = _names_of(name)
        same = [each for each in found if not each[1].isdisjoint(own)]
        one = (same[0][0] if same else name, own.union(*(each[1] for each in same)))
        place = found.index(same[0]) if same else len(found)
        found = [each for each in found if each not in same]
        found.insert(place, one)
    return [name for name, _ in found]


def _settle(text: str, form: Form) -> str:
    """Return the text in a normal form without what nobody sees; either may bring on the other."""
    while (after := unicodedata.normalize(form, _UNSEEN.sub("", text))) != text:
        text = after
    return text


def _plain(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        text = _settle(text, "NFKC")
    elif " " not in text:
        return text
    return " ".join(text.split())


def _present(key: str) -> str | None:
    is_short = len(key) <= _LONGEST_MISSING
    return None if is_short and key.casefold() in _MISSING else key


def _with_short_numbers(keys: list[str | None], *, merging: bool) -> list[str | None]:
    """Return the keys with their numbers written shortly, where all are numbers."""
    short: dict[str | None, str | None] = {None: None}
    for key in keys:
        if key is not None and key not in short:
            short[key] = number = _short_number(key)
            if number is None:
                return keys
    if not merging and len(set(short.values())) < len(short):
        return keys
    return [short[key] for key in keys]


def _short_number(text: str) -> str | None:
    """Return a number without empty decimals and without an exponent; None where it is none.

    >>> _short_number("1000.0"), _short_number("007.50"), _short_number("1e+6")
    ('1000', '007.5', '1000000')
    >>> _short_number("1e5") is None
    True
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text.lower() if _INFINITE.fullmatch(text) else None
    if found[4]:
        return _short_number(f"{Decimal(text):f}")
    decimals = (found[3] or "").rstrip("0")
    number = f"{found[2]}.{decimals}" if decimals else found[2]
    return f"-{number}" if found[1] == "-" and number.strip("0.") else number


def _as_read(text: str) -> str:
    if "." in text or "+" in text:  # no other number is written shorter
        text = _short_number(text) or text
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _LEADING_ZEROS.sub("", text) if "0" in text else text


def _names_of(person: str) -> frozenset[str]:
    """Return all spellings of a person's name, and of the address where one stands behind it."""
    plain = _plain(person)
    mail = _MAIL.fullmatch(plain)
    names = [name.strip().lstrip("@").strip() for name in (mail.groups() if mail else (plain,))]
    return frozenset(spelling for name in names if name for spelling in spellings(name))
