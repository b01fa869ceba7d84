import csv
import json
import math
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest

from gate.errors import HistoryError, MissingExtraError
from gate.evidence.database import limit_bytes
from gate.subject.histories import FORMATS, mlflow_sqlite, read_history
from gate.subject.histories.text import number

# file, format, first epoch, and the columns of train and validation loss and accuracy
TRACKERS = [
    (
        "lightning_metrics.csv",
        "lightning-csv",
        0,
        "train_loss_epoch",
        "val_loss",
        "train_acc",
        "val_acc",
    ),
    ("keras_history.json", "keras-history", 0, "loss", "val_loss", "accuracy", "val_accuracy"),
    ("keras_log.csv", "keras-csv", 0, "loss", "val_loss", "accuracy", "val_accuracy"),
    ("hf_trainer_state.json", "hf-trainer-state", 1, "loss", "eval_loss", None, "eval_accuracy"),
    ("timm_summary.csv", "timm-summary", 0, "train_loss", "eval_loss", None, "eval_top1"),
    (
        "ultralytics_results.csv",
        "ultralytics-results",
        1,
        "train/loss",
        "val/loss",
        None,
        "metrics/accuracy_top1",
    ),
    ("fastai_history.csv", "fastai-csv", 0, "train_loss", "valid_loss", None, "accuracy"),
    ("mlflow_run", "mlflow-files", 0, "train_loss", "val_loss", None, "val_accuracy"),
    ("mlflow.db", "mlflow-sqlite", 0, "train_loss", "val_loss", None, "val_accuracy"),
]
BOARDS = [
    ("tensorboard_torch", "tensorboard", 0, "Loss/train", "Loss/val", None, "Accuracy/val"),
    (
        "tensorboard_lightning",
        "tensorboard",
        0,
        "train_loss_epoch",
        "val_loss",
        "train_acc",
        "val_acc",
    ),
]
MADE = "train_loss", [2.0 * 0.7**epoch + 0.1 for epoch in range(6)]


def assert_read_as(path, row):
    _, format_name, first, *columns = row

    history = read_history(path)

    assert history.format == format_name
    assert history.epochs == tuple(float(epoch) for epoch in range(first, first + 6))
    assert [
        history.train_loss,
        *history.validation_losses,
        history.train_accuracy,
        history.validation_accuracy,
    ] == columns
    for column in filter(None, columns):
        assert len(history.series[column]) == 6
        assert all(value is not None for value in history.series[column])


@pytest.mark.parametrize("row", TRACKERS, ids=lambda row: row[0])
def test_the_history_of_a_tracker_is_recognised_and_its_columns_found(fixtures, row):
    assert_read_as(fixtures / row[0], row)


@pytest.mark.parametrize("row", TRACKERS, ids=lambda row: row[0])
def test_a_stated_format_reads_the_same(fixtures, row):
    path = fixtures / row[0]

    stated = read_history(path, format=row[1])

    assert repr(stated) == repr(read_history(path))  # NaN is not equal to itself


@pytest.mark.parametrize("name", [row[0] for row in TRACKERS if "." in row[0]])
def test_the_suffix_of_a_file_does_not_matter(fixtures, tmp_path, name):
    renamed = tmp_path / "history.bin"
    shutil.copy(fixtures / name, renamed)

    assert repr(read_history(renamed).series) == repr(read_history(fixtures / name).series)


@pytest.mark.parametrize("row", TRACKERS, ids=lambda row: row[0])
def test_another_stated_format_is_an_error(fixtures, row):
    other = "tensorboard" if row[1] != "tensorboard" else "csv"

    with pytest.raises(HistoryError, match=rf"is {row[1]}, not {other}|is not {other}"):
        read_history(fixtures / row[0], format=other)


def test_a_csv_of_one_tracker_is_not_read_as_that_of_another(fixtures):
    with pytest.raises(HistoryError, match="is not timm-summary: its columns are 'epoch'"):
        read_history(fixtures / "keras_log.csv", format="timm-summary")


def test_a_format_that_does_not_exist_is_told_with_those_that_do(fixtures):
    with pytest.raises(HistoryError, match="'wandb' is no format") as error:
        read_history(fixtures / "keras_log.csv", format="wandb")

    assert all(name in error.value.remedy for name in FORMATS)


@pytest.mark.parametrize("name", ["mlflow_run", "mlflow.db", "timm_summary.csv"])
def test_the_values_are_those_that_were_logged(fixtures, name):
    column, values = MADE

    assert read_history(fixtures / name).series[column] == tuple(values)


