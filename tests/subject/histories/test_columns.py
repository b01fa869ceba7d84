import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import HistoryError
from gate.subject.histories import read_history
from gate.subject.histories.columns import words_of


def csv_of(*names, rows=3):
    values = [",".join(f"0.{row + 1}{index}" for index in range(len(names))) for row in range(rows)]
    return "\n".join([",".join(names), *values]) + "\n"


@pytest.mark.parametrize(
    ("names", "train", "validation"),
    [
        (["train_loss", "val_loss"], "train_loss", "val_loss"),
        (["training_loss", "validation_loss"], "training_loss", "validation_loss"),
        (["train/loss", "valid/loss"], "train/loss", "valid/loss"),
        (["Loss/train", "Loss/test"], "Loss/train", "Loss/test"),
        (["trainLoss", "valLoss"], "trainLoss", "valLoss"),
        (["Train Loss", "Val. Loss"], "Train Loss", "Val. Loss"),
        (["loss", "val_loss"], "loss", "val_loss"),
        (["loss", "eval_loss"], "loss", "eval_loss"),
        (["epoch_loss", "val_epoch_loss"], "epoch_loss", "val_epoch_loss"),
        (["train_loss", "test_loss"], "train_loss", "test_loss"),
        (["train_loss", "loss"], "train_loss", None),
        (["train_loss_step", "train_loss_epoch"], "train_loss_epoch", None),
        (["train_loss_step", "val_loss"], "train_loss_step", "val_loss"),
        (["train_ce", "val_ce"], "train_ce", "val_ce"),
        (["train_cross_entropy", "val_cross_entropy"], "train_cross_entropy", "val_cross_entropy"),
        (["train_focal_loss", "val_focal_loss"], "train_focal_loss", "val_focal_loss"),
        (["train_loss", "train_aux_loss"], "train_loss", None),
        (["train_loss", "val_loss/dataloader_idx_0"], "train_loss", "val_loss/dataloader_idx_0"),
        (["val_loss", "lr"], None, "val_loss"),
    ],
)
def test_the_usual_names_of_losses_are_found(written, names, train, validation):
    history = read_history(written(csv_of(*names)))

    assert history.train_loss == train
    assert history.validation_losses == ((validation,) if validation else ())


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["train_loss", "training_loss"], "train loss"),
        (["train_loss", "Train Loss"], "train loss"),
        (["loss", "Loss"], "train loss"),
        (["train_a_loss", "train_b_loss"], "train loss"),
    ],
)
def test_two_columns_that_read_equally_well_are_listed_and_not_guessed(written, names, role):
    with pytest.raises(HistoryError, match=f"2 columns may be the {role}: ") as error:
        read_history(written(csv_of(*names)))

    assert sum(repr(name) in error.value.fact for name in names) == 2
    assert error.value.remedy == f"name the one to judge as {role.replace(' ', '_')}"


@pytest.mark.parametrize(
    ("names", "validation"),
    [
        (["loss", "val_loss", "valid_loss"], ("val_loss", "valid_loss")),
        (["loss", "val_loss", "valloss"], ("val_loss", "valloss")),
        (["loss", "val_loss", "test_loss"], ("val_loss", "test_loss")),
        (["loss", "val_loss/0", "val_loss/1"], ("val_loss/0", "val_loss/1")),
        (["loss", "val_loss_ema", "val_loss_raw"], ("val_loss_ema", "val_loss_raw")),
        (["loss", "val_loss_step", "val_loss_epoch"], ("val_loss_epoch",)),
        (["loss", "val_loss", "val_aux_loss"], ("val_loss",)),
    ],
)
def test_every_column_that_is_called_a_held_out_loss_is_read(written, names, validation):
    history = read_history(written(csv_of(*names)))

    assert history.validation_losses == validation


def test_a_single_value_that_a_test_after_the_training_leaves_is_no_curve(written):
    history = read_history(written("loss,val_loss,test_loss\n2,2,\n1,1,\n,,3\n"))

    assert (history.validation_losses, history.unread) == (("val_loss",), ())


