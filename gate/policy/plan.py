"""The number of images that a policy needs, and the limits that the images at hand can prove."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from gate.checks.abstention import Abstention
from gate.checks.base import CRITICAL, OTHERS, Operator, Rule, resolve_classes
from gate.checks.classification import ClassificationRule
from gate.checks.negative_flips import NegativeFlips
from gate.checks.recall_at_fpr import RecallAtFpr
from gate.checks.regression import Regression
from gate.checks.unknown_accepted import UnknownAccepted
from gate.evidence.records import Evidence
from gate.metrics import planning
from gate.metrics.planning import Direction, as_at_least, minimum_images, plan
from gate.metrics.planning_groups import Grouping, Groups

# What the denominator of a metric counts; only shares of something can be planned exactly.
_COUNTS: Mapping[str, str] = {
    "accuracy": "images",
    "top-k-accuracy": "images",
    "recall": "images of the class",
    "confusion-rate": "images of the class",
    "precision": "predictions of the class",
    "specificity": "images of other classes",
    "false-positive-rate": "images of other classes",
    "negative-flips": "images",
}
_ANSWERED = "images with an answer"
_UNKNOWN = "images of no class"
_OF_SCORES = RecallAtFpr | Abstention | UnknownAccepted  # shares that are planned by their parts
# The same for changes against a champion, by their metric.
_COUNTS_OF_CHANGES: Mapping[str, str] = {"accuracy": "images", "recall": "images of the class"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a plan."""

    true_value: float | None = None  # of the metrics; None: half-way between required and perfect
    power: float = 0.8  # the chance that a model as good as that passes everything
    icc: float = 1.0  # how alike the images of a group are: 0 not at all, 1 fully


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
    least_groups: int | None  # in so many groups, where images come in groups
    groups_with_a_miss: int | None  # so many are enough where one of them is wrong
    needed: int | None  # for the power that was asked; None: no number does, the truth is too low
    needed_groups: int | None
    present: int | None  # None where no data was given, or it counts predictions or slices
    mistakes_allowed: int | None  # of ``present``; -1: not even none is few enough
    chance: float | None  # that a model with ``true_value`` passes with ``present``
    provable: float | None  # the bound that ``present`` proves when there is no mistake
    estimate_decides: bool  # what the bounds leave open: fewer images may pass, not proven


class AtHand(TypedDict):
    """What the images at hand can prove: some fields of a :class:`Line`."""

    mistakes_allowed: int | None
    chance: float | None
    provable: float | None


class Target(NamedTuple):
    """One requirement on a share, and what is supposed to be true."""

    required: float
    true_value: float
    confidence: float
    direction: Direction


class Asked(NamedTuple):
    """One requirement of a rule, and what the images are of which it is asked."""

    class_name: str | None  # None: all images
    operator: Operator
    required: float
    counts: str


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
    added_critical: tuple[str, ...] = (),
    per_class: Mapping[str, int] | None = None,
    grouping: Grouping | None = None,
) -> PolicyPlan:
    """Return what the ``rules`` take to prove; ``per_class`` counts the images of the test split.

    ``added_critical`` are those of ``critical`` that the policy does not name though it names some:
    they must meet what is asked of both roles. ``grouping`` tells how the images come in groups.

    All requirements have to pass at once, so each is planned at 1 - (1 - power) / their number
    (Bonferroni on the chance to miss one).
    """
    evidence = Evidence(
        classes=classes or ("every class",), critical=critical, added_critical=added_critical
    )
    unplanned = {rule.id: why for rule in rules if (why := _why_not(rule, evidence))}
    targets = [
        (rule, asked)
        for rule in rules
        if rule.id not in unplanned
        for asked in _asked(rule, evidence)
    ]
    each = 1 - (1 - question.power) / max(len(targets), 1)
    return PolicyPlan(
        lines=tuple(
            _line(rule, asked, question, each, per_class, grouping) for rule, asked in targets
        ),
        unplanned=unplanned,
        power_each=each,
    )


def _asked(rule: Rule, evidence: Evidence) -> Iterator[Asked]:
    """Yield what a rule that can be planned requires."""
    match rule:
        case ClassificationRule():
            for name, required in rule.targets(evidence):
                yield Asked(name, rule.operator, required, _COUNTS[rule.check])
        case RecallAtFpr():
            for name in resolve_classes((rule.class_,), evidence) or (rule.class_,):
                yield Asked(name, ">=", rule.min, "images of the class")
                yield Asked(name, "<=", rule.fpr, "images of other classes")
        case Abstention():
            for each, least in rule.coverages(evidence):
                yield Asked(each, ">=", least, "images" if each is None else "images of the class")
            if rule.max_error is not None:
                yield Asked(None, "<=", rule.max_error, _ANSWERED)
        case UnknownAccepted():
            yield Asked(None, "<=", rule.max, _UNKNOWN)
        case NegativeFlips():
            yield Asked(None, "<=", rule.max, _COUNTS[rule.check])
        case Regression():
            names = evidence.classes if rule.metric == "recall" else (None,)
            for each in names:
                yield Asked(each, ">=", -rule.margin, _COUNTS_OF_CHANGES[rule.metric])


