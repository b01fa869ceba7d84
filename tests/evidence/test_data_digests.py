"""What a report is bound to is computed anew from what is judged, wherever evidence is read."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from measured import as_measured

from gate.cli import main
from gate.errors import EvidenceError
from gate.evidence.manifest import digest_of_predictions
from gate.evidence.records import Rows, Split, Subject
from gate.evidence.store import FILE_NAME, load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

NUMBERS = SyntheticRun(
    train=((50, 0), (0, 50)),
    test=((45, 5), (3, 47)),
    groups=3,
    unreadable=2,
    broken=1,
    confidence=(0.9, 0.8),
    probe="sound",
)
SUBJECT = Subject("ab" * 32, 9, "safetensors")
OTHER_DATA = "its images, labels, groups or slices are not those that its digest is of"
COUNTED = (
    "UPDATE splits SET images = (SELECT count(*) FROM rows r WHERE r.split = splits.split) + "
    "(SELECT count(*) FROM unreadable u WHERE u.split = splits.split)"
)


def with_slices(rows):
    sites = np.array(["n", "s"] * (len(rows) // 2), dtype=object)
    return replace(rows, slices={"site": sites, "scanner": sites})


@pytest.fixture
def measured():
    """Return evidence as a run on images leaves it."""
    made = synthetic_evidence(NUMBERS)
    splits = {
        name: replace(each, rows=with_slices(each.rows)) for name, each in made.splits.items()
    }
    return as_measured(replace(made, splits=splits, baseline=None), SUBJECT)


@pytest.fixture
def saved(measured, tmp_path):
    save(measured, tmp_path / FILE_NAME)
    return tmp_path / FILE_NAME


def change(path, *statements):
    with closing(sqlite3.connect(path)) as database, database:
        for each in statements:
            database.execute(each)


def refused(path):
    with pytest.raises(EvidenceError) as caught:
        load(path)
    assert caught.value.exit_status == 4
    assert caught.value.remedy == "measure again"
    return caught.value


def test_what_a_run_left_is_believed(saved, measured):
    found = load(saved)

    assert found.subject == SUBJECT
    for split, each in measured.splits.items():
        assert found.splits[split].manifest_sha256 == each.manifest_sha256


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE rows SET label = prediction, true_rank = 0, true_score = confidence",),
        ("DELETE FROM rows WHERE label <> prediction AND split = 'test'", COUNTED),
        (
            (
                "INSERT INTO unreadable SELECT split, id, CASE label WHEN 0 THEN 'cat' ELSE 'dog' "
                "END, 'is cut off' FROM rows WHERE label <> prediction"
            ),
            "DELETE FROM rows WHERE label <> prediction",
            COUNTED,
        ),
        ("DELETE FROM unreadable", COUNTED),
        ("UPDATE unreadable SET reason = 'it was ever so'",),
        ("UPDATE rows SET id = id || '.png' WHERE split = 'test'",),
        ("UPDATE rows SET \"group\" = id WHERE split = 'test'",),
        ("UPDATE rows SET slices = '[\"n\", \"n\"]' WHERE split = 'test'",),
        ("UPDATE splits SET slice_columns = '[\"scanner\", \"place\"]' WHERE split = 'test'",),
        ("UPDATE rows SET file_sha256 = zeroblob(32) WHERE split = 'test' AND position = 3",),
        ("UPDATE splits SET manifest_sha256 = lower(hex(zeroblob(32))) WHERE split = 'test'",),
    ],
    ids=[
        "labels that are the predictions",
        "without mistakes",
        "mistakes that could not be read",
        "without the unreadable",
        "another reason",
        "other names",
        "other groups",
        "other slices",
        "another slice",
        "another file",
        "another digest",
    ],
)
def test_other_data_under_the_old_digest_is_refused(statements, saved):
    change(saved, *statements)

    assert refused(saved).fact == OTHER_DATA


def test_judge_refuses_it_with_exit_status_4_and_leaves_nothing(saved, tmp_path, capsys):
    change(saved, "UPDATE rows SET label = prediction, true_rank = 0, true_score = confidence")

    out = tmp_path / "out"
    assert main(["judge", str(saved), "--policy", "smoke", "--out", str(out)]) == 4
    assert OTHER_DATA in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("statement", "fact"),
    [
        ("UPDATE rows SET file_sha256 = NULL", "has no digests of its files"),
        (
            "UPDATE rows SET file_sha256 = NULL WHERE position = 0",
            "its digests of files are not 32 bytes a row",
        ),
        (
            "UPDATE rows SET file_sha256 = x'00' WHERE position = 0",
            "its digests of files are not 32 bytes a row",
        ),
        (
            "UPDATE rows SET file_sha256 = 'as long as the digest of a file.'",
            "its digests of files are not 32 bytes a row",
        ),
        (
            "UPDATE splits SET format = 'predictions'",
            "is of saved predictions, and lists files that were read",
        ),
        ("UPDATE rows SET scores = NULL", "has no scores, and so few would have been kept"),
    ],
)
def test_what_the_digest_is_made_of_is_there_and_of_its_type(statement, fact, saved):
    change(saved, statement)

    assert refused(saved).fact == fact


# Saved predictions


@pytest.fixture
def predicted(measured, tmp_path):
    """Return the file with evidence of saved predictions."""
    split = measured.splits[Split.TEST]
    made = replace(
        split,
        format="predictions",
        images=len(split.rows),
        unreadable=(),
        fingerprints=None,
        manifest_sha256=digest_of_predictions(split.rows, measured.classes),
    )
    save(replace(measured, splits={Split.TEST: made}, subject=None), tmp_path / FILE_NAME)
    return tmp_path / FILE_NAME


def test_saved_predictions_are_believed_as_they_were(predicted):
    assert isinstance(load(predicted).splits[Split.TEST].rows, Rows)


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE rows SET label = prediction, true_rank = 0, true_score = confidence",),
        ("DELETE FROM rows WHERE label <> prediction", COUNTED),
        (
            (
                "UPDATE rows SET prediction = 0, true_rank = label, confidence = 0.75, "
                "margin = 0.5, true_score = 0.75 - label * 0.5, scores = x'0000403f0000803e'"
            ),
        ),
    ],
    ids=["labels", "rows", "scores"],
)
def test_other_predictions_under_the_old_digest_are_refused(statements, predicted):
    change(predicted, *statements)

    assert refused(predicted).fact == OTHER_DATA


# Made up


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        ("", "is made up, and the evidence has a digest of data"),
        (f", manifest_sha256 = '{'0' * 64}'", "is made up, and the evidence is of a checkpoint"),
    ],
)
def test_what_was_measured_is_not_passed_off_as_made_up(more, fact, saved):
    change(saved, f"UPDATE splits SET format = 'made-up'{more}")

    assert refused(saved).fact == fact


def test_nor_without_its_checkpoint(saved):
    change(
        saved,
        f"UPDATE splits SET format = 'made-up', manifest_sha256 = '{'0' * 64}'",
        "UPDATE about SET value = 'null' WHERE key = 'subject'",
    )

    assert refused(saved).fact == "is made up, and has digests of files"


def test_made_up_evidence_is_read_without_scores(tmp_path):
    save(synthetic_evidence(replace(NUMBERS, confidence=None)), tmp_path / FILE_NAME)

    assert load(tmp_path).splits[Split.TEST].rows.scores is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha256", '"ab"'),
        ("sha256", f'"{"AB" * 32}"'),
        ("size_bytes", "-1"),
        ("parameters", "-1"),
    ],
)
def test_a_checkpoint_has_a_digest_and_a_size(key, value, saved):
    change(
        saved,
        f"UPDATE about SET value = json_set(value, '$.{key}', json('{value}')) "
        "WHERE key = 'subject'",
    )

    assert refused(saved).where == f"{saved}: subject"


def test_so_has_a_champion(tmp_path):
    made = as_measured(synthetic_evidence(NUMBERS), SUBJECT)
    save(made, tmp_path / FILE_NAME)
    assert load(tmp_path).baseline is not None

    save(replace(made, baseline=replace(made.baseline, sha256="ab")), tmp_path / FILE_NAME)

    assert refused(tmp_path / FILE_NAME).where == str(tmp_path / FILE_NAME)