def test_lightnings_losses_of_an_epoch_are_those_of_its_file(fixtures):
    path = fixtures / "lightning_metrics.csv"
    with path.open(newline="") as file:
        logged = [row["val_loss"] for row in csv.DictReader(file) if row["val_loss"]]

    assert read_history(path).series["val_loss"] == tuple(map(float, logged))


def test_the_trainers_summary_of_the_whole_run_is_no_epoch(fixtures):
    state = json.loads((fixtures / "hf_trainer_state.json").read_text())
    assert "train_loss" in state["log_history"][-1]

    assert "train_loss" not in read_history(fixtures / "hf_trainer_state.json").series


def test_timms_percentages_are_read_as_fractions(fixtures):
    accuracies = read_history(fixtures / "timm_summary.csv").series["eval_top1"]

    assert accuracies[0] == pytest.approx(0.40)


@pytest.mark.parametrize("name", ["mlflow_run", "mlflow.db"])
def test_mlflows_nan_and_infinity_are_kept(fixtures, name):
    series = read_history(fixtures / name).series

    assert math.isnan(series["val_kappa"][5])
    assert series["train/grad_norm"][5] == math.inf


def test_a_detectors_three_losses_are_listed_and_one_can_be_named(fixtures):
    path = fixtures / "ultralytics_detection.csv"

    with pytest.raises(HistoryError, match="3 columns may be the train loss") as error:
        read_history(path)
    history = read_history(path, train_loss="train/cls_loss", validation=["val/cls_loss"])

    assert "'train/box_loss', 'train/cls_loss', 'train/dfl_loss'" in error.value.fact
    assert history.series[history.train_loss] == (2.81, 2.10)


# --- MLflow -------------------------------------------------------------------------------------


def test_a_store_with_one_run_is_read_from_above(fixtures, tmp_path):
    shutil.copytree(fixtures / "mlflow_run", tmp_path / "mlruns" / "1" / "abc")

    assert read_history(tmp_path / "mlruns").series["train_loss"] == tuple(MADE[1])


def test_a_store_with_several_runs_lists_them(fixtures, tmp_path):
    for run in ("abc", "def"):
        shutil.copytree(fixtures / "mlflow_run", tmp_path / "1" / run)
    shutil.copytree(fixtures / "mlflow_run", tmp_path / ".trash" / "thrown-away")

    with pytest.raises(HistoryError, match="holds 2 runs: '1/abc', '1/def'"):
        read_history(tmp_path)


def test_a_run_of_a_database_with_several_is_named_by_id_or_name(fixtures, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(fixtures / "mlflow.db", path)
    database = sqlite3.connect(path)
    names = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
    columns = ", ".join(name for name in names if name not in ("run_uuid", "name"))
    database.execute(
        f"INSERT INTO runs (run_uuid, name, {columns}) SELECT 'other', 'big', {columns} FROM runs"
    )
    database.execute("INSERT INTO metrics VALUES ('loss', 0.5, 1, 'other', 0, 0)")
    database.commit()
    database.close()

    with pytest.raises(HistoryError, match="holds 2 runs") as error:
        read_history(path)
    by_id, by_name = (read_history(tmp_path / f"mlflow.db#{run}") for run in ("other", "big"))

    assert error.value.remedy == "name one by its id: mlflow.db#RUN"
    assert by_id.series == by_name.series == {"loss": (0.5,)}
    with pytest.raises(HistoryError, match="none called 'third'"):
        read_history(tmp_path / "mlflow.db#third")


def test_a_damaged_metric_file_names_its_line(fixtures, tmp_path):
    shutil.copytree(fixtures / "mlflow_run", tmp_path / "run")
    (tmp_path / "run" / "metrics" / "train_loss").write_text("1 0.5 0\n0.4\n")

    with pytest.raises(HistoryError, match=r"train_loss:2: is not 'timestamp value step'"):
        read_history(tmp_path / "run")


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE metrics",
        "DROP TABLE runs",
        "UPDATE metrics SET step = 'x'",
        "UPDATE metrics SET value = x'00'",
        "UPDATE metrics SET run_uuid = 'gone'",
    ],
)
def test_a_database_that_is_not_mlflows_is_an_error_in_words(fixtures, tmp_path, statement):
    path = tmp_path / "mlflow.db"
    shutil.copy(fixtures / "mlflow.db", path)
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()

    with pytest.raises(HistoryError) as error:
        read_history(path)

    assert error.value.remedy


