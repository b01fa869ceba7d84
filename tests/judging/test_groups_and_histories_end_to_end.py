"""Groups and training histories, from the files of a user to the text."""

import shutil
from pathlib import Path

import pytest

HISTORIES = Path(__file__).parents[1] / "subject" / "histories" / "fixtures"


def grouped(folder, size, counts=((90, 10), (10, 90))):
    rows = folder.rows(counts)
    for index, row in enumerate(rows):
        row["patient"] = f"p{index // size:03}"
    folder.table("test.csv", rows)
    return {"test": {"predictions": "test.csv", "group": "patient"}}


def accuracy(ran):
    return ran.result("accuracy")["measured"]["interval"]


def test_images_of_one_patient_prove_less(folder):
    folder.policy({"check": "accuracy", "min": 0.84})

    alone = folder.run(data=grouped(folder, 1))
    together = folder.run(data=grouped(folder, 5))

    assert accuracy(alone)["method"] == "Clopper-Pearson"
    assert accuracy(together)["method"].startswith("padded")
    assert accuracy(together)["low"] < accuracy(alone)["low"]
    assert (alone.status, together.status) == (0, 3)
    assert together.report["data"]["test"]["groups"] == 40


def test_groups_of_one_image_each_change_nothing(folder):
    folder.policy({"check": "accuracy", "min": 0.84})
    folder.table("test.csv", folder.rows(((90, 10), (10, 90))))

    without = folder.run()
    distinct = folder.run(data=grouped(folder, 1))

    assert accuracy(without) == accuracy(distinct)


@pytest.mark.parametrize(("size", "groups"), [(200, 1), (25, 8)])
def test_too_few_groups_prove_nothing(folder, size, groups):
    folder.policy({"check": "accuracy", "min": 0.5})

    ran = folder.run(data=grouped(folder, size))

    assert ran.status == 3
    assert ran.report["data"]["test"]["groups"] == groups
    assert f"{groups} group" in ran.result("accuracy")["message"]


def test_ten_groups_are_enough_to_judge(folder):
    folder.policy({"check": "accuracy", "min": 0.5})

    ran = folder.run(data=grouped(folder, 20))

    assert ran.status == 0


def test_a_group_column_that_is_not_there_is_an_error(folder):
    folder.table("test.csv", folder.rows(((90, 10), (10, 90))))
    folder.policy({"check": "accuracy", "min": 0.5})

    ran = folder.run(data={"test": {"predictions": "test.csv", "group": "pateint"}})

    assert ran.status == 4
    assert "no column 'pateint'" in ran.errors


TAKEN = {
    "fastai_history.csv": ("fastai-csv", "train_loss", "valid_loss"),
    "hf_trainer_state.json": ("hf-trainer-state", "loss", "eval_loss"),
    "keras_history.json": ("keras-history", "loss", "val_loss"),
    "keras_log.csv": ("keras-csv", "loss", "val_loss"),
    "lightning_metrics.csv": ("lightning-csv", "train_loss_epoch", "val_loss"),
    "mlflow.db": ("mlflow-sqlite", "train_loss", "val_loss"),
    "mlflow_run": ("mlflow-files", "train_loss", "val_loss"),
    "tensorboard_lightning": ("tensorboard", "train_loss_epoch", "val_loss"),
    "tensorboard_torch": ("tensorboard", "Loss/train", "Loss/val"),
    "pandas_columns.json": ("json", "loss", "val_loss"),
    "pandas_split.json": ("json", "loss", "val_loss"),
    "timm_summary.csv": ("timm-summary", "train_loss", "eval_loss"),
    "ultralytics_results.csv": ("ultralytics-results", "train/loss", "val/loss"),
}


def with_history(folder, name):
    source = HISTORIES / name
    copied = shutil.copytree if source.is_dir() else shutil.copy
    copied(source, folder.path / name)
    folder.table("test.csv", folder.rows(((90, 10), (10, 90))))
    folder.policy({"check": "loss-curve"})
    return folder.run(history=name)


@pytest.mark.parametrize("name", TAKEN)
def test_what_was_taken_for_the_losses_is_printed(folder, name):
    if name.startswith("tensorboard"):
        pytest.importorskip("tensorboard", reason="event files are read by an extra")
    format_, train, validation = TAKEN[name]

    ran = with_history(folder, name)

    assert ran.report["history"]["format"] == format_
    assert f"history 6 epochs of {format_}; train loss is column '{train}'; validation" in ran.words
    assert f"validation loss is column '{validation}'" in ran.words


def test_every_committed_history_is_run():
    assert {each.name for each in HISTORIES.iterdir()} == {
        *TAKEN,
        "README.md",
        "ultralytics_detection.csv",
    }


def test_doubts_about_a_history_are_printed(folder):
    ran = with_history(folder, "keras_history.json")

    assert "no column counts epochs: the rows are numbered from 0" in ran.words
    assert ran.report["history"]["notes"] == [
        "no column counts epochs: the rows are numbered from 0"
    ]


def test_losses_that_cannot_be_told_apart_are_an_error_that_lists_them(folder):
    ran = with_history(folder, "ultralytics_detection.csv")

    assert ran.status == 4
    assert "3 columns may be the train loss: 'train/box_loss', 'train/cls_loss'" in ran.errors


def test_the_columns_can_be_named(folder):
    with_history(folder, "ultralytics_detection.csv")

    ran = folder.run(
        history={
            "path": "ultralytics_detection.csv",
            "train_loss": "train/cls_loss",
            "validation": "val/cls_loss",
        }
    )

    assert "train loss is column 'train/cls_loss'" in ran.words


BAD = {
    "nan": ("epoch,loss\n0,2\n1,nan\n2,1\n3,0.9\n4,0.8\n", 1, "is nan at epoch 1 (1 of 5 values)"),
    "text": ("epoch,loss\n0,2\n1,bad\n", 4, "no number"),
    "duplicated epochs": ("epoch,loss\n0,2\n0,1.5\n1,1\n2,.9\n3,.8\n4,.7\n", 0, "the last counts"),
    "decreasing steps": (
        "step,loss\n10,2\n20,1\n30,0.9\n20,1.1\n30,0.8\n40,0.7\n50,0.6\n",
        0,
        "goes back once: training was resumed",
    ),
    "percentages among fractions": (
        "epoch,loss,acc\n0,2,0.4\n1,1,90\n2,0.9,95\n3,0.8,96\n4,0.7,97\n",
        0,
        "mixes fractions (0.4) and percentages (90)",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_history_is_named_and_never_read_in_silence(folder, fault):
    text, status, said = BAD[fault]
    (folder.path / "history.csv").write_text(text, encoding="utf-8")
    folder.table("test.csv", folder.rows(((90, 10), (10, 90))))
    folder.policy({"check": "loss-curve"})

    ran = folder.run(history="history.csv")

    assert ran.status == status
    assert said in ran.words
