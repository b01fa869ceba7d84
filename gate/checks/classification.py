"""The base of classification checks: a metric of a split or of a class, cut into slices."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from gate.checks.base import (
    CRITICAL,
    OTHERS,
    Comparison,
    Concern,
    DataFacts,
    Key,
    Operator,
    Outcome,
    Remark,
    Rule,
    Scope,
    SplitName,
    in_words,
    resolve_classes,
    without_classes,
)
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
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence, Rows, SplitEvidence
    from gate.metrics.estimates import Estimate, Undefined

    Targets = Sequence[tuple[str | None, float]]  # a class, or None for all images; the requirement


class ClassificationRule(Rule):
    """A requirement on a metric of one split."""

    family: ClassVar = "classification"
    operator: ClassVar[Operator] = ">="

    chance: ClassVar[float | None] = None  # what guessing has, however many classes there are

    split: SplitName = Field("test", description="The split to measure.")
    per_class: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {},
        description="Requirements by class name, `$critical` or `$others`, in place of the common "
        "one.",
    )
    by: str | tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="A slice column, several to be crossed, or `$slices`, every column that the "
        "data declares; each slice must meet the requirement. brightness, contrast, size, "
        "sharpness, aspect and bytes are measured, and cut at quartiles.",
    )
    slices: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The slices to judge, such as `A` (or `scanner=A, site=2` where columns are "
        "crossed); by default all that the data has. One that is absent is inconclusive.",
    )
    warn_below: float | None = Field(
        None,
        description="A value that passes and is below this is reported as a warning; for checks "
        "with `min`.",
    )
    warn_above: float | None = Field(
        None,
        description="A value that passes and is above this is reported as a warning; for checks "
        "with `max`.",
    )

    @property
    def spoken(self) -> str:
        """The metric as a sentence names it."""
        return in_words(self.check)

    @property
    def common(self) -> float | None:
        """The requirement where ``per_class`` has none: the field ``min`` or ``max``."""
        bound: float | None = getattr(self, "min" if self.operator == ">=" else "max")
        return bound

    @property
    def worst(self) -> float:
        """The value that no model is worse than."""
        return 0.0 if self.operator == ">=" else 1.0

    def guess(self, classes: int) -> float | None:  # noqa: ARG002 -- for overriding
        """Return what guessing among so many classes has; None where the data decides that."""
        return self.chance

    def bounds(self) -> Iterator[tuple[tuple[Key, ...], float]]:
        """Yield each requirement with its path inside the rule's entry, the common one first."""
        if self.common is not None:
            yield ("min" if self.operator == ">=" else "max",), self.common
        for name, bound in self.per_class.items():
            yield ("per_class", name), bound

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield the first requirement where every model meets all of them, or one that guesses."""
        if type(self).outcome_when_undefined is not ClassificationRule.outcome_when_undefined:
            return  # it fails where there is nothing to compute it from
        (path, first), *_ = bounds = list(self.bounds())
        if not any(self._is_stricter(bound, self.worst) for _, bound in bounds):
            fact = f"no {self.spoken} is {'below' if self.operator == '>=' else 'above'} {first:g}"
            yield path, fact, "require more, or delete the rule"
        elif self.chance is not None and not any(
            self._asks_for_skill(bound) for _, bound in bounds
        ):
            fact = f"the {self.spoken} of a model that guesses is {self.chance:g}"
            yield path, fact, f"require more than {self.chance:g}, or delete the rule"

    def _asks_for_skill(self, bound: float) -> bool:
        """Return whether guessing does not meet a bound; to prove as much as it has is no guess."""
        assert self.chance is not None
        has_to_be_proven = self.decide_on == "interval" and self.on_inconclusive == "block"
        return self._is_stricter(bound, self.chance) or (bound == self.chance and has_to_be_proven)

    def lenient(self, data: DataFacts) -> Iterator[Remark]:
        """Yield each requirement that guessing meets."""
        yield from super().lenient(data)
        guess = None if data.classes is None else self.guess(data.classes)
        if guess is None or self.chance is not None:
            return
        for path, bound in self.bounds():
            if not self._is_stricter(bound, guess):
                fact = f"the {self.spoken} of guessing among {data.classes} classes is {guess:.3g}"
                yield path, fact, f"{bound:g} is no better"

    @model_validator(mode="after")
    def _requires_something(self) -> "ClassificationRule":
        if self.common is None and not self.per_class:
            name = "min" if self.operator == ">=" else "max"
            raise ValueError(f"nothing is required; give {name}, per_class, or both")
        if complaint := complain_of(self.by, self.slices):
            raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _warns_before_it_fails(self) -> "ClassificationRule":
        upwards = self.operator == ">="
        own, other = ("warn_below", "warn_above") if upwards else ("warn_above", "warn_below")
        if getattr(self, other) is not None:
            raise ValueError(f"{self.check} has no {other}; write {own}")
        band = self.band
        bounds = [*self.per_class.values(), *([] if self.common is None else [self.common])]
        if band is not None and not any(self._is_stricter(band, bound) for bound in bounds):
            side = "above" if upwards else "below"
            raise ValueError(f"{own} is not {side} what is required, so it can never warn")
        return self

    @property
    def band(self) -> float | None:
        """What a value has to reach to pass without a warning: ``warn_below`` or ``warn_above``."""
        return self.warn_below if self.operator == ">=" else self.warn_above

    def _is_stricter(self, bound: float, other: float) -> bool:
        return bound > other if self.operator == ">=" else bound < other

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the keys of ``per_class``."""
        for name in self.per_class:
            yield ("per_class", name), name

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each class or split, in each slice."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import absent

        measured = measured_for(self.by, evidence, self.split)
        if measured is None:
            return [self._unmeasured(absent(evidence, self.split))]
        if isinstance(measured, Undefined):
            return [self._unmeasured(measured, ", ".join(properties_in(self.by)))]
        targets = list(self.targets(evidence))
        return [
            comparison
            for slice_name, part in self._parts(measured)
            for comparison in (
                [self._unmeasured(part, slice_name)]
                if isinstance(part, Undefined)
                else self._with_bands(self.compare(part, slice_name, evidence, targets))
            )
        ]

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the properties of images, where a slice column is one."""
        return properties_needed(self.by)

    def _with_bands(self, comparisons: list[Comparison]) -> Iterator[Comparison]:
        """Yield each comparison, and after it the one with the warn band, where that asks more."""
        part = "warn-below" if self.operator == ">=" else "warn-above"
        for each in comparisons:
            yield each
            has_value = each.estimate.value is not None
            if self.band is not None and has_value and self._is_stricter(self.band, each.required):
                scope = replace(each.scope, part=part)
                yield replace(each, required=self.band, scope=scope, advisory=True)

    def compare(
        self, rows: "Rows", slice_name: str | None, evidence: "Evidence", targets: "Targets"
    ) -> list[Comparison]:
        """Return the comparisons of one slice: one for each target."""
        return [
            self.comparison(
                rows, evidence, class_name=class_name, slice_name=slice_name, required=required
            )
            for class_name, required in targets
        ]

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":
        """Yield what is judged and the requirement: a class, or None for all images."""
        raise NotImplementedError

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the metric of one class, or of all rows where ``label`` is None."""
        from gate.metrics.named import metric

        return metric(
            self.check, rows, label, len(evidence.classes), self.classes_to_average(evidence)
        )

    def classes_to_average(self, evidence: "Evidence") -> "Collection[int] | None":
        """Return the classes that a mean over classes is taken over; None: all that are declared.

        In a slice, those that have images in the whole split.
        """
        from gate.evidence.records import Split
        from gate.metrics.selection import classes_of

        return None if self.by is None else classes_of(evidence, Split(self.split))

    def unit(self, class_name: str | None) -> str:
        """Return what the denominator counts, for the message that asks for more of it."""
        return f"{class_name} images" if class_name else "images"

    def outcome_when_undefined(self, rows: "Rows", label: int | None) -> Outcome:  # noqa: ARG002 -- for overriding
        """Return the outcome of a metric without a value: there is nothing to judge by."""
        return Outcome.INCONCLUSIVE

    def required_of(self, class_name: str, evidence: "Evidence") -> float | None:
        """Return the requirement of a class; its name goes before ``$critical`` and ``$others``.

        Of a class that was called critical beside those of the policy it is the stricter of both.
        """
        if class_name in self.per_class:
            return self.per_class[class_name]
        roles = [CRITICAL if class_name in evidence.critical else OTHERS]
        if class_name in evidence.added_critical:
            roles.append(OTHERS)
        bounds = [self.per_class.get(role, self.common) for role in roles]
        known = [bound for bound in bounds if bound is not None]
        strictest = max if self.operator == ">=" else min
        return strictest(known, default=None)

    def comparison(
        self,
        rows: "Rows",
        evidence: "Evidence",
        *,
        class_name: str | None,
        slice_name: str | None,
        required: float,
    ) -> Comparison:
        """Return the comparison of one metric, named as a sentence begins."""
        label = None if class_name is None else evidence.classes.index(class_name)
        estimate = self.estimate(rows, label, evidence)
        of_class = f" of {class_name}" if class_name is not None else ""
        of_slice = f" where {slice_name}" if slice_name is not None else ""
        return Comparison(
            what=f"{self.spoken}{of_class} on {self.split}{of_slice}",
            estimate=estimate,
            operator=self.operator,
            required=required,
            scope=Scope(self.split, class_name, slice_name),
            undefined=self.outcome_when_undefined(rows, label),
            detail=without_classes(estimate, evidence.classes),
            unit=self.unit(class_name),
        )

    def _parts(self, measured: "SplitEvidence") -> "Iterator[tuple[str | None, Rows | Undefined]]":
        """Yield each slice with its rows, or with the reason why there are none to judge."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.selection import slices_of

        if self.by is None:
            yield None, measured.rows
            return
        cuts = cuts_of(self.by, measured)
        if isinstance(cuts, Undefined):
            yield self.by if isinstance(self.by, str) else ", ".join(self.by), cuts
            return
        for columns in cuts:
            judged = judged_slices(measured, columns, self.slices)
            if isinstance(judged, Undefined):
                yield ", ".join(columns), judged
                continue
            found = dict(slices_of(measured.rows, columns, judged))
            for name in judged:
                here = name in found
                yield name, found[name] if here else absent_slice(measured, columns, name)

    def _unmeasured(self, missing: "Undefined", slice_name: str | None = None) -> Comparison:
        bounds = [*self.per_class.values(), *([] if self.common is None else [self.common])]
        return Comparison(
            what=f"{self.spoken} on {self.split}" + (f" where {slice_name}" if slice_name else ""),
            estimate=missing,
            operator=self.operator,
            required=bounds[0],
            scope=Scope(self.split, slice_name=slice_name),
        )


class SplitMetric(ClassificationRule):
    """A metric of a whole split; ``per_class`` asks for its counterpart of single classes."""

    @property
    def concern(self) -> Concern | None:
        """Single classes, where some have a requirement."""
        return Concern.PER_CLASS if self.per_class and self.split == "test" else None

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":
        """Yield the split, then the classes that are named."""
        if self.common is not None:
            yield None, self.common
        for class_name in resolve_classes(tuple(self.per_class), evidence):
            required = self.required_of(class_name, evidence)
            if required is not None:
                yield class_name, required


class MeanOverClasses(SplitMetric):
    """A metric of a whole split that is a mean over classes."""

    over: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The classes that are averaged, by name, `$critical` or `$others`; by default "
        "all. One without images may have any value, so that the mean proves less.",
    )

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the names in ``over`` and the keys of ``per_class``."""
        for index, name in enumerate(self.over or ()):
            yield ("over", index), name
        yield from super().class_names()

    def classes_to_average(self, evidence: "Evidence") -> "Collection[int] | None":
        """Return the classes ``over``; in a slice, those that have images in the whole split."""
        present = super().classes_to_average(evidence)
        if self.over is None:
            return present
        named = [evidence.classes.index(name) for name in resolve_classes(self.over, evidence)]
        return [label for label in named if present is None or label in present]


class ClassMetric(ClassificationRule):
    """A metric of every class, each judged by itself."""

    classes: str | tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The classes to judge, by name, `$critical` or `$others`; by default all.",
    )

    @property
    def concern(self) -> Concern | None:
        """Single classes."""
        return Concern.PER_CLASS if self.split == "test" else None

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the names in ``classes`` and the keys of ``per_class``."""
        if isinstance(self.classes, str):
            yield ("classes",), self.classes
        for index, name in enumerate(self.classes if isinstance(self.classes, tuple) else ()):
            yield ("classes", index), name
        yield from super().class_names()

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":
        """Yield each class that has a requirement."""
        named = (self.classes,) if isinstance(self.classes, str) else self.classes
        # A class that has a requirement of its own is judged, whatever ``classes`` says.
        judged = (
            evidence.classes
            if named is None
            else resolve_classes((*named, *self.per_class), evidence)
        )
        for class_name in judged:
            required = self.required_of(class_name, evidence)
            if required is not None:
                yield class_name, required
