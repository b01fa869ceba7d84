"""What Keras returns and pandas writes of it, read as rows; what could be read twice is asked."""

import json
import math

import pytest

from gate.errors import HistoryError
from gate.subject.histories import read_history

TRAIN = [0.69 * 0.9**epoch + 0.02 for epoch in range(20)]
VALIDATION = [loss + 0.05 for loss in TRAIN]
PAIRS = list(zip(TRAIN, VALIDATION, strict=True))
INDEX = [str(epoch) for epoch in range(20)]

# DataFrame({"loss": TRAIN, "val_loss": VALIDATION}).to_json(orient=...), and lines=True
ORIENTS = {
    "columns": {
        "loss": dict(zip(INDEX, TRAIN, strict=True)),
        "val_loss": dict(zip(INDEX, VALIDATION, strict=True)),
    },
    "index": {i: {"loss": a, "val_loss": b} for i, (a, b) in zip(INDEX, PAIRS, strict=True)},
    "split": {
        "columns": ["loss", "val_loss"],
        "index": list(range(20)),
        "data": [list(pair) for pair in PAIRS],
    },
    "table": {
        "schema": {
            "fields": [
                {"name": "index", "type": "integer"},
                {"name": "loss", "type": "number"},
                {"name": "val_loss", "type": "number"},
            ],
            "primaryKey": ["index"],
            "pandas_version": "1.4.0",
        },
        "data": [{"index": i, "loss": a, "val_loss": b} for i, (a, b) in enumerate(PAIRS)],
    },
    "records": [{"loss": a, "val_loss": b} for a, b in PAIRS],
}


@pytest.mark.parametrize("orient", ORIENTS)
def test_every_orient_of_pandas_with_names_is_the_same_history(written, orient):
    history = read_history(written(json.dumps(ORIENTS[orient])))

    assert history.format == "json"
    assert history.epochs == tuple(map(float, range(20)))
    assert history.series == {"loss": tuple(TRAIN), "val_loss": tuple(VALIDATION)}


def test_the_csv_of_a_frame_is_the_same_history(written):
    rows = "".join(f"{i},{a},{b}\n" for i, (a, b) in enumerate(PAIRS))

    history = read_history(written(",loss,val_loss\n" + rows))

    assert history.series[history.train_loss] == tuple(TRAIN)
    assert history.validation_losses == ("val_loss",)


def test_a_frame_with_epochs_as_its_index_keeps_them(written):
    frame = {"loss": {"5": 2.0, "10": 1.0}, "val_loss": {"5": 2.5, "10": None}}

    history = read_history(written(json.dumps(frame)))

    assert history.epochs == (5.0, 10.0)
    assert history.series["val_loss"] == (2.5, None)


def test_a_column_that_counts_epochs_goes_before_the_index(written):
    frame = {"epoch": {"0": 1, "1": 2}, "loss": {"0": 2.0, "1": 1.0}}

    assert read_history(written(json.dumps(frame))).epochs == (1.0, 2.0)


def test_columns_with_some_of_the_rows_are_put_in_order(written):
    frame = {"val_loss": {"9": 1.5, "4": 2.5}, "loss": dict(zip(INDEX[:10], TRAIN, strict=False))}

    history = read_history(written(json.dumps(frame)))

    assert history.epochs == tuple(map(float, range(10)))
    assert [history.series["val_loss"][epoch] for epoch in (0, 4, 9)] == [None, 2.5, 1.5]


def test_a_frame_may_stand_under_history(written):
    history = read_history(written(json.dumps({"history": ORIENTS["columns"], "params": {}})))

    assert history.series["loss"] == tuple(TRAIN)


@pytest.mark.parametrize("name", ["pandas_columns.json", "pandas_split.json"])
def test_a_history_of_keras_in_a_frame_is_that_history(fixtures, name):
    frame, lists = (read_history(fixtures / each) for each in (name, "keras_history.json"))

    assert (frame.epochs, frame.series) == (lists.epochs, lists.series)