def test_several_validation_losses_can_be_named(written):
    history = read_history(written(csv_of("loss", "a", "b")), validation=["b", "a", "b"])

    assert history.validation_losses == ("b", "a")


LOOKS_HELD_OUT = (
    *(
        "holdout_loss",
        "v_loss",
        "vloss",
        "val_los",
        "oos_loss",
        "generalization_loss",
        "hold_out_loss",
        "HeldOutLoss",
        "cv_loss",
        "fold3/loss",
        "val_objective",
    ),
    *("verlust_validierung", "perte_validation", "unseen_nll", "oof_loss", "val_aux_loss"),
    *("valcost", "val_criterion", "test_focal_loss", "outer/val/loss_ema", "Prüfung/Verlust"),
)
NO_HELD_OUT_LOSS = (
    *("train_loss_step", "aux_loss", "loss_ema", "interval_loss", "retrieval_loss", "val_acc"),
    *("valve_loss", "eval_runtime", "val_f1", "test_accuracy", "lr", "grad_norm", "validation_iou"),
)


@pytest.mark.parametrize("name", LOOKS_HELD_OUT)
def test_a_column_that_looks_like_a_held_out_loss_and_is_not_read_is_named(written, name):
    history = read_history(written(csv_of("epoch", "train_loss", "val_loss", name)))

    assert (history.validation_losses, history.unread) == (("val_loss",), (name,))


@pytest.mark.parametrize("name", NO_HELD_OUT_LOSS)
def test_a_column_of_something_else_is_passed_over(written, name):
    history = read_history(written(csv_of("epoch", "train_loss", "val_loss", name)))

    assert (history.validation_losses, history.unread) == (("val_loss",), ())


def test_a_held_out_loss_that_the_owner_does_not_name_is_named_for_them(written):
    path = written(csv_of("train_loss", "val_loss", "holdout_loss"))

    assert read_history(path, validation=["holdout_loss"]).unread == ("val_loss",)
    assert read_history(path, validation=["val_loss", "holdout_loss"]).unread == ()


def test_a_held_out_loss_that_is_given_as_the_train_loss_is_named(written):
    path = written(csv_of("train_loss", "val_loss", "holdout_loss"))

    history = read_history(path, train_loss="holdout_loss", validation=["val_loss"])

    assert history.unread == ("holdout_loss",)


def test_a_loss_that_turned_into_nan_is_named_and_one_value_at_the_end_is_none(written):
    broken = "loss,val_loss,holdout_loss\n3,2,2\n2,1,nan\n1,1,nan\n"
    last = "loss,val_loss,holdout_loss\n3,2,nan\n2,1,nan\n1,1,2\n"

    assert read_history(written(broken)).unread == ("holdout_loss",)
    assert read_history(written(last)).unread == ()


def test_a_loss_that_repeats_one_that_is_read_is_no_other_one(written):
    path = written("loss,val_loss,evaluation_loss_of_all\n3,2,2\n2,1,1\n1,1,1\n")

    assert read_history(path).unread == ()


def test_a_loss_of_steps_beside_that_of_epochs_is_passed_over_only_where_it_is_finer(written):
    finer = "epoch,loss,val_loss_epoch,val_loss_step\n0,3,,5\n0,,2,4\n1,2,,3\n1,,1,2\n"
    disguised = "epoch,loss,val_loss_epoch,val_loss_step\n0,3,2,5\n1,2,1,6\n2,1,1,7\n"

    assert read_history(written(finer)).unread == ()
    assert read_history(written(disguised)).unread == ("val_loss_step",)


def test_the_order_of_the_columns_changes_nothing(written):
    names = ["epoch", "train_loss", "val_loss", "loss"]

    found = {
        (history.train_loss, history.validation_losses)
        for order in itertools.permutations(names)
        for history in [read_history(written(csv_of(*order)))]
    }

    assert found == {("train_loss", ("val_loss",))}


