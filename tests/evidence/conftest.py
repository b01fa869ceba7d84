"""Evidence of every shape, and how two pieces of it are compared."""

import math
from dataclasses import fields, is_dataclass, replace
from enum import Enum

import numpy as np
import pytest
from hypothesis import strategies as st

from gate.evidence.records import (
    Baseline,
    Code,
    Configuration,
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    Pair,
    PairKind,
    Rows,
    Split,
    SplitEvidence,
    Subject,
    Unreadable,
)

words = st.text(max_size=12)
names = st.text(min_size=1, max_size=12)
shares = st.floats(0, 1)
logged = st.one_of(st.none(), st.floats())
digests = st.text("0123456789abcdef", min_size=64, max_size=64)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
tables = st.dictionaries(words, json_values, max_size=2)
configurations = st.builds(
    Configuration,
    input=st.none() | tables,
    weights=st.none() | words,
    groups=st.dictionaries(
        st.sampled_from(Split), st.none() | st.fixed_dictionaries({"column": words})
    ),
    code=st.dictionaries(
        words,
        st.builds(Code, words, tables, words, st.integers(0, 9), st.none() | digests),
        max_size=2,
    ),
)


def _objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@st.composite
def _rows(draw, classes):
    ids = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    n = len(ids)

    def column(values, dtype):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=dtype)

    scores = None
    if draw(st.booleans()):
        flat = draw(st.lists(st.floats(0, 1, width=32), min_size=n * classes, max_size=n * classes))
        scores = np.array(flat, dtype=np.float32).reshape(n, classes)
    strings = st.lists(st.one_of(st.none(), words), min_size=n, max_size=n).map(_objects)
    return Rows(
        ids=_objects(ids),
        labels=column(st.integers(0, classes - 1), np.int32),
        predictions=column(st.integers(0, classes - 1), np.int32),
        confidence=column(st.one_of(shares, st.just(math.nan)), np.float64),
        margin=column(shares, np.float64),
        true_score=column(shares, np.float64),
        true_rank=column(st.integers(-1, classes - 1), np.int32),
        scores=scores,
        groups=draw(st.one_of(st.none(), strings)),
        slices=draw(st.dictionaries(names, strings, max_size=2)),
    )


@st.composite
def _splits(draw, classes):
    given = draw(st.lists(st.sampled_from(Split), unique=True, max_size=3))
    made = {}
    for split in given:
        rows = draw(_rows(classes))
        unreadable = draw(st.lists(st.builds(Unreadable, names, names, words), max_size=2))
        made[split] = SplitEvidence(
            split=split,
            path=draw(words),
            format=draw(words),
            images=len(rows) + len(unreadable),
            manifest_sha256=draw(digests),
            rows=rows,
            unreadable=tuple(unreadable),
            group_column=None if rows.groups is None else draw(names),
        )
    return made


_pairs = st.builds(
    Pair,
    a=names,
    b=names,
    split_a=st.just(Split.TRAIN),
    split_b=st.just(Split.TEST),
    label_a=names,
    label_b=names,
    kind=st.sampled_from(PairKind),
    distance=st.one_of(st.none(), shares),
    orientation=st.one_of(st.none(), words),
)
_overlaps = st.builds(
    Overlap,
    split_a=st.just(Split.TRAIN),
    split_b=st.just(Split.TEST),
    pairs=st.lists(_pairs, max_size=3).map(tuple),
    compared=st.lists(st.sampled_from(PairKind), unique=True).map(tuple),
    featureless=st.integers(0, 9),
    images_a=st.integers(0, 9),
    images_b=st.integers(0, 9),
    exact_pairs=st.integers(0, 9),
    identical=st.booleans(),
    review=st.lists(_pairs, max_size=2).map(tuple),
)
_histories = st.builds(
    History,
    path=words,
    format=words,
    epochs=st.lists(st.floats(), max_size=3).map(tuple),
    series=st.dictionaries(names, st.lists(logged, max_size=3).map(tuple), max_size=2),
    train_loss=st.one_of(st.none(), names),
    validation_loss=st.one_of(st.none(), names),
    train_accuracy=st.one_of(st.none(), names),
    validation_accuracy=st.one_of(st.none(), names),
    checkpoint_epoch=st.one_of(st.none(), st.floats(0, 9)),
    notes=st.lists(words, max_size=2).map(tuple),
)
_subjects = st.builds(
    Subject,
    sha256=digests,
    size_bytes=st.integers(0, 2**60),
    format=words,
    factory=st.one_of(st.none(), words),
    parameters=st.one_of(st.none(), st.integers(0, 2**60)),
)
_probes = st.builds(
    ModelProbe,
    parameters=st.integers(0, 9),
    nonfinite_tensors=st.lists(words, max_size=2).map(tuple),
    outputs=st.integers(0, 9),
    nonfinite_outputs=st.integers(0, 9),
    constant=st.booleans(),
    probed_alone=st.integers(0, 9),
    disagreements=st.integers(0, 9),
)


@st.composite
def _champions(draw, classes):
    given = draw(st.lists(st.sampled_from(Split), unique=True, max_size=2))
    answers = {
        split: replace(draw(_rows(classes)), groups=None, slices={}) for split in sorted(given)
    }
    return Baseline(draw(words), draw(st.one_of(st.none(), digests)), answers)


@st.composite
def anything_measured(draw):
    """Evidence with every field of the records, as strange as the types allow."""
    classes = tuple(draw(st.lists(names, min_size=2, max_size=4, unique=True)))
    return Evidence(
        classes=classes,
        critical=tuple(name for name in classes if draw(st.booleans())),
        splits=draw(_splits(len(classes))),
        overlaps=draw(st.one_of(st.just(()), _overlaps.map(lambda overlap: (overlap,)))),
        subject=draw(st.one_of(st.none(), _subjects)),
        probe=draw(st.one_of(st.none(), _probes)),
        history=draw(st.one_of(st.none(), _histories)),
        baseline=draw(st.one_of(st.none(), _champions(len(classes)))),
        failures=tuple(draw(st.lists(st.builds(Failure, words, words, words, words), max_size=2))),
        assumed=tuple(draw(st.lists(words, max_size=2))),
        environment=draw(st.dictionaries(names, words, max_size=2)),
        configuration=draw(configurations),
    )


def plain(value):
    """Return a record as nested lists that compare by value, NaN equal to NaN, types told apart."""
    if is_dataclass(value):
        kept = [each.name for each in fields(value) if each.name != "fingerprints"]
        return [type(value).__name__, *((name, plain(getattr(value, name))) for name in kept)]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, plain(value.tolist())]
    if isinstance(value, dict):
        return [(key, plain(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, Enum):
        return [type(value).__name__, value.value]
    return repr(value) if isinstance(value, float) else value


@pytest.fixture(scope="session")
def evidences():
    """Return the strategy of evidence: conftest modules cannot be imported by tests."""
    return anything_measured()


@pytest.fixture(scope="session")
def by_value():
    """Return the function that makes records comparable."""
    return plain
