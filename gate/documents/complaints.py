"""Messages for faulty values in our own words; pydantic's are for those who write models."""

import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from gate.documents.scalars import read_plain
from gate.documents.yaml_tree import Key, Kind, Node
from gate.wording import pluralize, quote, suggestion

_EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def expected_kind(error: ErrorDetails) -> str | None:
    """Return what kind of value was expected, None where the kind is right."""
    return _EXPECTED.get(error["type"])


def name_place(path: Sequence[Key]) -> str:
    """Return how a message names a value: its key, or its number in a list.

    >>> name_place(("rules", 0, "classes", 1))
    "entry 2 of 'classes'"
    """
    if not path:
        return "the document"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {name_place(path[:-1])}"
    return quote(path[-1])


def wrong_kind(name: str, node: Node, expected: Sequence[str]) -> tuple[str, str]:
    """Return fact and remedy for a value that is none of the expected kinds."""
    wanted = " or ".join(dict.fromkeys(expected))
    if node.kind is not Kind.SCALAR:
        return f"{name} must be {wanted}, and this is a {node.kind.value}", ""
    if not isinstance(node.scalar, str):
        remedy = f"put it in quotes: '{node.text}'" if "text" in expected else ""
        return f"{name} must be {wanted}, and {node.text} is not", remedy
    if node.is_quoted and isinstance(read_plain(node.text), int | float):  # a bool is an int
        fact = f"{quote(node.text)} is quoted, so it is text, and {name} must be {wanted}"
        return fact, "write it without quotes"
    fact = f"{name} must be {wanted}, and {quote(node.text)} is text"
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})? ?%", node.text):
        return fact, f"write {float(node.text.rstrip(' %')) / 100:g}"
    if re.fullmatch(r"[0-9]{1,9},[0-9]{1,9}", node.text):
        return fact, f"write a point: {node.text.replace(',', '.')}"
    return fact, ""


def _percent_as_share(node: Node, limit: float) -> str:
    """Return how a percentage is written where a share is asked for; nothing elsewhere."""
    given = node.scalar
    if limit != 1 or not isinstance(given, int | float) or not 2 <= given < 100:
        return ""
    return f"for {given:g} % write {given / 100:g}"


def wrong_value(name: str, node: Node, error: ErrorDetails, purpose: str) -> tuple[str, str]:
    """Return fact and remedy for a value of the right kind; ``purpose`` is its description."""
    kind, context = error["type"], error.get("ctx", {})
    said = quote(node.text) if node.kind is Kind.SCALAR else f"a {node.kind.value}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        fact = f"{name} must be {words} {context[key]:g}, and {node.text} is not"
        return fact, _percent_as_share(node, context[key])
    match kind:
        case "literal_error":
            known = re.findall(r"'([^']*)'", context["expected"])
            return f"{name} cannot be {said}", suggestion(said, known, what="write one of")
        case "value_error":
            fact, _, remedy = str(context["error"]).partition("; ")
            return fact, remedy
        case "too_short" | "string_too_short":
            limit = _length(context["min_length"], kind)
            return f"{name} needs at least {limit}", f"expected: {purpose}"
        case "too_long" | "string_too_long":
            limit = _length(context["max_length"], kind)
            return f"{name} holds more than {limit}", f"expected: {purpose}"
        case "string_pattern_mismatch":
            return f"{name} cannot be {said}", f"expected: {purpose}"
    return f"{name} is not valid", f"expected: {purpose}"


def _length(number: int, kind: str) -> str:
    """Return a length in words, in characters or entries by the kind of an error."""
    if kind.startswith("string"):
        return pluralize(number, "character")
    return "1 entry" if number == 1 else f"{number:,} entries"
