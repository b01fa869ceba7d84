"""Steps that start again in each epoch are epochs; two trainings in one file are asked about."""

import pytest

from gate.errors import HistoryError
from gate.subject.histories import read_history


def falling(epoch, step, steps):
    return 2 * 0.8 ** (epoch + step / steps)


def log_of(epochs, steps, *, last=None, name="step", loss=falling, validation=False):
    """Return rows of ``epochs`` passes of ``steps`` each, the last one of ``last``."""
    rows = [f"{name},loss" + (",val_loss" if validation else "")]
    for epoch in range(epochs):
        length = last if last and epoch == epochs - 1 else steps
        for step in range(length):
            row = f"{step},{loss(epoch, step, steps)}"
            if validation:
                row += f",{loss(epoch, steps, steps)}" if step == steps - 1 else ","
            rows.append(row)
    return "\n".join(rows)


@pytest.mark.parametrize("name", ["step", "iteration", "global_step"])
@pytest.mark.parametrize("steps", [2, 5, 50])
def test_each_start_of_the_steps_is_an_epoch(written, name, steps):
    history = read_history(written(log_of(20, steps, name=name)))

    assert history.epochs == tuple(map(float, range(20)))
    assert history.series["loss"][0] == falling(0, steps - 1, steps)
    assert "starts again with each epoch: they are numbered from 0" in "; ".join(history.notes)
    assert "resumed" not in "; ".join(history.notes)


def test_a_last_epoch_that_was_cut_short_is_one(written):
    assert len(read_history(written(log_of(5, 10, last=3))).epochs) == 5


def test_the_validation_at_the_end_of_each_epoch_belongs_to_it(written):
    history = read_history(written(log_of(6, 10, validation=True)))

    assert history.series["val_loss"] == tuple(falling(epoch, 10, 10) for epoch in range(6))


def test_a_log_that_diverges_is_read_to_its_end(written):
    def diverging(epoch, step, steps):
        return float("nan") if epoch > 2 else falling(epoch, step, steps)

    assert len(read_history(written(log_of(6, 10, loss=diverging))).epochs) == 6


def test_steps_that_go_back_to_go_on_from_there_are_a_training_that_was_resumed(written):
    text = "step,loss\n" + "".join(
        f"{step},{3 - step / 10}\n" for step in [*range(9), *range(6, 9)]
    )

    history = read_history(written(text))

    assert history.epochs == tuple(map(float, range(9)))
    assert "training was resumed" in "; ".join(history.notes)


def test_a_second_start_may_be_either_and_both_are_named(written):
    with pytest.raises(HistoryError, match="starts again once: epochs, or trainings") as error:
        read_history(written(log_of(2, 10)))

    assert error.value.remedy == "add a column 'epoch', or keep the rows of one training alone"


@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1), (4, 1, 3, 0, 2)])
def test_steps_in_no_order_are_refused(written, order):
    rows = "".join(f"{step},{step}\n" for step in order)

    with pytest.raises(HistoryError, match="column 'step' goes back"):
        read_history(written("step,loss\n" + rows))


def test_passes_of_unlike_lengths_are_asked_about(written):
    lengths = (9, 4, 12, 7)
    steps = [(epoch, step) for epoch, length in enumerate(lengths) for step in range(length)]
    text = "".join(f"{step},{falling(epoch, step, 12)}\n" for epoch, step in steps)

    with pytest.raises(HistoryError, match="starts again 3 times: epochs, or trainings"):
        read_history(written("step,loss\n" + text))


def test_a_log_of_every_fiftieth_step_of_all_starts_a_little_later_in_each_epoch(written):
    steps = [(total // 469, total % 469) for total in range(0, 469 * 6, 50)]
    text = "".join(f"{step},{falling(epoch, step, 469)}\n" for epoch, step in steps)

    assert read_history(written("step,loss\n" + text)).epochs == tuple(map(float, range(6)))


def test_trainings_one_after_another_are_not_taken_for_epochs(written):
    def anew(_, step, steps):
        return falling(0, step, steps / 10)

    with pytest.raises(HistoryError, match="starts again 4 times: epochs, or trainings"):
        read_history(written(log_of(5, 10, loss=anew)))


def test_a_column_of_epochs_answers_the_question(written):
    rows = log_of(2, 10).splitlines()
    named = [f"epoch,{rows[0]}", *(f"{place // 10},{row}" for place, row in enumerate(rows[1:]))]

    assert read_history(written("\n".join(named))).epochs == (0.0, 1.0)
