"""The base of checks of classes that stand in an order, such as the grades of a disease."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from gate.checks.base import Remark
from gate.checks.classification import ClassificationRule

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Undefined


class GradesRule(ClassificationRule):
    """A requirement on the answers of one split, whose classes stand in an order."""

    family: ClassVar = "order"

    order: tuple[str, ...] | None = Field(
        None,
        min_length=2,
        description="All classes from the lowest grade to the highest; by default as they are "
        "declared. Class folders are sorted as text: high, low, medium.",
    )

    @model_validator(mode="after")
    def _asks_for_all_classes_at_once(self) -> "GradesRule":
        if self.per_class:
            raise ValueError("this speaks of all grades together; write no per_class")
        if self.order is not None and len(set(self.order)) < len(self.order):
            raise ValueError("a class stands in the order twice")
        return self

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the names in ``order``."""
        for index, name in enumerate(self.order or ()):
            yield ("order", index), name
        yield from super().class_names()

    def misfits(self, classes: Sequence[str]) -> Iterator[Remark]:
        """Yield an order that leaves out a class."""
        if self.order is None:
            return
        if left_out := [name for name in classes if name not in self.order]:
            fact = f"the order leaves out {left_out[0]!r}"
            yield ("order",), fact, "name every class, from the lowest grade to the highest"

    def contradiction(self, evidence: "Evidence") -> "Undefined | None":
        """Return the parent whose classes the order parts; None where it parts none."""
        from gate.metrics.estimates import Undefined

        order = list(self.order or evidence.classes)
        for parent, members in evidence.parents.items():
            places = [order.index(name) for name in members]
            amid = [name for name in order[min(places) : max(places)] if name not in members]
            if amid:
                return Undefined(
                    f"the order has {amid[0]} amid the classes of {parent}: grades and hierarchy "
                    "contradict each other",
                    remedy="write the classes of each parent side by side in the order, or declare "
                    "other parents under `classes:` in the gate file",
                )
        return None

    def grades(self, evidence: "Evidence") -> tuple[int, ...]:
        """Return where each class stands, from 0 for the lowest."""
        order = self.order or evidence.classes
        return tuple(order.index(name) for name in evidence.classes)
