"""What a model shows about itself, beside its predictions."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gate.errors import CheckpointError, Refusal
from gate.evidence.records import ModelProbe
from gate.measure.runner import Runner, Weights

ALONE = 8  # images of the first batch that are also run one by one
_SAME = 1e-3  # rounding differs with the batch by 1e-6; a normalised batch by much more

Floats = NDArray[np.float32]


@dataclass(slots=True)
class OutputProbe:
    """Watches the outputs go by: whether they are finite, and whether they ever change."""

    outputs: int = 0
    probed_alone: int = 0
    disagreements: int = 0
    _lowest: Floats | None = field(default=None)
    _highest: Floats | None = field(default=None)

    def see(self, outputs: Floats, ids: Iterable[str]) -> None:
        """Take in the outputs (n, classes) of n images.

        Raises CheckpointError (numerically bad) at the first output that is NaN or infinite: what
        such a model predicts is not defined.
        """
        finite = np.isfinite(outputs).all(axis=1)
        if not finite.all():
            first = list(ids)[int(np.flatnonzero(~finite)[0])]
            raise CheckpointError(
                "model output",
                Refusal.NUMERICALLY_BAD,
                f"the output for image {first} is NaN or infinite "
                f"({int((~finite).sum())} of the {len(outputs)} in its batch)",
                "look for a diverged training run, or for an input that is scaled otherwise",
            )
        self.outputs += len(outputs)
        low, high = outputs.min(axis=0), outputs.max(axis=0)
        self._lowest = low if self._lowest is None else np.minimum(self._lowest, low)
        self._highest = high if self._highest is None else np.maximum(self._highest, high)

    def run_alone(self, runner: Runner, images: Floats, together: Floats) -> None:
        """Run a few images one by one and count the answers that differ from those in a batch."""
        for image, expected in zip(images[:ALONE], together[:ALONE], strict=True):
            alone = runner.outputs(image[None])[0]
            self.probed_alone += 1
            self.disagreements += not np.allclose(alone, expected, rtol=_SAME, atol=_SAME)

    def result(self, weights: Weights) -> ModelProbe:
        """Return what was seen of a model with these weights."""
        constant = (
            self._lowest is not None
            and self._highest is not None
            and np.array_equal(self._lowest, self._highest)
        )
        return ModelProbe(
            parameters=weights.parameters,
            nonfinite_tensors=weights.nonfinite,
            outputs=self.outputs,
            nonfinite_outputs=0,
            constant=constant and self.outputs > 1,
            probed_alone=self.probed_alone,
            disagreements=self.disagreements,
            walls=weights.walls,
        )
