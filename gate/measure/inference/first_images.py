"""The first images of the data, and the model's answers to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FirstBatch:
    """What the first images of the data show, the same for whoever measures whichever part."""

    batch: int  # images that the model is given at once
    are_logits: bool  # False: its outputs are probabilities already
    checked_individually: int  # images run one by one and in a batch
    batch_disagreements: int  # of those, how many changed their answer
    images: Floats  # (n, C, H, W), of the batch
    outputs: Floats  # (n, classes) of the same images, or (n, 1) of a single output
    looks_multi_label: bool = False  # several outputs, all in 0..1, that do not sum to 1
    look_like_probabilities: bool = False  # several outputs, all in 0..1, that sum to 1

    @property
    def single_output(self) -> bool:
        """Whether the model of two classes gives a score of the second alone."""
        return bool(self.outputs.shape[1] == 1)
