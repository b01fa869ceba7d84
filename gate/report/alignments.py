"""Words for what was done to a copy, from how it lies in the other picture."""

import math
from collections.abc import Iterator

from gate.evidence.records import Alignment

_TURN = 1.5  # degrees; less is not told
_ZOOM = 0.04  # of the size
_MOVE = 0.03  # of a side
_STRETCH = 1.1  # times more one way than the other


def describe_change(alignment: Alignment) -> str:
    """Return how b differs from a: ``turned by 5°, cropped to 76 %, mirrored``; or nothing.

    Pictures are taken as squares: of long ones, turns and sizes are about right.
    """
    return ", ".join(_changes(alignment))


def _changes(alignment: Alignment) -> Iterator[str]:
    (a, b, down), (c, d, right) = alignment.down, alignment.right
    area = a * d - b * c
    if mirrored := area < 0:
        b, d = -b, -d
    # The turn of a polar decomposition; down comes before right, so a turn is clockwise.
    turn = math.degrees(math.atan2(b - c, a + d))
    zoom = math.sqrt(abs(area))
    if abs(turn) >= _TURN:
        way = " clockwise" if 0 < turn < 180 - _TURN else " counter-clockwise" if turn < 0 else ""
        yield f"turned by {abs(turn):.0f}°{way if abs(turn) < 180 - _TURN else ''}"
    if zoom > 1 + _ZOOM:
        yield f"cropped to {1 / zoom:.0%}".replace("%", " %")
    elif zoom < 1 - _ZOOM:
        yield f"reduced to {zoom:.0%}".replace("%", " %")
    elif math.hypot(down, right) > _MOVE:
        yield f"moved by {math.hypot(down, right):.0%}".replace("%", " %")
    longest = math.sqrt((a * a + b * b + c * c + d * d + math.sqrt(_spread(a, b, c, d))) / 2)
    if longest * longest > _STRETCH * abs(area):
        yield "stretched"
    if mirrored:
        yield "mirrored"
    if alignment.inverted:
        yield "inverted"


def _spread(a: float, b: float, c: float, d: float) -> float:
    """Return the squared difference of the squared singular values of a 2 x 2 matrix."""
    squares = a * a + b * b + c * c + d * d
    return max(squares * squares - 4 * (a * d - b * c) ** 2, 0.0)
