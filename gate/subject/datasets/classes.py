"""Class names, their order, and the labels in the data that mean them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from gate.errors import DataError, UsageError
from gate.keys import spellings
from gate.wording import did_you_mean, list_names, quote

Classes = tuple[str, ...]
Integers = Literal["names", "positions"]
# Whose tools read the class folders that a model was trained on: they sort in ways of their own.
Framework = Literal["torchvision", "transformers", "fastai", "keras", "ultralytics", "timm"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DIGITS = re.compile(r"([0-9]+)")
_SPLITS = frozenset({"train", "test", "val", "valid", "validation"})  # as folders are called
_FOLDER = "class folder"  # what a label is called that is the name of a folder
_MOST_DIGITS = 4000  # of a number; Python refuses to read longer ones


@dataclass(frozen=True, slots=True)
class Labelling:
    """The classes of a split and the position in them of every label that occurs.

    ``is_sorted`` where nobody said in which order the classes stand.
    """

    classes: Classes
    index: Mapping[str, int]
    assumed: tuple[str, ...] = ()
    is_sorted: bool = False


def order_of(names: Iterable[str], framework: Framework | None) -> Classes | None:
    """Return class names in the order of a framework's outputs; None where nothing says which.

    timm sorts naturally, all others by code point. Without a framework the names have an order
    only where text order and natural order agree.

    >>> order_of(["2", "10"], "torchvision"), order_of(["2", "10"], "timm")
    (('10', '2'), ('2', '10'))
    >>> order_of(["2", "10"], None), order_of(["dog", "cat"], None)
    (None, ('cat', 'dog'))
    """
    names = list(names)
    by_text = tuple(sorted(names))
    naturally = tuple(sorted(names, key=_natural_key))
    match framework:
        case "timm":
            return naturally
        case None:
            return by_text if by_text == naturally else None
        case _:
            return by_text


def in_order(names: Iterable[str]) -> Classes:
    """Return labels of a table sorted: by number when all are integers, else by code point.

    >>> in_order({"10", "9", "0"}), in_order({"10", "9", "x"})
    (('0', '9', '10'), ('10', '9', 'x'))
    """
    names = list(names)
    if all(is_integer(name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def count_from_zero(names: Classes) -> bool:
    """Return whether the names are "0", "1", and so on: each number is a position, too."""
    return all(name == str(position) for position, name in enumerate(names))


def is_integer(name: str) -> bool:
    """Return whether the name is an integer as a program writes it: no sign +, no leading zero."""
    return len(name) <= _MOST_DIGITS and _INTEGER.fullmatch(name) is not None


def by_name(seen: Mapping[str, str], declared: Classes | None, *, noun: str) -> Labelling:
    """Return the labelling in which every label is the name of a class.

    ``seen`` maps each label that occurs to the place where it occurs first. Without declared
    classes they are the labels themselves: class folders as they come, other labels in order.
    Raises DataError for a label that is not a declared class.
    """
    classes = declared
    if classes is None:
        classes = tuple(seen) if noun == _FOLDER else in_order(seen)
    position = {name: index for index, name in enumerate(classes)}
    unknown = [name for name in seen if name not in position]
    if unknown:
        raise _unknown(unknown, seen, classes, noun)
    index = {name: position[name] for name in seen}
    return Labelling(classes, index, is_sorted=declared is None)


def by_name_or_position(
    seen: Mapping[str, str], declared: Classes | None, integers: Integers | None = None
) -> Labelling:
    """Return the labelling by name or, where labels are integers, by position.

    Integers are positions where no class is an integer, or where each integer class stands at its
    own position; else "1" might mean the class "1" or the second class, and ``integers`` must say.
    Raises UsageError where it does not, DataError for a label that is neither.
    """
    if declared is None or integers == "names" or not all(map(is_integer, seen)):
        return by_name(seen, declared, noun="label")
    moved = [
        (position, name)
        for position, name in enumerate(declared)
        if is_integer(name) and int(name) != position
    ]
    if moved and integers is None:
        raise _ambiguous(seen, declared, moved[0])
    for name in seen:
        if not 0 <= int(name) < len(declared):
            raise DataError(
                seen[name],
                f"the label {name} is not one of the {len(declared)} classes, by name or position",
                f"positions go from 0 to {len(declared) - 1}; the classes are "
                f"{list_names(declared)}",
            )
    pairs = [f"{position} = {name}" for position, name in enumerate(declared)]
    said = f"labels are read as positions in classes: {list_names(pairs)}"
    return Labelling(
        declared,
        {name: int(name) for name in seen},
        () if all(declared[int(name)] == name for name in seen) else (said,),
    )


def through_names(
    seen: Mapping[int, str], names: Classes, declared: Classes | None, *, shown: str, column: str
) -> Labelling:
    """Return the labelling of integers that index names which the data itself states.

    ``seen`` maps each integer to the place where it occurs first; the labelling is of the names.
    Raises DataError where an integer names nothing, and where names are none of the classes.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        fact = f"the names of {quote(column)} have {quote(twice)} twice"
        raise DataError(shown, fact, "give every class its own name")
    for number, place in seen.items():
        if not 0 <= number < len(names):
            none = " (-1 says that nobody labelled it)" if number == -1 else ""
            raise DataError(
                place,
                f"the label {number}{none} indexes none of the {len(names)} names of "
                f"{quote(column)}",
                "judge a split that has labels" if number == -1 else "write it again",
            )
    classes = names if declared is None else declared
    strangers = [name for name in names if name not in set(classes)]
    if strangers:
        raise DataError(
            shown,
            f"its {quote(column)} names {list_names(names, 10)}, of which "
            f"{list_names(map(quote, strangers), 3)} is none of the model's classes: "
            f"{list_names(classes, 10)}{_by_code_point(strangers[0], classes)}",
            "labels are mapped by name: use the data that the model is for, or its own classes",
        )
    position = {name: index for index, name in enumerate(classes)}
    return Labelling(classes, {names[number]: position[names[number]] for number in seen})


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


