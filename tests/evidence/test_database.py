"""Evidence from outside: a SQLite file may hold programs, lies and rows without end."""

import json
import os
import random
import sqlite3
import struct
from contextlib import closing
from datetime import timedelta

import pytest

from gate.cli import main
from gate.errors import EvidenceError
from gate.evidence.database import (
    DistrustError,
    limit_bytes,
    open_read_only,
    require_script,
    require_sound_pages,
)
from gate.evidence.store import FILE_NAME, load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.tables import TABLES
from gate.evidence.times import as_text, now

NUMBERS = SyntheticRun(
    critical=("dog",),
    train=((50, 0), (0, 50)),
    test=((45, 5), (3, 47)),
    groups=3,
    unreadable=2,
    copies=4,
    conflicts=1,
    duplicates=2,
    broken=1,
    confidence=(0.9, 0.8),
    train_loss=(2.0, 1.0, float("nan"), 0.5),
    probe="sound",
)
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n)"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / FILE_NAME
    save(synthetic_evidence(NUMBERS), path)
    return path


def change(path, sql):
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(sql)


def refused(path):
    with pytest.raises(EvidenceError) as caught:
        load(path)
    assert caught.value.exit_status == 4
    assert caught.value.where.startswith(str(path))
    assert caught.value.remedy
    return caught.value


# What is not ours


@pytest.mark.parametrize(
    ("script", "fact"),
    [
        (f"CREATE VIEW v AS {ENDLESS} SELECT x FROM n", "has a view of its own, 'v'"),
        (
            "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END",
            "has a trigger of its own, 't'",
        ),
        ("CREATE VIRTUAL TABLE f USING fts5(a)", "has a virtual table of its own, 'f'"),
        ("CREATE TABLE mine (a)", "has a table of its own, 'mine'"),
        ("CREATE INDEX i ON rows (abs(label))", "has an index of its own, 'i'"),
        (
            "DROP VIEW predictions; CREATE VIEW predictions AS SELECT * FROM rows",
            "does not have our 'predictions', but another of this name",
        ),
        ("DROP VIEW predictions", "has no 'predictions'"),
        (
            f"DROP TABLE about; CREATE VIEW about AS {ENDLESS} SELECT x, x FROM n",
            "does not have our 'about', but another of this name",
        ),
        (
            "ALTER TABLE rows ADD COLUMN more AS (hex(zeroblob(100000000)))",
            "does not have our 'rows', but another of this name",
        ),
        ("ALTER TABLE pairs RENAME TO pairs2", "has a table of its own, 'pairs2'"),
    ],
)
def test_a_schema_that_is_not_ours_to_the_letter_is_refused(script, fact, saved):
    change(saved, script)

    assert refused(saved).fact == fact


def test_judge_refuses_a_foreign_view_with_exit_status_4(saved, capsys):
    change(saved, f"CREATE VIEW v AS {ENDLESS} SELECT x FROM n")

    assert main(["judge", str(saved), "--policy", "smoke"]) == 4
    assert capsys.readouterr().err == (
        f"Error: {saved}: has a view of its own, 'v'; judge the file as `validate-model run` "
        "left it, or measure again\nwill not heal by running again\n"
    )


@pytest.mark.parametrize("script", ["ANALYZE", "VACUUM", "PRAGMA journal_mode = WAL"])
def test_what_ones_own_tools_do_to_a_file_is_of_no_account(script, saved, by_value):
    before = by_value(load(saved))
    change(saved, script)

    assert by_value(load(saved)) == before


