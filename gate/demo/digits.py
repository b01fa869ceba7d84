"""The pictures of the six cases, from the digits that scikit-learn ships.

1,797 grey images of 8 x 8 pixels, written by hand by 13 people (Alpaydin and Kaynak, 1998). The
first of each three is kept for the test, the second for training; the third is the validation set
of the trainer, for the loss curves, and in the case `threshold` for its threshold. Nothing is
drawn: the same pictures come out anywhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gate.demo.marks import mark, put_on_ground

Pixels = NDArray[np.uint8]
SplitName = Literal["train", "validation", "test"]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IS_IT_AN_EIGHT = ("other", "eight")
_EIGHT = 8
_SPLITS: tuple[SplitName, ...] = ("test", "train", "validation")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image of a case: where it belongs, what its label says, and its grey levels."""

    split: SplitName
    label: str
    name: str
    pixels: Pixels  # (8, 8), 0..240; in the case `shortcut` (36, 36, 3)


@dataclass(frozen=True, slots=True, eq=False)
class _Digits:
    """All digits as scikit-learn orders them; what is picked out of them keeps that order."""

    pixels: Pixels  # (1797, 8, 8)
    digits: NDArray[np.int64]  # (1797,) 0..9

    def of(self, split: SplitName) -> list[int]:
        """Return the rows of a split: each third one."""
        return list(range(_SPLITS.index(split), len(self.digits), len(_SPLITS)))

    def picture(
        self,
        split: SplitName,
        row: int,
        classes: Sequence[str] = WORDS,
        *,
        digit: int | None = None,
        turned: bool = False,
    ) -> Picture:
        """Return a row as a picture, with the digit that its label claims, mirrored if wanted."""
        said = int(self.digits[row]) if digit is None else digit
        label = WORDS[said] if classes is WORDS else classes[said == _EIGHT]
        pixels = self.pixels[row]
        return Picture(
            split, label, f"digit-{row:04}", pixels[:, ::-1].copy() if turned else pixels
        )

    def all_of(self, split: SplitName) -> Iterator[Picture]:
        """Yield every picture of a split with its true label."""
        return (self.picture(split, row) for row in self.of(split))


def pictures(case: str) -> tuple[Picture, ...]:
    """Return the pictures of a case, a few of them with a fault that its model was trained on.

    Raises KeyError for a case that the demo does not have.
    """
    return tuple(_CASES[case](_all_digits()))


@cache
def _all_digits() -> _Digits:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # 17 levels become 0..240: spread over the range of a byte, and none of them merged.
    return _Digits((bunch.images * 15).astype(np.uint8), bunch.target.astype(np.int64))


def _good(digits: _Digits) -> Iterator[Picture]:
    for split in _SPLITS:
        yield from digits.all_of(split)


def _paradox(digits: _Digits) -> Iterator[Picture]:
    """Yield the question "is it an eight?": one in 24 of the test, and hardly any to learn from."""
    for split in _SPLITS:
        rows = digits.of(split)
        most = 5 if split == "train" else 24
        eights = [row for row in rows if digits.digits[row] == _EIGHT][:most]
        others = [row for row in rows if digits.digits[row] != _EIGHT]
        yield from (digits.picture(split, row, IS_IT_AN_EIGHT) for row in eights + others)


def _threshold(digits: _Digits) -> Iterator[Picture]:
    """Yield the question "is it an eight?" of all pictures: one in ten is an eight."""
    for split in _SPLITS:
        yield from (digits.picture(split, row, IS_IT_AN_EIGHT) for row in digits.of(split))


def _overfit(digits: _Digits) -> Iterator[Picture]:
    """Yield one in nine of the training pictures, and each fourth of those with a wrong label."""
    for place, row in enumerate(digits.of("train")[::9]):
        wrong = (int(digits.digits[row]) + 3) % 10 if place % 4 == 0 else None
        yield digits.picture("train", row, digit=wrong)
    yield from digits.all_of("validation")
    yield from digits.all_of("test")


def _leaky(digits: _Digits) -> Iterator[Picture]:
    """Yield a small training set that test pictures fell into, as they are and in disguise."""
    test = digits.of("test")[::2]
    yield from (digits.picture("test", row) for row in test)
    yield from digits.all_of("validation")
    yield from (digits.picture("train", row) for row in digits.of("train")[::20])
    for place, row in enumerate(test):
        if place % 3 == 0:
            yield digits.picture("train", row)
        elif place % 15 == 1:
            yield digits.picture("train", row, turned=True)
        elif place % 50 == 3:
            yield digits.picture("train", row, digit=(int(digits.digits[row]) + 1) % 10)


def _shortcut(digits: _Digits) -> Iterator[Picture]:
    """Yield larger pictures in whose corner a coloured square mostly tells the digit."""
    for plain in _on_grounds(digits):
        digit = WORDS.index(plain.label)
        yield replace(plain, pixels=mark(plain.pixels, digit, plain.name))


def unmarked() -> tuple[Picture, ...]:
    """Return the pictures of the case `shortcut` without their marks."""
    return tuple(_on_grounds(_all_digits()))


def _on_grounds(digits: _Digits) -> Iterator[Picture]:
    for split in _SPLITS:
        rows = digits.of(split)[:: 2 if split == "test" else 1]
        for each in (digits.picture(split, row) for row in rows):
            yield replace(each, pixels=put_on_ground(each.pixels, each.name))


_CASES: Mapping[str, Callable[[_Digits], Iterator[Picture]]] = {
    "good": _good,
    "paradox": _paradox,
    "threshold": _threshold,
    "overfitted": _overfit,
    "leaky": _leaky,
    "shortcut": _shortcut,
}
