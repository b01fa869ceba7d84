"""Check: parent-recall."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Comparison, Concern, Example, Outcome, Scope
from gate.checks.classification import ClassificationRule
from gate.evidence.synthetic_run import SyntheticRun
from gate.keys import name_key

if TYPE_CHECKING:
    from gate.checks.classification import Targets
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate

_CLASSES = ("car", "bus", "cat", "dog")
_PARENTS = {"vehicle": ("car", "bus"), "animal": ("cat", "dog")}


class ParentRecall(ClassificationRule):
    """Require a minimum recall of every parent: of classes that belong together.

    A car that is taken for a bus is still found as a vehicle. The gate file says which classes
    belong together, `classes: {vehicle: [car, bus], animal: [cat, dog]}`; whoever writes it could
    put all under one parent, so a policy may say it itself in `parents`. Of one parent nothing is
    judged.

    To fix a failure: look at what the images of the named parent are taken for outside of it.

    To decide it: measure more images of the classes of the named parent.
    """

    family: ClassVar = "order"
    formula: ClassVar = "images of the parent whose answer is a class of the parent / its images"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["parent-recall"] = "parent-recall"
    parents: dict[str, tuple[str, ...]] = Field(
        {},
        description="The classes of each parent, in place of what the gate file says. A class that "
        "no parent has is judged by other rules alone.",
    )
    min: float = Field(ge=0, le=1, description="The lowest recall that passes.")

    examples: ClassVar = (
        Example(
            "buses are taken for cars, and hardly ever for animals",
            {"min": 0.95},
            SyntheticRun(
                classes=_CLASSES,
                parents=_PARENTS,
                test=((190, 10, 0, 0), (60, 138, 2, 0), (0, 0, 195, 5), (1, 1, 8, 190)),
            ),
            Outcome.PASSED,
        ),
        Example(
            "a sixth of the buses is taken for animals",
            {"min": 0.95},
            SyntheticRun(
                classes=_CLASSES,
                parents=_PARENTS,
                test=((190, 10, 0, 0), (10, 157, 33, 0), (0, 0, 195, 5), (1, 1, 8, 190)),
            ),
            Outcome.FAILED,
        ),
        Example(
            "nobody says which classes belong together",
            {"min": 0.95},
            SyntheticRun(
                classes=_CLASSES,
                test=((190, 10, 0, 0), (60, 138, 2, 0), (0, 0, 195, 5), (1, 1, 8, 190)),
            ),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _each_class_has_one_parent(self) -> "ParentRecall":
        if self.per_class:
            raise ValueError("this speaks of parents; write no per_class")
        if len(self.parents) == 1:
            raise ValueError("one parent leaves nothing to decide; name two or more")
        names = [name_key(name) for members in self.parents.values() for name in members]
        if len(set(names)) < len(names):
            raise ValueError("a class has two parents")
        if not all(self.parents.values()):
            raise ValueError("a parent has no classes")
        return self

    @property
    def concern(self) -> Concern | None:
        """Single classes, of a kind."""
        return Concern.PER_CLASS if self.split == "test" else None

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the classes of the parents."""
        for parent, members in self.parents.items():
            for index, name in enumerate(members):
                yield ("parents", parent, index), name_key(name)

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":
        """Yield the parents, each by its name."""
        for parent in self._parents(evidence):
            yield parent, self.min

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":  # noqa: ARG002 -- of a parent alone
        """Return that there is no number for all parents together."""
        from gate.metrics.estimates import Undefined

        return Undefined("each parent has its own")

    def compare(
        self, rows: "Rows", slice_name: str | None, evidence: "Evidence", targets: "Targets"
    ) -> list[Comparison]:
        """Return one comparison for each parent, or that there are none."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.ordinal import parent_recall

        parents = self._parents(evidence)
        if len(parents) < 2:
            said = "one parent has all classes" if parents else "no parents are declared"
            write = "write `classes: {PARENT: [CLASS, ...], ...}` in the gate file"
            return [self._unmeasured(Undefined(said, remedy=write), slice_name)]
        of_slice = f" where {slice_name}" if slice_name is not None else ""
        return [
            Comparison(
                what=f"{self.spoken} of {parent} on {self.split}{of_slice}",
                estimate=parent_recall(rows, parents[parent]),
                operator=self.operator,
                required=required,
                scope=Scope(self.split, slice_name=slice_name, part=parent),
                unit=f"{parent} images",
            )
            for parent, required in targets
            if parent is not None
        ]

    def _parents(self, evidence: "Evidence") -> Mapping[str, Sequence[int]]:
        """Return the indices of the classes of each parent: as the rule says, or the gate file."""
        said = self.parents or evidence.parents
        return {
            parent: [evidence.classes.index(name_key(name)) for name in members]
            for parent, members in said.items()
        }