def test_a_journal_beside_the_file_is_not_played_back(saved, by_value):
    before = by_value(load(saved))
    with closing(sqlite3.connect(saved)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("UPDATE rows SET label = prediction")
        database.commit()
        assert saved.with_name(f"{FILE_NAME}-wal").stat().st_size

        assert by_value(load(saved)) == before


# What contradicts itself


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("UPDATE rows SET prediction = label", "test: '000000045': its label is 0, its prediction"),
        ("UPDATE rows SET prediction = label, true_rank = 0", "test: '000000045': its true class"),
        (
            "UPDATE rows SET prediction = label, true_rank = 0, true_score = confidence",
            "test: '000000045': its prediction 0 does not have the highest of its scores",
        ),
        ("UPDATE rows SET confidence = 2 WHERE position = 3", "'000000003': its confidence is 2"),
        ("UPDATE rows SET id = '000000003'", "'000000003': is there more than once"),
        ("UPDATE rows SET id = x'00' WHERE position = 3", "holds something that is no text"),
        ("UPDATE rows SET label = 0.5", "its column label holds something"),
        ("UPDATE rows SET true_rank = 1e300", "its column true_rank holds something"),
        ("UPDATE rows SET scores = NULL WHERE position = 0", "its scores are not one for each"),
        ("UPDATE splits SET images = images + 1", "counts 101 images, and lists 100 answers"),
        ("UPDATE splits SET images = 'many'", "something there is no count"),
        ("UPDATE splits SET group_column = NULL", 'has values of "group" that it does not declare'),
        ("UPDATE rows SET slices = '[]'", "has values of slices that it does not declare"),
        ("UPDATE splits SET manifest_sha256 = 'x'", "has no digest of its data"),
        ("UPDATE splits SET path = x'ff'", "something there is no text"),
        ("DELETE FROM unreadable", "counts 102 images, and lists 100 answers and 0"),
        ("UPDATE unreadable SET label = 'cow'", "is 'cow', which is none of the classes"),
        ("UPDATE unreadable SET id = '000000003'", "could not be read, and is there more than"),
        ("UPDATE unreadable SET split = 'holdout'", "is of 'holdout', which is no split"),
        ("UPDATE rows SET split = 'validation' WHERE split LIKE 'champion%'",
         "are of 'validation', which was not measured"),
        ("UPDATE rows SET split = 'champion:validation' WHERE split LIKE 'champion%'",
         "champion on validation: was measured, and the candidate was not"),
        ("UPDATE rows SET id = id || 'x' WHERE split LIKE 'champion%'",
         "champion on test: answers to other images"),
        ("UPDATE about SET value = 'null' WHERE key = 'baseline'",
         "are of 'champion:test', which was not measured"),
        ("UPDATE overlaps SET images_b = 7", "is of 100 and 7 images, and they have 100 and 100"),
        ("UPDATE overlaps SET exact_pairs = 1", "counts 1 exact pairs, and lists 4"),
        ("UPDATE overlaps SET exact_pairs = 1000000", "counts 1,000,000 exact pairs"),
        ("UPDATE overlaps SET featureless = -1", "something there is no count"),
        ("UPDATE overlaps SET featureless = 900", "counts 900 images without features"),
        ("UPDATE overlaps SET look_alikes = 900", "counts 900 images that look like many"),
        ("UPDATE overlaps SET split_a = 'validation' WHERE split_a = 'train'", ""),
        ("UPDATE overlaps SET compared = '[]'", "of the kind bytes, which was not compared"),
        ("INSERT INTO overlaps SELECT * FROM overlaps", "two splits are compared twice"),
        ("UPDATE pairs SET b = 'x'", "'x': is listed, and no image of test"),
        ("UPDATE pairs SET label_b = 'dog'", "is 'dog' there, and 'cat' in test"),
        ("UPDATE pairs SET a = b WHERE split_a = 'test'", "is listed as a copy of itself"),
        ("UPDATE pairs SET distance = -1", "has the distance -1"),
        ("UPDATE pairs SET distance = 'far'", "the distance of '000000000' is no number"),
        ("UPDATE pairs SET split_a = 'validation'", "some are of splits that were not compared"),
        ("UPDATE classes SET name = 'cat'", "classes: one is there more than once"),
        ("UPDATE classes SET label = label + 7", "are not counted from 0"),
        ("INSERT INTO pictures VALUES ('test', 'x', '', x'00')", "is of no image of test"),
        ("INSERT INTO pictures VALUES ('test', '000000000', '', x'00')", "is no small PNG"),
        ("INSERT INTO pictures VALUES ('test', '', '', x'00')", "is of no image of test"),
        ("INSERT INTO pictures VALUES ('test', '', 'jpeg:90', x'00')", "is of no image of test"),
        ("INSERT INTO pictures VALUES ('test', '', 'mean', x'00')", "is no small PNG"),
        ("UPDATE about SET value = json_set(value, '$.nonfinite_outputs', 101) WHERE key = 'probe'",
         "probe: counts more of something than there is"),
        ("UPDATE about SET value = json_set(value, '$.batch_disagreements', 9) WHERE key = 'probe'",
         "probe: counts more of something than there is"),
        ("UPDATE about SET value = replace(value, '\"train_loss\": \"', '\"train_loss\": \"x')",
         "history: names the column 'xtrain_loss'"),
        ("UPDATE about SET value = '{\"all\": [\"nobody\"]}' WHERE key = 'parents'",
         "has parents of other classes"),
        ("DELETE FROM about WHERE key = 'measured_at'", "does not hold measured_at"),
        ("INSERT INTO about VALUES ('more', '1')", "does not hold measured_at"),
        ("UPDATE about SET value = 'null' WHERE key = 'measured_at'", ""),
        ("UPDATE about SET value = '\"soon\"' WHERE key = 'measured_at'",
         "measured_at: does not say when it was measured"),
        ("UPDATE about SET value = '-1' WHERE key = 'answers_from_cache'", ""),
        ("UPDATE about SET value = 'NaN' WHERE key = 'answers_from_cache'", ""),
        ("UPDATE about SET value = '{\"python\": 3}' WHERE key = 'environment'", ""),
        ("UPDATE about SET value = x'ff' WHERE key = 'environment'", ""),
        ("UPDATE about SET value = '1, \"probe\": null' WHERE key = 'answers_from_cache'", ""),
        ("UPDATE about SET value = replace(hex(zeroblob(50000)), '0', '[')", ""),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_place_and_fact(script, said, saved):
    change(saved, script)

    assert said in str(refused(saved)).removeprefix(f"{saved}: ")


def test_a_time_in_the_future_is_refused(saved):
    later = as_text(now() + timedelta(days=2))
    change(saved, f"UPDATE about SET value = '\"{later}\"' WHERE key = 'measured_at'")

    error = refused(saved)

    assert error.fact == f"was measured at {later}, which is more than a day in the future"
    assert error.remedy == "measure again"


def test_histograms_are_for_other_tools_and_never_read(saved, by_value):
    before = by_value(load(saved))
    change(saved, "UPDATE histograms SET positives = 7")

    assert by_value(load(saved)) == before


# What does not end


def test_a_query_without_end_is_ended(saved):
    with (
        pytest.raises(DistrustError, match="takes more steps to read than a file of its size"),
        open_read_only(saved, alone=True) as database,
    ):
        database.execute(f"{ENDLESS} SELECT count(*) FROM n").fetchone()


def test_evidence_of_a_million_steps_is_within_its_budget(tmp_path):
    """The honest twin: the larger a file, the more steps it may take."""
    save(synthetic_evidence(SyntheticRun(test=((20_000, 0), (0, 20_000)))), tmp_path / FILE_NAME)

    with open_read_only(tmp_path / FILE_NAME, alone=True) as database:
        for _ in range(10):
            require_sound_pages(database)
            database.execute("SELECT * FROM rows ORDER BY position").fetchall()


def test_pages_that_are_used_twice_are_refused(tmp_path):
    """All children of the root of ``rows`` are made the same page: a small file, many rows."""
    path = tmp_path / FILE_NAME
    save(synthetic_evidence(SyntheticRun(test=((2_000, 0), (0, 2_000)))), path)
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        name = "SELECT rootpage FROM sqlite_master WHERE name = 'rows'"
        root = (database.execute(name).fetchone()[0] - 1) * size
    assert content[root] == 2, "it has children"
    cells = struct.unpack(">H", content[root + 3 : root + 5])[0]
    places = struct.unpack(f">{cells}H", content[root + 12 : root + 12 + 2 * cells])
    for place in places:
        content[root + place : root + place + 4] = content[root + places[0] : root + places[0] + 4]
    path.write_bytes(content)

    assert refused(path).fact == "is damaged"


def test_rows_that_say_more_than_the_file_holds_are_ended():
    assert list(limit_bytes([("a", b"b", 7, None)] * 3, 6)) == [("a", b"b", 7, None)] * 3
    with pytest.raises(DistrustError, match="says more than a file of its size holds"):
        list(limit_bytes([("a" * 4, b"b" * 3)] * 3, 20))


def test_nothing_is_written_and_nothing_attached(saved, tmp_path):
    with open_read_only(saved, alone=True) as database:
        require_script(database, TABLES)
        for statement in ("DELETE FROM rows", f"ATTACH '{tmp_path / 'x'}' AS other"):
            with pytest.raises(sqlite3.Error):
                database.execute(statement)

    assert not (tmp_path / "x").exists()


# Whatever is changed


VALUES = (None, -1, 0, 1, 7, 2**40, 0.5, 1e300, float("nan"), "", "test", "null", "[]", "{}",
          '["x"]', "[[1]]", "7", "NaN", b"", b"\xff", b"\0" * 8, "\N{ROCKET}" * 50)  # fmt: skip


def mutate(path, dice):
    """Change one value, or one column, of one table; or lose or double one row."""
    with closing(sqlite3.connect(path)) as database, database:
        tables = [name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]  # fmt: skip
        table = dice.choice(tables)
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
        if not rows:
            return
        row = dict(zip(columns, dice.choice(rows), strict=True))
        column = dice.choice(columns)
        here = " AND ".join(f'"{name}" IS ?' for name in columns)
        ours = list(row.values())
        value = dice.choice([*VALUES, dice.choice(rows)[columns.index(column)]])
        try:
            match dice.randrange(8):
                case 0:
                    database.execute(f"DELETE FROM {table} WHERE {here}", ours)
                case 1:
                    marks = ", ".join("?" * len(columns))
                    row[column] = value
                    database.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))
                case 2:
                    database.execute(f'UPDATE {table} SET "{column}" = ?', (value,))
                case 3 if isinstance(row[column], str) and len(row[column]) > 1:
                    cut = dice.randrange(len(row[column]))
                    text = row[column][:cut] + dice.choice('0-"[]{}, x') + row[column][cut + 1 :]
                    database.execute(
                        f'UPDATE {table} SET "{column}" = ? WHERE {here}', [text, *ours]
                    )
                case _:
                    database.execute(
                        f'UPDATE {table} SET "{column}" = ? WHERE {here}', [value, *ours]
                    )
        except sqlite3.IntegrityError:  # SQLite does not take it
            return


