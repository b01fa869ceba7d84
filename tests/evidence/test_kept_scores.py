"""The scores of images that were asked again: which are kept, and what is refused when read."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from gate.errors import EvidenceError
from gate.evidence.kept_scores import ALL, BEST, PAIR, SCORE, KeptScores, keep, score_of
from gate.evidence.records import MeasurementFacts, Split
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

KEY = "view noise:1 v1 images=1000"


def scores_of(rows, classes, seed=0):
    drawn = np.exp(np.random.default_rng(seed).normal(size=(rows, classes)))
    return drawn / drawn.sum(axis=1, keepdims=True)


def evidence_with(classes, asked=(1, 4, 5)):
    """Return evidence of twice as many images as classes, of which some were asked again."""
    names = tuple(f"class {label}" for label in range(classes))
    matrix = tuple(map(tuple, (2 * np.eye(classes, dtype=int)).tolist()))
    made = synthetic_evidence(SyntheticRun(classes=names, critical=(), test=matrix))
    test = made.splits[Split.TEST]
    kept = KeptScores.spread(keep(scores_of(len(asked), classes)), np.array(asked), 2 * classes)
    rows = replace(test.rows, kept={(KEY, "scores"): kept})
    told = replace(test, rows=rows, measurements={KEY: MeasurementFacts({})})
    return replace(made, splits={Split.TEST: told})


def kept_in(evidence):
    return evidence.splits[Split.TEST].rows.kept[KEY, "scores"]


@pytest.mark.parametrize("classes", [2, ALL])
def test_of_few_classes_all_scores_are_kept(classes):
    scores = scores_of(5, classes)

    assert np.array_equal(keep(scores), scores.astype(np.float32))


def test_of_many_classes_the_best_are_kept_with_their_classes():
    scores = scores_of(5, ALL + 1)

    kept = keep(scores)

    assert kept.shape == (5, BEST)
    assert (kept["class"][:, 0] == scores.argmax(axis=1)).all()
    for row, pairs in zip(scores, kept, strict=True):
        assert np.array_equal(row[pairs["class"]].astype(np.float32), pairs["score"])
        others = np.delete(row, pairs["class"])
        assert others.max() <= pairs["score"][-1] <= 1 / BEST


@pytest.mark.parametrize("classes", [3, ALL, ALL + 1, 1000])
def test_an_image_takes_no_more_bytes_however_many_classes_there_are(classes):
    assert keep(scores_of(1, classes)).nbytes <= 4 * ALL


def test_the_score_of_a_class_that_was_not_kept_is_not_known():
    scores = scores_of(4, 100)
    lowest, highest = scores.argmin(axis=1), scores.argmax(axis=1)

    assert np.isnan(score_of(keep(scores), lowest)).all()
    assert np.allclose(score_of(keep(scores), highest), scores.max(axis=1))


def test_images_without_scores_have_none():
    scores = scores_of(3, 3)
    scores[1] = np.nan

    kept = KeptScores.spread(keep(scores), np.array([0, 2, 5]), 6)

    assert kept.known.tolist() == [True, False, False, False, False, True]
    assert np.array_equal(kept.of_known, scores[[0, 2]].astype(np.float32))


@pytest.mark.parametrize("classes", [3, ALL, ALL + 1])
def test_kept_scores_are_saved_and_read(classes, tmp_path):
    evidence = evidence_with(classes)

    save(evidence, tmp_path / "evidence.sqlite")

    written, read = kept_in(evidence), kept_in(load(tmp_path / "evidence.sqlite"))
    assert np.array_equal(read.known, written.known)
    assert np.array_equal(read.of_known, written.of_known)


def test_anybody_reads_the_scores_by_the_name_of_the_image(tmp_path):
    save(evidence_with(3), tmp_path / "evidence.sqlite")

    with closing(sqlite3.connect(tmp_path / "evidence.sqlite")) as database:
        found = database.execute(
            "SELECT id, value FROM observed WHERE measurement = ? AND name = 'scores'", (KEY,)
        ).fetchall()

    assert [name for name, _ in found] == ["000000001", "000000004", "000000005"]
    assert np.allclose([np.frombuffer(each, "<f4") for _, each in found], scores_of(3, 3))


def changed(column):
    """Return the SQL that changes the scores of an image, and them as bytes."""
    return "UPDATE observations SET value = ? WHERE position = 1", (column.tobytes(),)


BEST_OF_70 = keep(scores_of(3, 70))[0]


def best(**fields):
    made = BEST_OF_70.copy()
    for name, (place, value) in fields.items():
        made[{"label": "class"}.get(name, name)][place] = value
    return made


@pytest.mark.parametrize(
    ("classes", "change", "fact"),
    [
        (3, ("UPDATE observations SET value = 1", ()), "are not 3 scores for each"),
        (3, ("UPDATE observations SET value = NULL", ()), "are not 3 scores for each"),
        (3, ("UPDATE observations SET value = 'abcdefghijkl'", ()), "are not 3 scores for each"),
        (3, changed(np.zeros(4, SCORE)), "are not 3 scores for each"),
        (3, changed(np.array([0.5, np.nan, 0.5], SCORE)), "no finite number"),
        (3, changed(np.array([0.5, np.inf, 0.5], SCORE)), "no finite number"),
        (3, ("UPDATE observations SET position = 6 WHERE position = 5", ()), "not one value for"),
        (3, ("UPDATE observations SET position = -1 WHERE position = 1", ()), "not one value for"),
        (3, ("UPDATE observations SET position = 'x' WHERE position = 1", ()), "not one value for"),
        (3, ("UPDATE observed_columns SET images = 2", ()), "not one value for"),
        (3, ("UPDATE observed_columns SET type = 'best scores'", ()), "are not 32 scores"),
        (3, ("UPDATE observed_columns SET type = 'real'", ()), "no number of its kind"),
        (70, ("UPDATE observed_columns SET type = 'scores'", ()), "are not 70 scores"),
        (70, changed(best(score=(31, np.nan))), "no finite number"),
        (70, changed(best(score=(31, 0.9))), "are not in their order"),
        (70, changed(best(label=(3, 70))), "or one that there is not"),
        (70, changed(best(label=(3, -1))), "or one that there is not"),
        (70, changed(best(label=(3, BEST_OF_70["class"][4]))), "name a class twice"),
        (70, changed(best()[:31]), "are not 32 scores"),
    ],
)
def test_scores_that_were_changed_are_refused_in_words(classes, change, fact, tmp_path):
    path = tmp_path / "evidence.sqlite"
    save(evidence_with(classes), path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(*change)

    with pytest.raises(EvidenceError) as refused:
        load(path)

    assert fact in refused.value.fact


def test_many_pairs_of_few_classes_are_refused(tmp_path):
    """A file that says `best scores` of three classes would say more than there is."""
    path = tmp_path / "evidence.sqlite"
    save(evidence_with(3), path)
    pairs = np.zeros(BEST, PAIR).tobytes()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE observed_columns SET type = 'best scores'")
        database.execute("UPDATE observations SET value = ?", (pairs,))

    with pytest.raises(EvidenceError) as refused:
        load(path)

    assert "not kept as those of so many classes" in refused.value.fact
