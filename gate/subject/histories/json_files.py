"""Histories in JSON: lines or a list of objects, Keras's lists, pandas's frames, HF's state."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.frames import frame_of
from gate.subject.histories.lists import rows_of_lists
from gate.subject.histories.table import Role, Table, table_of
from gate.subject.histories.text import show_cell
from gate.wording import quote

_DEEPEST = 8  # objects in objects; what lies deeper is no metric
_MOST_OBJECTS = 2_000_000

Rows = Iterator[tuple[str, Mapping[str, object]]]


class _TwiceError(ValueError):
    """A name stands twice in an object."""


def read_json(path: Path, text: str) -> Table:
    """Return the table of a JSON or JSON lines file, recognised by its shape.

    HistoryError is raised for what is no JSON, holds a name twice, or has none of these shapes.
    """
    if text.count("{") + text.count("[") > _MOST_OBJECTS:
        fact = f"holds more than {_MOST_OBJECTS:,} objects and lists"
        raise HistoryError(str(path), fact, "keep one row an epoch")
    try:
        document = _parse(text)
    except _TwiceError as error:
        raise HistoryError(str(path), str(error), "rename one of them") from error
    except (ValueError, RecursionError):
        return _json_lines(path, text)
    match document:
        case {"log_history": list(entries)}:
            return _trainer_state(path, entries)
        case list(entries) if _is_log_history(entries):
            return _trainer_state(path, entries)
        case list(entries):
            return table_of(path, "json", _objects(path, "entry", enumerate(entries)))
        case {"history": dict(frame)} | dict(frame) if rows := frame_of(path, frame):
            return table_of(path, "json", rows)
        case {"history": dict(series)} | dict(series) if _are_lists(series):
            return table_of(path, "keras-history", rows_of_lists(path, series))
        case dict():
            return table_of(path, "json-lines", _objects(path, "line", [(0, document)]))
    fact = "is JSON, but neither an object nor a list"
    raise HistoryError(str(path), fact, "give one object an epoch")


def _json_lines(path: Path, text: str) -> Table:
    def entries() -> Iterator[tuple[int, object]]:
        for index, line in enumerate(text.splitlines()):
            if not line.strip():
                continue
            try:
                yield index, _parse(line)
            except _TwiceError as error:
                raise HistoryError(f"{path}:{index + 1}", str(error), "rename one") from error
            except (ValueError, RecursionError) as error:
                where = f"{path}:{index + 1}"
                remedy = "write one JSON object a line; a line that was cut off can be removed"
                raise HistoryError(where, "is no JSON", remedy) from error

    return table_of(path, "json-lines", _objects(path, "line", entries()))


def _objects(path: Path, noun: str, entries: Iterable[tuple[int, object]]) -> Rows:
    """Yield the objects of ``entries``, pairs of an index from 0 and anything."""
    for index, entry in entries:
        place = f"{noun} {index + 1}"
        if not isinstance(entry, dict):
            fact = f"{place} is {show_cell(entry)}, not an object"
            raise HistoryError(str(path), fact, "write one JSON object an epoch")
        yield place, dict(_flat(entry))


def _trainer_state(path: Path, entries: list[object]) -> Table:
    """Return the log of Hugging Face's Trainer.

    Its last entry sums up the whole run, under names like those of an epoch (``train_loss``).
    """
    logged = [
        (index, entry)
        for index, entry in enumerate(entries)
        if not (isinstance(entry, dict) and "train_runtime" in entry)
    ]
    rows = _objects(path, "log_history entry", logged)
    roles: dict[Role, str] = {"train_loss": "loss", "validation_loss": "eval_loss"}
    return table_of(path, "hf-trainer-state", rows, roles=roles)


def _is_log_history(entries: list[object]) -> bool:
    """Return whether it is the Trainer's list alone: no other sums up the run in an entry."""
    return any(
        isinstance(entry, dict) and {"train_runtime", "train_loss"} <= set(entry)
        for entry in entries
    )


def _are_lists(series: Mapping[str, object]) -> bool:
    return bool(series) and all(isinstance(values, list) for values in series.values())


def _flat(entry: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield names and values of nested objects: ``{"train": {"loss": 1}}`` is ``train/loss``."""
    for name, value in entry.items():
        if isinstance(value, dict) and prefix.count("/") < _DEEPEST:
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def _parse(text: str) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            twice = next(name for name, times in Counter(names).items() if times > 1)
            raise _TwiceError(f"{quote(twice)} stands twice in an object")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)
