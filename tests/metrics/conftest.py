from collections.abc import Callable

import numpy as np
import pytest

from gate.evidence.records import Rows


def scored(labels, scores, groups=None) -> Rows:
    """Rows as a model's scores, (n, classes), and the labels make them."""
    labels = np.asarray(labels, dtype=np.int32)
    scores = np.asarray(scores, dtype=np.float32)
    n = len(labels)
    ranked = np.sort(scores, axis=1)
    true = scores[np.arange(n), labels]
    return Rows(
        ids=np.array([f"image {index:05d}" for index in range(n)], dtype=object),
        labels=labels,
        predictions=scores.argmax(axis=1).astype(np.int32),
        confidence=ranked[:, -1].astype(np.float64),
        margin=(ranked[:, -1] - ranked[:, -2]).astype(np.float64),
        true_score=true.astype(np.float64),
        true_rank=(scores > true[:, np.newaxis]).sum(axis=1).astype(np.int32),
        scores=scores,
        groups=None if groups is None else np.asarray(groups, dtype=object),
    )


@pytest.fixture
def rows_of_scores() -> Callable[..., Rows]:
    return scored


@pytest.fixture
def rows_by_chance() -> Callable[..., Rows]:
    """Return a function that makes rows of a model of some skill, each class at least twice."""

    def make(n, classes, *, seed=0, skill=1.5, decimals=None, per_group=None) -> Rows:
        random = np.random.default_rng(seed)
        labels = np.concatenate([np.arange(classes).repeat(2), random.integers(0, classes, n)])[:n]
        logits = random.normal(size=(n, classes))
        logits[np.arange(n), labels] += skill
        scores = np.exp(logits)
        scores /= scores.sum(axis=1, keepdims=True)
        if decimals is not None:
            scores = np.round(scores, decimals)
        order = random.permutation(n)
        groups = None
        if per_group is not None:
            groups = [f"patient {index // per_group}" for index in range(n)]
        return scored(labels[order], scores[order], groups)

    return make
