"""A check is a rule of a policy: it turns evidence into comparisons.

A check states conditions for passing. It never says "passed": ``gate.decision`` does.
Nothing here loads numpy, so that a policy is read in milliseconds; ``evaluate`` imports what it
needs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gate.evidence.synthetic_run import SyntheticRun
from gate.keys import name_key

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate
    from gate.metrics.seen_slices import Sight

SplitName = Literal["train", "validation", "test"]  # those with labels
Operator = Literal[">=", "<=", ">", "<"]
Copies = Literal["exact", "near"]

CRITICAL = "$critical"
OTHERS = "$others"


class Outcome(StrEnum):
    """What became of one rule on one scope."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"  # no pass: the rule is about what was not declared


class ProofRequirement(StrEnum):
    """What has to be proven; the rest follows from the estimate, or stays inconclusive."""

    BOTH = "both"  # passing and failing each need proof: a requirement on a metric
    TO_FAIL = "to-fail"  # the estimate passes, failing needs proof: a suspicion
    ONLY_FAIL = "only-fail"  # the evidence may disprove the condition, and cannot prove it
    TO_PASS = "to-pass"  # noqa: S105 -- no password; fails unless passing is proven: skill


@dataclass(frozen=True, slots=True)
class Scope:
    """What a comparison speaks of."""

    split: str | None = None
    class_name: str | None = None
    slice_name: str | None = None  # "scanner=B", or "scanner=B, site=2" where columns are crossed
    part: str | None = None  # one of several conditions of a rule: "exact", "near"

    def __str__(self) -> str:
        parts = {"class": self.class_name, "slice": self.slice_name, "part": self.part}
        return ",".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The condition for passing: ``estimate operator required``."""

    what: str  # "recall of tumour on test": the start of a sentence
    estimate: "Estimate"
    operator: Operator
    required: float
    scope: Scope
    proof: ProofRequirement = ProofRequirement.BOTH
    unmet: Outcome = Outcome.FAILED  # ERROR where it means that nothing here can be judged
    undefined: Outcome = Outcome.INCONCLUSIVE  # what it means that the estimate has no value
    optional: bool = False  # the policy lets this be left open: then it warns and does not block
    finding: str = ""  # a whole sentence in place of "WHAT is VALUE, required LIMIT"
    detail: str = ""  # one clause for the message: what else was seen
    unit: str = ""  # what the denominator counts, "images of tumour": more of them could decide
    advisory: bool = False  # a warn band: decided by the estimate, and it never blocks
    remedy: str = ""  # what to change where the documentation of the check does not fit
    to_decide: str = ""  # what evidence to give where the comparison stays inconclusive
    sight: "Sight | None" = None  # what a search could have seen, where the rule made one


@dataclass(frozen=True, slots=True)
class Example:
    """A made-up measurement and what the check says of it: documentation and test at once."""

    title: str
    parameters: Mapping[str, Any]
    evidence: SyntheticRun
    outcome: Outcome
    beside: tuple[Mapping[str, Any], ...] = ()  # other rules, of a check that looks back at them


class Judged(Protocol):
    """A result of another rule, as a rule that looks back sees it."""

    @property
    def rule(self) -> "Rule":
        """The rule."""

    @property
    def comparison(self) -> Comparison:
        """What it compared."""

    @property
    def outcome(self) -> Outcome:
        """What became of it."""

    @property
    def bounds(self) -> "JudgedBounds":
        """The bounds that decided."""

    @property
    def key(self) -> str:
        """The rule and its scope, unique in a run."""

    @property
    def severity(self) -> str:
        """Whether it blocks: "block" or "warn"."""

    @property
    def crash(self) -> str:
        """What a rule that crashed said."""

    @property
    def others(self) -> "tuple[Judged, ...]":
        """The same on the other sets of rows."""


class JudgedBounds(Protocol):
    """The confidence of the bounds that passing, and that failing, needed."""

    @property
    def confidence(self) -> float:
        """That of the bound that passing needs."""

    @property
    def failing_confidence(self) -> float:
        """That of the bound that failing needs."""


class Concern(StrEnum):
    """What a policy should watch in one way or another."""

    PER_CLASS = "per-class metrics"
    TRAPS = "traps"
    LEAKAGE = "leakage"
    GENERALISATION = "generalisation"


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What is known of the data where a policy is only read; None where it is not."""

    classes: int | None = None
    images: int | None = None  # of the test split


Key = str | int
Remark = tuple[tuple[Key, ...], str, str]  # a path inside the rule's entry, a fact, a remedy

_HARDLY_SURE = 0.8  # a confidence; 0.5 is that of the estimate itself
_HALF = 0.5  # of the images
_NAMED = 3  # of a list of classes
_MOST_COUNTED = 100_000  # as many as most test sets have images


