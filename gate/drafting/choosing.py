"""The choices that a draft makes where nobody made them, each with its reason."""

import re
from dataclasses import dataclass
from statistics import median

from gate.drafting.looking import Seen
from gate.wording import list_names, quote

_USUAL = 224  # pixels of a side: what most networks for photos are trained with
_STEP = 32  # by so much most networks make an image smaller
# Names of what is in order: to miss it costs little.
_HARMLESS = re.compile(
    r"(no|not|non|none|normal|negative|neg|ok|good|fine|healthy|benign|background|other|clean)"
    r"([^a-z].*)?"
)


@dataclass(frozen=True, slots=True)
class Critical:
    """The classes that are taken for critical, and why."""

    names: tuple[str, ...]
    why: str


def choose_critical(seen: Seen) -> Critical:
    """Return the one rarest class, unless it seems harmless; else all of them.

    A class that is critical by chance would be guarded in place of the one that matters.
    """
    fewest = seen.splits["test"].per_class
    if not fewest:
        return Critical(seen.classes, "test images are not counted by class, so all are")
    if len(seen.rarest) > 1:
        tied = list_names([quote(name) for name in seen.rarest])
        count = fewest[seen.rarest[0]]
        return Critical(seen.classes, f"{tied} have equally few test images ({count}), so all are")
    (rarest,) = seen.rarest
    if _HARMLESS.fullmatch(rarest.lower()):
        why = f"the rarest, {quote(rarest)}, seems to be what is in order, so all are"
        return Critical(seen.classes, why)
    return Critical((rarest,), f"it has the fewest test images ({fewest[rarest]})")


def common_size(seen: Seen) -> int:
    """Return a side in pixels, for a square that images of different sizes are brought to.

    The usual one of photos, or less where most images are smaller: a multiple of 32, from 32 on.
    """
    shorter = median(min(size) for size in seen.sizes) if seen.sizes else _USUAL
    return int(max(_STEP, min(_USUAL, shorter // _STEP * _STEP)))


def sizes_in_words(seen: Seen) -> str:
    """Return the smallest and the largest image that was looked at, as height x width."""
    in_order = sorted(seen.sizes, key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{height}x{width}" for height, width in (in_order[0], in_order[-1]))
