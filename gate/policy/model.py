"""The policy: its author, and the rules that every one of its models must meet."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    SerializeAsAny,
    model_validator,
)

from gate.checks.base import CRITICAL, OTHERS, Rule
from gate.checks.plugins import is_package
from gate.checks.views import IMAGES
from gate.keys import name_key
from gate.policy.operating_point import OperatingPointPin
from gate.views.names import KINDS
from gate.wording import quote, suggestion

MOST_PACKAGES = 100  # of which each is looked up in all that is installed
ID_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def _are_class_names(said: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(map(name_key, said))  # as the data's names are compared
    for index, name in enumerate(names):
        if not name or name.startswith("$"):
            raise ValueError(
                f"{quote(name)} cannot be the name of a class; write one that does not start "
                "with '$'"
            )
        if name in names[:index]:
            raise ValueError(f"the class {quote(name)} is named twice; delete one of the two")
    return names


def _are_enough(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) == 1:
        raise ValueError("one class leaves nothing to decide; name all classes of the model")
    return names


def _are_packages(listed: tuple[str, ...]) -> tuple[str, ...]:
    if len(listed) > MOST_PACKAGES:
        raise ValueError(f"{len(listed)} packages are listed; list {MOST_PACKAGES} at most")
    names = [entry.partition("==")[0].lower() for entry in listed]
    for entry, name in zip(listed, names, strict=True):
        if not is_package(entry):
            raise ValueError(
                f"{quote(entry)} names no package; write it as pip does, such as 'our-checks' or "
                "'our-checks==1.2'"
            )
        if names.count(name) > 1:
            raise ValueError(f"the package {quote(name)} is listed twice; delete one of the two")
    return listed


def _are_kinds_of_views(named: tuple[str, ...]) -> tuple[str, ...]:
    for kind in named:
        if kind not in KINDS:
            remedy = suggestion(kind, sorted(KINDS), what="there are")
            raise ValueError(f"there is no kind of view {quote(kind)}; {remedy}")
    return named


Packages = Annotated[tuple[str, ...], AfterValidator(_are_packages)]
ClassNames = Annotated[tuple[str, ...], AfterValidator(_are_class_names)]
AllClasses = Annotated[ClassNames, AfterValidator(_are_enough)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Metadata(_Strict):
    """Who the policy is."""

    name: str = Field(min_length=1, description="The name of the policy, as reports show it.")
    version: str = Field(
        min_length=1,
        description="The version of the policy, in quotes if it looks like a number.",
    )
    owner: str | None = Field(None, description="Who may change it: a person, a team, an address.")
    description: str | None = Field(None, description="What the policy is for, in a sentence.")


class Defaults(_Strict):
    """What every rule says that does not say it itself."""

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


class Views(_Strict):
    """How the model is asked again about changed images."""

    images: int = Field(
        IMAGES,
        ge=1,
        le=100_000,
        description="How many images of a split are asked about, classes in equal turns, where a "
        "rule does not say.",
    )
    never: Annotated[tuple[str, ...], AfterValidator(_are_kinds_of_views)] = Field(
        (),
        description="Kinds of views that change what an image shows, such as `flip` for digits: no "
        "rule may name one, nor one of a policy that extends this.",
    )


class Header(_Strict):
    """A policy without its rules."""

    api_version: Literal["gate/v1"] = Field(
        alias="apiVersion", description="The version of the format: gate/v1."
    )
    kind: Literal["Policy"] = Field(description="What the document is: Policy.")
    metadata: Metadata = Field(description="Who the policy is.")
    defaults: Defaults = Field(
        default_factory=Defaults, description="What every rule says that does not say it itself."
    )
    extends: str | tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The policies that this one builds on: shipped names, or paths relative to "
        "this file. Rules are merged by id, and a key that is stated here goes before theirs.",
    )
    min_rules: int = Field(
        1,
        ge=1,
        description="The fewest blocking rules that this policy, and each that extends it, must "
        "have.",
    )
    non_waivable: tuple[str, ...] = Field(
        (), description="The ids of rules whose failures no waiver may accept."
    )
    max_waiver_days: int = Field(
        90,  # nothing that was accepted goes unseen for longer than a quarter
        ge=1,
        le=366,
        description="The longest that a waiver may hold, in days from its approval.",
    )
    critical: ClassNames = Field(
        (),
        description="The classes whose mistakes cost most, `$critical` in rules: a gate file may "
        "add to them and not take any away.",
    )
    classes: AllClasses = Field(
        (),
        description="The classes that the model must have, in the order of its outputs; any where "
        "left out.",
    )
    champion: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="The SHA-256 of the checkpoint in production, in 64 small hexadecimal digits: "
        "no other is compared with.",
    )
    operating_point: OperatingPointPin | None = Field(
        None,
        description="How scores must become answers: the operating point that the gate file has to "
        "state, with its thresholds or what they are fitted to; or `required`, for any.",
    )
    views: Views = Field(
        default_factory=Views, description="How the model is asked again about changed images."
    )
    plugins: Packages = Field(
        (),
        description="Installed packages whose checks the rules may use, as pip names them; "
        "`our-checks==1.2` asks for that version.",
    )


class Policy(Header):
    """A policy: its rules are concrete, with every default filled in, and each plugin its version.

    Raises pydantic's ValidationError where the rules cannot make a policy: see :func:`rule_faults`.
    """

    rules: tuple[SerializeAsAny[InstanceOf[Rule]], ...] = Field(
        description="The rules; a model passes when every blocking one is met."
    )

    @model_validator(mode="after")
    def _rules_make_a_policy(self) -> "Policy":
        for _, fact, _ in rule_faults(self.rules, self.min_rules):
            raise ValueError(fact)
        return self

    @property
    def speaks_of_critical(self) -> bool:
        """Whether a rule speaks of ``$critical`` or ``$others``, which somebody has to name."""
        names = {name for rule in self.rules for _, name in rule.class_names()}
        return not names.isdisjoint((CRITICAL, OTHERS))

    def resolved(self) -> dict[str, Any]:
        """Return what is judged, as plain data: each rule complete, ``defaults`` used up."""
        used_up = {"defaults", "extends", "views", *([] if self.plugins else ["plugins"])}
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=used_up)

    @property
    def resolved_sha256(self) -> str:
        """The SHA-256 of the resolved policy as JSON with sorted keys and without spaces."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def rule_faults(rules: Sequence[Rule], min_rules: int = 1) -> Iterator[tuple[int | None, str, str]]:
    """Yield (position of the rule, fact, remedy) of what keeps rules from making a policy.

    The position is None where the fault is of all rules together. No rules, or rules of which none
    blocks, are a gate that stands open.
    """
    if not rules:
        yield None, "the policy has no rules, so it can never fail", "add a rule"
        return
    first: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if first.setdefault(rule.id, index) != index:
            yield (
                index,
                f"two rules have the id '{rule.id}'",
                "give one of them another id",
            )
    blocking = sum(rule.severity == "block" for rule in rules)
    if not blocking:
        yield (
            None,
            "a policy in which nothing blocks can never fail",
            "give at least one rule severity: block",
        )
    elif blocking < min_rules:
        yield (
            None,
            f"the policy has fewer blocking rules ({blocking}) than min_rules ({min_rules})",
            "add the rules that are missing, or let those block that only warn",
        )
