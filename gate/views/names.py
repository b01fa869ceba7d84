"""The names of views, as policies and evidence write them: ``jpeg:90``, ``swap:cell:4:5:other``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gate.wording import list_names, quote, suggestion

Donor = Literal["same", "other"]

VERSION = 1  # of the definitions; another one asks the model anew
SMALLEST = 24  # pixels of the shorter side: of smaller images a region or a shift says nothing
_FILTERS = ("nearest", "box", "bilinear", "bicubic", "lanczos", "linear")
_SEVERITIES = (1, 2, 3)
_COVERING = frozenset({"occlude", "border", "centre", "blank"})
_OF_PLACES = frozenset({"swap", "shift", "pixelate", "shuffle"})


@dataclass(frozen=True, slots=True)
class View:
    """A view by its kind and arguments; its text is its name everywhere."""

    kind: str
    arguments: tuple[str | int | float, ...] = ()

    def __str__(self) -> str:
        return ":".join([self.kind, *(_written(each) for each in self.arguments)])

    @property
    def donor(self) -> Donor | None:
        """Which class lends a region: that of the image or another; None where none is lent."""
        if self.kind != "swap":
            return None
        return "same" if self.arguments[-1] == "same" else "other"

    @property
    def covers(self) -> bool:
        """Return whether a part is covered in the mean colour of the sample."""
        return self.kind in _COVERING or "fill" in self.arguments

    @property
    def wants_size(self) -> bool:
        """Return whether the view says nothing of images below :data:`SMALLEST` pixels."""
        return (
            self.kind in {"swap", "shift", "pixelate", "shuffle"} and "tint" not in self.arguments
        )


@dataclass(frozen=True, slots=True)
class ViewKind:
    """A kind of view: what it is in words, how its arguments are written, and what they may be."""

    name: str
    form: str  # as it is written: "noise:SEVERITY"
    about: str
    read: Callable[[Sequence[str]], tuple[str | int | float, ...]]


def outer_cells(grid: int) -> tuple[int, ...]:
    """Return the cells along the sides of a grid, counted by row from the top left."""
    last = grid - 1
    return tuple(
        row * grid + column
        for row in range(grid)
        for column in range(grid)
        if row in (0, last) or column in (0, last)
    )


def name_cell(grid: int, cell: int) -> str:
    """Return where a cell lies, in a few words.

    >>> name_cell(4, 15), name_cell(4, 1)
    ('bottom right cell of 4 x 4', 'cell in row 1, column 2 of 4')
    """
    row, column = divmod(cell, grid)
    down = {0: "top", grid - 1: "bottom"}.get(row)
    across = {0: "left", grid - 1: "right"}.get(column)
    if down and across:
        return f"{down} {across} cell of {grid} x {grid}"
    return f"cell in row {row + 1}, column {column + 1} of {grid}"


def parse_view(text: str) -> View:
    """Return the view of a name.

    Raises ValueError with what is wrong and what may be written.
    """
    kind, *arguments = text.split(":")
    known = KINDS.get(kind)
    if known is None:
        remedy = suggestion(kind, sorted(KINDS), what="there are")
        raise ValueError(f"there is no view {quote(kind)}; {remedy}")
    try:
        return View(kind, known.read(arguments))
    except ValueError as error:
        reason = f": {error}" if str(error) else ""
        raise ValueError(f"{quote(text)} is no view{reason}; it is written {known.form}") from None


def _written(argument: str | float) -> str:
    return argument if isinstance(argument, str) else f"{argument:g}"


def _one(arguments: Sequence[str]) -> str:
    if len(arguments) != 1:
        raise ValueError("it takes one argument")
    return arguments[0]


def _whole(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text[:6]) <= most:
        raise ValueError(f"{quote(text)} is no whole number from {least} to {most}")
    return int(text)


def _number(text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise ValueError(f"{quote(text)} is no number from {least:g} to {most:g}")
    return value


def _whole_argument(least: int, most: int) -> Callable[[Sequence[str]], tuple[int]]:
    return lambda arguments: (_whole(_one(arguments), least, most),)


def _severity(arguments: Sequence[str]) -> tuple[int]:
    return (_whole(_one(arguments), _SEVERITIES[0], _SEVERITIES[-1]),)


def _nothing(arguments: Sequence[str]) -> tuple[()]:
    if arguments:
        raise ValueError("it takes no argument")
    return ()


def _filter(arguments: Sequence[str]) -> tuple[str]:
    if _one(arguments) not in _FILTERS:
        raise ValueError(f"the filters are {list_names(_FILTERS)}")
    return (arguments[0],)


def _shift(arguments: Sequence[str]) -> tuple[str | int, ...]:
    if len(arguments) == 2 and arguments[1] == "fill":
        return (_whole(arguments[0], 1, 8), "fill")
    return (_whole(_one(arguments), 1, 8),)


def _angle(arguments: Sequence[str]) -> tuple[float]:
    return (_number(_one(arguments), 0.5, 45),)


def _factor(arguments: Sequence[str]) -> tuple[float]:
    return (_number(_one(arguments), 0.5, 2),)


def _moved(arguments: Sequence[str]) -> tuple[int, ...]:
    if len(arguments) != 2:
        raise ValueError("it takes two arguments")
    return tuple(
        -_whole(each[1:], 1, 64) if each.startswith("-") else _whole(each, 0, 64)
        for each in arguments
    )


def _masked(arguments: Sequence[str]) -> tuple[float | str, ...]:
    match arguments:
        case [share, "mean" | "noise" | "blur" as filling]:
            return _number(share, 0.01, 0.9), filling
    raise ValueError


def _swap(arguments: Sequence[str]) -> tuple[str | int | float, ...]:
    match arguments:
        case ["frame", share, "same" | "other" as donor]:
            return "frame", _number(share, 0.01, 0.9), donor
        case ["cell", grid, cell, "same" | "other" as donor]:
            side = _whole(grid, 2, 16)
            return "cell", side, _whole(cell, 0, side * side - 1), donor
        case ["tint", "same" | "other" as donor]:
            return "tint", donor
    raise ValueError


_CORRUPTIONS = {
    "noise": "noise, the same in the dark and in the light",
    "shot": "noise that grows with the light, as of few photons",
    "blur": "out of focus",
    "motion": "blurred along a line, as by a moving camera",
    "brighten": "brighter",
    "darken": "darker",
    "contrast": "less contrast",
    "gamma": "darker middle tones",
    "ungamma": "lighter middle tones",
    "haze": "a light veil, uneven over the picture",
    "pixelate": "coarser pixels",
    "occlude": "a square anywhere covered",
}

KINDS: Mapping[str, ViewKind] = {
    each.name: each
    for each in (
        *(
            ViewKind(name, f"{name}:SEVERITY, which is 1, 2 or 3", about, _severity)
            for name, about in _CORRUPTIONS.items()
        ),
        ViewKind(
            "jpeg", "jpeg:QUALITY, from 1 to 95", "saved again as JPEG", _whole_argument(1, 95)
        ),
        ViewKind(
            "lsb",
            "lsb:LEVELS, from 1 to 8",
            "each value by so many levels higher, lower or the same, as by another decoder",
            _whole_argument(1, 8),
        ),
        ViewKind(
            "resize",
            f"resize:FILTER, one of {list_names(_FILTERS)}",
            "resized to the model's input by another filter",
            _filter,
        ),
        ViewKind(
            "shift",
            "shift:PIXELS or shift:PIXELS:fill, from 1 to 8 of the model's input",
            "moved up, down, left or right",
            _shift,
        ),
        ViewKind("rotate", "rotate:DEGREES, from 0.5 to 45", "turned to one side", _angle),
        ViewKind("scale", "scale:FACTOR, from 0.5 to 2", "larger or smaller", _factor),
        ViewKind("flip", "flip", "mirrored left to right", _nothing),
        ViewKind(
            "swap",
            "swap:frame:SHARE:DONOR, swap:cell:GRID:CELL:DONOR or swap:tint:DONOR, "
            "where DONOR is same or other",
            "a region as in another image, of the same or of another class",
            _swap,
        ),
        ViewKind(
            "shuffle",
            "shuffle:GRID, from 2 to 16",
            "cut into squares, which change places",
            _whole_argument(2, 16),
        ),
        ViewKind("bgr", "bgr", "red and blue exchanged", _nothing),
        ViewKind(
            "moved",
            "moved:DOWN:RIGHT, in pixels from -64 to 64",
            "moved by so many pixels",
            _moved,
        ),
        *(
            ViewKind(name, f"{name}:SHARE:FILLING, which is mean, noise or blur", about, _masked)
            for name, about in (
                ("border", "the middle covered"),
                ("centre", "the frame covered"),
            )
        ),
        ViewKind("blank", "blank", "the mean colour alone", _nothing),
        ViewKind("grey", "grey", "without colour", _nothing),
        ViewKind(
            "turn", "turn:QUARTERS, from 1 to 3", "turned by right angles", _whole_argument(1, 3)
        ),
    )
}
