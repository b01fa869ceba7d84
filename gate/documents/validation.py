"""A tree becomes a pydantic model, or faults in our own words at their places.

Pydantic knows what is wrong and where in the data; the tree knows where that is in the file. What
pydantic says of each member of a union is told once, and what follows from a fault that is already
told is not told again.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gate.documents.complaints import expected_kind, name_place, wrong_kind, wrong_value
from gate.documents.source_text import MOST_FAULTS, Source
from gate.documents.yaml_tree import Key, Node
from gate.errors import Fault
from gate.wording import quote, suggestion

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[Key, ...]
_MOST_ROUNDS = 10  # each takes out all that it finds


def validate(
    model: type[Model],
    node: Node,
    source: Source,
    *,
    filled: Mapping[str, Any] | None = None,
    later: Collection[str] = (),
    elsewhere: Collection[str] = (),
) -> tuple[Model | None, list[Fault]]:
    """Return the model of a mapping, or None and its faults.

    ``filled`` holds keys for where the mapping has none. ``later`` names keys that another
    version will know, ``elsewhere`` those that somebody else reads.
    """
    # As JSON, because strict mode takes JSON's strings and lists for what only they can state.
    text = json.dumps({**(filled or {}), **node.plain()})
    try:
        return model.model_validate_json(text), []
    except ValidationError as error:
        # More are not shown, and to look for the word that was meant takes its time.
        errors = error.errors(include_url=False)[: MOST_FAULTS + 1]
    translator = _Translator(model, node, source, later, elsewhere)
    return None, list(dict.fromkeys(translator.faults(errors)))


def salvage(model: type[Model], node: Node) -> Model | None:
    """Return the model of a mapping without what is faulty in it; None where little is left.

    For a look at the rest: whoever reads it refuses the document all the same.
    """
    tree = node.plain()
    for _ in range(_MOST_ROUNDS):
        try:
            return model.model_validate_json(json.dumps(tree))
        except ValidationError as error:
            before = json.dumps(tree)
            for each in error.errors(include_url=False):
                _cut(tree, each["loc"])
            if json.dumps(tree) == before:
                return None
    return None


def _cut(tree: Any, path: tuple[Key, ...]) -> None:  # noqa: ANN401 -- what JSON holds
    """Take the value at a path, as far as it leads, out of the mapping that it stands in."""
    owner, key = None, None
    for part in path:
        if isinstance(tree, dict) and part in tree:
            owner, key, tree = tree, part, tree[part]
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
    if owner is not None:
        owner.pop(key, None)


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


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of pydantic: its path in the tree, and what of its location is not there."""

    path: Path
    rest: Path
    error: ErrorDetails


@dataclass(frozen=True, slots=True)
class _Translator:
    """Turns pydantic's errors on one mapping into faults."""

    model: type[BaseModel]
    root: Node
    source: Source
    later: Collection[str]
    elsewhere: Collection[str]

    def faults(self, errors: list[ErrorDetails]) -> Iterator[Fault]:
        """Yield the faults, one for each thing that a person has to change."""
        groups: dict[Path, list[_Problem]] = {}
        for problem in self._told_once([self._located(error) for error in errors]):
            groups.setdefault(problem.path, []).append(problem)
        for path, group in groups.items():
            node = self._node(path)
            kinds = [kind for problem in group if (kind := expected_kind(problem.error))]
            if len(kinds) < len(group):  # some member of a union took the kind, not the value
                for problem in group:
                    yield from self._complain(node, problem)
            elif not node.has_refused and not any(_is_inside(other, path) for other in groups):
                fact, remedy = wrong_kind(name_place(path), node, kinds)
                yield self.source.fault(*node.place, fact, remedy)

    def _told_once(self, problems: list[_Problem]) -> Iterator[_Problem]:
        """Yield the problems but for lists that are too short only without their faulty entries."""
        for problem in problems:
            is_long = problem.error["type"] == "too_short" and (
                len(self._node(problem.path).items) >= problem.error["ctx"]["min_length"]
            )
            if not (is_long and any(_is_inside(other.path, problem.path) for other in problems)):
                yield problem

    def _complain(self, node: Node, problem: _Problem) -> Iterator[Fault]:
        error, path = problem.error, (*problem.path, *problem.rest)
        if error["type"] == "extra_forbidden":
            yield self._unknown_key(problem.path)
        elif error["type"] == "missing":
            name = f"the key {name_place(path)}" if isinstance(path[-1], str) else name_place(path)
            remedy = f"add it: {self._purpose(path)}".removesuffix(": ")
            yield self.source.fault(*node.place, f"{name} is missing", remedy)
        elif not expected_kind(error) and not node.has_refused:
            purpose = self._purpose(problem.path)
            fact, remedy = wrong_value(name_place(problem.path), node, error, purpose)
            yield self.source.fault(*node.place, fact, remedy)

    def _unknown_key(self, path: Path) -> Fault:
        parent, key = self._node(path[:-1]), str(path[-1])
        if len(path) == 1 and key in self.later:
            remedy = "it comes in a later version; delete it until then"
        else:
            every = [
                *known_keys(self.model, path[:-1]),
                *(self.elsewhere if len(path) == 1 else ()),
            ]
            known = [name for name in every if name not in parent.items]
            remedy = suggestion(key, known, what="the keys that can stand here are")
        return self.source.fault(*parent.keys[path[-1]], f"unknown key {quote(key)}", remedy)

    def _purpose(self, path: Path) -> str:
        """Return what the last key of a path is for, as its model describes it."""
        keys = [index for index, part in enumerate(path) if isinstance(part, str)]
        if not keys:
            return ""
        field = known_keys(self.model, path[: keys[-1]]).get(str(path[keys[-1]]))
        return ((field and field.description) or "").removesuffix(".")

    def _located(self, error: ErrorDetails) -> _Problem:
        """Return the error with its path in the tree; the names that unions add are skipped."""
        path: Path = ()
        rest: Path = ()
        for part in error["loc"]:
            if self.root.find((*path, part)) is not None:
                path, rest = (*path, part), ()
            else:
                rest = (*rest, part)
        return _Problem(path, rest, error)

    def _node(self, path: Path) -> Node:
        node = self.root.find(path)
        assert node is not None  # paths are made of what the tree holds
        return node


def _is_inside(path: Path, outer: Path) -> bool:
    """Return whether another member of a union got further into the value than this."""
    return len(path) > len(outer) and path[: len(outer)] == outer
