"""A module as torch fuses it: normalisation inside the convolution before it, and more.

Small modules spend their time between the products, where every layer reads and writes all
activations; with activations fused too they take two thirds of it. Large ones spend it in the
products: folding the normalisation is all that gains, and they are not kept in memory twice.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gate.measure.looks import looks_at_values

SMALL = 8_000_000  # parameters: their copy, packed for the processor, is worth its memory
MOST_PARAMETERS = 100_000_000  # above, even what folding copies is not
_SAMPLE = 2  # images that are traced: a forward of a whole batch of a large module takes long
_LOOKS = torch.jit.TracerWarning  # type: ignore[attr-defined]  # torch has it, its stubs do not
_trace: Any = torch.jit.trace  # nor its types
TOLERANCE = 1e-5  # by which a score may differ, of the largest: rounding alone gives 1e-7


@dataclass(frozen=True, slots=True)
class Fused:
    """A traced module; it keeps no state, so that many threads may ask it."""

    module: Callable[[torch.Tensor], torch.Tensor]
    shape: torch.Size  # of the only batches that it answers


def fused(model: nn.Module, images: torch.Tensor, outputs: torch.Tensor) -> Fused | None:
    """Return what answers batches of the shape of ``images`` as ``model`` does, faster.

    ``outputs`` are what it answers to the first of them. It is traced with other images: what the
    user's code does with values in Python would be frozen as it went for those. None where it does,
    where torch cannot, where the module is large, or where both disagree on ``images``.
    """
    parameters = sum(each.numel() for each in model.parameters())
    if parameters > MOST_PARAMETERS:
        return None
    others = images[:_SAMPLE] / 2  # what was frozen for them shows when it meets the images
    try:
        with warnings.catch_warnings(record=True) as said, torch.no_grad():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", _LOOKS)  # raised, it might be caught by the user's code
            looked = looks_at_values(model, others)
            ready = torch.jit.freeze(_trace(model, others, check_trace=False))
            if parameters <= SMALL:
                ready = torch.jit.optimize_for_inference(ready)
        with torch.inference_mode():
            found = ready(images)
        largest = max(float(outputs.abs().max()), 1.0)
        furthest = float((found[: len(outputs)] - outputs).abs().max())
        agree = len(found) == len(images) and furthest <= TOLERANCE * largest  # never, where NaN
    except Exception:
        return None
    return Fused(ready, images.shape) if agree and not looked and not said else None
