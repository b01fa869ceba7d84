"""Flags of the command line, laid over a gate file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gate.errors import UsageError
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.urls import is_url
from gate.subject.flags import EVERY, FLAGS, Flag
from gate.subject.gatefile import GateFile, ModelSpec

_SPLITS = ("train", "validation", "test")
_SOURCES = ("path", "predictions")  # of a split: one stands for the other


class Flags:
    """What the command line says of the subject, by parameter; None and () are not said.

    Paths are relative to the current folder. Raises TypeError for a name that is no flag.
    """

    def __init__(self, **said: Any) -> None:  # noqa: ANN401 -- of any flag
        known = {each.parameter for each in FLAGS}
        if unknown := said.keys() - known:
            raise TypeError(f"no flags are called {sorted(unknown)}")
        self._said = said

    def given(self) -> dict[str, Any]:
        """Return what was said, by parameter."""
        return {name: value for name, value in self._said.items() if value not in (None, ())}


def override(gatefile: GateFile, flags: Flags) -> GateFile:
    """Return the gate file with the flags in place of what it says.

    Raises UsageError where a flag does not fit the others.
    """
    given = flags.given()
    said = {each: given[each.parameter] for each in FLAGS if each.parameter in given}
    values = {flag: _value(gatefile.base, flag, value) for flag, value in said.items()}
    changes: dict[str, Any] = {}
    for key, part in (("model", gatefile.model or ModelSpec()), ("input", gatefile.input)):
        if of_part := {flag: each for flag, each in values.items() if flag.key[0] == key}:
            changes[key] = _update(part, of_part)
    if of_data := {flag: each for flag, each in values.items() if flag.key[0] == "data"}:
        changes["data"] = gatefile.data.model_copy(update=_splits(gatefile, of_data))
    changes |= {flag.key[0]: each for flag, each in values.items() if len(flag.key) == 1}
    return gatefile.model_copy(update=changes)


def _value(base: Path, flag: Flag, said: Any) -> Any:  # noqa: ANN401 -- of any flag
    """Return what was said as the gate file would say it."""
    match flag.reads:
        case "path":
            return _from(base, said)
        case "paths":
            return tuple(_from(base, path) for path in said)
        case "policy":
            return _from(base, said) if Path(said).is_file() else said
    return said


def _splits(gatefile: GateFile, said: Mapping[Flag, Any]) -> dict[str, Any]:
    """Return the splits that flags speak of, each as they leave it."""
    splits: dict[str, DataSpec | None] = {name: getattr(gatefile.data, name) for name in _SPLITS}
    sources = {flag: value for flag, value in said.items() if flag.key[1] != EVERY}
    for name in _SPLITS:
        _refuse_two_sources(name, [flag for flag in sources if flag.key[1] == name])
    for flag, value in sources.items():
        _, name, source = flag.key
        splits[name] = _move(splits[name], source, value)
    columns = {flag: value for flag, value in said.items() if flag.key[1] == EVERY}
    if columns and not any(splits.values()):
        fact = "speaks of data, and none is given"
        raise UsageError(next(iter(columns)).option, fact, "give --test, too")
    return {
        name: _update(spec, columns) if columns else spec
        for name, spec in splits.items()
        if spec is not None
    }


def _refuse_two_sources(split: str, sources: Sequence[Flag]) -> None:
    if len(sources) > 1:
        images, predictions = sorted(sources, key=lambda flag: flag.key[-1])
        fact = f"stands in for the images of {split}, and {images.option} gives them"
        raise UsageError(predictions.option, fact, "give one of the two")


def _from(base: Path, path: str) -> str:
    """Return a path of the current folder as one that is read from ``base``."""
    return path if base == Path() or is_url(path) else str(Path(path).absolute())


def _move(spec: DataSpec | None, source: str, path: str) -> DataSpec:
    """Return the split at another place; its columns stay, another kind of source does not."""
    if spec is None or getattr(spec, source) is None:
        spec = DataSpec.model_validate({source: "."})  # checked as text; a path may be no UTF-8
    return spec.model_copy(update={source: path})


def _update(part: Any, said: Mapping[Flag, Any]) -> Any:  # noqa: ANN401 -- a model in, the same type out
    """Return a part of the gate file with flags in place of its own fields."""
    assert isinstance(part, BaseModel)
    kept = part.model_dump(exclude_unset=True)
    paths = {name: value for name, value in kept.items() if name in _SOURCES}
    values = {flag.key[-1]: value for flag, value in said.items()}
    try:
        updated = type(part)(**{**kept, **dict.fromkeys(paths, "."), **values})
    except ValidationError as error:
        first = error.errors()[0]
        wrong = [flag.option for flag in said if first["loc"][:1] == (flag.key[-1],)]
        message = str(first["msg"]).removeprefix("Value error, ")
        where = ", ".join(wrong or [flag.option for flag in said])
        raise UsageError(where, message, "see `validate-model run --help`") from error
    return updated.model_copy(update=paths)
