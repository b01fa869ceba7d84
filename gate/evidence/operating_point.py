"""An operating point: how the scores of an image become its answer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Otherwise = Literal["best", "abstain"]
Target = Literal["recall", "fpr", "precision", "cost"]

DELTA = 0.002  # the chance that a fitted threshold misses its target in truth
MOST_COST = 1e12  # of an image, in any unit: sums over images stay finite
ABSTAINED = "(abstained)"  # the name of the answer that is none of the classes, for people

_Share = Annotated[float, Field(ge=0, le=1)]
_Goal = Annotated[float, Field(gt=0, lt=1)]
_Cost = Annotated[float, Field(ge=-MOST_COST, le=MOST_COST)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Costs:
    """What each kind of answer to an image costs, for one class against all others."""

    false_positive: _Cost
    false_negative: _Cost
    true_positive: _Cost = 0.0
    true_negative: _Cost = 0.0
    calibrated: bool = False  # scores are taken for true: the threshold follows without any rows

    @property
    def mistakes_cost(self) -> bool:
        """Whether each mistake costs more than the right answer in its place."""
        alarms = self.false_positive > self.true_negative
        return alarms and self.false_negative > self.true_positive


def threshold_of_calibrated(costs: Costs) -> float:
    """Return the threshold with the smallest expected cost where scores are true (Elkan 2001).

    A false alarm has to cost more than none, and a miss more than a find.
    """
    alarm = costs.false_positive - costs.true_negative
    return alarm / (alarm + costs.false_negative - costs.true_positive)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a threshold is to reach on the validation split: a share in (0, 1), or least cost."""

    target: Target
    goal: _Goal | None = None  # None: of costs
    costs: Costs | None = None  # None: of a share

    @property
    def needs_rows(self) -> bool:
        """Whether the threshold is found on rows, and does not follow from the costs alone."""
        return self.costs is None or not self.costs.calibrated


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which on a class is the answer.

    ``at_least`` is None where it was to be fitted and no threshold reaches the target; ``nearest``
    then has the nearest target that one reaches, None where no image speaks of it. A fitted
    threshold lies a float above the highest score where the class must never be the answer.
    """

    class_name: str
    at_least: Annotated[float, Field(ge=-0.001, le=1.002)] | None
    fit: Fit | None = None
    nearest: _Share | None = None


@dataclass(frozen=True, slots=True)
class FittedOn:
    """The rows that thresholds were fitted on."""

    split: Literal["validation"]
    images: Annotated[int, Field(ge=0)]
    sha256: _Sha256  # over names, labels, groups and scores of the rows


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The first class in ``order`` whose threshold is met is the answer.

    Where none is: the best of the classes that are not listed (of all, where each is), or nothing.
    """

    order: tuple[Threshold, ...]
    otherwise: Otherwise = "best"
    fitted_on: FittedOn | None = None  # None: nothing was to be fitted, or nothing to fit it on

    @property
    def is_fitted(self) -> bool:
        """Whether a threshold is found on rows, and not given."""
        return any(each.fit is not None and each.fit.needs_rows for each in self.order)

    @property
    def unreached(self) -> tuple[Threshold, ...]:
        """The thresholds that reach no target: with one of them there are no answers."""
        return tuple(each for each in self.order if each.at_least is None)
