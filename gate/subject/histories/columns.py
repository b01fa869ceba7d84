"""Which column is the train loss, which the validation loss, which the accuracies, the epochs.

A name is read as a set of words: ``Loss/train``, ``train_loss`` and ``trainLoss`` are the same.
The clearest reading of a train loss wins; two columns that read equally well are an error, never a
guess. Held-out losses are all read. What only looks like one is not, and is named: `lookalikes`.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.table import Role, Table
from gate.subject.histories.text import list_names
from gate.wording import did_you_mean, quote

Words = frozenset[str]
Reading = Callable[[Words], bool]

_TRAIN = frozenset({"train", "training"})
_VALIDATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev"})
_TEST = frozenset({"test", "testing"})
_PARTS = _TRAIN | _VALIDATION | _TEST
_OF_AN_EPOCH = frozenset({"epoch", "avg", "average", "mean", "total"})
STEP_WORDS = frozenset({"step", "batch", "iter", "iteration", "iterations", "vs"})
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
_GLUED = re.compile(f"({'|'.join(sorted(_PARTS))})(loss|nll|acc|accuracy)")
_EPOCHS = frozenset(map(frozenset[str], [["epoch"], ["epochs"]]))
_STEPS = frozenset(
    map(frozenset[str], [["step"], ["steps"], ["global", "step"], ["iter"], ["iteration"]])
)
ACCURACY_ROLES: tuple[Role, ...] = ("train_accuracy", "validation_accuracy")
_IN_WORDS: Mapping[Role, str] = {
    "train_accuracy": "train accuracy",
    "validation_accuracy": "validation accuracy",
}

_WRITE_A_NUMBER = "write a number, nan or inf, or leave the cell empty"


@lru_cache(1 << 14)  # it is asked of every cell
def words_of(name: str) -> Words:
    """Return the words of a column's name in lower case: ``valLoss@1`` is val, loss, 1.

    So are the two words of ``valloss``, which nothing keeps apart.
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    return frozenset(part for word in words for part in _apart(word.lower()))


def _apart(word: str) -> tuple[str, ...]:
    glued = _GLUED.fullmatch(word)
    return (word,) if glued is None else glued.groups()


def epoch_column(table: Table) -> str | None:
    """Return the column that counts epochs; without one, that which counts steps; or None."""
    for names in (_EPOCHS, _STEPS):
        found = [name for name in table.columns if words_of(name) in names]
        if found:
            return found[0]
    return None


def counts_epochs(name: str) -> bool:
    """Return whether a column counts epochs."""
    return words_of(name) in _EPOCHS


def counts(name: str) -> bool:
    """Return whether a column counts epochs or steps and measures nothing."""
    return words_of(name) in _EPOCHS | _STEPS


