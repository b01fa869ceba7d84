"""What a measurement was declared and run as: JSON values, checked when they are read back."""

from collections.abc import Mapping
from typing import Any

# input: every key of the gate file's input, defaults included; None with saved predictions.
# weights: the state dict that was named, where a checkpoint holds several.
# groups: split -> {"column": ...} or {"pattern": ...}; None where no group is declared.
# code: key of the gate file, such as "model.factory" -> what ran: name, kwargs, package, files (how
# many) and sha256 (over them; None where the package has no source files).
PARTS = ("input", "weights", "groups", "code")

_CODE = {"name": str, "kwargs": dict, "package": str, "files": int, "sha256": str | None}


def empty_configuration() -> dict[str, Any]:
    """Return the configuration of a run that did not get as far as one."""
    return {"input": None, "weights": None, "groups": {}, "code": {}}


def checked_configuration(said: Any) -> dict[str, Any]:  # noqa: ANN401 -- what JSON holds
    """Return a configuration that was read; raises ValueError for anything else."""
    if not isinstance(said, dict) or set(said) != set(PARTS):
        raise ValueError("this is no configuration")
    sound = (
        isinstance(said["input"], dict | None)
        and isinstance(said["weights"], str | None)
        and _is_table(said["groups"], _is_grouping)
        and _is_table(said["code"], _is_code)
    )
    if not sound:
        raise ValueError("the configuration holds values of another kind")
    return said


def _is_table(said: Any, is_entry: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    return isinstance(said, dict) and all(map(is_entry, said.values()))


def _is_grouping(said: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    if said is None:
        return True
    return isinstance(said, Mapping) and list(map(type, said.values())) == [str]


def _is_code(said: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    if not isinstance(said, dict) or said.keys() != _CODE.keys():
        return False
    return all(isinstance(said[key], kind) for key, kind in _CODE.items())
