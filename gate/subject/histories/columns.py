"""Which column is the train loss, which the validation loss, which the accuracies, the epochs.

A name is read as a set of words: ``Loss/train``, ``train_loss`` and ``trainLoss`` are the same.
The clearest reading wins; two columns that read equally well are an error, never a guess.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.table import Role, Table
from gate.subject.histories.text import listed, quoted

Words = frozenset[str]
Reading = Callable[[Words], bool]

_TRAIN = frozenset({"train", "training"})
_VALIDATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev"})
_TEST = frozenset({"test", "testing"})
_PARTS = _TRAIN | _VALIDATION | _TEST
_OF_AN_EPOCH = frozenset({"epoch", "avg", "average", "mean", "total"})
_OF_A_STEP = frozenset({"step", "batch", "iter", "iteration"})
_LOSSES = frozenset(
    map(
        frozenset[str],
        [
            ["loss"], ["nll"], ["nll", "loss"], ["log", "loss"], ["logloss"], ["ce"],
            ["ce", "loss"], ["cross", "entropy"], ["cross", "entropy", "loss"], ["crossentropy"],
        ],
    )
)  # fmt: skip
_ACCURACIES = frozenset(
    map(
        frozenset[str],
        [
            ["acc"], ["accuracy"], ["top", "1"], ["acc", "1"], ["acc", "top", "1"],
            ["accuracy", "1"], ["accuracy", "top", "1"], ["top", "1", "accuracy", "metrics"],
            ["metrics", "accuracy", "top", "1"], ["binary", "accuracy"],
            ["categorical", "accuracy"], ["sparse", "categorical", "accuracy"],
            ["multiclass", "accuracy"],
        ],
    )
)  # fmt: skip
_EPOCHS = frozenset(map(frozenset[str], [["epoch"], ["epochs"]]))
_STEPS = frozenset(
    map(frozenset[str], [["step"], ["steps"], ["global", "step"], ["iter"], ["iteration"]])
)
ACCURACY_ROLES: tuple[Role, ...] = ("train_accuracy", "validation_accuracy")
_LOSS_ROLES: tuple[Role, ...] = ("train_loss", "validation_loss")
_IN_WORDS: Mapping[Role, str] = {
    "train_loss": "train loss",
    "validation_loss": "validation loss",
    "train_accuracy": "train accuracy",
    "validation_accuracy": "validation accuracy",
}

_WRITE_A_NUMBER = "write a number, nan or inf, or leave the cell empty"


def words_of(name: str) -> Words:
    """Return the words of a column's name in lower case: ``valLoss@1`` is val, loss, 1."""
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name))


def epoch_column(table: Table) -> str | None:
    """Return the column that counts epochs; without one, that which counts steps; or None."""
    for names in (_EPOCHS, _STEPS):
        found = [name for name in table.columns if words_of(name) in names]
        if found:
            return found[0]
    return None


def counts(name: str) -> bool:
    """Return whether a column counts epochs or steps and measures nothing."""
    return words_of(name) in _EPOCHS | _STEPS


def choose(
    path: Path, table: Table, named: Mapping[Role, str | None]
) -> tuple[dict[Role, str], list[str]]:
    """Return the column of each role that has one, and notes on what was left out.

    ``named`` is the user's own choice. HistoryError is raised when it names no column, when two
    columns may be the same loss, when none is a loss, and when a chosen column holds text.
    """
    chosen: dict[Role, str] = {}
    notes: list[str] = []
    for role in _LOSS_ROLES:
        if column := _loss(path, table, role, named.get(role)):
            chosen[role] = column
    if not chosen:
        _refuse_loss_in_words(path, table)
        fact = f"no column looks like a loss; it has {listed(list(table.columns)) or 'none'}"
        raise HistoryError(str(path), fact, "name the column as train_loss or validation_loss")
    if len(set(chosen.values())) < len(chosen):
        fact = f"{quoted(chosen['train_loss'])} cannot be both the train and the validation loss"
        raise HistoryError(str(path), fact, "name another column, or leave one out")
    for column in chosen.values():
        refuse_text(path, table, column)
    for role in ACCURACY_ROLES:
        found = _accuracies(table, role, chosen.get("train_loss"))
        if len(found) == 1:
            chosen[role] = found[0]
        elif found:
            notes.append(f"{listed(found)} may each be the {_IN_WORDS[role]}: none was taken")
    return chosen, notes


