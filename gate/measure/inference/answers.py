"""Outputs of a model become the columns of rows: probabilities, predictions, ranks, margins."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import UNLABELLED, Rows
from gate.subject.outputs import Values

SUM_SLACK = 1e-3  # how near to 1 the outputs of an image must sum


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model said to n images; arrays of length n, as in ``Rows``."""

    labels: NDArray[np.int32]
    predictions: NDArray[np.int32]
    confidence: NDArray[np.float64]
    margin: NDArray[np.float64]
    true_score: NDArray[np.float64]
    true_rank: NDArray[np.int32]
    scores: NDArray[np.float32]  # (n, classes) probabilities

    @classmethod
    def of(cls, scores: NDArray[np.float64], labels: NDArray[np.int32]) -> Self:
        """Return the answers in probabilities (n, classes), classes > 1, of images so labelled.

        Of an image without a label, -1, the true score is NaN and its rank -1.
        Of equal scores the first class is predicted, as numpy and torch do.
        """
        rows = np.arange(len(scores))
        predictions = scores.argmax(axis=1).astype(np.int32)
        top_two = np.partition(scores, -2, axis=1)[:, -2:]
        true_score = scores[rows, labels]
        ahead = (scores > true_score[:, None]).sum(axis=1)
        ties_before = (
            (scores == true_score[:, None]) & (np.arange(scores.shape[1]) < labels[:, None])
        ).sum(axis=1)
        known = labels != UNLABELLED
        return cls(
            labels=labels,
            predictions=predictions,
            confidence=top_two[:, 1],
            margin=top_two[:, 1] - top_two[:, 0],
            true_score=np.where(known, true_score, np.nan),
            true_rank=np.where(known, ahead + ties_before, -1).astype(np.int32),
            scores=scores.astype(np.float32),
        )


def looks_like_probabilities(outputs: NDArray[np.float32]) -> bool:
    """Return whether outputs (n, classes) are probabilities already: in [0, 1], summing to 1."""
    in_range = bool(((outputs >= 0) & (outputs <= 1)).all())
    return in_range and bool((np.abs(outputs.sum(axis=1) - 1) < SUM_SLACK).all())


def per_class(outputs: NDArray[np.float32], values: Values | None) -> NDArray[np.float32]:
    """Return outputs (n, classes) as they are, and a single one (n, 1) as those of two classes.

    Of a logit z they are (0, z), whose softmax is the sigmoid of z; of a probability (1 - z, z).
    What nobody has declared is a logit until all images are known: see :func:`as_probabilities`.
    """
    if outputs.shape[1] != 1:
        return outputs
    first = 1 - outputs if values == "probability" else np.zeros_like(outputs)
    return np.concatenate([first, outputs], axis=1)


def as_probabilities(rows: Rows, outputs: NDArray[np.float32]) -> Rows:
    """Return rows that were made of single outputs (n,) as of logits, as of probabilities."""
    scores = per_class(outputs[:, None], "probability").astype(np.float64)
    answers = Answers.of(scores, rows.labels)
    return replace(
        rows,
        predictions=answers.predictions,
        confidence=answers.confidence,
        margin=answers.margin,
        true_score=answers.true_score,
        true_rank=answers.true_rank,
        scores=None if rows.scores is None else answers.scores,
    )


def probabilities(outputs: NDArray[np.float32], *, are_logits: bool) -> NDArray[np.float64]:
    """Return outputs (n, classes) as probabilities; logits go through softmax in double."""
    scores = outputs.astype(np.float64)
    if not are_logits:
        return scores
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    normalised: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return normalised
