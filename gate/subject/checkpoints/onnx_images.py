"""Images as a graph takes them: the axes that it fixes, their order, and images fed that way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.subject.checkpoints.refusals import mismatch
from gate.wording import pluralize

MAX_BATCH = 1024  # images that a graph may want at once
_GREY_OR_COLOUR = (1, 3)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageAxes:
    """The axes of a graph's input; None where it takes any length."""

    batch: int | None
    channels: int | None
    height: int | None
    width: int | None
    channels_last: bool

    @classmethod
    def of(cls, shape: Sequence[str]) -> "ImageAxes":
        """Return the axes of a shape such as ("N", "3", "224", "224"), or of (N, H, W, C).

        Raises RefusedError for a graph that wants absurdly many images at once.
        """
        batch, first, second, last = (_length(each) for each in shape)
        if batch is not None and batch > MAX_BATCH:
            raise mismatch(
                f"it takes {batch:,} images at once and no fewer",
                "export it with a batch of any size: dynamic axes",
            )
        if last in _GREY_OR_COLOUR and first not in _GREY_OR_COLOUR:
            return cls(batch, last, first, second, channels_last=True)
        return cls(batch, first, second, last, channels_last=False)

    def require(self, images: Floats) -> None:
        """Raise RefusedError, as a mismatch, for images (N, C, H, W) that the graph cannot take."""
        channels, height, width = images.shape[1:]
        if self.channels not in (None, channels):
            letters = "L" if self.channels == 1 else "RGB"
            raise mismatch(
                f"it takes images of {pluralize(self.channels or 0, 'channel')}, "
                f"and gets {channels}",
                f"declare the input as it was exported: channels: {letters}",
            )
        if self.height not in (None, height) or self.width not in (None, width):
            taken = f"{self.height or 'any'} x {self.width or 'any'}"
            size = f"[{self.height or height}, {self.width or width}]"
            raise mismatch(
                f"it takes images of {taken} (height x width), and gets {height} x {width}",
                f"declare the input as it was exported: size: {size}",
            )

    def batches(self, images: Floats) -> Iterator[tuple[Floats, int]]:
        """Yield arrays as the graph takes them, and how many images of each are not filled in.

        A graph of a fixed batch gets the last image again until it is full.
        """
        if self.channels_last:
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        step = self.batch or max(len(images), 1)
        for start in range(0, len(images), step):
            part = images[start : start + step]
            missing = step - len(part) if self.batch else 0
            filled = [part, np.repeat(part[-1:], missing, axis=0)] if missing else [part]
            yield (np.concatenate(filled) if missing else part), len(part)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to feed it, for the report."""
        said = []
        if self.batch is not None:
            said.append(f"the graph takes {pluralize(self.batch, 'image')} at once, and is fed so")
        if self.channels_last:
            said.append("the graph takes images with their channels last, and is fed so")
        return tuple(said)


def _length(axis: str) -> int | None:
    return int(axis) if axis.isascii() and axis.isdecimal() and len(axis) < 20 else None