class Rule(BaseModel):
    """One entry of a policy: a check with its parameters."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        defer_build=True,
        use_attribute_docstrings=False,
    )

    id: str = Field(
        "", description="The name of the rule, unique in the policy; by default the check's name."
    )
    check: str = Field(description="The kind of check.")
    severity: Literal["block", "warn"] = Field(
        "block", description="Whether a failure blocks, or is only reported."
    )
    decide_on: Literal["interval", "point"] = Field(
        "interval", description="Decide on one-sided bounds, or on the estimate alone."
    )
    on_inconclusive: Literal["block", "point"] = Field(
        "block",
        description="What the interval leaves open is inconclusive, or is decided by the estimate "
        "and marked as not proven.",
    )
    one_sided_confidence: float = Field(
        0.95, gt=0.5, lt=1, description="The confidence of each bound by itself."
    )
    lock: Literal["open", "tighten-only", "final"] = Field(
        "open",
        description="What a policy that extends this one may do to the rule: anything, make it "
        "stricter, or nothing.",
    )
    owner: str | None = Field(
        None, min_length=1, description="Whom to ask about the rule: a person, a team, an address."
    )

    @field_validator(
        "classes",
        "over",
        "class_",
        "min_coverage_per_class",
        "per_class",
        "prevalence",
        "from_",
        "to",
        "class_",
        "order",
        "search",
        "by",
        "slices",
        check_fields=False,
    )
    @classmethod
    def _names_as_keys(cls, value: Any) -> Any:  # noqa: ANN401 -- a name, or names, of any check
        """Compare names of classes and slices as the data does."""
        return _as_keys(value)

    family: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = ()
    formula: ClassVar[str] = ""  # for explain: the definition and its source
    interval: ClassVar[str] = ""  # for explain: how the bounds are computed
    of_answers: ClassVar[bool] = True  # judges what the model answers, not its scores or its data
    shares_error: ClassVar[bool] = True  # failing by chance is divided among all of the kind
    looks_back: ClassVar[bool] = False  # it judges the results of the others: see ``examine``

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the conditions for passing, at least one."""
        raise NotImplementedError

    def examine(self, results: Sequence[Judged]) -> list[Comparison]:
        """Return the conditions for passing on the results of the other rules.

        Asked in place of ``evaluate`` where ``looks_back`` is true.
        """
        raise NotImplementedError

    def needs(self) -> "tuple[Measurement, ...]":
        """Return what must be measured for the rule beside the model's answers.

        Nothing is measured that no rule of the policy needs. Where the evidence lacks it the rule
        is inconclusive, and ``evaluate`` is not asked.
        """
        return ()

    def compared_splits(self) -> tuple[SplitName, ...]:
        """Return the splits that the rule compares: it is judged on each combination of their rows.

        None where it looks at each split by itself.
        """
        return ()

    def judges_copies(self, a: str, b: str, kind: Copies) -> bool:  # noqa: ARG002 -- for overriding
        """Return whether the rule says how many images of ``b`` may be copies of images of ``a``.

        ``a`` is the earlier one of train, validation and test; equal splits mean copies inside one.
        """
        return False

    @property
    def concern(self) -> Concern | None:
        """What the rule watches, where it is one of the things that every policy should."""
        return None

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- for overriding
        """Yield each limit that no model and no data within reason could exceed.

        The fact says what meets it: guessing, one constant answer, learning by heart.
        """
        yield from ()

    def lenient(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- for overriding
        """Yield what may be meant, and asks for less than guessing gives."""
        if self.one_sided_confidence < _HARDLY_SURE:
            fact = (
                f"bounds of confidence {self.one_sided_confidence:g} are hardly more than guesses"
            )
            yield ("one_sided_confidence",), fact, "0.95 is usual"

    def class_names(self) -> Iterator[tuple[tuple[Key, ...], str]]:
        """Yield (path inside the rule's entry, class name) for each class that the rule names."""
        yield from ()

    def misfits(self, classes: Sequence[str]) -> Iterator[Remark]:  # noqa: ARG002 -- for overriding
        """Yield (path inside the rule's entry, fact, remedy) for what does not fit the classes."""
        yield from ()


def _as_keys(value: Any) -> Any:  # noqa: ANN401 -- a name, or names, of any check
    match value:
        case str():
            return name_key(value)
        case tuple():
            return tuple(map(_as_keys, value))
        case dict():
            keys = [_as_keys(key) for key in value]
            if len(set(keys)) < len(keys):
                raise ValueError("a name stands here twice, but for what nobody sees")
            return dict(zip(keys, value.values(), strict=True))
    return value


def allows_nearly_all(limit: int | float | None, images: int | None) -> str:
    """Return why a limit on images, a count or a fraction, lets nearly all pass; else nothing."""
    if isinstance(limit, float) and limit >= _HALF:
        return f"it allows {limit:g} of all images"
    if not isinstance(limit, int):
        return ""
    if images is not None and limit >= _HALF * images:
        return f"it allows {limit:,} of the {images:,} images of test"
    return (
        f"it allows {limit:,} images, as many as a test set has" if limit >= _MOST_COUNTED else ""
    )


def without_classes(estimate: "Estimate", classes: Sequence[str]) -> str:
    """Return which classes a mean over classes has no images of, in words; nothing where all are.

    ``classes`` are the names of all that are declared.
    """
    from gate.metrics.combined import absent_of

    absent, averaged = absent_of(estimate)
    if not absent:
        return ""
    named = ", ".join(classes[label] for label in absent[:_NAMED])
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    return f"over {averaged - len(absent)} of {averaged} classes; without images: {named}{more}"


def in_words(metric: str) -> str:
    """Return the name of a metric as a sentence has it: roc-auc is ROC AUC."""
    return re.sub(r"\b(f1|mcc|roc auc)\b", lambda name: name[0].upper(), metric.replace("-", " "))


def resolve_classes(names: tuple[str, ...], evidence: "Evidence") -> tuple[str, ...]:
    """Return class names in the order of the outputs, ``$critical`` and ``$others`` resolved.

    A class that was called critical beside those of the policy stays one of the others, too.
    """
    chosen = set(names) - {CRITICAL, OTHERS}
    if CRITICAL in names:
        chosen |= set(evidence.critical)
    if OTHERS in names:
        chosen |= set(evidence.classes) - set(evidence.critical) | set(evidence.added_critical)
    return tuple(name for name in evidence.classes if name in chosen)
