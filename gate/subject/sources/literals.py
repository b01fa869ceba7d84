"""A flat list or dictionary of texts and numbers, as JSON or as Python writes it."""

import json
import re

_LONGEST = 1 << 20  # characters; the names of ImageNet-21k fill half of it
_MOST = 100_000

_TEXT = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_ATOM = re.compile(rf"\s*({_TEXT}|-?\d{{1,18}})\s*")
_ESCAPE = re.compile(
    r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|.)"
)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}

Atom = str | int


def read_literal(text: str) -> list[Atom] | dict[Atom, Atom] | None:
    """Return a list, or a dictionary, of texts and integers; None for anything else.

    A key that is given twice makes it none: readers would differ in what it says.
    """
    if len(text) > _LONGEST:
        return None
    try:
        return _from_json(text)
    except (ValueError, RecursionError):
        return _from_python(text)


def _from_json(text: str) -> list[Atom] | dict[Atom, Atom] | None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError
        return found

    value = json.loads(text, object_pairs_hook=once)
    atoms = list(value.values()) if isinstance(value, dict) else value
    is_flat = isinstance(atoms, list) and all(type(each) in (str, int) for each in atoms)
    return value if is_flat else None


def _from_python(text: str) -> list[Atom] | dict[Atom, Atom] | None:
    text = text.strip()
    brackets = text[:1] + text[-1:]
    if len(text) < 2 or brackets not in ("[]", "()", "{}"):
        return None
    pairs = brackets == "{}"
    atoms: list[Atom] = []
    place, end = 1, len(text) - 1
    while place < end and len(atoms) <= _MOST:
        found = _ATOM.match(text, place, end)
        if found is None:
            return None
        atoms.append(_atom(found[1]))
        place = found.end()
        sign = ":" if pairs and len(atoms) % 2 else ","
        if place < end and text[place] != sign:
            return None
        place += 1
    if len(atoms) > _MOST:
        return None
    if not pairs:
        return atoms
    keys, values = atoms[::2], atoms[1::2]
    is_whole = len(keys) == len(values) == len(set(keys))
    return dict(zip(keys, values, strict=True)) if is_whole else None


def _atom(text: str) -> Atom:
    if text[0] not in "'\"":
        return int(text)
    return _ESCAPE.sub(_spelled, text[1:-1])


def _spelled(found: re.Match[str]) -> str:
    letter = found[1]
    if len(letter) > 1:
        return chr(int(letter[1:], 16))
    return _LETTERS.get(letter, f"\\{letter}")
