"""A trial of the usual preparations of the input, for a model that is often wrong.

It observes some images of train and validation, never of test, and asks the model again only where
a batch is answered worse than the floor: a good model is asked nothing more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gate.errors import SubjectError
from gate.evidence.measurements import ImageBatch, Measurement, SplitName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows, SplitEvidence

MOST = 150  # images of a split
COLUMN = "answers"
AS_DECLARED = "divergence as declared"  # a column of nats
NOT_TRIED = 0  # of the sample, in a batch that is answered well enough
TRIED = 1  # this bit, and one bit more for each preparation that the model answers rightly
_GOLDEN = 0.6180339887498949  # its multiples, modulo 1, lie evenly in 0..1


@dataclass(frozen=True, slots=True)
class Preparation:
    """One usual way from pixels 0..255 to inputs: pixels / 255, minus mean, divided by std."""

    name: str
    words: str  # as in "with ImageNet mean and std"
    declared: str  # how a gate file says it
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    reverse: bool = False  # the channels: BGR

    @property
    def divergence(self) -> str:
        """The name of its column of nats."""
        return f"divergence {self.name}"

    def of(self, levels: "NDArray[np.float32]") -> "NDArray[np.float32] | None":
        """Return inputs (n, C, H, W) from pixels in 0..255, RGB or grey; None: it has no such."""
        import numpy as np

        channels = levels.shape[1]
        if self.reverse and channels != len("BGR"):
            return None
        mean, std = (_of_channels(each, channels) for each in (self.mean, self.std))
        ordered = levels[:, ::-1] if self.reverse else levels
        made = (ordered / np.float32(255) - mean) / std
        return np.ascontiguousarray(made, np.float32)


def _of_channels(values: tuple[float, ...], channels: int) -> "NDArray[np.float32]":
    """Return one value a channel, (C, 1, 1); grey images have the mean of those of RGB."""
    import numpy as np

    one_each = values if len(values) == channels else (sum(values) / len(values),) * channels
    return np.array(one_each, np.float32).reshape(channels, 1, 1)


_SCALINGS = (
    Preparation("0..1", "values in 0..1 and no normalisation", "no mean, std, scale or offset"),
    Preparation(
        "imagenet",
        "ImageNet mean and std",
        "mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]",
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    ),
    Preparation("-1..1", "values in -1..1", "mean 0.5 and std 0.5", (0.5,), (0.5,)),
    Preparation("0..255", "values in 0..255", "scale: 1", (0.0,), (1 / 255,)),
)
PREPARATIONS = (
    *_SCALINGS,
    *(
        Preparation(
            f"bgr {each.name}",
            f"channels in the order BGR and {each.words}",
            f"channels: BGR, {each.declared}",
            each.mean,
            each.std,
            reverse=True,
        )
        for each in _SCALINGS
    ),
)

DIVERGENCES = (AS_DECLARED, *(each.divergence for each in PREPARATIONS))


def least_accuracy(floor: float, classes: int) -> float:
    """Return the accuracy that lies ``floor`` of the way from guessing to always being right."""
    return (1 + floor * (classes - 1)) / classes


@dataclass(frozen=True)
class InputTrial(Measurement):
    """The answers to other preparations, a bit each, of at most 150 images of a split.

    In the column ``answers``: -1 where an image is not of the sample, 0 where its batch is answered
    well enough, else 1 plus 2 to the power of 1, 2, ... for each preparation that is answered
    rightly. An image that was not tried counts as wrong in every other preparation, so that what
    was chosen to be tried favours none of them.
    """

    floor: float  # from 0, guessing, to 1
    splits: tuple[SplitName, ...] = ("train", "validation")
    optional = True
    sees_images = False

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the floor
        """The name of the column of this floor."""
        return f"input-trial v2 floor={self.floor:g}"

    def plan_facts(self) -> Mapping[str, Any]:
        """Return floor, images and preparations, in the order of their bits."""
        return {
            "floor": self.floor,
            "images": MOST,
            "preparations": [each.name for each in PREPARATIONS],
        }

    def can_be_spared(self, split: "SplitEvidence", classes: int) -> bool:
        """Return whether the model is above the floor on a split: then nothing is to be explained.

        Of all rows that were measured, whichever of them are judged.
        """
        rows = split.all_rows
        right = int((rows.labels == rows.predictions).sum())
        return right >= least_accuracy(self.floor, classes) * len(rows)

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the columns; the model is asked only where it is often wrong."""
        import numpy as np

        indices = batch.indices  # ascending
        answers = np.full(len(indices), -1, np.int64)
        divergences = {name: np.full(len(indices), np.nan) for name in DIVERGENCES}
        columns = {COLUMN: answers, **divergences}
        if batch.is_undecided:
            return columns
        sample = sample_of(len(batch.entries))
        first, last = sample.searchsorted((indices[0], indices[-1] + 1))
        if first == last:
            return columns
        chosen = np.flatnonzero(np.isin(indices, sample[first:last]))
        if not len(chosen):  # those of the sample cannot be read
            return columns
        answers[chosen] = NOT_TRIED
        outputs = batch.outputs
        right = float((outputs.argmax(axis=1) == batch.labels).mean())
        if right < least_accuracy(self.floor, outputs.shape[1]):
            answers[chosen], found = _tried(batch, chosen)
            for name, nats in found.items():
                divergences[name][chosen] = nats
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401 -- JSON
        """Return how many images of the sample were tried, and were right, in each preparation."""
        answers = columns[COLUMN]
        sample = answers >= 0
        declared = int((sample & (rows.labels == rows.predictions)).sum())
        return {
            "sample": int(sample.sum()),
            "right as declared": declared,
            "tried": int((answers > NOT_TRIED).sum()),
            "right in": {
                each.name: int(is_right(answers, place).sum())
                for place, each in enumerate(PREPARATIONS)
            }
            if (answers > NOT_TRIED).any()
            else {},
            "mean divergence at the first batch norm, in nats": {
                name.removeprefix("divergence "): round(mean, 3)
                for name in DIVERGENCES
                if (mean := mean_of(columns.get(name))) is not None
            },
        }


