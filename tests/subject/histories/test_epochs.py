import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import HistoryError
from gate.subject.histories import epochs, read_history


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows)


def test_sparse_rows_of_one_epoch_are_joined(written):
    text = "epoch,step,train_loss,val_loss\n0,9,2,\n0,9,,2.5\n1,19,1,\n1,19,,1.5\n"

    history = read_history(written(text))

    assert history.epochs == (0.0, 1.0)
    assert history.series == {"train_loss": (2.0, 1.0), "val_loss": (2.5, 1.5)}


def test_a_series_that_skips_epochs_has_gaps(written):
    history = read_history(written("epoch,loss,val_loss\n1,3,\n2,2,2.2\n3,1,\n"))

    assert history.series["val_loss"] == (None, 2.2, None)


def test_rows_without_an_epoch_belong_to_the_next_that_has_one(written):
    text = "epoch,step,lr,loss\n,0,0.1,\n0,9,,2\n,10,0.2,\n1,19,,1\n,20,0.3,\n"

    assert read_history(written(text)).series["lr"] == (0.1, 0.3)


def test_steps_count_where_no_epochs_do(written):
    assert read_history(written("step,loss\n100,2\n200,1\n")).epochs == (100.0, 200.0)


def test_rows_are_numbered_where_nothing_counts_them(written):
    history = read_history(written("loss\n2\n1\n"))

    assert history.epochs == (0.0, 1.0)
    assert "the rows are numbered from 0" in "; ".join(history.notes)


def test_of_several_values_in_an_epoch_the_last_counts_and_it_is_said(written):
    history = read_history(written("epoch,loss\n0,2\n0,1.5\n1,1\n"))

    assert history.series["loss"] == (1.5, 1.0)
    assert "column 'loss' has several values in an epoch: the last counts" in "; ".join(
        history.notes
    )


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_a_nan_within_an_epoch_is_not_covered_by_what_follows(written, bad):
    history = read_history(written(f"epoch,step,loss\n0,1,2\n0,2,{bad}\n0,3,1\n1,4,0.5\n"))

    assert not math.isfinite(history.series["loss"][0])


def test_a_resumed_training_replaces_all_that_it_threw_away(written):
    text = "epoch,loss,val_loss\n0,4,4\n1,3,3\n2,nan,9\n3,8,8\n1,3.5,3.5\n2,2,\n"

    history = read_history(written(text))

    assert history.epochs == (0.0, 1.0, 2.0)
    assert history.series == {"loss": (4.0, 3.5, 2.0), "val_loss": (4.0, 3.5, None)}
    assert "goes back once: training was resumed" in "; ".join(history.notes)
    assert "later rows replace 3 earlier epochs" in "; ".join(history.notes)


def test_two_runs_in_one_file_leave_the_later_alone(written):
    first = "".join(f"{epoch},{9 - epoch}\n" for epoch in range(8))

    history = read_history(written(f"epoch,loss\n{first}epoch,loss\n0,1\n1,0.5\n2,0.2\n"))

    assert history.series["loss"] == (1.0, 0.5, 0.2)


def test_a_block_of_train_rows_and_a_block_of_validation_rows_are_joined(written):
    train = [{"epoch": epoch, "train": {"loss": 3 - epoch}} for epoch in range(3)]
    validation = [{"epoch": epoch, "val": {"loss": 4 - epoch}} for epoch in range(3)]

    history = read_history(written(lines(*train, *validation)))

    assert history.series == {"train/loss": (3.0, 2.0, 1.0), "val/loss": (4.0, 3.0, 2.0)}
    assert history.notes == ()


def test_a_test_row_at_epoch_zero_discards_nothing(written):
    history = read_history(written("epoch,loss,test_loss\n0,3,\n1,2,\n2,1,\n0,,1.2\n"))

    assert history.series["loss"] == (3.0, 2.0, 1.0)


@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1), (3, 1, 5, 2, 4, 1)])
def test_epochs_in_no_order_are_an_error(written, order):
    rows = "".join(f"{epoch},{epoch}\n" for epoch in order)

    with pytest.raises(HistoryError, match="column 'epoch' goes back") as error:
        read_history(written("epoch,loss\n" + rows))

    assert error.value.remedy == "sort the rows in the order of training"


def test_an_epoch_that_is_no_number_is_an_error(written):
    with pytest.raises(HistoryError, match="line 3 has 'two' in column 'epoch'"):
        read_history(written("epoch,loss\n1,2\ntwo,1\n"))
    with pytest.raises(HistoryError, match="column 'epoch' holds nan"):
        read_history(written("epoch,loss\n1,2\nnan,1\n"))


def test_more_epochs_than_a_history_may_have_are_an_error(written, monkeypatch):
    monkeypatch.setattr(epochs, "MOST_EPOCHS", 3)

    with pytest.raises(HistoryError, match="has more than 3 epochs or steps"):
        read_history(written("step,loss\n1,2\n2,1\n3,1\n4,1\n"))


finite = st.floats(0, 100).map(lambda value: round(value, 6))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    losses=st.lists(st.one_of(finite, st.sampled_from([math.nan, math.inf])), min_size=1),
    first=st.integers(0, 5),
    style=st.sampled_from(["csv", "sparse", "lines", "list", "lists"]),
)
def test_the_same_history_reads_the_same_in_every_plain_style(written, losses, first, style):
    rows = [{"epoch": first + i, "loss": v, "val_loss": v + 1} for i, v in enumerate(losses)]
    match style:
        case "csv":
            body = "".join(f"{r['epoch']},{r['loss']},{r['val_loss']}\n" for r in rows)
            text = "epoch,loss,val_loss\n" + body
        case "sparse":
            body = "".join(
                f"{r['epoch']},{r['loss']},\n{r['epoch']},,{r['val_loss']}\n" for r in rows
            )
            text = "epoch,loss,val_loss\n" + body
        case "lines":
            text = lines(*rows)
        case "list":
            text = json.dumps(rows, indent=1)
        case "lists":
            text = json.dumps({name: [row[name] for row in rows] for name in rows[0]})

    history = read_history(written(text))

    assert history.epochs == tuple(float(first + index) for index in range(len(losses)))
    assert repr(history.series["loss"]) == repr(tuple(map(float, losses)))
    assert (history.train_loss, history.validation_losses) == ("loss", ("val_loss",))
