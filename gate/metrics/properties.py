"""Slices by properties of images: quarters, cut where the images of an earlier split say."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gate.evidence.image_properties import KEY, observed, quartiles
from gate.evidence.records import Evidence, Rows, Split, SplitEvidence, Strings
from gate.metrics.estimates import Undefined

QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
FEWEST = 40  # images that quartiles are cut on: ten a quarter

Cuts = tuple[float, ...]


def with_properties(
    evidence: Evidence, split: Split, properties: tuple[str, ...]
) -> SplitEvidence | Undefined:
    """Return a split with a slice column of quarters for each of some properties.

    They are cut at the quartiles of validation, else of train, whichever has 40 images that were
    observed. Undefined where neither has, where the split shows no value, where all its images lie
    in one quarter though they are not alike, and where the data declares a column of that name.
    """
    measured = evidence.splits[split]
    cuts: dict[str, Cuts] = {}
    for name in properties:
        found = _cuts_of(evidence, measured, name)
        if isinstance(found, Undefined):
            return found
        cuts[name] = found
    named = tuple(cuts.items())
    given = None if measured.given is None else _with_quarters(measured.given, named)
    return replace(measured, rows=_with_quarters(measured.rows, named), given=given)


def _cuts_of(evidence: Evidence, measured: SplitEvidence, name: str) -> Cuts | Undefined:
    split = measured.split
    if name in measured.all_rows.slices:
        return Undefined(
            f"{split} declares a slice column that is called {name}, as the measured property is",
            remedy=f"call the column of {split} otherwise",
        )
    values = _values(measured, name)
    if values is None or not observed(values).any():
        return Undefined(
            f"no image of {split} shows its {name}",
            remedy="give the images as files, which a tensor of a Dataset is not",
        )
    cuts = next(filter(None, (_cuts_on(evidence, earlier, name) for earlier in _EARLIER)), None)
    if cuts is None:
        return Undefined(
            f"{name} is cut at the quartiles of validation or train, and neither has {FEWEST} "
            "images",
            remedy="give the validation or the train images, which say where to cut",
        )
    seen = values[observed(values)]
    if len(set(_quarters(seen, cuts).tolist())) == 1 and seen.min() < seen.max():
        return Undefined(
            f"all images of {split} lie in one quarter of {name}",
            remedy="give validation or train images like those of test",
        )
    return cuts


_EARLIER = (Split.VALIDATION, Split.TRAIN)


def _cuts_on(evidence: Evidence, split: Split, name: str) -> Cuts | None:
    measured = evidence.splits.get(split)
    values = None if measured is None else _values(measured, name)
    if values is None or np.count_nonzero(observed(values)) < FEWEST:
        return None
    found = quartiles(values)
    return None if found is None else tuple(found)


def _values(measured: SplitEvidence, name: str) -> NDArray[np.float64] | NDArray[np.int64] | None:
    """Return a property of all rows of a split that were measured, (n,)."""
    return measured.all_rows.observed(KEY).get(name)


def _quarters(values: NDArray[np.float64] | NDArray[np.int64], cuts: Cuts) -> NDArray[np.intp]:
    """Return the quarter of each value, (n,), from 0: a value on a cut is below it."""
    return np.searchsorted(np.array(cuts), values, side="left")


@lru_cache(maxsize=12)  # each set of rows, with what a few rules ask for: later cuts are kept by it
def _with_quarters(rows: Rows, cuts: tuple[tuple[str, Cuts], ...]) -> Rows:
    words = np.array(QUARTERS, dtype=object)
    columns: dict[str, Strings] = {}
    for name, at in cuts:
        values = rows.observed(KEY)[name]
        seen = observed(values)
        columns[name] = np.full(len(rows), None, dtype=object)
        columns[name][seen] = words[_quarters(values[seen], at)]
    return replace(rows, slices={**rows.slices, **columns})
