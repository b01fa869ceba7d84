"""Hugging Face's Trainer logs by steps, and counts epochs in fractions."""

import json

import pytest

from gate.metrics.curves import Curve, best_checkpoint, tail
from gate.report.renderings.words import epochs_in_words
from gate.subject.histories import read_history


def log_history(*, epochs=3, steps=100, every=10):
    """Return what Trainer writes with logging_steps=every and an evaluation after each epoch."""
    entries = []
    for step in range(every, epochs * steps + 1, every):
        loss = 2 * 0.99**step
        entries.append({"epoch": step / steps, "grad_norm": 1.0, "loss": loss, "step": step})
        if step % steps == 0:
            entries.append({"epoch": step / steps, "eval_loss": loss + 0.1, "step": step})
    summary = {"epoch": epochs, "step": epochs * steps, "train_loss": 0.5, "train_runtime": 3.1}
    return [*entries, summary]


@pytest.fixture(params=["trainer_state.json", "log_history alone"])
def history(request, written):
    log = log_history()
    state = {"epoch": 3.0, "global_step": 300, "log_history": log}
    return read_history(written(json.dumps(log if "alone" in request.param else state)))


def test_the_state_and_its_log_alone_are_the_same_history(history):
    assert history.format == "hf-trainer-state"
    assert (history.train_loss, history.validation_losses) == ("loss", ("eval_loss",))
    assert "train_loss" not in history.series


def test_entries_between_the_ends_of_epochs_are_not_called_epochs(history):
    train = Curve.of(history, history.train_loss, "train loss")

    assert epochs_in_words(history.epochs) == "3 epochs in 30 rows"
    assert "over its last 6 values" in tail(train).reason


def test_whole_epochs_are_called_so(fixtures):
    history = read_history(fixtures / "hf_trainer_state.json")

    assert epochs_in_words(history.epochs) == "6 epochs"


def test_the_epoch_of_the_checkpoint_is_found_where_it_ends_a_step_early():
    losses = Curve("validation loss", (0.99, 1.99, 2.99), (1.0, 0.5, 0.9))

    assert best_checkpoint(losses, 2).state == "met"
    assert best_checkpoint(losses, 3).state == "unmet"
    assert best_checkpoint(losses, 4).state == "undecided"
