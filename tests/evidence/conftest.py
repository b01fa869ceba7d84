"""Evidence of every shape, and how two pieces of it are compared."""

import math
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum

import numpy as np
import pytest
from hypothesis import strategies as st

from gate.evidence.agreement import MADE_UP, NO_DATA
from gate.evidence.kept_scores import KeptScores, keep
from gate.evidence.manifest import digest_of_images
from gate.evidence.records import (
    EXACT,
    UNLABELLED,
    Alignment,
    Baseline,
    Code,
    Configuration,
    Evidence,
    Failure,
    Fingerprints,
    History,
    MeasurementFacts,
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
from gate.measure.inference.answers import Answers

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
def _rows(draw, classes, synthetic, labelled):
    """Answers that a model can have given: they follow from scores, which may have been dropped."""
    ids = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    n = len(ids)
    flat = draw(st.lists(shares, min_size=n * classes, max_size=n * classes))
    known = st.integers(0, classes - 1) if labelled else st.just(UNLABELLED)
    labels = draw(st.lists(known, min_size=n, max_size=n))
    answers = Answers.of(np.array(flat).reshape(n, classes), np.array(labels, dtype=np.int32))
    columns = {each.name: getattr(answers, each.name) for each in fields(Answers)}
    if synthetic:
        unknown = np.full(n, math.nan)
        columns |= {"confidence": unknown, "margin": unknown, "true_score": unknown}
        columns["true_rank"] = np.where(answers.labels == answers.predictions, 0, -1)  # -1: none
        columns["true_rank"] = columns["true_rank"].astype(np.int32)
        columns["scores"] = None
    strings = st.lists(st.one_of(st.none(), words), min_size=n, max_size=n).map(_objects)
    observations = dict(sorted(draw(_observations(n)).items()))
    return Rows(
        ids=_objects(ids),
        **columns,
        groups=draw(st.one_of(st.none(), strings)),
        slices=draw(st.dictionaries(names, strings, max_size=2)),
        observations=observations,
        kept=draw(_kept(n, classes, observations)),
    )


def _observations(rows):
    """Columns of numbers by measurement and name; NaN where nothing was observed."""
    some = {"min_size": rows, "max_size": rows}
    finite = st.floats(allow_infinity=False) | st.just(math.nan)
    whole = st.integers(-(2**63), 2**63 - 1)
    columns = st.lists(finite, **some).map(lambda values: np.array(values, np.float64)) | st.lists(
        whole, **some
    ).map(lambda values: np.array(values, np.int64))
    return st.dictionaries(st.tuples(names, names), columns, max_size=3)


@st.composite
def _kept(draw, rows, classes, taken):
    """The scores of some of the images, by measurement and name."""
    kept = {}
    names_of = st.tuples(names, names).filter(lambda name: name not in taken)
    for name in sorted(draw(st.lists(names_of, unique=True, max_size=2))):
        asked = np.flatnonzero(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
        flat = draw(st.lists(shares, min_size=len(asked) * classes, max_size=len(asked) * classes))
        scores = keep(np.array(flat, np.float64).reshape(len(asked), classes))
        kept[name] = KeptScores.spread(scores, asked, rows)
    return kept


@st.composite
def _splits(draw, classes):
    given = draw(st.lists(st.sampled_from(Split), unique=True, max_size=3))
    made = {}
    synthetic = draw(st.booleans())
    for split in given:
        rows = draw(_rows(len(classes), synthetic, split.is_labelled))
        taken = set(rows.ids)
        lost = draw(st.lists(names.filter(lambda name: name not in taken), unique=True, max_size=2))  # noqa: B023 -- drawn at once
        unreadable = [
            Unreadable(name, draw(st.sampled_from(classes)), draw(words)) for name in lost
        ]
        prints = _prints(len(rows), draw(st.integers(0, 9)))
        measured = digest_of_images(rows, prints.file, unreadable, classes)
        made[split] = SplitEvidence(
            split=split,
            path=draw(words),
            format=MADE_UP if synthetic else draw(words),
            images=len(rows) + len(unreadable),
            manifest_sha256=NO_DATA if synthetic else measured,
            rows=rows,
            fingerprints=None if synthetic else prints,
            unreadable=tuple(unreadable),
            group_column=None if rows.groups is None else draw(names),
            hidden=tuple(draw(st.lists(names, max_size=2, unique=True))),
            measurements={
                key: MeasurementFacts(draw(tables), draw(json_values))
                for key in sorted({key for key, _ in (*rows.observations, *rows.kept)})
            },
        )
    return made


def _prints(length, seed):
    digests = np.random.default_rng(seed).integers(0, 256, (length, 32), np.uint8)
    flags = np.zeros(length, np.bool_)
    return Fingerprints(digests, digests, digests, digests, flags, digests, digests)


@st.composite
def _overlaps(draw, splits, classes):
    """What two splits, or one, can share: pairs of images that are there."""
    if not splits:
        return ()
    a, b = (splits[draw(st.sampled_from(sorted(splits)))].split for _ in "ab")
    pairs = [draw(_pair(splits[a], splits[b], classes)) for _ in range(draw(st.integers(0, 2)))]
    review = [draw(_pair(splits[a], splits[b], classes)) for _ in range(draw(st.integers(0, 1)))]
    pairs, review = ([each for each in some if each] for some in (pairs, review))
    images_a, images_b = len(splits[a].rows), len(splits[b].rows)
    most = images_a * (images_a - 1) // 2 if a is b else images_a * images_b
    exact = len({(each.a, each.b) for each in pairs if each.kind in EXACT})
    if exact > most:
        return ()
    overlap = Overlap(
        split_a=a,
        split_b=b,
        pairs=tuple(pairs),
        compared=tuple(PairKind),
        featureless=draw(st.integers(0, images_a + images_b)),
        look_alikes=draw(st.integers(0, images_b)),
        images_a=images_a,
        images_b=images_b,
        exact_pairs=draw(st.integers(exact, most)),
        identical=draw(st.booleans()),
        review=tuple(review),
    )
    return (overlap,)


alignments = st.builds(
    Alignment,
    st.tuples(st.floats(0.5, 2), st.floats(-0.4, 0.4), st.floats(-1, 1)),
    st.tuples(st.floats(-0.4, 0.4), st.floats(0.5, 2), st.floats(-1, 1)),
    st.booleans(),
)


@st.composite
def _pair(draw, one, other, classes):
    a, b = (draw(st.integers(0, len(each.rows) - 1)) for each in (one, other))
    if one is other and a == b:
        return None
    return Pair(
        a=one.rows.ids[a],
        b=other.rows.ids[b],
        split_a=one.split,
        split_b=other.split,
        label_a=[*classes, "?"][one.rows.labels[a]],
        label_b=[*classes, "?"][other.rows.labels[b]],
        kind=draw(st.sampled_from(PairKind)),
        distance=draw(st.one_of(st.none(), shares)),
        orientation=draw(st.one_of(st.none(), words)),
        alignment=draw(st.one_of(st.none(), alignments)),
    )


@st.composite
def _histories(draw):
    series = draw(st.dictionaries(names, st.lists(logged, max_size=3).map(tuple), max_size=2))
    column = st.one_of(st.none(), st.sampled_from(sorted(series))) if series else st.none()
    return History(
        path=draw(words),
        format=draw(words),
        epochs=tuple(draw(st.lists(st.floats(), max_size=3))),
        series=series,
        train_loss=draw(column),
        validation_losses=tuple(each for each in [draw(column)] if each is not None),
        train_accuracy=draw(column),
        validation_accuracy=draw(column),
        checkpoint_epoch=draw(st.one_of(st.none(), st.floats(0, 9))),
        unread=tuple(draw(st.lists(names, max_size=2))),
        notes=tuple(draw(st.lists(words, max_size=2))),
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
    outputs=st.integers(5, 9),
    nonfinite_outputs=st.integers(0, 5),
    constant=st.booleans(),
    checked_individually=st.integers(5, 9),
    batch_disagreements=st.integers(0, 5),
)


@st.composite
def _champions(draw, splits, classes):
    """Other answers to the same images, in another order."""
    answers = {}
    for split in sorted(splits):
        if not draw(st.booleans()):
            continue
        rows = splits[split].rows.take(
            np.random.default_rng(0).permutation(len(splits[split].rows))
        )
        scores = draw(st.lists(shares, min_size=len(classes), max_size=len(classes)))
        found = Answers.of(np.tile(scores, (len(rows), 1)), rows.labels)
        columns = {each.name: getattr(found, each.name) for each in fields(Answers)}
        answers[split] = replace(rows, **columns, groups=None, slices={}, observations={}, kept={})
    maybe = st.one_of(st.none(), digests)
    return Baseline(draw(words), draw(maybe), answers, draw(maybe))


@st.composite
def anything_measured(draw):
    """Evidence with every field of the records, as strange as the types allow."""
    classes = tuple(draw(st.lists(names, min_size=2, max_size=4, unique=True)))
    splits = draw(_splits(classes))
    synthetic = any(split.format == MADE_UP for split in splits.values())
    return Evidence(
        classes=classes,
        critical=tuple(name for name in classes if draw(st.booleans())),
        parents={"one": classes[:1], "rest": classes[1:]} if draw(st.booleans()) else {},
        splits=splits,
        overlaps=draw(_overlaps(splits, classes)),
        subject=None if synthetic else draw(st.one_of(st.none(), _subjects)),
        probe=draw(st.one_of(st.none(), _probes)),
        history=draw(st.one_of(st.none(), _histories())),
        baseline=draw(st.one_of(st.none(), _champions(splits, classes))),
        failures=tuple(draw(st.lists(st.builds(Failure, words, words, words, words), max_size=2))),
        assumed=tuple(draw(st.lists(words, max_size=2))),
        environment=draw(st.dictionaries(names, words, max_size=2)),
        measured_at=datetime(2026, 1, draw(st.integers(1, 31)), tzinfo=UTC),
        answers_from_cache=draw(st.integers(0, 9)),
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
