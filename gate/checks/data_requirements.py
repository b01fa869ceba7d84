"""Check: data-requirements."""

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope, SplitName
from gate.checks.sentences import agree, known_or, number, require
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


class DataRequirements(Rule):
    """Ask for a split, and for enough images, of each class and from enough groups.

    A policy writes it as `data: {test: {min_images: 500}}`. Too little data is no failure of the
    model, so what falls short is inconclusive, and blocks as such. Images that are unreadable, that
    leaked from an earlier split or that repeat another do not count.

    To fix a failure: collect the images, classes or groups that the message names.

    To decide it: collect the images, classes or groups that the message names; leaked, repeated
    and unreadable images do not count.
    """

    family: ClassVar = "data"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "readable images of the split, neither leaked nor repeated, of each class in it, and "
        "their groups"
    )
    interval: ClassVar = "none: the images are counted, not sampled"

    check: Literal["data-requirements"] = "data-requirements"
    split: SplitName = Field("test", description="The split that must be given.")
    min_images: int = Field(1, ge=1, description="The fewest readable images in it.")
    min_per_class: int = Field(1, ge=1, description="The fewest readable images of each class.")
    min_groups: int | None = Field(
        None,
        ge=1,
        description="The fewest groups (patients, scenes); not asked for by default. Every image "
        "must then have one.",
    )
    min_per_test_image: float | None = Field(
        None,
        gt=0,
        description="The fewest images of train, or of validation, for each image of test: 1 is as "
        "many as test has; not asked for by default.",
    )

    examples: ClassVar = (
        Example(
            "100 images, 50 of each class",
            {"min_images": 100, "min_per_class": 50},
            SyntheticRun(test=((45, 5), (3, 47))),
            Outcome.PASSED,
        ),
        Example(
            "50 images of a class where 60 are asked for",
            {"min_per_class": 60},
            SyntheticRun(test=((55, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "no group is declared",
            {"min_groups": 30},
            SyntheticRun(test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "two train images for 100 test images",
            {"split": "train", "min_per_test_image": 1},
            SyntheticRun(train=((1, 0), (0, 1)), test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
        Example("the split was not given", {}, SyntheticRun(), Outcome.INCONCLUSIVE),
    )

    @model_validator(mode="after")
    def _of_another_split(self) -> "DataRequirements":
        if self.min_per_test_image is not None and self.split == "test":
            raise ValueError("min_per_test_image compares a split with test: ask it of train")
        return self

    def compared_splits(self) -> tuple[SplitName, ...]:
        """Return this split and test: copies of test images make up for no train images."""
        return (self.split,) if self.split == "test" else (self.split, "test")

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the number of images, of those of each class, of groups, and beside test."""
        from gate.evidence.records import Split
        from gate.metrics.estimates import Count
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        if rows is None:
            return [self._least("images", absent(evidence, self.split), self.min_images)]
        labels = rows.labels
        comparisons = [self._least("images", Count(len(labels)), self.min_images)]
        comparisons += [
            self._least("images", Count(int((labels == label).sum())), self.min_per_class, name)
            for label, name in enumerate(evidence.classes)
        ]
        if self.min_groups is not None:
            comparisons.append(self._least("groups", _groups(rows, self.split), self.min_groups))
        if self.min_per_test_image is not None:
            comparisons.append(self._beside_test(len(labels), self.min_per_test_image, evidence))
        return comparisons

    def _beside_test(self, images: int, each: float, evidence: "Evidence") -> Comparison:
        from gate.evidence.records import Split
        from gate.metrics.estimates import Count
        from gate.metrics.selection import absent

        test = evidence.splits.get(Split.TEST)
        found = absent(evidence, "test") if test is None else Count(images)
        tested = 0 if test is None else len(test.rows)
        required = float(Fraction(repr(each)) * tested)  # as it is written: 0.29 of 100 is 29
        said = (
            f"{self.split} has {images:,} {agree(images, 'images', 'image')} "
            f"(required: {number(required)}, {each:g} for each of {tested:,} test images)"
        )
        return Comparison(
            what=f"images of {self.split}",
            estimate=found,
            operator=">=",
            required=required,
            scope=Scope(self.split, part="images-per-test-image"),
            unmet=Outcome.INCONCLUSIVE,
            finding=known_or(found, said),
        )

    def _least(
        self, counted: str, estimate: "Estimate", required: int, class_name: str | None = None
    ) -> Comparison:
        of_class = f" of {class_name}" if class_name is not None else ""
        found = int(estimate.value or 0)
        words = agree(found, counted, counted.removesuffix("s"))
        said = f"{self.split} has {found:,} {words}{of_class} {require(required)}"
        return Comparison(
            what=f"{counted}{of_class} in {self.split}",
            finding=known_or(estimate, said),
            estimate=estimate,
            operator=">=",
            required=required,
            scope=Scope(self.split, class_name, part=counted),
            unmet=Outcome.INCONCLUSIVE,
        )


def _groups(rows: "Rows", split: str) -> "Estimate":
    from gate.metrics.estimates import Count, Undefined

    if rows.groups is None:
        return Undefined(
            f"{split} has no group column (add `group:`)",
            remedy=f"declare the group column of {split} in the gate file",
        )
    groups = rows.groups.tolist()
    if without := sum(group is None for group in groups):
        return Undefined(
            f"{without:,} of {len(groups):,} {split} images have no group",
            remedy=f"give every {split} image its group",
        )
    return Count(len(set(groups)))