def test_one_epoch_of_nested_objects_is_no_frame(written):
    text = '{"train": {"loss": 2, "acc": 0.5}, "val": {"loss": 2.5, "acc": 0.4}}'

    assert read_history(written(text)).series["train/loss"] == (2.0,)


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ({"0": {"0": 1, "1": 2}, "1": {"0": 1, "1": 2}}, "numbers as names of both rows and"),
        ({"columns": ["loss"], "index": [0, 1], "data": [[2], [1, 3]]}, "row 2 of data has 2 cel"),
        ({"columns": ["loss"], "index": [0, 1], "data": [[2], 1]}, "row 2 of data is 1, and"),
        ({"columns": ["loss"], "index": [0], "data": [[2], [1]]}, "has 2 rows, and its index has"),
        ({"columns": ["loss", "loss"], "data": [[2, 9], [1, 9]]}, "column 'loss' stands twice"),
        ({"schema": {}, "data": [{"loss": 2}, 1]}, "row 2 of data is 1, not an object"),
        ([[2, 1], [1, 0.5]], "entry 1 is a list, not an object"),
    ],
)
def test_a_frame_without_its_names_or_with_other_rows_is_refused(written, document, fact):
    with pytest.raises(HistoryError, match=fact):
        read_history(written(json.dumps(document)))


def test_columns_of_different_rows_take_no_more_room_than_they_have(written):
    frame = {f"c{place}": {str(place): 1.0} for place in range(4000)} | {"loss": {"0": 2.0}}

    history = read_history(written(json.dumps(frame)))

    assert sum(value is not None for value in history.series["loss"]) == 1


# --- Keras: History.history ---------------------------------------------------------------------


@pytest.mark.parametrize("step", [2, 3, 4, 5, 6])
def test_a_validation_after_every_kth_epoch_stands_at_those_epochs(written, step):
    series = {
        "loss": TRAIN,
        "accuracy": [0.9] * 20,
        "val_loss": VALIDATION[step - 1 :: step],
        "val_accuracy": [0.9] * (20 // step),
    }

    history = read_history(written(json.dumps(series)))

    expected = [loss if (epoch + 1) % step == 0 else None for epoch, loss in enumerate(VALIDATION)]
    assert history.format == "keras-history"
    assert history.series["val_loss"] == tuple(expected)


def test_a_validation_that_was_never_run_has_no_loss(written):
    assert read_history(written('{"loss": [2, 1], "val_loss": []}')).validation_losses == ()


@pytest.mark.parametrize(
    ("series", "fact"),
    [
        ({"loss": TRAIN[:10], "val_loss": [2, 1]}, "validation_freq=4 or 5?"),
        ({"loss": TRAIN, "val_loss": [2]}, "validation_freq=11 or 20, or one between?"),
        ({"loss": TRAIN, "val_loss": [1] * 11}, "no validation_freq gives so many"),
        ({"train_loss": TRAIN, "val_loss": [2, 1, 1, 1]}, "after every k-th of them, before it"),
        ({"loss": TRAIN, "accuracy": [1] * 4}, "its series differ in length"),
        ({"loss": TRAIN, "val_loss": [1] * 40}, "its series differ in length"),
    ],
)
def test_a_rhythm_that_could_be_another_is_asked_for(written, series, fact):
    with pytest.raises(HistoryError) as error:
        read_history(written(json.dumps(series)))

    assert fact in error.value.fact
    assert error.value.remedy == (
        "give one value an epoch in each series, null where nothing was logged"
    )


def test_nulls_answer_the_question(written):
    series = {"loss": TRAIN[:10], "val_loss": [None] * 4 + [2] + [None] * 4 + [1]}

    history = read_history(written(json.dumps(series)))

    assert history.series["val_loss"][4::5] == (2.0, 1.0)


def test_a_nan_of_the_training_stays_in_a_frame(written):
    history = read_history(written('{"loss": {"0": 1.0, "1": NaN}, "val_loss": {"0": 1, "1": 1}}'))

    assert math.isnan(history.series["loss"][1])
