"""The base of checks of gaps: the largest difference of a share between the slices of a split."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from gate.checks.base import (
    Comparison,
    Concern,
    DataFacts,
    Remark,
    Rule,
    Scope,
    SplitName,
    in_words,
)
from gate.checks.sentences import enumerate_names
from gate.checks.slicing import (
    absent_slice,
    complain_of,
    cuts_of,
    judged_slices,
    measured_for,
    properties_in,
    properties_needed,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence, SplitEvidence
    from gate.metrics.estimates import Estimate, Undefined
    from gate.metrics.gaps import LargestGap

    Places = Mapping[str, NDArray[np.intp]]

_DIGITS = 3  # of a share that a detail names


class GapRule(Rule):
    """A limit on the largest gap between slices."""

    family: ClassVar = "groups"

    split: SplitName = Field("test", description="The split to measure.")
    by: str | tuple[str, ...] = Field(
        min_length=1,
        description="A slice column, several to be crossed, or `$slices`, every column that the "
        "data declares, each by itself. brightness, contrast, size, sharpness, aspect and bytes "
        "are measured, and cut at quartiles.",
    )
    slices: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The slices to compare, such as `A` (or `scanner=A, site=2` where columns are "
        "crossed); by default all that the data has. One that is absent is inconclusive.",
    )
    max: float = Field(ge=0, le=1, description="The largest gap that passes.")

    @model_validator(mode="after")
    def _names_slices_of_a_column(self) -> "GapRule":
        if complaint := complain_of(self.by, self.slices):
            raise ValueError(complaint)
        return self

    @property
    def concern(self) -> Concern | None:
        """None of those that every policy should watch."""
        return None

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a limit that every gap is within."""
        if self.max >= 1:
            yield ("max",), "no gap is above 1", "allow less, or delete the rule"

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the properties of images, where a slice column is one."""
        return properties_needed(self.by)

    def questions(self, evidence: "Evidence") -> "Iterator[tuple[str, str | None]]":
        """Yield what is compared between slices: a metric, and the class it is of, if any."""
        raise NotImplementedError

    def part(self, metric: str) -> str | None:  # noqa: ARG002 -- for overriding
        """Return what tells the comparisons of several metrics apart."""
        return None

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each cut of the split, metric and class."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent

        measured = measured_for(self.by, evidence, self.split)
        if measured is None:
            return [self._comparison(absent(evidence, self.split), None, None, None)]
        if isinstance(measured, Undefined):
            return [self._comparison(measured, None, None, ", ".join(properties_in(self.by)))]
        cuts = cuts_of(self.by, measured)
        if isinstance(cuts, Undefined):
            return [self._comparison(cuts, None, None, None)]
        return [each for columns in cuts for each in self._of_cut(measured, columns, evidence)]

    def _of_cut(
        self, measured: "SplitEvidence", columns: tuple[str, ...], evidence: "Evidence"
    ) -> Iterator[Comparison]:
        from gate.metrics.estimates import Undefined
        from gate.metrics.gaps import largest_gap

        cut = ", ".join(columns)
        places = self._places(measured, columns)
        if isinstance(places, Undefined):
            yield self._comparison(places, None, None, cut)
            return
        for metric, class_name in self.questions(evidence):
            label = None if class_name is None else evidence.classes.index(class_name)
            gap = largest_gap(metric, measured.rows, label, places)
            yield self._comparison(gap, metric, class_name, cut)

    def _places(self, measured: "SplitEvidence", columns: tuple[str, ...]) -> "Places | Undefined":
        """Return the rows of each slice that is judged; undefined where one of them has none."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import slice_places

        judged = judged_slices(measured, columns, self.slices)
        if isinstance(judged, Undefined):
            return judged
        places = slice_places(measured.rows, columns)
        for name in judged:
            if name not in places:
                missing = absent_slice(measured, columns, name)
                return Undefined(f"{name}: {missing.reason}", remedy=missing.remedy)
        return {name: places[name] for name in judged}

    def _comparison(
        self, estimate: "Estimate", metric: str | None, class_name: str | None, cut: str | None
    ) -> Comparison:
        from gate.metrics.gaps import LargestGap

        of_metric = "" if metric is None else f" in {in_words(metric)}"
        of_class = "" if class_name is None else f" of {class_name}"
        by = "" if cut is None else f" by {cut}"
        return Comparison(
            what=f"gap{of_metric}{of_class} on {self.split}{by}",
            estimate=estimate,
            operator="<=",
            required=self.max,
            scope=Scope(self.split, class_name, cut, None if metric is None else self.part(metric)),
            detail=_say(estimate) if isinstance(estimate, LargestGap) else "",
            to_decide=_images_of(estimate) if isinstance(estimate, LargestGap) else "",
        )


def _say(gap: "LargestGap") -> str:
    """Return the slices that are furthest apart, in words."""
    if not gap.value:
        return "all slices are alike"
    high, low = (f"{gap.shares[name].value:.{_DIGITS}f} for {name}" for name in gap.widest)
    return f"{high} and {low}"


def _images_of(gap: "LargestGap") -> str:
    """Return of which slices more images are needed: those that are missing, else the smallest."""
    if gap.missing:
        return f"add images of {enumerate_names(list(gap.missing))}"
    few = next((name for name, each in gap.shares.items() if each.reason), None)
    if few is not None:
        return f"give images of more groups in each slice: {few} has {gap.shares[few].reason}"
    smallest = min(sorted(gap.shares), key=lambda name: gap.shares[name].denominator)
    return f"measure more images of each slice, first of {smallest}"
