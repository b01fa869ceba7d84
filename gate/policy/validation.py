"""A tree becomes a pydantic model, or faults in our own words at their places.

Pydantic knows what is wrong and where in the data; the tree knows where that is in the file. What
pydantic says of each member of a union is told once, and what follows from a fault that is already
told is not told again.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gate.errors import Fault
from gate.policy.scalars import read_plain
from gate.policy.text import Source
from gate.policy.words import listed, quoted, suggestion
from gate.policy.yaml_reader import Key, Kind, Node

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[Key, ...]

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
    "model_attributes_type": "a mapping (key: value)",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of pydantic: its path in the tree, and what of its location is not there."""

    path: Path
    rest: Path
    error: ErrorDetails

    @property
    def expected(self) -> str | None:
        """What kind of value was expected, None where the kind is right."""
        return _EXPECTED.get(self.error["type"])


def validate(
    model: type[Model],
    node: Node,
    source: Source,
    *,
    filled: Mapping[str, Any] | None = None,
    later: Iterable[str] = (),
) -> tuple[Model | None, list[Fault]]:
    """Return the model of a mapping and its faults; no model where there are faults.

    ``filled`` holds keys for where the mapping has none. ``later`` names keys that another
    version will know.
    """
    plain = {**(filled or {}), **node.plain()}
    try:
        return model.model_validate_json(json.dumps(plain)), []
    except ValidationError as error:
        problems = [_located(node, item) for item in error.errors(include_url=False)]
    return None, list(_faults(model, node, source, problems, frozenset(later)))


def known_keys(model: type[BaseModel], path: Path = ()) -> dict[str, FieldInfo]:
    """Return the keys that a model knows at a path, with their fields."""
    models: list[type[BaseModel]] = [model]
    for part in path:
        fields = [_fields(candidate).get(str(part)) for candidate in models]
        deeper = [found for info in fields if info for found in _models_in(info.annotation)]
        models = deeper if any(fields) else models
    return {name: info for candidate in models for name, info in _fields(candidate).items()}


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _located(node: Node, error: ErrorDetails) -> _Problem:
    """Return the error with its path in the tree; the names that unions add are skipped."""
    path: Path = ()
    rest: Path = ()
    for part in error["loc"]:
        if node.find((*path, part)) is not None:
            path, rest = (*path, part), ()
        else:
            rest = (*rest, part)
    return _Problem(path, rest, error)


def _faults(
    model: type[BaseModel],
    node: Node,
    source: Source,
    problems: list[_Problem],
    later: frozenset[str],
) -> Iterator[Fault]:
    for path, group in _by_path(problems).items():
        here = node.find(path)
        assert here is not None
        told = here.has_refused and group[0].error["type"] not in ("missing", "extra_forbidden")
        if told or (any(p.expected for p in group) and _is_deeper(path, problems)):
            continue
        if all(problem.expected for problem in group):
            fact, remedy = _wrong_kind(path, here, [str(p.expected) for p in group])
            yield source.fault(*_place(node, path, here), fact, remedy)
            continue
        for problem in group:
            if not problem.expected:
                yield _fault(model, node, source, problem, later)


