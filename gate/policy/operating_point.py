"""An operating point as documents write it: in a gate file, in a policy, in a trust file."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gate.evidence.operating_point import (
    MOST_COST,
    Costs,
    Fit,
    OperatingPoint,
    Otherwise,
    Target,
    Threshold,
    threshold_of_calibrated,
)
from gate.keys import name_key
from gate.wording import quote, suggestion

Key = str | int
Complaint = tuple[tuple[Key, ...], str, str]  # path, fact, remedy

_Goal = Annotated[float, Field(gt=0, lt=1)]
_Cost = Annotated[float, Field(ge=-MOST_COST, le=MOST_COST)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CostsSpec(_Strict):
    """What an answer costs: the class against all others, in any unit."""

    false_positive: _Cost = Field(description="To answer the class where it is another.")
    false_negative: _Cost = Field(description="To answer another where it is the class.")
    true_positive: _Cost = Field(0.0, description="To answer the class where it is.")
    true_negative: _Cost = Field(0.0, description="To answer another where it is another.")
    calibrated: bool = Field(
        False,
        description="Take scores for true chances: the threshold follows from the costs (Elkan "
        "2001), and no validation split is looked at.",
    )

    @model_validator(mode="after")
    def _mistakes_cost(self) -> Self:
        if not self.costs().mistakes_cost:
            raise ValueError("a mistake has to cost more than the right answer in its place")
        return self

    def costs(self) -> Costs:
        """Return the record."""
        return Costs(**self.model_dump())


class FitSpec(_Strict):
    """What a threshold is to reach on the validation split; one of these."""

    recall: _Goal | None = Field(None, description="The least recall of the class.")
    fpr: _Goal | None = Field(None, description="The highest false-positive rate of the class.")
    precision: _Goal | None = Field(None, description="The least precision of the class.")
    cost: CostsSpec | None = Field(None, description="The smallest mean cost of an image.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if len(self._stated()) != 1:
            raise ValueError("state one target: recall, fpr, precision or cost")
        return self

    def fit(self) -> Fit:
        """Return the record."""
        if self.cost is not None:
            return Fit("cost", costs=self.cost.costs())
        ((target, goal),) = self._stated().items()
        assert isinstance(goal, float), "only costs are no share"
        return Fit(target, goal=goal)

    def _stated(self) -> dict[Target, float | CostsSpec]:
        said: dict[Target, float | CostsSpec | None] = {
            "recall": self.recall,
            "fpr": self.fpr,
            "precision": self.precision,
            "cost": self.cost,
        }
        return {target: goal for target, goal in said.items() if goal is not None}


class ThresholdSpec(_Strict):
    """A class, and the score from which on it is the answer: given, or to be fitted."""

    class_: Annotated[str, AfterValidator(name_key)] = Field(
        alias="class", description="The class."
    )
    at_least: float | None = Field(
        None, ge=0, le=1, description="The score from which on the class is the answer."
    )
    fit: FitSpec | None = Field(
        None,
        description="What the threshold has to reach on validation, with 99.8 % confidence.",
    )

    @model_validator(mode="after")
    def _given_or_fitted(self) -> Self:
        if (self.at_least is None) == (self.fit is None):
            raise ValueError("state at_least, or fit: one of the two")
        return self

    def threshold(self) -> Threshold:
        """Return the record; a threshold that is to be fitted on rows is None."""
        fit = None if self.fit is None else self.fit.fit()
        least = self.at_least
        if fit is not None and fit.costs is not None and fit.costs.calibrated:
            least = threshold_of_calibrated(fit.costs)
        return Threshold(self.class_, least, fit)


class OperatingPointSpec(_Strict):
    """How scores become answers: the first class whose threshold is met."""

    order: tuple[ThresholdSpec, ...] = Field(
        min_length=1,
        description="Classes with their thresholds, in the order in which they are asked.",
    )
    otherwise: Otherwise = Field(
        "best",
        description="Where no threshold is met: the best of the classes that are not listed (of "
        "all, where each is), or no answer (`abstain`).",
    )

    def declared(self) -> OperatingPoint:
        """Return the record, with what is to be fitted left open."""
        return OperatingPoint(
            tuple(each.threshold() for each in self.order), otherwise=self.otherwise
        )

    def faults(self, classes: Sequence[str]) -> Iterator[Complaint]:
        """Yield each class that stands twice, and each that is none of the ``classes``.

        Without classes, which are not known yet, only the first.
        """
        names = [each.class_ for each in self.order]
        for index, name in enumerate(names):
            if name in names[:index]:
                fact = f"the class {quote(name)} stands twice in the order"
                yield ("order", index, "class"), fact, "delete one: the first one always decides"
            elif classes and name not in classes:
                remedy = suggestion(name, classes, what="the classes are")
                yield ("order", index, "class"), f"there is no class {quote(name)}", remedy


OperatingPointPin = OperatingPointSpec | Literal["required"]


def differs(pin: OperatingPointPin | None, found: OperatingPoint | None) -> str:
    """Return why an operating point is not what a policy asks for, in words; nothing where it is.

    Where the policy fits a threshold, the point has to fit it to the same target, whatever it
    found.
    """
    if pin is None:
        return ""
    if found is None:
        return "none is stated: the class with the highest score is the answer"
    if pin == "required":
        return ""
    wanted = pin.declared()
    if [each.class_name for each in wanted.order] != [each.class_name for each in found.order]:
        return f"the order is {in_words(found)}"
    for mine, theirs in zip(wanted.order, found.order, strict=True):
        same = theirs.fit == mine.fit and (
            mine.at_least is None or mine.at_least == theirs.at_least
        )
        if not same:
            return f"the threshold of {quote(theirs.class_name)} is {threshold_in_words(theirs)}"
    if wanted.otherwise != found.otherwise:
        return f"otherwise is {found.otherwise}"
    return ""


def in_words(point: OperatingPoint) -> str:
    """Return an operating point in a few words: tumour from 0.2, cyst from 0.31, else the best."""
    parts = [f"{each.class_name} {threshold_in_words(each)}" for each in point.order]
    other = "no answer" if point.otherwise == "abstain" else "the best of the others"
    return f"{', '.join(parts)}, otherwise {other}"


def threshold_in_words(threshold: Threshold) -> str:
    """Return a threshold with what it was fitted to: "from 0.31 (fitted to recall 0.95)"."""
    fit = threshold.fit
    goal = "" if fit is None else f"{fit.target} {fit.goal:g}" if fit.goal is not None else "cost"
    if threshold.at_least is None:
        return f"not known (to be fitted to {goal})"
    return f"from {threshold.at_least!r}" + (f" (fitted to {goal})" if goal else "")
