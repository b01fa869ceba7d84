"""How many images a policy takes to prove, and what the images at hand can prove."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.checks.base import CRITICAL, OTHERS, Operator, Rule
from gate.checks.classification import ClassificationRule
from gate.evidence.records import Evidence
from gate.metrics.planning import minimum_images, most_misses, plan, power

# What the denominator of a metric counts; only shares of something can be planned exactly.
_COUNTS: Mapping[str, str] = {
    "accuracy": "images",
    "top-k-accuracy": "images",
    "recall": "images of the class",
    "confusion-rate": "images of the class",
    "precision": "predictions of the class",
    "specificity": "images of other classes",
    "false-positive-rate": "images of other classes",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a plan."""

    true_value: float | None = None  # of the metrics; None: half-way between required and perfect
    power: float = 0.8  # the chance that a model as good as that passes everything
    images_per_group: float = 1.0
    icc: float = 0.0  # how alike the images of a group are: 0 not at all, 1 fully

    @property
    def design_effect(self) -> float:
        """How many images of such groups prove as much as one (Kish 1965)."""
        return 1 + (max(self.images_per_group, 1.0) - 1) * self.icc


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement: what it takes, and what is there."""

    rule: str
    class_name: str | None  # None: all images
    slices: str | None  # the columns whose every slice takes as many, "scanner, site"
    counts: str  # what ``needed`` and ``present`` count
    operator: Operator
    required: float
    true_value: float | None
    least: int | None  # fewest with which a pass is possible at all
    needed: int | None  # for the power that was asked; None: no number does, the truth is too low
    groups: int | None  # as many groups as ``needed`` comes to
    present: int | None  # None where no data was given, or it counts predictions or slices
    mistakes_allowed: int | None  # of ``present``; -1: not even none is few enough
    chance: float | None  # that a model with ``true_value`` passes with ``present``
    provable: float | None  # the bound that ``present`` proves when there is no mistake


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """The lines of a plan, and the rules that cannot be planned, with the reason."""

    lines: tuple[Line, ...]
    unplanned: Mapping[str, str]
    power_each: float  # what each line was planned at, so that all pass with the power asked


def plan_policy(
    rules: Sequence[Rule],
    question: Question,
    *,
    classes: tuple[str, ...] = (),
    critical: tuple[str, ...] = (),
    per_class: Mapping[str, int] | None = None,
) -> PolicyPlan:
    """Return what the ``rules`` take to prove; ``per_class`` counts the images of the test split.

    All requirements have to pass at once, so each is planned at 1 - (1 - power) / their number
    (Bonferroni on the chance to miss one).
    """
    evidence = Evidence(classes=classes or ("every class",), critical=critical)
    unplanned = {rule.id: why for rule in rules if (why := _why_not(rule, evidence))}
    targets = [
        (rule, *target)
        for rule in rules
        if isinstance(rule, ClassificationRule) and rule.id not in unplanned
        for target in rule.targets(evidence)
    ]
    each = 1 - (1 - question.power) / max(len(targets), 1)
    return PolicyPlan(
        lines=tuple(
            _line(rule, name, required, question, each, per_class)
            for rule, name, required in targets
        ),
        unplanned=unplanned,
        power_each=each,
    )


def _why_not(rule: Rule, evidence: Evidence) -> str:
    """Return why a rule cannot be planned, or nothing."""
    if rule.severity != "block":
        return "it only warns"
    if not isinstance(rule, ClassificationRule):
        return "it does not rest on a number of images"
    if rule.decide_on == "point":
        return "it decides on the estimate, so any number of images passes or fails"
    if rule.check not in _COUNTS:
        return "its bounds have no closed form; judge a first run, its messages say what is missing"
    if not evidence.critical and {CRITICAL, OTHERS} & {name for _, name in rule.class_names()}:
        return "it speaks of $critical; give --gatefile or --evidence, which say what is"
    return ""


def _line(
    rule: ClassificationRule,
    name: str | None,
    required: float,
    question: Question,
    power_each: float,
    per_class: Mapping[str, int] | None,
) -> Line:
    upwards = rule.operator == ">="
    confidence, effect = rule.one_sided_confidence, question.design_effect
    truth = _truth(required, question.true_value, upwards=upwards)
    found = plan(required, truth, confidence, ">=" if upwards else "<=", power_each)
    least = minimum_images(required, confidence, ">=" if upwards else "<=")
    needed = None if found is None else math.ceil(found.stable * effect)
    slices = rule.by if isinstance(rule.by, str | None) else ", ".join(rule.by)
    present = None if slices else _present(_COUNTS[rule.check], name, per_class)
    worth = None if present is None else int(present / effect)  # independent images
    share = required if upwards else 1 - required
    return Line(
        rule=rule.id,
        class_name=name,
        slices=slices,
        counts=_COUNTS[rule.check],
        operator=rule.operator,
        required=required,
        true_value=truth,
        least=None if least is None else math.ceil(least * effect),
        needed=needed,
        groups=None if needed is None else math.ceil(needed / max(question.images_per_group, 1.0)),
        present=present,
        mistakes_allowed=None if worth is None else most_misses(worth, share, confidence),
        chance=None
        if worth is None
        else power(worth, required, truth, confidence, ">=" if upwards else "<="),
        provable=_provable(worth, confidence, upwards=upwards),
    )


def _truth(required: float, wanted: float | None, *, upwards: bool) -> float:
    """Return the true value to plan for: as asked, or half-way to perfect."""
    if upwards:
        return (required + 1) / 2 if wanted is None else wanted
    return required / 2  # what is asked speaks of recall, precision and accuracy, not of errors


def _present(counts: str, name: str | None, per_class: Mapping[str, int] | None) -> int | None:
    if per_class is None or counts.startswith("predictions"):
        return None
    total = sum(per_class.values())
    if name is None:
        return total
    return total - per_class[name] if counts.endswith("other classes") else per_class[name]


def _provable(images: int | None, confidence: float, *, upwards: bool) -> float | None:
    """Return the exact bound of no mistake in ``images``: (1 - confidence) ** (1 / images)."""
    if not images:
        return None
    bound: float = (1 - confidence) ** (1 / images)
    return bound if upwards else 1 - bound
