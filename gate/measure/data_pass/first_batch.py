"""The first batch shows what a model does beside its predictions."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gate.errors import CheckpointError, Refusal
from gate.evidence.contradictions import SLACK
from gate.measure.data_pass.read_images import Chunk, chunk_of
from gate.measure.inference.answers import SUM_SLACK, looks_like_probabilities
from gate.measure.inference.first_images import FirstBatch, Floats
from gate.measure.inference.torch_runner import Runner
from gate.measure.partials.work_units import batch_of, cut, pad
from gate.subject.datasets.records import Dataset
from gate.subject.inputs import Transform
from gate.subject.outputs import Values

FIRST = 32  # images that are looked at before the pass: they are read twice
ALONE = 8  # of these, images that are also run one by one
_SAME = 1e-3  # rounding differs with the batch by 1e-6; a normalised batch by much more


def first_batch(
    dataset: Dataset, transform: Transform, runner: Runner, values: Values | None = None
) -> FirstBatch:
    """Return what the first images of ``dataset`` that can be read show of the model.

    ``values`` are what the gate file declares its outputs to be; None: they tell themselves.

    The model is given copies: it may work in place on what it is given, and these images are shown
    again. Raises DataError where two images cannot be put into one batch, and CheckpointError where
    the model cannot answer, or answers with NaN.
    """
    rows = range(len(dataset.entries))
    image = _first(dataset, transform, cut(rows, 1))
    if image is None:  # the pass will say so
        none = np.empty((0, len(runner.classes)), np.float32)
        return FirstBatch(
            1,
            are_logits=values != "probability",
            checked_individually=0,
            batch_disagreements=0,
            images=none,
            outputs=none,
        )
    size = batch_of(image.images.shape[1:])
    chunk = _first(dataset, transform, cut(rows, min(size, FIRST)))
    assert chunk is not None, "an image was read a moment ago"
    outputs = runner.outputs(pad(chunk.images, size).copy())[: len(chunk.entries)]
    require_finite(outputs, (entry.id for entry in chunk.entries))
    apart = [
        not np.allclose(runner.outputs(image[None].copy())[0], expected, rtol=_SAME, atol=_SAME)
        for image, expected in zip(chunk.images[:ALONE], outputs[:ALONE], strict=True)
    ]
    return FirstBatch(
        batch=size,
        are_logits=_are_logits(outputs, values),
        checked_individually=len(apart),
        batch_disagreements=sum(apart),
        images=chunk.images,
        outputs=outputs,
        looks_multi_label=_looks_multi_label(outputs),
        look_like_probabilities=outputs.shape[1] > 1 and looks_like_probabilities(outputs),
    )


def _are_logits(outputs: Floats, values: Values | None) -> bool:
    """Return whether outputs are logits; a single one is taken for it until all are known."""
    if values is not None:
        return values == "logit"
    return outputs.shape[1] == 1 or not looks_like_probabilities(outputs)


def _looks_multi_label(outputs: Floats) -> bool:
    """Return whether several outputs are each in 0..1, as after a sigmoid, and no probabilities."""
    within = outputs.shape[1] > 1 and bool(((outputs >= 0) & (outputs <= 1)).all())
    return within and not looks_like_probabilities(outputs)


def require_finite(outputs: Floats, ids: Iterable[str]) -> None:
    """Raise CheckpointError (numerically bad) for outputs (n, classes) with NaN or infinity.

    What such a model predicts is not defined.
    """
    finite = np.isfinite(outputs).all(axis=1)
    if finite.all():
        return
    first = list(ids)[int(np.flatnonzero(~finite)[0])]
    raise CheckpointError(
        "model output",
        Refusal.NUMERICALLY_BAD,
        f"the output for image {first} is NaN or infinite "
        f"({int((~finite).sum())} of the {len(outputs)} in its batch)",
        "look for a diverged training run, or for an input that is scaled otherwise",
    )


def require_probabilities(
    scores: NDArray[np.float64], ids: Iterable[str], *, declared: bool = False
) -> None:
    """Raise CheckpointError (numerically bad) for scores (n, classes) that are no probabilities.

    The gate file has ``declared`` that they are, or the first images have shown it; a later image
    may tell otherwise.
    """
    sums = scores.sum(axis=1)
    wrong = ~((scores >= -SLACK) & (scores <= 1 + SLACK)).all(axis=1)
    uneven = np.abs(sums - 1) >= SUM_SLACK
    if not (wrong | uneven).any():
        return
    row = int(np.flatnonzero(wrong if wrong.any() else uneven)[0])
    image = list(ids)[row]
    who = "output: declares" if declared else "the outputs for the first images are"
    if wrong.any():
        fact = f"one for image {image} is {scores[row][np.abs(scores[row] - 0.5).argmax()]:.6g}"
        remedy = (
            "declare output: logit, if these are logits; else let the model give probabilities"
            if declared
            else "let the model give logits for every image, or probabilities for every image"
        )
    else:
        fact = f"those for image {image} sum to {sums[row]:.6g}"
        remedy = (
            "let the model give one probability for each class, that sum to 1; a multi-label model "
            "needs another gate"
        )
    raise CheckpointError(
        "model output", Refusal.NUMERICALLY_BAD, f"{who} probabilities, and {fact}", remedy
    )


def _first(dataset: Dataset, transform: Transform, spans: Iterable[range]) -> Chunk | None:
    read = (chunk_of(dataset, transform, span) for span in spans)
    return next((chunk for chunk in read if chunk.entries), None)
