"""Habits of people beside weights: names of classes, and how images were prepared.

No format agrees on these keys. Names are taken where they fit the head exactly; how an image
becomes the input is proposed as lines to paste, and never taken.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from gate.subject.sources.statements import Ask, Stated
from gate.wording import list_names, plain

_CLASSES = (
    "class_names",
    "classes",
    "class_labels",
    "label_names",
    "labels",
    "names",
    "vocab",
    "idx_to_class",
    "class_to_idx",
)
_SIZES = ("image_size", "img_size", "input_size", "imgsz", "size")
_LARGEST = 16_384  # pixels of a side
_MOST_CHANNELS = {1: "L", 3: "RGB"}

CLASSES = Ask(
    "classes",
    "nothing says what the model's outputs are called, or in which order",
    "add classes: [first, second, ...], in the order of the outputs",
)


def stated_classes(
    values: Mapping[str, object], count: int | None, *, where: str
) -> Stated[tuple[str, ...]] | None:
    """Return the names of classes that a file keeps by habit, if exactly ``count`` of one kind.

    ``where`` is the part of the file that holds ``values``. None where two keys disagree.
    """
    found = {
        key: names
        for key in _CLASSES
        if (names := as_names(values.get(key))) is not None and len(names) == count
    }
    if len(set(found.values())) != 1:
        return None
    key, names = next(iter(found.items()))
    fits = f"of the length of the head, {count}: a habit of whoever saved it, so check the order"
    return Stated(names, f"{where}: {plain(key)}, {fits}")


def as_names(value: object) -> tuple[str, ...] | None:
    """Return names in the order of outputs from a list, or a mapping to or from positions.

    None for anything else, and for positions that are not 0, 1, 2, ... each once.
    """
    if isinstance(value, list | tuple):
        return _texts(value)
    if not isinstance(value, dict) or not value:
        return None
    named = {_position(key): name for key, name in value.items()}
    if None in named:
        named = {_position(position): name for name, position in value.items()}
    if len(named) != len(value) or set(named) != set(range(len(value))):
        return None
    return _texts([named[position] for position in range(len(value))])


def input_question(fact: str, values: Mapping[str, object], *, channels: int | None = None) -> Ask:
    """Return the question how images are prepared, with lines to paste as far as they are known.

    ``values`` may hold image_size, mean and std under the names that are usual.
    """
    size = next((side for key in _SIZES if (side := _sides(values.get(key)))), None)
    mean, std = _numbers(values.get("mean")), _numbers(values.get("std"))
    letters = _MOST_CHANNELS.get(channels or len(mean or ()), "RGB")
    height, width = size or ("H", "W")
    parts = [f"size: [{height}, {width}], channels: {letters}, resize: stretch"]
    if mean and std and len(mean) == len(std):
        parts.append(f"mean: {json.dumps(mean)}, std: {json.dumps(std)}")
        more = "if training prepared images so"
    else:
        more = "with the resize, crop, mean and std of training"
    line = f"input: {{{', '.join(parts)}}}"
    return Ask("input", fact, f"add {line}, {more}", line if size else "")


def kept(values: Mapping[str, object]) -> str:
    """Return which of the usual keys about images a file has, in words; empty for none."""
    keys = [key for key in (*_SIZES, "mean", "std") if key in values]
    return list_names(keys, limit=len(keys)) if keys else ""


def _texts(values: Iterable[object]) -> tuple[str, ...] | None:
    names = tuple(values)
    return names if all(isinstance(each, str) for each in names) else None  # type: ignore[return-value]


def _position(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 8:
        return int(value)
    return None


def _sides(value: object) -> tuple[int, int] | None:
    sides = [value, value] if type(value) is int else value
    if not isinstance(sides, Sequence) or isinstance(sides, str):
        return None
    height, width = sides[-2:] if len(sides) in (2, 3) else (None, None)
    if type(height) is int and type(width) is int and min(height, width) > 0:
        return (height, width) if max(height, width) <= _LARGEST else None
    return None


def _numbers(value: object) -> list[float] | None:
    if not isinstance(value, list | tuple) or len(value) not in (1, 3):
        return None
    numbers = [each for each in value if type(each) in (int, float) and isfinite(each)]
    return numbers if len(numbers) == len(value) else None