@pytest.mark.parametrize("times", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_whatever_is_changed_it_is_judged_or_refused_in_words(times, saved, capsys):
    content = saved.read_bytes()
    dice = random.Random(times)
    refusals = 0

    for _ in range(times):
        saved.write_bytes(content)
        for _ in range(dice.choice([1, 1, 2])):
            mutate(saved, dice)

        status = main(["judge", str(saved), "--policy", "smoke", "--format", "json"])

        said = capsys.readouterr()
        assert status in (0, 1, 3, 4), said.err
        if said.err:
            refusals += 1
            assert status == 4
            assert said.err.startswith(f"Error: {saved}")
            assert said.err.endswith("\nwill not heal by running again\n")
            assert said.err.count("\n") == 2
        else:
            kinds = [error["kind"] for error in json.loads(said.out)["errors"]]
            assert "rule-crashed" not in kinds
    assert refusals > times // 3


@pytest.mark.slow
def test_whatever_bytes_are_changed_it_is_judged_or_refused_in_words(saved, capsys):
    content = saved.read_bytes()
    dice = random.Random(1)

    for _ in range(600):
        spoilt = bytearray(content)
        for _ in range(dice.choice([1, 2, 8])):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        saved.write_bytes(spoilt)

        status = main(["judge", str(saved), "--policy", "smoke"])

        assert status in (0, 1, 3, 4)
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="no pipes and no holes in files here")
def test_a_pipe_is_no_evidence(tmp_path):
    os.mkfifo(tmp_path / FILE_NAME)

    for path in (tmp_path, tmp_path / FILE_NAME):
        with pytest.raises(EvidenceError, match="there is no saved evidence"):
            load(path)


@pytest.mark.skipif(os.name != "posix", reason="no pipes and no holes in files here")
@pytest.mark.parametrize("counted", [True, False])
def test_a_file_that_is_mostly_a_hole_is_refused_at_once(counted, saved):
    """Its size, which bounds how long it is read, is that of a disk, and takes no room there."""
    os.truncate(saved, 1 << 40)
    if counted:  # and its header says that all of it are pages
        with saved.open("r+b") as stream:
            stream.seek(28)
            stream.write(((1 << 40) // 4096).to_bytes(4, "big"))

    refused(saved)