def is_held_out(name: str) -> bool:
    """Return whether a column's name speaks of validation or test."""
    return bool(words_of(name) & (_VALIDATION | _TEST))


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns are the losses and accuracies, and notes on what was left out."""

    train_loss: str | None
    validation_losses: tuple[str, ...]
    accuracies: dict[Role, str]
    notes: list[str]

    @property
    def losses(self) -> tuple[str, ...]:
        """All losses that are read."""
        return (*((self.train_loss,) if self.train_loss else ()), *self.validation_losses)

    @property
    def every(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.losses, *self.accuracies.values())


def choose(
    path: Path, table: Table, *, train_loss: str | None = None, validation: Sequence[str] = ()
) -> Columns:
    """Return the columns that are read.

    ``train_loss`` and ``validation`` are the user's own choice. Without it, every column that reads
    as a held-out loss is one. HistoryError is raised when they name no column, when two columns may
    be the train loss, when none is a loss, and when a chosen column holds text.
    """
    train = _train_loss(path, table, train_loss)
    held_out = _validation_losses(path, table, validation)
    if train is None and not held_out:
        _refuse_loss_in_words(path, table)
        fact = f"no column looks like a loss; it has {list_names(list(table.columns)) or 'none'}"
        raise HistoryError(str(path), fact, "name the column as train_loss or in validation")
    if train in held_out:
        fact = f"{quote(train or '')} cannot be both the train and the validation loss"
        raise HistoryError(str(path), fact, "name another column, or leave one out")
    accuracies: dict[Role, str] = {}
    notes: list[str] = []
    for role in ACCURACY_ROLES:
        found = _accuracies(table, role, train)
        if len(found) == 1:
            accuracies[role] = found[0]
        elif found:
            notes.append(f"{list_names(found)} may each be the {_IN_WORDS[role]}: none was taken")
    columns = Columns(train, held_out, accuracies, notes)
    for column in columns.losses:
        refuse_text(path, table, column)
    return columns


def _refuse_loss_in_words(path: Path, table: Table) -> None:
    """Raise HistoryError when a column is called a loss and holds no number at all."""
    for name, place in table.texts.items():
        if any(reading(words_of(name)) for reading in (*_TRAIN_READINGS, *_HELD_OUT_READINGS)):
            fact = f"{place} in column {quote(name)}, which is no number"
            raise HistoryError(str(path), fact, _WRITE_A_NUMBER)


def refuse_text(path: Path, table: Table, column: str) -> None:
    """Raise HistoryError when a column that is needed holds something else than numbers."""
    if column in table.damaged:
        fact = f"{table.damaged[column]} in column {quote(column)}, which is no number"
        raise HistoryError(str(path), fact, _WRITE_A_NUMBER)


def _train_loss(path: Path, table: Table, named: str | None) -> str | None:
    if named is not None:
        return _existing(path, table, named)
    if table.roles.get("train_loss") in table.columns:
        return table.roles["train_loss"]
    candidates = [name for name in table.columns if not counts(name)]
    for reading in _TRAIN_READINGS:
        found = [name for name in candidates if reading(words_of(name))]
        if len(found) > 1:
            fact = f"{len(found)} columns may be the train loss: {list_names(found)}"
            raise HistoryError(str(path), fact, "name the one to judge as train_loss")
        if found:
            return found[0]
    return None


def _validation_losses(path: Path, table: Table, named: Sequence[str]) -> tuple[str, ...]:
    """Return the held-out losses: those that are named, or all whose names say so."""
    if named:
        return tuple(_existing(path, table, name) for name in dict.fromkeys(named))
    candidates = [name for name in table.columns if not counts(name)]
    clear = [name for name in candidates if _is_any(_HELD_OUT_READINGS, name)]
    found = clear or [name for name in candidates if _has_loss_of(_VALIDATION)(words_of(name))]
    # One value, as a test after the training leaves, is no curve.
    logged = Counter(name for row in table.rows for name in row if row[name] is not None)
    curves = [name for name in found if logged[name] > 1]
    by_epoch = {_kind(words_of(name)) for name in found if not words_of(name) & STEP_WORDS}
    return tuple(
        name
        for name in curves or found
        # A loss of steps that is logged by epochs too: ``val_loss_step``.
        if not (words_of(name) & STEP_WORDS and _kind(words_of(name)) in by_epoch)
    )


def _is_any(readings: Sequence[Reading], name: str) -> bool:
    return any(reading(words_of(name)) for reading in readings)


def _kind(words: Words) -> Words:
    """Return the words of a loss without those of its split and of how often it is logged."""
    return words - _PARTS - _OF_AN_EPOCH - STEP_WORDS


def _existing(path: Path, table: Table, named: str) -> str:
    if named in table.columns:
        return named
    hint = did_you_mean(named, table.columns) or "name one of them"
    fact = f"has no column {quote(named)} with numbers; it has {list_names(list(table.columns))}"
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
    _is_loss_of(_TRAIN, _OF_AN_EPOCH | STEP_WORDS),
    _has_loss_of(_TRAIN),
)
# All that are found are read. A loss with more words (``val_focal_loss``) is read where none is.
_HELD_OUT_READINGS: Sequence[Reading] = (
    _is_loss_of(_VALIDATION, _OF_AN_EPOCH | STEP_WORDS),
    _is_loss_of(_TEST, _OF_AN_EPOCH),
)
