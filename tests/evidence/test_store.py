"""Evidence on disk: what was saved is what is read, or it is refused in words."""

import contextlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceError, OutputError
from gate.evidence import store, writing
from gate.evidence.records import Split
from gate.evidence.store import FILE_NAME, load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

NUMBERS = SyntheticRun(
    critical=("dog",),
    train=((50, 0), (0, 50)),
    validation=((9, 1), (1, 9)),
    test=((45, 5), (3, 47)),
    groups=3,
    unreadable=2,
    copies=4,
    conflicts=1,
    train_loss=(2.0, 1.0, float("nan"), 0.5),
    validation_loss=(2.0, 1.0, 0.9, float("inf")),
    probe="sound",
)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / FILE_NAME
    save(synthetic_evidence(NUMBERS), path)
    return path


def refused(path):
    with pytest.raises(EvidenceError) as caught:
        load(path)
    error = caught.value
    assert error.exit_status == 4
    assert error.where
    assert error.fact
    assert error.remedy
    return error


def query(path, sql):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def change(path, sql):
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(sql)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_was_saved_is_what_is_loaded(data, evidences, by_value, tmp_path):
    evidence = data.draw(evidences)
    save(evidence, tmp_path / FILE_NAME)

    assert by_value(load(tmp_path / FILE_NAME)) == by_value(evidence)


def test_a_folder_stands_for_the_evidence_in_it(saved, by_value):
    assert by_value(load(saved.parent)) == by_value(load(saved))


def test_the_same_evidence_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save(synthetic_evidence(NUMBERS), tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# Read with other tools


def test_anyone_can_ask_the_file_in_sql_which_images_were_mistaken(saved):
    wrong = query(
        saved,
        "SELECT label, prediction, count(*) FROM predictions "
        "WHERE split = 'test' AND label <> prediction GROUP BY label, prediction",
    )

    assert sorted(wrong) == [("cat", "dog", 5), ("dog", "cat", 3)]


def test_the_tables_are_one_for_each_kind_of_record(saved):
    found = {
        name for (name,) in query(saved, "SELECT name FROM sqlite_master WHERE type != 'index'")
    }

    assert found == {
        "about", "classes", "splits", "rows", "histograms", "unreadable", "overlaps", "pairs",
        "measurements", "observed_columns", "observations", "observed", "pictures", "predictions",
    }  # fmt: skip


def test_the_histograms_count_every_score_once(tmp_path):
    evidence = synthetic_evidence(SyntheticRun(test=((3, 1), (0, 2))))
    split = evidence.splits[Split.TEST]
    scores = np.array([[1, 0], [0.5, 0.5], [0.995, 0.005], [0, 1], [0.2, 0.8], [0, 1]], np.float32)
    rows = replace(split.rows, scores=scores)
    evidence = replace(evidence, splits={Split.TEST: replace(split, rows=rows)})
    save(evidence, tmp_path / FILE_NAME)

    counted = query(
        tmp_path / FILE_NAME,
        "SELECT class, sum(positives), sum(negatives), max(bin) FROM histograms GROUP BY class",
    )

    assert counted == [("cat", 4, 2, 99), ("dog", 2, 4, 99)]


# Written whole or not at all


@pytest.mark.parametrize("crash", [KeyboardInterrupt, MemoryError, sqlite3.OperationalError])
def test_a_crash_in_the_middle_leaves_the_old_file_and_nothing_else(crash, saved, monkeypatch):
    before = saved.read_bytes()
    write = writing._write_split

    def half(split, classes, database):
        write(split, classes, database)
        raise crash

    monkeypatch.setattr(writing, "_write_split", half)
    with pytest.raises(crash):
        save(synthetic_evidence(NUMBERS), saved)

    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [FILE_NAME]


def test_evidence_that_the_disk_does_not_take_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"no-such-folder.*cannot be written .*make room there"):
        save(synthetic_evidence(NUMBERS), tmp_path / "no-such-folder" / FILE_NAME)


def test_a_crash_leaves_no_file_where_there_was_none(tmp_path, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "write", crash)
    with pytest.raises(KeyboardInterrupt):
        save(synthetic_evidence(NUMBERS), tmp_path / FILE_NAME)

    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_what_was_there(saved):
    save(synthetic_evidence(SyntheticRun(test=((1, 0), (0, 1)))), saved)

    assert list(load(saved).splits) == [Split.TEST]


# Refused


def test_a_missing_file_is_refused(tmp_path):
    assert refused(tmp_path / "nothing.sqlite").fact == "there is no saved evidence"


def test_a_folder_without_evidence_is_refused(tmp_path):
    assert "validate-model run" in refused(tmp_path).remedy


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"not a database", b"SQLite format 3\0", b"PK\x03\x04", b"{}", bytes(4096)],
    ids=["empty", "one zero", "text", "magic only", "zip", "json", "zeros"],
)
def test_what_is_no_database_is_refused(content, tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)

    refused(path)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_file_is_refused(share, saved):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])

    refused(saved)


def test_another_version_is_refused_by_its_number(saved):
    change(saved, "PRAGMA user_version = 99")

    assert refused(saved).fact == "the evidence has version 99, this program reads version 6"


def test_another_programs_database_is_refused(tmp_path):
    change(tmp_path / FILE_NAME, "CREATE TABLE rows (id TEXT); PRAGMA user_version = 3")

    refused(tmp_path / FILE_NAME)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE about",
        "DROP TABLE rows",
        "DELETE FROM about WHERE key = 'failures'",
        "UPDATE about SET value = 'not json' WHERE key = 'probe'",
        "UPDATE about SET value = '[1]' WHERE key = 'probe'",
        "UPDATE about SET value = '7' WHERE key = 'history'",
        "UPDATE about SET value = '[7]' WHERE key = 'failures'",
        "DELETE FROM about WHERE key = 'configuration'",
        "UPDATE about SET value = 'null' WHERE key = 'configuration'",
        """UPDATE about SET value = '{"input": 7}' WHERE key = 'configuration'""",
        """UPDATE about SET value = '{"input": {"mean": NaN}}' WHERE key = 'configuration'""",
        """UPDATE about SET value = '{"groups": {"holdout": null}}' WHERE key = 'configuration'""",
        """UPDATE about SET value = '{"code": {"a": {"name": 1}}}' WHERE key = 'configuration'""",
        "UPDATE splits SET split = 'holdout' WHERE split = 'test'",
        "UPDATE splits SET slice_columns = '[\"site\"]'",
        "UPDATE rows SET label = 2",
        "UPDATE rows SET label = -1",
        "UPDATE rows SET prediction = 7 WHERE position = 3",
        "UPDATE rows SET label = 'cat'",
        "UPDATE rows SET label = 9223372036854775807",
        "UPDATE rows SET scores = x'00' WHERE position = 0",
        "UPDATE pairs SET kind = 'alike'",
        "UPDATE overlaps SET compared = '[\"alike\"]'",
        "DELETE FROM classes",
        "DELETE FROM rows WHERE split = 'test'",
        "DELETE FROM rows WHERE split = 'test' AND label = 1",
        "DELETE FROM unreadable",
    ],
)
def test_a_damaged_database_is_refused(damage, saved):
    change(saved, damage)

    refused(saved)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_changed_it_is_read_or_refused_in_words(data, saved):
    content = bytearray(saved.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    changed = saved.with_name("changed.sqlite")
    changed.write_bytes(content)

    with contextlib.suppress(EvidenceError):
        evidence = load(changed)
        assert json.dumps(list(evidence.classes))
        for split in evidence.splits.values():
            split.rows.confusion(len(evidence.classes))