def _refuse_loss_in_words(path: Path, table: Table) -> None:
    """Raise HistoryError when a column is called a loss and holds no number at all."""
    for name, place in table.texts.items():
        if any(reading(words_of(name)) for reading in (*_TRAIN_READINGS, *_VALIDATION_READINGS)):
            fact = f"{place} in column {quoted(name)}, which is no number"
            raise HistoryError(str(path), fact, _WRITE_A_NUMBER)


def refuse_text(path: Path, table: Table, column: str) -> None:
    """Raise HistoryError when a column that is needed holds something else than numbers."""
    if column in table.damaged:
        fact = f"{table.damaged[column]} in column {quoted(column)}, which is no number"
        raise HistoryError(str(path), fact, _WRITE_A_NUMBER)


def _loss(path: Path, table: Table, role: Role, named: str | None) -> str | None:
    if named is not None:
        return _existing(path, table, named)
    if table.roles.get(role) in table.columns:
        return table.roles[role]
    candidates = [name for name in table.columns if not counts(name)]
    for reading in _TRAIN_READINGS if role == "train_loss" else _VALIDATION_READINGS:
        found = [name for name in candidates if reading(words_of(name))]
        if len(found) > 1:
            fact = f"{len(found)} columns may be the {_IN_WORDS[role]}: {listed(found)}"
            raise HistoryError(str(path), fact, f"name the one to judge as {role}")
        if found:
            return found[0]
    return None


def _existing(path: Path, table: Table, named: str) -> str:
    if named in table.columns:
        return named
    near = difflib.get_close_matches(named, table.columns, n=1)
    hint = f"did you mean {quoted(near[0])}?" if near else "name one of them"
    fact = f"has no column {quoted(named)} with numbers; it has {listed(list(table.columns))}"
    raise HistoryError(str(path), fact, hint)


def _accuracies(table: Table, role: Role, train_loss: str | None) -> list[str]:
    """Return the columns that may be the accuracy of ``role``.

    A bare ``accuracy`` is that of training beside a bare ``loss`` (Keras); beside ``train_loss``
    it may be either, and is nobody's.
    """
    if table.roles.get(role) in table.columns:
        return [table.roles[role]]
    free = [
        name
        for name in table.columns
        if name not in table.damaged and name not in table.roles.values()
    ]
    part = _TRAIN if role == "train_accuracy" else _VALIDATION
    found = [name for name in free if _reads(words_of(name), part, _ACCURACIES, _OF_AN_EPOCH)]
    bare_loss = train_loss is not None and not words_of(train_loss) & _PARTS
    if not found and role == "train_accuracy" and bare_loss:
        found = [name for name in free if words_of(name) in _ACCURACIES]
    return found


def _reads(
    words: Words, part: Words, kinds: frozenset[Words], ignored: Words = frozenset()
) -> bool:
    """Return whether ``words`` are one of ``kinds`` of one ``part``, but for those ``ignored``."""
    return bool(words & part) and (words - part - ignored) in kinds


def _is_loss_of(part: Words, ignored: Words = frozenset()) -> Reading:
    return lambda words: _reads(words, part, _LOSSES, ignored)


def _has_loss_of(part: Words) -> Reading:
    return lambda words: bool(words & part) and any(kind <= words for kind in _LOSSES)


# From the clearest reading of a name to the last that is tried.
_TRAIN_READINGS: Sequence[Reading] = (
    _is_loss_of(_TRAIN),
    _is_loss_of(_TRAIN, _OF_AN_EPOCH),
    lambda words: words in _LOSSES,
    lambda words: words - _OF_AN_EPOCH in _LOSSES,
    _is_loss_of(_TRAIN, _OF_AN_EPOCH | _OF_A_STEP),
    _has_loss_of(_TRAIN),
)
_VALIDATION_READINGS: Sequence[Reading] = (
    _is_loss_of(_VALIDATION),
    _is_loss_of(_VALIDATION, _OF_AN_EPOCH),
    _is_loss_of(_VALIDATION, _OF_AN_EPOCH | _OF_A_STEP),
    _has_loss_of(_VALIDATION),
    _is_loss_of(_TEST),
    _is_loss_of(_TEST, _OF_AN_EPOCH),
)
