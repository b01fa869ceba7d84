"""A NaN where no validation was run is nothing; one that the training gave is a finding."""

import json
import math

import pytest

from gate.subject.histories import read_history

TRAIN = [0.69 * 0.9**epoch + 0.02 for epoch in range(20)]
VALIDATION = [loss + 0.05 for loss in TRAIN]


def keras_log(written, validation, *, accuracy="same", train=TRAIN):
    """Write what Keras's CSVLogger does, ``validation`` holding a loss or NaN for each epoch."""
    accuracies = {
        "same": ["nan" if math.isnan(loss) else "0.9" for loss in validation],
        "always": ["0.9"] * len(validation),
        "none": None,
    }[accuracy]
    columns = [["epoch", *range(len(train))], ["loss", *train], ["val_loss", *validation]]
    if accuracies is not None:
        columns.append(["val_accuracy", *accuracies])
    rows = zip(*columns, strict=True)
    return written("\n".join(",".join(map(str, row)) for row in rows))


def every(step, *, first=None, count=20):
    """Return the validation loss of every ``step``-th epoch, NaN in the others."""
    first = step - 1 if first is None else first
    return [
        VALIDATION[epoch] if epoch % step == first % step and epoch >= first else math.nan
        for epoch in range(count)
    ]


def blank(values):
    return tuple(None if math.isnan(value) else value for value in values)


def kept(history):
    """Return whether the validation loss stands as it was logged, NaN and all."""
    return any(value is not None and math.isnan(value) for value in history.series["val_loss"])


@pytest.mark.parametrize("accuracy", ["same", "none"])
def test_a_validation_column_of_nan_alone_was_not_logged(written, accuracy):
    history = read_history(keras_log(written, [math.nan] * 20, accuracy=accuracy))

    assert history.validation_losses == ()
    assert history.validation_accuracy is None
    assert "column 'val_loss' is NaN in all rows: it was not logged" in history.notes


@pytest.mark.parametrize("accuracy", ["same", "none"])
@pytest.mark.parametrize(
    "validation",
    [every(5), every(5, first=0), every(2), every(20), [*every(5, first=0)[:19], VALIDATION[19]]],
    ids=["after every fifth", "from the first", "every second", "the last", "and the last"],
)
def test_a_validation_that_runs_in_a_rhythm_leaves_gaps(written, validation, accuracy):
    history = read_history(keras_log(written, validation, accuracy=accuracy))

    assert history.series["val_loss"] == blank(validation)
    assert "rows without a validation: not logged there" in "; ".join(history.notes)


def test_a_list_of_epochs_is_told_by_the_other_columns_of_the_validation(written):
    chosen = [
        VALIDATION[epoch] if epoch in (0, 1, 9, 13) else math.nan for epoch in range(len(TRAIN))
    ]

    history = read_history(keras_log(written, chosen))

    assert history.series["val_loss"] == blank(chosen)


@pytest.mark.parametrize(
    ("validation", "accuracy"),
    [
        ([*VALIDATION[:10], *[math.nan] * 10], "none"),
        ([VALIDATION[0], *[math.nan] * 19], "none"),
        ([*every(5)[:10], *[math.nan] * 10], "none"),
        ([*VALIDATION[:7], math.nan, *VALIDATION[8:]], "none"),
        ([*VALIDATION[:2], math.nan, VALIDATION[3]], "none"),
        ([math.nan] * 20, "always"),
        (every(5), "always"),
    ],
    ids=[
        "to its end",
        "after the first",
        "a rhythm that breaks off",
        "one epoch",
        "one of four",
        "all, beside an accuracy",
        "a rhythm, beside an accuracy",
    ],
)
def test_a_nan_of_a_validation_that_was_run_is_kept(written, validation, accuracy):
    train = TRAIN[: len(validation)]

    assert kept(read_history(keras_log(written, validation, accuracy=accuracy, train=train)))


def test_nothing_is_excused_where_the_train_loss_is_nan_too(written):
    train = [*TRAIN[:10], *[math.nan] * 10]

    assert kept(read_history(keras_log(written, every(5), train=train)))


def test_an_infinity_is_never_nothing(written):
    history = read_history(keras_log(written, [math.inf] * 20, accuracy="none"))

    assert history.series["val_loss"] == (math.inf,) * 20


def test_rows_of_training_and_of_validation_in_turns_are_joined(written):
    rows = []
    for epoch in range(6):
        rows.append({"epoch": epoch, "train_loss": TRAIN[epoch], "val_loss": math.nan})
        rows.append({"epoch": epoch, "train_loss": math.nan, "val_loss": VALIDATION[epoch]})

    history = read_history(written(json.dumps(rows)))

    assert history.series["train_loss"] == tuple(TRAIN[:6])
    assert history.series["val_loss"] == tuple(VALIDATION[:6])


@pytest.mark.parametrize("key", ["epoch", "step", None])
def test_a_train_loss_that_turns_into_nan_is_no_turn_of_the_validation(written, key):
    rows = [{"train_loss": TRAIN[epoch], "val_loss": math.nan} for epoch in range(5)]
    rows += [{"train_loss": math.nan, "val_loss": VALIDATION[epoch]} for epoch in range(5, 10)]
    if key is not None:
        rows = [{key: place, **row} for place, row in enumerate(rows)]

    history = read_history(written(json.dumps(rows)))

    assert sum(value is not None and math.isnan(value) for value in history.series["train_loss"])


@pytest.mark.parametrize("by_epoch", [True, False])
def test_a_table_of_the_training_above_one_of_its_validation_is_joined(written, by_epoch):
    rows = [{"epoch": e, "train_loss": TRAIN[e], "val_loss": math.nan} for e in range(6)]
    validated = range(6) if by_epoch else [6]  # of each epoch, or once after the last
    rows += [{"epoch": e, "train_loss": math.nan, "val_loss": VALIDATION[e]} for e in validated]

    history = read_history(written(json.dumps(rows)))

    assert history.series["train_loss"][:6] == tuple(TRAIN[:6])
    assert not any(value is not None and math.isnan(value) for value in history.series["val_loss"])


def test_a_train_loss_that_is_nan_beside_a_validation_is_kept(written):
    history = read_history(written("epoch,loss,val_loss\n0,2,2\n1,nan,1.5\n2,1,1\n"))

    assert math.isnan(history.series["loss"][1])


def test_a_named_validation_loss_without_a_number_was_not_logged(written):
    history = read_history(written("loss,a\n2,nan\n1,nan\n"), validation=["a"])

    assert history.validation_losses == ()
    assert "column 'a' is NaN in all rows: it was not logged" in history.notes