def _natural_key(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """Return what timm sorts by, numbers by their value, and the name where that is equal."""
    parts = _DIGITS.split(name.lower())
    numbers = [each.lstrip("0") for each in parts[1::2]]
    key: list[str | tuple[int, str]] = list(parts)
    key[1::2] = [(len(number), number) for number in numbers]  # no integer is made of a long text
    return key, name


def _ambiguous(seen: Mapping[str, str], declared: Classes, moved: tuple[int, str]) -> UsageError:
    position, name = moved
    at = int(name)
    other = (
        f"the class at position {name}, {quote(declared[at])}"
        if 0 <= at < len(declared)
        else (f"no position (the class {quote(name)} stands at {position})")
    )
    return UsageError(
        next(iter(seen.values())),
        f"the labels are integers, and {name} may be the class {quote(name)} or {other}",
        "say which under data: of the gate file, in the split: add integers: names (a label is "
        "the name of a class), or integers: positions (it counts the classes from 0)",
    )


def _unknown(names: list[str], seen: Mapping[str, str], classes: Classes, noun: str) -> DataError:
    more = f" ({len(names) - 1} more like it: {list_names(names[1:], 3)})" if len(names) > 1 else ""
    alike = _by_code_point(names[0], classes)
    listed = f"the classes are {list_names(classes, 10)}"
    if alike:
        remedy = "write both in the same letters"
    elif noun == _FOLDER:
        folders = f"the folders are {list_names(seen, 10)}"
        if split := next((each for each in names if each in _SPLITS), None):
            one = f"{seen[split]}/{split}"
            remedy = f"{folders}, which look like splits: give one of them, such as {one}"
        else:
            meant = did_you_mean(names[0], classes)
            remedy = f"{meant} {listed}; {folders}; rename one, or the class"
    else:
        remedy = did_you_mean(names[0], classes) or listed
    return DataError(
        seen[names[0]],
        f"the {noun} {quote(names[0])} is not one of the {len(classes)} classes{more}{alike}",
        remedy.strip(),
    )


def _by_code_point(name: str, classes: Iterable[str]) -> str:
    """Return how a name differs from a class that looks like it; nothing where none does."""
    looks = set(spellings(name))
    twin = next((each for each in classes if not looks.isdisjoint(spellings(each))), None)
    if twin is None or twin.casefold() == name.casefold():
        return ""
    mine, theirs = (
        [each for each in text if each not in other] for text, other in ((name, twin), (twin, name))
    )
    return (
        f"; it looks like {quote(twin)}, and has {_points(mine) or 'other letters'} where that has "
        f"{_points(theirs) or 'others'}"
    )


def _points(letters: list[str]) -> str:
    return list_names(
        f"U+{ord(each):04X} {unicodedata.name(each, 'without a name')}"
        for each in dict.fromkeys(letters)
    )