def test_named_columns_are_taken_whatever_their_names(written):
    path = written(csv_of("a", "b", "train_loss"))

    history = read_history(path, train_loss="b", validation=["a"])

    assert (history.train_loss, history.validation_losses) == ("b", ("a",))


def test_a_named_column_that_is_not_there_brings_the_nearest(written):
    with pytest.raises(HistoryError, match="no column 'train_los'") as error:
        read_history(written(csv_of("train_loss", "val_loss")), train_loss="train_los")

    assert error.value.remedy == "did you mean 'train_loss'?"


def test_one_column_cannot_be_both_losses(written):
    with pytest.raises(HistoryError, match="cannot be both"):
        read_history(written(csv_of("loss", "lr")), validation=["loss"])


def test_without_a_loss_the_columns_are_listed(written):
    with pytest.raises(HistoryError, match="no column looks like a loss; it has 'lr', 'f1'"):
        read_history(written(csv_of("lr", "f1")))


def test_a_history_without_validation_has_none(written):
    assert read_history(written(csv_of("epoch", "loss"))).validation_losses == ()


def test_a_loss_column_without_a_value_is_no_candidate(written):
    history = read_history(written("epoch,train_loss,val_loss,loss\n0,,,2\n1,,,1\n"))

    assert (history.train_loss, history.validation_losses) == ("loss", ())


@pytest.mark.parametrize(
    ("names", "train", "validation"),
    [
        (["loss", "accuracy", "val_accuracy"], "accuracy", "val_accuracy"),
        (["train_loss", "train_acc", "val_acc"], "train_acc", "val_acc"),
        (["train_loss", "acc"], None, None),
        (["train_loss", "eval_top1", "eval_top5"], None, "eval_top1"),
        (["train_loss", "val_acc@1", "val_acc@5"], None, "val_acc@1"),
        (["train_loss", "val_acc", "val_accuracy"], None, None),
    ],
)
def test_accuracies_are_taken_only_where_they_are_clear(written, names, train, validation):
    history = read_history(written(csv_of(*names)))

    assert (history.train_accuracy, history.validation_accuracy) == (train, validation)


def test_two_accuracies_are_noted_and_stop_nothing(written):
    history = read_history(written(csv_of("loss", "val_acc", "val_accuracy")))

    assert "'val_acc', 'val_accuracy' may each be the validation accuracy" in "; ".join(
        history.notes
    )


@pytest.mark.parametrize(
    ("logged", "read"),
    [
        ([0.4, 0.9, 1], (0.4, 0.9, 1.0)),
        ([0, 0, 1], (0.0, 0.0, 1.0)),
        ([40, 90, 100], (0.4, 0.9, 1.0)),
        ([0, 90, 95], (0.0, 0.9, 0.95)),
    ],
)
def test_accuracies_are_fractions_in_whatever_unit_they_were_logged(written, logged, read):
    rows = "\n".join(f"1,{value}" for value in logged)

    history = read_history(written(f"loss,val_acc\n{rows}\n"))

    assert history.series[history.validation_accuracy] == read


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        ([0.4, 90, 95], "mixes fractions (0.4) and percentages (90)"),
        ([40, 90, 101], "leaves the range of 0 to 100 %"),
        ([-0.1, 0.5, 0.6], "leaves the range of 0 to 100 %"),
    ],
)
def test_an_accuracy_that_cannot_be_one_is_left_out_with_a_reason(written, logged, reason):
    rows = "\n".join(f"1,{value}" for value in logged)

    history = read_history(written(f"loss,val_acc\n{rows}\n"))

    assert history.validation_accuracy is None
    assert history.series["val_acc"] == tuple(logged)
    assert reason in "; ".join(history.notes)


@given(st.sampled_from(["train loss", "val top 1", "eval cross entropy", "loss"]))
def test_a_name_reads_the_same_in_every_style(name):
    words = name.split()
    camel = words[0] + "".join(word.capitalize() for word in words[1:])

    for style in ("_".join(words), "/".join(words), "-".join(words).upper(), camel, f" {name} "):
        assert words_of(style) == frozenset(words)
