"""Flags of the command line, laid over a gate file."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gate.errors import UsageError
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.urls import is_url
from gate.subject.gatefile import GateFile, ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says of the subject; None is not said. Paths: of the current folder."""

    checkpoint: str | None = None
    model: str | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    policy: str | None = None
    history: str | None = None
    baseline: str | None = None
    waivers: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    channels: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Return what was said, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, ())}


def override(gatefile: GateFile, flags: Flags) -> GateFile:
    """Return the gate file with the flags in place of what it says.

    Raises UsageError where a flag does not fit the others.
    """
    said = flags.given()
    paths = {
        name: _from(gatefile.base, value)
        for name, value in said.items()
        if name in {"checkpoint", "train", "validation", "test", "history", "baseline"}
    }
    changes: dict[str, Any] = {}
    if model := _named(said, paths, checkpoint="checkpoint", factory="model"):
        changes["model"] = _update(gatefile.model or ModelSpec(), model)
    if prepared := _named(said, paths, size="size", channels="channels", mean="mean", std="std"):
        changes["input"] = _update(gatefile.input, prepared)
    splits: dict[str, Any] = {
        name: _move(getattr(gatefile.data, name), paths[name])
        for name in ("train", "validation", "test")
        if name in paths
    }
    if splits:
        changes["data"] = gatefile.data.model_copy(update=splits)
    changes |= {name: paths[name] for name in ("history", "baseline") if name in paths}
    if "waivers" in said:
        changes["waivers"] = tuple(_from(gatefile.base, path) for path in said["waivers"])
    if "policy" in said:
        changes["policy"] = _policy(gatefile.base, said["policy"])
    return gatefile.model_copy(update=changes)


def _named(said: Mapping[str, Any], paths: Mapping[str, str], **flags: str) -> dict[str, Any]:
    """Return the fields that flags speak of, by the name of the field."""
    return {field: paths.get(flag, said[flag]) for field, flag in flags.items() if flag in said}


def _from(base: Path, path: str) -> str:
    """Return a path of the current folder as one that is read from ``base``."""
    return path if base == Path() or is_url(path) else str(Path(path).absolute())


def _policy(base: Path, name: str) -> str:
    return _from(base, name) if Path(name).is_file() else name


def _move(spec: DataSpec | None, path: str) -> DataSpec:
    """Return the split at another path; its columns stay, another kind of source does not."""
    if spec is None or spec.path is None:
        spec = DataSpec(path=".")  # checked as text; a path may be no UTF-8
    return spec.model_copy(update={"path": path})


def _update(part: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a model in, the same type out
    kept = part.model_dump(exclude_unset=True)
    try:
        return type(part)(**{**kept, **values})
    except ValidationError as error:
        first = error.errors()[0]
        flag = first["loc"][0] if first["loc"] else ", --".join(values)
        message = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(f"--{flag}", message, "see `validate-model run --help`") from error