def _by_path(problems: list[_Problem]) -> dict[Path, list[_Problem]]:
    groups: dict[Path, list[_Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.path, []).append(problem)
    return groups


def _is_deeper(path: Path, problems: list[_Problem]) -> bool:
    """Return whether another member of a union got further into the value than this."""
    return any(len(p.path) > len(path) and p.path[: len(path)] == path for p in problems)


def _place(root: Node, path: Path, node: Node) -> tuple[int, int]:
    """Return the place of a value; a value that is not there is shown at its key."""
    if path and node.kind is Kind.SCALAR and not node.text and not node.is_quoted:
        parent = root.find(path[:-1])
        assert parent is not None
        return parent.keys.get(path[-1], node.place)
    return node.place


def _fault(
    model: type[BaseModel], root: Node, source: Source, problem: _Problem, later: frozenset[str]
) -> Fault:
    node = root.find(problem.path)
    assert node is not None
    match problem.error["type"]:
        case "extra_forbidden":
            return _unknown_key(model, root, source, problem.path, later)
        case "missing":
            key = str(problem.error["loc"][-1])
            info = known_keys(model, problem.path).get(key)
            purpose = f": {info.description}" if info and info.description else ""
            fact = f"the key {quoted(key)} is missing"
            return source.fault(*node.place, fact, f"add it{purpose}".rstrip("."))
    fact, remedy = _wrong_value(problem, node)
    return source.fault(*_place(root, problem.path, node), fact, remedy)


def _unknown_key(
    model: type[BaseModel], root: Node, source: Source, path: Path, later: frozenset[str]
) -> Fault:
    parent = root.find(path[:-1])
    key = str(path[-1])
    assert parent is not None
    known = [name for name in known_keys(model, path[:-1]) if name not in parent.items]
    if len(path) == 1 and key in later:
        remedy = "it comes in a later version; delete it until then"
    else:
        remedy = suggestion(key, known, what="the keys that can stand here are")
    return source.fault(*parent.keys[path[-1]], f"unknown key {quoted(key)}", remedy)


def _wrong_kind(path: Path, node: Node, expected: list[str]) -> tuple[str, str]:
    wanted = " or ".join(dict.fromkeys(expected))
    name = _name(path)
    if node.kind is not Kind.SCALAR:
        return f"{name} must be {wanted}, and this is a {node.kind.value}", ""
    if node.scalar is None:
        return f"{name} has no value", f"write {wanted}, or delete the key"
    if "text" in expected:
        shown = f"'{node.text}'" if len(node.text) < 40 else "it"
        return f"{name} must be {wanted}, and {node.text} is not", f"put it in quotes: {shown}"
    if isinstance(node.scalar, str):
        return _text_for_number(name, node, wanted)
    return f"{name} must be {wanted}, and {node.text} is not", ""


def _text_for_number(name: str, node: Node, wanted: str) -> tuple[str, str]:
    if node.is_quoted and isinstance(read_plain(node.text), int | float | bool):
        fact = f"{quoted(node.text)} is quoted, so it is text, and {name} must be {wanted}"
        return fact, "write it without quotes"
    fact = f"{name} must be {wanted}, and {quoted(node.text)} is text"
    if re.fullmatch(r"\d+(\.\d+)? ?%", node.text):
        return fact, f"write {float(node.text.rstrip(' %')) / 100:g}"
    if re.fullmatch(r"\d+,\d+", node.text):
        return fact, f"write a point: {node.text.replace(',', '.')}"
    return fact, ""


def _wrong_value(problem: _Problem, node: Node) -> tuple[str, str]:
    kind, name = problem.error["type"], _name((*problem.path, *problem.rest))
    context = problem.error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{name} must be {words} {context[key]:g}, and {node.text} is not", ""
    match kind:
        case "literal_error" | "enum":
            known = re.findall(r"'([^']*)'", context["expected"])
            said = node.text if node.kind is Kind.SCALAR else f"a {node.kind.value}"
            if node.kind is Kind.SCALAR and node.scalar is None:
                return f"{name} has no value", f"write one of: {listed(known)}"
            return f"{name} cannot be {quoted(said)}", suggestion(said, known, what="write one of")
        case "value_error":
            fact, _, remedy = str(context["error"]).partition("; ")
            return fact, remedy
        case "too_short" | "string_too_short":
            least = context.get("min_length", 1)
            unit = "characters" if "string" in kind else "entries"
            return f"{name} needs at least {least} {unit}", ""
        case "too_long" | "string_too_long":
            unit = "characters" if "string" in kind else "entries"
            return f"{name} holds more than {context['max_length']} {unit}", ""
        case "string_pattern_mismatch":
            return f"{name} cannot be {quoted(node.text)}", f"it must match {context['pattern']}"
    return f"{name} is not valid: {problem.error['msg'].lower()}", ""


def _name(path: Path) -> str:
    """Return how a message names a value: its key, or its number in a list."""
    if not path:
        return "the document"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {_name(path[:-1])}"
    return quoted(path[-1])
