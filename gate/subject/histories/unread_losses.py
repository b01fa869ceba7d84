"""Columns that look like a held-out loss and were not read are named.

Names are looked at loosely here, in the words of several languages. A name that is caught by
mistake costs its owner a line in the gate file; one that is missed hides an overfitted model.
"""

import math
import re
from collections.abc import Iterator

from gate.subject.histories.columns import STEP_WORDS, Columns, counts, words_of
from gate.subject.histories.epochs import Timeline

_HELD_OUT = frozenset(
    {
        *("v", "val", "vals", "dev", "devel", "test", "tests", "cv", "xv", "oof", "oos", "xval"),
        *("fold", "kfold", "monitor"),
    }
)
_HELD_OUT_STEMS = (
    *("valid", "eval", "testing", "holdout", "heldout", "crossval", "unseen", "outofsample"),
    *("generali", "prüf", "pruef", "prueb", "vérif"),
)
_LOSSES = frozenset({"obj", "ce", "bce", "xe", "ppl", "risk", "crit", "los"})
_LOSS_STEMS = (
    *("loss", "nll", "objective", "xent", "entropy", "crossentropy", "logloss", "cost"),
    *("criterion", "deviance", "perplexity", "verlust", "perte", "pérdida", "perdida", "perdita"),
    *("perda", "strata"),
)


def unread(columns: Columns, line: Timeline) -> tuple[str, ...]:
    """Return the columns that look like a held-out loss and are not read as one.

    A held-out loss that is given as the train loss is among them. A single value is no curve, and
    what repeats a series that is read is no other one.
    """
    series = {name: _logged(line, name) for name in _names(line)}
    held_out = frozenset(columns.validation_losses)
    read = [series.get(name, []) for name in columns.validation_losses]
    return tuple(
        name
        for name, values in series.items()
        if name not in held_out
        and looks_held_out(name)
        and _is_curve(values)
        and values not in read
        and not (_is_finer(name, line, values, read))
    )


def looks_held_out(name: str) -> bool:
    """Return whether a name speaks of data that was held out, and of a loss.

    >>> [looks_held_out(name) for name in ("holdout_loss", "aux_loss", "val_acc", "valobjective")]
    [True, False, False, True]
    """
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", name)} | words_of(name)
    if {"held", "out"} <= words or {"hold", "out"} <= words:
        words |= {"holdout"}
    whole = any(_is_held_out(word) for word in words) and any(_is_loss(word) for word in words)
    return whole or any(
        word.startswith(part) and _is_loss(word.removeprefix(part))
        for word in words
        for part in _HELD_OUT
    )


def _is_held_out(word: str) -> bool:
    return word in _HELD_OUT or word.startswith(_HELD_OUT_STEMS)


def _is_loss(word: str) -> bool:
    return word in _LOSSES or word.startswith(_LOSS_STEMS) or word.endswith("loss")


def _names(line: Timeline) -> Iterator[str]:
    names = dict.fromkeys(name for epoch in line.epochs for name in line.entries[epoch])
    return (name for name in names if not counts(name))


def _logged(line: Timeline, name: str) -> list[float]:
    return [line.entries[epoch][name] for epoch in line.epochs if name in line.entries[epoch]]


def _is_curve(values: list[float]) -> bool:
    """Return whether something follows the first number: a loss that turned into NaN is a curve."""
    first = next(
        (place for place, value in enumerate(values) if not math.isnan(value)), len(values)
    )
    return len(values) - first > 1


def _is_finer(name: str, line: Timeline, values: list[float], read: list[list[float]]) -> bool:
    """Return whether it is a loss of steps, logged more often than one that is read."""
    if not words_of(name) & STEP_WORDS:
        return False
    return bool(read) and (name in line.repeated or len(values) > max(map(len, read)))