def is_right(answers: "NDArray[np.int64] | Any", place: int) -> "NDArray[np.bool_]":  # noqa: ANN401 -- a column
    """Return whether each image, (n,), is answered rightly in the preparation at a place."""
    right: NDArray[np.bool_] = (answers > NOT_TRIED) & (answers >> (place + 1) & 1 == 1)
    return right


def mean_of(nats: "NDArray[Any] | None") -> float | None:
    """Return the mean of what was observed of a column of nats; None where nothing was."""
    import numpy as np

    observed = nats[~np.isnan(nats)] if nats is not None else None
    return None if observed is None or not len(observed) else float(observed.mean())


def is_sound(answers: "NDArray[Any]") -> bool:
    """Return whether a column can have been observed: no bits but those of the preparations."""
    tried = answers > NOT_TRIED
    return bool(
        answers.dtype.kind == "i"
        and (answers >= -1).all()
        and (answers < TRIED << (len(PREPARATIONS) + 1)).all()
        and (answers[tried] & TRIED == TRIED).all()
    )


@cache
def sample_of(images: int) -> "NDArray[np.int64]":
    """Return the places of the sample among so many images, ascending.

    One of each stretch of equal length, at a place that changes from stretch to stretch: images
    that come class by class, or in turns, are met alike.
    """
    import numpy as np

    if images <= MOST:
        return np.arange(images)
    stretch = np.arange(MOST)
    places: NDArray[np.int64] = np.unique(
        ((stretch + stretch * _GOLDEN % 1) * images / MOST).astype(np.int64)
    )
    return places


def _tried(
    batch: ImageBatch, chosen: "NDArray[np.intp]"
) -> "tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]":
    """Return the bits of some images of a batch, and their columns of nats.

    NOT_TRIED, and no column, where the model cannot be asked.
    """
    import numpy as np

    untried = np.full(len(chosen), NOT_TRIED, np.int64)
    places = batch.indices[chosen]
    try:
        levels = batch.levels(places)
        if levels is None:
            return untried, {}
        made = [(place, each.of(levels)) for place, each in enumerate(PREPARATIONS)]
        inputs = [(place, each) for place, each in made if each is not None]
        together = np.concatenate([each for _, each in inputs])
        outputs = batch.outputs_of(together)
        nats = _divergences(batch, places, together)
    except SubjectError:  # a model may refuse an input that nobody has declared
        return untried, {}
    finite = np.isfinite(outputs).all(axis=1)
    right = (
        finite & (outputs.argmax(axis=1) == np.tile(batch.labels[chosen], len(inputs)))
    ).astype(np.int64)
    bits = untried | TRIED
    for (place, _), of_preparation in zip(inputs, right.reshape(len(inputs), -1), strict=True):
        bits |= of_preparation << (place + 1)
    names = [AS_DECLARED, *(PREPARATIONS[place].divergence for place, _ in inputs)]
    return bits, dict(zip(names, nats, strict=False))


def _divergences(
    batch: ImageBatch, places: "NDArray[np.int64]", made: "NDArray[np.float32]"
) -> "NDArray[np.float64]":
    """Return nats, (1 + preparations, images), as declared first; none without a batch norm."""
    import numpy as np

    none: NDArray[np.float64] = np.empty((0, len(places)))
    declared = batch.ready(places)
    if declared is None:
        return none
    as_declared = batch.divergences_at_first_norm(declared)
    if as_declared is None:
        return none
    otherwise = batch.divergences_at_first_norm(made)
    if otherwise is None:
        return none
    return np.concatenate([as_declared, otherwise]).astype(np.float64).reshape(-1, len(places))
