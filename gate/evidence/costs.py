"""The cost of an answer: how much is computed for it, and how long it takes beside another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gate.evidence.measurements import ImageBatch, SampledBatch, SampledMeasurement, SplitName

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows

_VERSION = 1
_WARM_UPS = 3
MACS = "multiply-accumulates"  # of one image; -1: not asked, or not countable
ASKED = "asked"  # 1; -1: not asked
SECONDS = "seconds"  # of one image; NaN: not asked
SECONDS_VERSUS = "seconds of the other"


@dataclass(frozen=True)
class MacsOfImage(SampledMeasurement):
    """The multiply-accumulates of one image, in convolutions and matrix products."""

    artefact: str | None  # None: of the model
    images: int = 1
    splits: tuple[SplitName, ...] = ("test",)

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the name
        """The name of the columns."""
        return f"macs of {_name(self.artefact)} v{_VERSION}"

    @property
    def artefacts(self) -> tuple[str, ...]:  # type: ignore[override]  # it follows from the name
        """The one that is asked."""
        return () if self.artefact is None else (self.artefact,)

    def plan_facts(self) -> Mapping[str, Any]:
        """Return the name and the size of the sample."""
        return {"version": _VERSION, "artefact": self.artefact, "images": self.images}

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the count for the image that is sampled."""
        import numpy as np

        sampled = cast("SampledBatch", batch)
        n = len(batch.indices)
        columns: dict[str, NDArray[Any]] = {
            MACS: np.full(n, -1, np.int64),
            ASKED: np.full(n, -1, np.int64),
        }
        for place in np.flatnonzero(np.isin(batch.indices, sampled.members(self.images))):
            counted = sampled.macs_of(self.artefact, np.asarray(batch.inputs)[place : place + 1])
            columns[MACS][place] = -1 if counted is None else counted
            columns[ASKED][place] = 1
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return the count."""
        found = int(columns[MACS].max()) if len(columns[MACS]) else -1
        return {MACS: found if found >= 0 else None}


@dataclass(frozen=True)
class PairedLatency(SampledMeasurement):
    """The time of one image, turn about with another that answers the same image.

    Who begins changes from image to image, so that what slows the machine down slows both.
    """

    artefact: str | None  # None: the model
    versus: str | None
    images: int  # the turns
    splits: tuple[SplitName, ...] = ("test",)

    @property
    def key(self) -> str:  # type: ignore[override]  # it follows from the names
        """The name of the columns."""
        pair = f"{_name(self.artefact)} versus {_name(self.versus)}"
        return f"latency of {pair} v{_VERSION} turns={self.images}"

    @property
    def artefacts(self) -> tuple[str, ...]:  # type: ignore[override]  # it follows from the names
        """Those that are asked."""
        return tuple(each for each in (self.artefact, self.versus) if each is not None)

    def plan_facts(self) -> Mapping[str, Any]:
        """Return the names and the number of turns."""
        return {
            "version": _VERSION,
            "artefact": self.artefact,
            "versus": self.versus,
            "turns": self.images,
        }

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the seconds of both for each image that is sampled."""
        import numpy as np

        sampled = cast("SampledBatch", batch)
        n = len(batch.indices)
        columns: dict[str, NDArray[Any]] = {
            SECONDS: np.full(n, np.nan),
            SECONDS_VERSUS: np.full(n, np.nan),
        }
        asked = np.flatnonzero(np.isin(batch.indices, sampled.members(self.images)))
        pair = [(SECONDS, self.artefact), (SECONDS_VERSUS, self.versus)]
        inputs = np.asarray(batch.inputs)
        for place in [*asked[:1]] * _WARM_UPS:
            for _, name in pair:
                sampled.seconds_of(name, inputs[place : place + 1])
        for turn, place in enumerate(asked):
            for column, name in pair if turn % 2 else reversed(pair):
                columns[column][place] = sampled.seconds_of(name, inputs[place : place + 1])
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return the medians in seconds, and of the ratio."""
        import numpy as np

        asked = ~np.isnan(columns[SECONDS])
        if not asked.any():
            return {"turns": 0}
        mine, theirs = columns[SECONDS][asked], columns[SECONDS_VERSUS][asked]
        return {
            "turns": int(asked.sum()),
            SECONDS: float(np.median(mine)),
            SECONDS_VERSUS: float(np.median(theirs)),
            "ratio": float(np.median(mine / theirs)),
        }


def _name(artefact: str | None) -> str:
    return "the model" if artefact is None else artefact
