"""Check: weak-slice."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
    resolve_classes,
)
from gate.checks.sentences import enumerate_names, not_checked, require
from gate.checks.slicing import (
    EVERY_COLUMN,
    cuts_of,
    judged_slices,
    measured_for,
    properties_in,
    properties_needed,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate, Undefined
    from gate.metrics.seen_slices import Sight
    from gate.metrics.weak_slices import Candidate, Search

_OF_TEST = 0.1  # of the error, for slices that test shows to be weak without validation

_CATS = ((190, "A"), (190, "B"), (10, "A"), (10, "B"))
_SITES = (*_CATS, (10, "A"), (10, "B"), (190, "A"), (190, "B"))
_WEAK = (*_CATS, (10, "A"), (70, "B"), (190, "A"), (130, "B"))


class _Found(NamedTuple):
    """Where candidates were looked for, and where they are confirmed."""

    search: "Search"
    discovered_on: "Rows | None"  # of validation, those that count; None where test was searched
    rows: "Rows"  # of test
    counted: "NDArray[np.bool_]"
    unseen: "Search | None" = None  # of test itself, beside the search of validation

    def among(self, *, proposed: bool) -> tuple[int, float]:
        """Return how many slices share an error, and which part of it is theirs.

        Those that the search ``proposed``, or those of test beside them.
        """
        if self.unseen is None:
            return self.search.searched, 1.0
        if proposed:
            return len(self.search.candidates), 1 - _OF_TEST
        return self.unseen.searched, _OF_TEST


class WeakSlice(Rule):
    """Look for a corner of the data where the model is weak, and refuse it where that is confirmed.

    All values of the named columns, and all pairs of values of two, are slices; values of too few
    images are looked at together. On validation the
    five that look worst are discovered, on test they are confirmed: the search then costs little.
    Whoever chooses validation could leave out what is weak, so that a tenth of the error is kept
    for slices that test shows to be weak by itself; one that validation has too few images of is
    open where it looks weak. Without validation all slices of test share the error. Images of
    validation that stand in another split discover nothing. That no slice is confirmed is no proof:
    the message says what would have been seen. To prove a slice good, name it: `recall` with `by`.

    To fix a failure: collect more images like those of the named slice, or weight them in the
    loss.

    To decide it: measure more images of the named slice.
    """

    family: ClassVar = "groups"
    formula: ClassVar = "slices whose share of right answers is below `min_recall`"
    interval: ClassVar = (
        "discovered by the exact binomial test; confirmed by the exact upper bound (Clopper and "
        "Pearson 1934; by group padded), the error shared among the candidates, or among all "
        "slices where test was searched (Bonferroni)"
    )

    check: Literal["weak-slice"] = "weak-slice"
    min_recall: float = Field(gt=0, le=1, description="The lowest share of right answers.")
    search: str | tuple[str, ...] = Field(
        min_length=1,
        description="The slice columns, or `$slices`, every column that the data declares. "
        "brightness, contrast, size, sharpness, aspect and bytes are measured.",
    )
    depth: int = Field(2, ge=1, le=2, description="How many columns define a slice, at most.")
    min_images: int = Field(20, ge=5, description="The fewest images of a slice that is looked at.")
    class_: str | None = Field(
        None,
        alias="class",
        min_length=1,
        description="The class to look at, by name, `$critical` or `$others`; by default all "
        "images.",
    )

    examples: ClassVar = (
        Example(
            "no site is weak",
            {"min_recall": 0.8, "search": ["site"]},
            SyntheticRun(
                validation=((380, 20), (20, 380)),
                test=((380, 20), (20, 380)),
                slices={"validation": {"site": _SITES}, "test": {"site": _SITES}},
            ),
            Outcome.PASSED,
        ),
        Example(
            "a third of the dogs of site B is missed, on validation and on test",
            {"min_recall": 0.8, "search": ["site"], "class": "dog"},
            SyntheticRun(
                validation=((380, 20), (80, 320)),
                test=((380, 20), (80, 320)),
                slices={"validation": {"site": _WEAK}, "test": {"site": _WEAK}},
            ),
            Outcome.FAILED,
        ),
        Example(
            "the data declares no slice",
            {"min_recall": 0.8, "search": "$slices"},
            SyntheticRun(test=((380, 20), (20, 380))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @field_validator("search")
    @classmethod
    def _columns_each_once(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, tuple) and len(set(value)) < len(value):
            raise ValueError("a column is named twice")
        if isinstance(value, tuple) and EVERY_COLUMN in value:
            raise ValueError(f"{EVERY_COLUMN} is every column; write search: {EVERY_COLUMN}")
        return value

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the class."""
        if self.class_ is not None:
            yield ("class",), self.class_

    def lenient(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a requirement that guessing meets."""
        yield from super().lenient(data)
        if data.classes is not None and self.min_recall <= 1 / data.classes:
            fact = f"guessing among {data.classes} classes is right {1 / data.classes:.3g} of times"
            yield ("min_recall",), fact, f"{self.min_recall:g} is no better"

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the properties of images, where a column is one."""
        return properties_needed(self.search)

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each slice that looks weak, or that none does."""
        from gate.metrics.estimates import Undefined

        found = self._search(evidence)
        if isinstance(found, Undefined):
            return [self._nothing(found, not_checked(found))]
        sight = self._sight(found)
        if not (weak := [*found.search.candidates, *self._unseen(found)]):
            return [self._none(found, sight)]
        first, *others = (self._of(each, found, len(weak)) for each in weak)
        return [replace(first, sight=sight), *others]

    def _search(self, evidence: "Evidence") -> "_Found | Undefined":
        from gate.metrics.estimates import Undefined

        test = self._rows(evidence, "test")
        if isinstance(test, Undefined):
            return test
        rows, columns = test
        earlier = self._validation(evidence, columns)
        if isinstance(earlier, Undefined):
            return earlier
        rows, earlier = self._pooled(rows, earlier, columns, evidence)
        looked_at = rows if earlier is None else earlier
        found = self._look_at(looked_at, columns, evidence)
        if found.searched < 2:
            few = "only one slice has" if found.searched else "no slice has"
            return Undefined(
                f"{few} {self.min_images} images or more, and a search takes two",
                remedy="add images of each slice, or name columns that tell images apart",
            )
        counted = self._counted(rows, evidence)
        if earlier is None:
            return _Found(found, None, rows, counted)
        discovered_on = _those(earlier, self._counted(earlier, evidence))
        unseen = self._look_at(rows, columns, evidence)
        return _Found(found, discovered_on, rows, counted, unseen)

    def _look_at(self, rows: "Rows", columns: list[str], evidence: "Evidence") -> "Search":
        from gate.metrics.weak_slices import search

        return search(
            rows,
            self._counted(rows, evidence),
            columns,
            required=self.min_recall,
            alpha=1 - self.one_sided_confidence,
            depth=self.depth,
            min_images=self.min_images,
        )

    def _unseen(self, found: _Found) -> "list[Candidate]":
        """Return the slices that look weak on test, and that validation did not propose.

        Of those that it has enough images of, the ones that test shows to be weak by itself.
        """
        from gate.metrics.weak_slices import where

        if found.unseen is None or found.discovered_on is None:
            return []
        named = {each.definition for each in found.search.candidates}
        proves = (1 - self.one_sided_confidence) * _OF_TEST / max(1, found.unseen.searched)
        return [
            each
            for each in found.unseen.candidates
            if each.definition not in named
            and (
                each.chance <= proves
                or where(found.discovered_on, each.definition).sum() < self.min_images
            )
        ]

    def _rows(self, evidence: "Evidence", split: str) -> "tuple[Rows, list[str]] | Undefined":
        """Return the rows of a split and the columns that are searched."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent

        measured = measured_for(self.search, evidence, split)
        if measured is None:
            return absent(evidence, split)
        if isinstance(measured, Undefined):
            return measured
        cuts = cuts_of(self.search, measured)
        if isinstance(cuts, Undefined):
            return cuts
        columns = [column for cut in cuts for column in cut]
        for column in columns:
            slices = judged_slices(measured, (column,), None)
            if isinstance(slices, Undefined):
                return Undefined(
                    f"{column}: {slices.reason}",
                    remedy=f"name other columns in `search`: {column} may hold ids"
                    if column in measured.rows.slices
                    else slices.remedy,
                )
        return measured.rows, columns

    def _validation(self, evidence: "Evidence", columns: list[str]) -> "Rows | Undefined | None":
        """Return the rows of validation that stand in no other split; None where there are few."""
        import numpy as np

        from gate.evidence.records import Split
        from gate.metrics.estimates import Undefined
        from gate.metrics.row_sets import RowSet, row_sets
        from gate.metrics.selection import slice_places

        if Split.VALIDATION not in evidence.splits:
            return None
        given = self._rows(evidence, "validation")
        if isinstance(given, Undefined):
            return given
        rows, found = given
        if missing := [column for column in columns if column not in found]:
            return Undefined(
                f"validation declares no column {missing[0]}",
                remedy=f"add `{missing[0]}` to the `slices:` of validation",
            )
        sets = row_sets(evidence, Split.VALIDATION, either_way=True)
        own = set(sets.get(RowSet.CLEAN, sets[RowSet.GIVEN]).ids)
        kept = np.fromiter((name in own for name in rows.ids), dtype=bool, count=len(rows))
        rows = rows if kept.all() else rows.where(kept)
        counted = self._counted(rows, evidence)
        large = any(
            int(counted[at].sum()) >= self.min_images
            for column in columns
            for at in slice_places(rows, (column,)).values()
        )
        return rows if large else None

    def _pooled(
        self, rows: "Rows", earlier: "Rows | None", columns: list[str], evidence: "Evidence"
    ) -> "tuple[Rows, Rows | None]":
        """Return the rows of test and validation, the values that are rare on both as one."""
        from gate.metrics.weak_slices import pooled, rare_values

        both = [each for each in (rows, earlier) if each is not None]
        counted = [(each, self._counted(each, evidence)) for each in both]
        rare = {column: rare_values(counted, column, self.min_images) for column in columns}
        return pooled(rows, rare), None if earlier is None else pooled(earlier, rare)

    def _counted(self, rows: "Rows", evidence: "Evidence") -> "NDArray[np.bool_]":
        import numpy as np

        if self.class_ is None:
            return np.ones(len(rows), dtype=bool)
        named = resolve_classes((self.class_,), evidence)
        return np.isin(rows.labels, [evidence.classes.index(name) for name in named])

    def _of(self, candidate: "Candidate", found: _Found, shown: int) -> Comparison:
        """Return what test says of a slice that looks weak, one of those that are ``shown``."""
        import numpy as np

        from gate.metrics.estimates import Undefined
        from gate.metrics.proportions import share_of
        from gate.metrics.tables import group_codes
        from gate.metrics.weak_slices import OneOfSearched, where

        rows = found.rows
        at = np.flatnonzero(where(rows, candidate.definition) & found.counted)
        right = rows.labels[at] == rows.predictions[at]
        codes = group_codes(rows)
        share = share_of(right, None if codes is None else codes[at], "test has no such images")
        proposed = candidate in found.search.candidates
        estimate: Estimate = share
        if not isinstance(share, Undefined):
            estimate = OneOfSearched(share, shown, *found.among(proposed=proposed))
        wrong = [str(each) for each in rows.ids[at][~right]]
        words = _in_words(candidate, self.min_images)
        split = "test" if found.discovered_on is None or not proposed else "validation"
        return Comparison(
            what=f"the share of right answers on test where {words}",
            finding=not_checked(share)
            if isinstance(share, Undefined)
            else f"{int(right.sum()):,} of {len(at):,} are right where {words} "
            f"{require(self.min_recall)}",
            estimate=estimate,
            operator=">=",
            required=self.min_recall,
            scope=Scope("test", slice_name=candidate.name),
            proof=ProofRequirement.TO_FAIL,
            detail=f"on {split} it is {candidate.hits:,} of {candidate.images:,}"
            + (f"; wrong: {enumerate_names(wrong)}" if wrong else ""),
            unit="images of the slice",
        )

    def _none(self, found: _Found, sight: "Sight") -> Comparison:
        """Return that nothing looks weak, with what would have been seen."""
        from gate.metrics.estimates import Indication
        from gate.metrics.seen_slices import in_words

        nothing = Indication(0.0, confirmed=False, method="searched")
        said = f"No slice looks weak among {found.search.searched:,} of {sight.split}"
        return replace(self._nothing(nothing, said, in_words(sight)), sight=sight)

    def _sight(self, found: _Found) -> "Sight":
        from gate.metrics.seen_slices import sight_of

        return sight_of(
            found.search,
            found.discovered_on,
            _those(found.rows, found.counted),
            required=self.min_recall,
            alpha=1 - self.one_sided_confidence,
            part=1.0 if found.unseen is None else 1 - _OF_TEST,
        )

    def _nothing(self, estimate: "Estimate", finding: str, detail: str = "") -> Comparison:
        return Comparison(
            what="weak slices",
            finding=finding,
            estimate=estimate,
            operator="<=",
            required=0,
            scope=Scope("test"),
            proof=ProofRequirement.TO_FAIL,
            detail=detail,
        )


def _those(rows: "Rows", counted: "NDArray[np.bool_]") -> "Rows":
    return rows if counted.all() else rows.where(counted)


def _in_words(candidate: "Candidate", min_images: int) -> str:
    """Return a slice as a sentence has it: scanner = B and brightness in the lowest quarter."""
    return " and ".join(_part(*each, min_images) for each in candidate.definition)


def _part(column: str, value: str, min_images: int) -> str:
    from gate.metrics.weak_slices import RARE

    if value == RARE:
        return f"{column} has a value of fewer than {min_images} images"
    if value.endswith(" quarter") and properties_in(column):
        return f"{column} in the {value}"
    return f"{column} = {value}"
