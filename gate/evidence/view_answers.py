"""The answers to a view of the images: what becomes of the model's answers when images change.

See :mod:`gate.views` for what a view is. A rule names its view and how many images it asks about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from gate.evidence.measurements import ImageBatch, SampledBatch, SampledMeasurement, SplitName
from gate.views.names import SMALLEST, VERSION, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows
    from gate.views.pixels import Pixels, Surroundings

PREDICTION = "prediction"  # the class with the highest score; -1: not asked
CONFIDENCE = "confidence"  # its score
GAP = "score gap"  # the most by which the score of a class differs from that of the image itself
STATE = "state"
SCORES = "scores"  # as many as are kept: see gate.evidence.kept_scores

# Of the column `state`; only of images that were asked there is a prediction.
NOT_SAMPLED = -1
UNCHANGED = 0  # asked; the input of the model is the same to the last bit
ASKED = 1  # asked; the input differs
TOO_SMALL = 2  # the view says nothing of so small an image
NO_DONOR = 3  # no image may lend to it, or it can no longer be read
NO_PIXELS = 4  # the data gave a tensor


@dataclass(frozen=True)
class ViewAnswers(SampledMeasurement):
    """What the model answers to one view of a sample of a split."""

    view: View
    images: int
    splits: tuple[SplitName, ...] = ("test",)
    _donors: dict[str, "NDArray[np.int64]"] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the view
        """The name of the columns."""
        return f"view {self.view} v{VERSION} images={self.images}"

    @property
    def wants_mean_colour(self) -> bool:  # type: ignore[override]  # it follows from the view
        """Whether the view covers something."""
        return self.view.covers

    def plan_facts(self) -> Mapping[str, Any]:
        """Return the view, the version of its definition and the size of the sample."""
        return {"view": str(self.view), "version": VERSION, "images": self.images}

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return prediction, confidence, score gap, state and scores; -1 or NaN: not asked."""
        import numpy as np

        from gate.evidence.kept_scores import keep, keep_none

        sampled = cast("SampledBatch", batch)
        n = len(batch.indices)
        columns: dict[str, NDArray[Any]] = {
            PREDICTION: np.full(n, -1, np.int64),
            CONFIDENCE: np.full(n, np.nan),
            GAP: np.full(n, np.nan),
            STATE: np.full(n, NOT_SAMPLED, np.int64),
            SCORES: keep_none(n, batch.probabilities.shape[1]),
        }
        places, drawn = self._draw(sampled, columns[STATE])
        if not places:
            return columns
        inputs = sampled.inputs_of(drawn, places)
        scores = sampled.probabilities_of(inputs)
        clean = batch.probabilities[places]
        columns[PREDICTION][places] = scores.argmax(axis=1)
        columns[CONFIDENCE][places] = scores.max(axis=1)
        columns[GAP][places] = np.abs(scores - clean).max(axis=1)
        columns[SCORES][places] = keep(scores)
        differs = (inputs != sampled.inputs[places]).any(axis=(1, 2, 3))
        columns[STATE][places] = np.where(differs, ASKED, UNCHANGED)
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401 -- JSON
        """Return how many images were asked about, how many changed, and how many flipped."""
        asked = columns[PREDICTION] >= 0
        flipped = asked & (columns[PREDICTION] != rows.predictions)
        return {
            "asked": int(asked.sum()),
            "changed": int((columns[STATE] == ASKED).sum()),
            "flipped": int(flipped.sum()),
        }

    def _draw(
        self, batch: SampledBatch, states: "NDArray[np.int64]"
    ) -> "tuple[list[int], list[Pixels]]":
        """Return the images that have the view, and it; ``states`` is told why others have none."""
        from gate.views.drawing import draw

        members = set(batch.members(self.images).tolist())
        places, drawn = [], []
        for place, (index, pixels) in enumerate(
            zip(batch.indices.tolist(), batch.pixels, strict=True)
        ):
            if index not in members:
                continue
            if pixels is None:
                states[place] = NO_PIXELS
            elif self.view.wants_size and min(pixels.shape[:2]) < SMALLEST:
                states[place] = TOO_SMALL
            elif (around := self._surroundings(batch, index)) is None:
                states[place] = NO_DONOR
            else:
                key = batch.sample_pixels_sha256[index].hex()
                places.append(place)
                drawn.append(draw(self.view, pixels, key, around))
        return places, drawn

    def _surroundings(self, batch: SampledBatch, index: int) -> "Surroundings | None":
        """Return what the view may know beside the image; None where nothing lends to it."""
        from gate.views.pixels import Surroundings

        donor = None
        if self.view.donor is not None:
            lender = int(self._donors_of(batch)[index])
            donor = None if lender < 0 else batch.pixels_at(lender)
            if donor is None:
                return None
        fill = batch.mean_colour(self.images) if self.wants_mean_colour else (128,)
        return Surroundings(fill, batch.input_size, donor)

    def _donors_of(self, batch: SampledBatch) -> "NDArray[np.int64]":
        """Return the lender of each entry, -1 where there is none; found once a split."""
        import numpy as np

        from gate.views.sampling import choose_donors

        assert self.view.donor is not None, "only a view with a donor asks"
        known = self._donors.get(batch.split)
        if known is not None:
            return known
        members = batch.members(self.images)
        entries = [batch.entries[index] for index in members]
        lenders = choose_donors(
            [batch.sample_pixels_sha256[index] for index in members],
            [cast("int", each.label) for each in entries],
            [each.id for each in entries],
            [each.group for each in entries],
            self.view.donor,
        )
        donors = np.full(len(batch.entries), -1, np.int64)
        donors[members] = np.where(lenders >= 0, members[lenders], -1)
        self._donors[batch.split] = donors  # two threads may find the same at once
        return donors
