"""The names that people give to splits, in folders, files and arrays."""

from collections.abc import Iterable

from gate.errors import DataError
from gate.wording import list_names

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing"),
}
EVERY_NAME = frozenset(name for names in SPLIT_NAMES.values() for name in names)


def one_of_split(names: Iterable[str], split: str, shown: str, *, noun: str) -> str:
    """Return the one of several names that is called as the split, whatever it is called in full.

    ``split`` is "" where nobody said which. Raises DataError where none is, or several are.
    """
    names = sorted(names)
    wanted = SPLIT_NAMES.get(split, ())
    found = [name for name in names if split_of(name) in wanted]
    if len(found) == 1:
        return found[0]
    if len(names) == 1 and (not split or split_of(names[0]) is None):
        return names[0]
    fact = f"holds {list_names(names, 10)}"
    if split:
        fact += f", and {'several are' if found else 'none is'} called {split}"
    raise DataError(shown, fact, f"name the {noun} of one split itself")


def split_of(name: str) -> str | None:
    """Return the word for a split that a name is or begins with; None for any other name.

    >>> split_of("test-00000-of-00001.parquet"), split_of("testimony")
    ('test', None)
    """
    word = name.lower()
    for mark in "-_.":
        word = word.partition(mark)[0]
    return word if word in EVERY_NAME else None