def test_a_damaged_database_is_an_error_in_words(fixtures, written):
    content = bytearray((fixtures / "mlflow.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)

    with pytest.raises(HistoryError, match="not a database of MLflow"):
        read_history(written(bytes(content), "mlflow.db"))


ENDLESS = """
WITH RECURSIVE n(run_uuid) AS (SELECT 'x' UNION ALL SELECT run_uuid FROM n)
SELECT run_uuid FROM n WHERE run_uuid = 'y'
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            f"DROP TABLE metrics; CREATE VIEW metrics AS {ENDLESS}",
            "it has a view in place of the table 'metrics'",
        ),
        (
            "DROP TABLE metrics; CREATE VIRTUAL TABLE metrics USING fts5(run_uuid)",
            "it has a virtual table in place of the table 'metrics'",
        ),
        (
            "ALTER TABLE metrics ADD COLUMN more AS (hex(zeroblob(100000000)))",
            "it computes columns of the table 'metrics'",
        ),
    ],
)
def test_what_stands_in_for_a_table_of_mlflow_is_refused(script, said, fixtures, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(fixtures / "mlflow.db", path)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)

    with pytest.raises(HistoryError, match=f"not a database of MLflow that can be read: {said}"):
        read_history(path)


def test_views_and_triggers_that_are_not_needed_are_of_no_account(fixtures, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(fixtures / "mlflow.db", path)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            f"CREATE VIEW latest AS {ENDLESS}; CREATE TRIGGER t AFTER INSERT ON metrics BEGIN "
            "DELETE FROM metrics; END"
        )

    assert read_history(path).series == read_history(fixtures / "mlflow.db").series


def test_a_key_longer_than_the_file_is_none_of_mlflows(fixtures, tmp_path, monkeypatch):
    monkeypatch.setattr(
        mlflow_sqlite, "limit_bytes", lambda rows, most: limit_bytes(rows, most // 10_000)
    )

    with pytest.raises(HistoryError, match="it says more than a file of its size holds"):
        read_history(fixtures / "mlflow.db")


# --- TensorBoard --------------------------------------------------------------------------------


@pytest.fixture
def board():
    return pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")


@pytest.mark.parametrize("row", BOARDS, ids=lambda row: row[0])
def test_a_log_folder_of_tensorboard_is_read(board, fixtures, row):
    assert_read_as(fixtures / row[0], row)


def test_an_event_file_alone_is_read_like_its_folder(board, fixtures):
    file = next((fixtures / "tensorboard_torch").iterdir())

    assert read_history(file).series == read_history(file.parent).series


def test_folders_in_a_log_folder_name_the_series(board, fixtures, tmp_path):
    for part in ("train", "validation"):
        shutil.copytree(fixtures / "tensorboard_torch", tmp_path / part)

    history = read_history(
        tmp_path, train_loss="train/Loss/train", validation=["validation/Loss/val"]
    )

    assert history.series["train/Loss/val"] == history.series["validation/Loss/val"]


def test_a_changed_byte_of_an_event_file_is_found(board, fixtures, written):
    content = bytearray(next((fixtures / "tensorboard_torch").iterdir()).read_bytes())
    content[len(content) // 2] ^= 0xFF

    with pytest.raises(HistoryError, match=r"damaged|cut off"):
        read_history(written(bytes(content), "events"))


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_an_event_file_that_was_cut_off_is_an_error(fixtures, written, kept):
    content = next((fixtures / "tensorboard_torch").iterdir()).read_bytes()

    with pytest.raises(HistoryError, match="is cut off after"):
        read_history(written(content[: int(len(content) * kept)], "events"))


def test_without_the_extra_the_command_to_install_it_is_told(fixtures, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(MissingExtraError, match=r"'\.\[tensorboard\]'"):
        read_history(fixtures / "tensorboard_torch")


def test_every_recognised_format_has_a_history_here():
    covered = {row[1] for row in TRACKERS + BOARDS} | {"csv", "json", "json-lines"}

    assert covered == set(FORMATS)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", None),
        ("None", None),
        (None, None),
        (" 0.5 ", 0.5),
        ("1e-3", 0.001),
        ("inf", math.inf),
        (10**400, math.inf),
        ("-Infinity", -math.inf),
        (3, 3.0),
    ],
)
def test_a_cell_is_a_number_or_nothing(cell, expected):
    assert number(cell) == expected
