"""Class names: their order, and which of them a label in the data means."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.errors import DataError
from gate.wording import did_you_mean, list_names, quote

Classes = tuple[str, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Labelling:
    """The classes of a split and the position in them of every label that occurs."""

    classes: Classes
    index: Mapping[str, int]
    assumed: tuple[str, ...] = ()


def in_order(names: Iterable[str]) -> Classes:
    """Return the names sorted: by number when all are integers, else by code point.

    >>> in_order({"10", "9", "0"}), in_order({"10", "9", "x"})
    (('0', '9', '10'), ('10', '9', 'x'))
    """
    names = list(names)
    if all(is_integer(name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def is_integer(name: str) -> bool:
    """Return whether the name is an integer as a program writes it: no sign +, no leading zero."""
    return _INTEGER.fullmatch(name) is not None


def by_name(seen: Mapping[str, str], declared: Classes | None, *, noun: str) -> Labelling:
    """Return the labelling in which every label is the name of a class.

    ``seen`` maps each label that occurs to the place where it occurs first. Without declared
    classes they are the labels themselves, in order. Raises DataError for a label that is not a
    declared class.
    """
    classes = in_order(seen) if declared is None else declared
    position = {name: index for index, name in enumerate(classes)}
    unknown = [name for name in seen if name not in position]
    if unknown:
        raise _unknown(unknown, seen, classes, noun)
    return Labelling(classes, {name: position[name] for name in seen})


def by_name_or_position(seen: Mapping[str, str], declared: Classes | None) -> Labelling:
    """Return the labelling by name or, where that cannot be meant, by position.

    Labels are positions only when none of them is a class name, all are integers in range, and no
    class is named by an integer; else "1" might mean the class "1" or the second class.
    """
    if declared is None or not seen.keys().isdisjoint(declared):
        return by_name(seen, declared, noun="label")
    if not all(is_integer(name) for name in seen) or any(is_integer(name) for name in declared):
        return by_name(seen, declared, noun="label")
    for name in seen:
        if not 0 <= int(name) < len(declared):
            raise DataError(
                seen[name],
                f"the label {name} is not one of the {len(declared)} classes, by name or position",
                f"positions go from 0 to {len(declared) - 1}; the classes are {list_names(declared)}",
            )
    pairs = [f"{position} = {name}" for position, name in enumerate(declared)]
    return Labelling(
        declared,
        {name: int(name) for name in seen},
        (f"labels are read as positions in classes: {list_names(pairs)}",),
    )


def require_some(present: Iterable[str], where: str) -> None:
    """Raise DataError for data without a single label."""
    if not any(True for _ in present):
        raise DataError(where, "holds no images", "check the path, and how the data was written")


def require_two(present: Iterable[str], where: str) -> None:
    """Raise DataError where all labels name one class: on that, every model is right."""
    names = sorted(set(present))
    if len(names) == 1:
        raise DataError(
            where,
            f"all images are of one class, {quote(names[0])}",
            "a classifier is judged on at least two classes: add images of another",
        )


def _unknown(names: list[str], seen: Mapping[str, str], classes: Classes, noun: str) -> DataError:
    more = f" ({len(names) - 1} more like it: {list_names(names[1:], 3)})" if len(names) > 1 else ""
    return DataError(
        seen[names[0]],
        f"the {noun} {quote(names[0])} is not one of the {len(classes)} classes{more}",
        did_you_mean(names[0], classes) or f"the classes are {list_names(classes, 10)}",
    )