def _why_not(rule: Rule, evidence: Evidence) -> str:
    """Return why a rule cannot be planned, or nothing."""
    if rule.severity != "block":
        return "it only warns"
    if not isinstance(rule, ClassificationRule | NegativeFlips | Regression | _OF_SCORES):
        return "it does not ask for a share of the test images, which alone can be planned"
    if rule.decide_on == "point":
        return "it decides on the estimate, so any number of images passes or fails"
    if not evidence.critical and {CRITICAL, OTHERS} & {name for _, name in rule.class_names()}:
        return "it speaks of $critical; give --gatefile or --evidence, which say what is"
    if isinstance(rule, _OF_SCORES):
        return ""
    known = _COUNTS_OF_CHANGES if isinstance(rule, Regression) else _COUNTS
    if (rule.metric if isinstance(rule, Regression) else rule.check) not in known:
        return "its bounds have no closed form; judge a first run, its messages say what is missing"
    return ""


def _line(
    rule: Rule,
    asked: Asked,
    question: Question,
    power_each: float,
    per_class: Mapping[str, int] | None,
    grouping: Grouping | None,
) -> Line:
    name, operator, required, counts = asked
    target = _target(rule, asked, question)
    groups = _groups(grouping, name, counts, question.icc)
    slices = _slices(rule)
    present = None if slices else _present(counts, name, per_class)
    least, needed = _to_have(target, power_each, groups)
    at_hand = _at_hand(target, present, groups)
    is_change, provable = isinstance(rule, Regression), at_hand["provable"]
    if is_change and provable is not None:
        at_hand["provable"] = -provable
    return Line(
        rule=rule.id,
        class_name=name,
        slices=slices,
        counts=counts,
        operator=operator,
        required=required,
        true_value=-target.true_value if is_change else target.true_value,
        least=least,
        least_groups=None if groups is None or least is None else groups.number(least),
        groups_with_a_miss=None
        if groups is None
        else groups.number_with_a_miss(target.required, target.confidence, target.direction),
        needed=needed,
        needed_groups=None if groups is None or needed is None else groups.number(needed),
        present=present,
        estimate_decides=rule.on_inconclusive == "point",
        **at_hand,
    )


def _groups(grouping: Grouping | None, name: str | None, counts: str, icc: float) -> Groups | None:
    """Return the groups of the images that are counted; None where each image is one."""
    if grouping is None or (name is not None and name not in grouping.classes):
        return None
    sizes = grouping.of(name, others=counts.endswith("other classes"))
    return sizes.alike(icc) if sizes is not None and sizes.typical > 1 else None


def _target(rule: Rule, asked: Asked, question: Question) -> Target:
    """Return the share that decides: of a change, that of the images broken, where none is mended.

    Then the bound of the change is that of this share.
    """
    if isinstance(rule, Regression):
        return Target(rule.margin, rule.margin / 2, rule.one_sided_confidence, "<=")
    upwards = asked.operator == ">="
    truth = _truth(asked.required, question.true_value, upwards=upwards)
    direction: Direction = ">=" if upwards else "<="
    return Target(asked.required, truth, rule.one_sided_confidence, direction)


def _slices(rule: Rule) -> str | None:
    """Return the columns whose every slice takes as many images."""
    by = rule.by if isinstance(rule, ClassificationRule) else None
    return by if isinstance(by, str | None) else ", ".join(by)


def _to_have(target: Target, wanted: float, groups: Groups | None) -> tuple[int | None, int | None]:
    """Return the fewest images that can pass, and those that do with the ``wanted`` power."""
    required, truth, confidence, direction = target
    if groups is not None:
        needed = groups.images_needed(required, truth, confidence, direction, wanted)
        return groups.minimum_images(required, confidence, direction), needed
    found = plan(required, truth, confidence, direction, wanted)
    least = minimum_images(required, confidence, direction)
    return least, None if found is None else found.stable


def _at_hand(target: Target, present: int | None, groups: Groups | None) -> AtHand:
    """Return what ``present`` images can prove."""
    if present is None:
        return AtHand(mistakes_allowed=None, chance=None, provable=None)
    required, truth, confidence, direction = target
    planner = planning if groups is None else groups
    share = as_at_least(required, direction)
    bound = planner.provable(present, confidence) if present else None
    return AtHand(
        mistakes_allowed=planner.most_misses(present, share, confidence),
        chance=planner.power(present, required, truth, confidence, direction),
        provable=bound if bound is None or direction == ">=" else 1 - bound,
    )


def _truth(required: float, wanted: float | None, *, upwards: bool) -> float:
    """Return the true value to plan for: as asked, or half-way to perfect."""
    if upwards:
        return (required + 1) / 2 if wanted is None else wanted
    return required / 2  # what is asked speaks of recall, precision and accuracy, not of errors


def _present(counts: str, name: str | None, per_class: Mapping[str, int] | None) -> int | None:
    if per_class is None or counts.startswith("predictions") or counts in (_ANSWERED, _UNKNOWN):
        return None
    total = sum(per_class.values())
    if name is None:
        return total
    return total - per_class[name] if counts.endswith("other classes") else per_class[name]
