"""The needs of a policy beside the model's answers: the union over its rules."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gate.checks.base import Rule
from gate.checks.plugins import plugin_behind
from gate.errors import UsageError
from gate.evidence.measurements import SPLITS, Measurement, SampledMeasurement, SplitName
from gate.plugins import Plugin
from gate.wording import list_names, plain, quote

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, SplitEvidence

_AGAIN = "measure again with this policy"
_LONGEST = 200  # characters of a key
_ROUNDING = 1e-9  # of a sum of many fractions


@dataclass(frozen=True, slots=True)
class Lack:
    """A measurement that evidence lacks: which, and what to do about it."""

    fact: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Need:
    """A measurement, and who needs it of which splits."""

    measurement: Measurement
    facts: Mapping[str, Any]  # JSON; what the measurement depends on
    splits: tuple[SplitName, ...]
    rules: tuple[str, ...]  # by their ids
    plugins: tuple[Plugin, ...] = ()  # that add their checks

    @property
    def key(self) -> str:
        """The key of the measurement."""
        return self.measurement.key

    @property
    def images(self) -> int | None:
        """How many images of a split it asks again; None where it sees all of them once."""
        measurement = self.measurement
        return measurement.images if isinstance(measurement, SampledMeasurement) else None

    @property
    def artefacts(self) -> tuple[str, ...]:
        """The artefacts of the gate file that it asks, by name."""
        measurement = self.measurement
        return measurement.artefacts if isinstance(measurement, SampledMeasurement) else ()

    @property
    def passes(self) -> int:
        """How often each of these images is asked again; 0 where none is."""
        measurement = self.measurement
        return measurement.passes if isinstance(measurement, SampledMeasurement) else 0

    @property
    def where(self) -> str:
        """The measurement as messages name it, with the packages that it is from."""
        packages = list_names(sorted({f"{each.package} {each.version}" for each in self.plugins}))
        return f"measurement {self.key}{f' of {packages}' if packages else ''}"


def needs_of(rules: Sequence[Rule]) -> tuple[Need, ...]:
    """Return what the rules need, each key once, in the order of the keys.

    Raises UsageError where two rules mean different measurements by one key, or a rule names
    something that is none.
    """
    found: dict[str, Need] = {}
    for rule in rules:
        for need in _needs(rule):
            other = found.get(need.key, need)
            if (type(other.measurement), other.facts) != (type(need.measurement), need.facts):
                raise UsageError(
                    f"rules {list_names((*other.rules, rule.id))}",
                    f"need two different measurements under the key {quote(need.key)}",
                    "let what differs be part of the key",
                )
            splits = tuple(each for each in SPLITS if each in {*other.splits, *need.splits})
            by = tuple(dict.fromkeys((*other.rules, rule.id)))
            plugins = tuple(sorted({*other.plugins, *need.plugins}, key=lambda each: each.where))
            found[need.key] = replace(other, splits=splits, rules=by, plugins=plugins)
    return tuple(found[key] for key in sorted(found))


def artefacts_wanted(needs: Sequence[Need]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the rules that ask for each artefact, by its name, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for need in needs:
        for name in need.artefacts:
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *need.rules)))
    return dict(sorted(found.items()))


def lacking(rule: Rule, evidence: "Evidence") -> Lack | None:
    """Return the first measurement of a rule that the evidence lacks; None where it has them all.

    What was made up depends on no facts. Raises what the rule's ``needs`` raises.
    """
    for measurement in rule.needs():
        splits = [each for name, each in evidence.splits.items() if name in measurement.splits]
        if not splits and measurement.optional:
            continue
        if not splits:
            given = list_names(measurement.splits)
            return Lack(f"{measurement.key} was not measured: no image of {given} was", "give it")
        for split in splits:
            if lack := _lack(measurement, split, evidence):
                return lack
    return None


def _lack(measurement: Measurement, split: "SplitEvidence", evidence: "Evidence") -> Lack | None:
    from gate.evidence.agreement import MADE_UP
    from gate.evidence.data_digests import PREDICTIONS

    known = split.measurements.get(measurement.key)
    if known is None and measurement.optional and split.format in {MADE_UP, PREDICTIONS}:
        return None
    if known is None and measurement.can_be_spared(split, len(evidence.classes)):
        return None
    if known is None and split.format == PREDICTIONS:
        fact = (
            "saved predictions have no model to ask: "
            f"{measurement.key} was not measured on {split.split}"
        )
        return Lack(fact, "let the gate run the model itself")
    if known is None:
        fact = f"the evidence has no measurement {measurement.key} of {split.split}"
        return Lack(fact, _AGAIN)
    if split.format != MADE_UP and known.facts != _as_json(measurement.plan_facts()):
        return Lack(f"{measurement.key} was measured otherwise on {split.split}", _AGAIN)
    if split.format != MADE_UP and not _adds_up(measurement, split, evidence):
        fact = f"the summary of {measurement.key} on {split.split} is not that of its answers"
        return Lack(fact, _AGAIN)
    return None


def _adds_up(measurement: Measurement, split: "SplitEvidence", evidence: "Evidence") -> bool:
    """Return whether what evidence says of a measurement follows from what it observed.

    Of a package's measurement only the package can tell, so that it is taken as it is. Summaries
    are of the answers that were measured, whatever the operating point.
    """
    from gate.metrics.operating_point import best_answers

    if not type(measurement).__module__.startswith("gate."):
        return True
    rows = split.all_rows
    if evidence.configuration.operating_point is not None:
        rows = best_answers(rows)
    said = measurement.summarise(rows.observed(measurement.key), rows)
    return _is_alike(_as_json(said), split.measurements[measurement.key].summary)


def _is_alike(one: Any, other: Any) -> bool:  # noqa: ANN401 -- JSON values
    """Return whether two JSON values say the same; processors add fractions in other orders."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return bool(one == other)


def _needs(rule: Rule) -> Iterator[Need]:
    where = f"rule {rule.id or rule.check}"
    plugin = plugin_behind(type(rule))
    plugins = () if plugin is None else (plugin,)
    try:
        for each in rule.needs():
            _require_measurement(each, where)
            yield Need(each, _as_json(each.plan_facts()), tuple(each.splits), (rule.id,), plugins)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            where,
            f"what it needs cannot be told: {type(error).__name__}: {plain(error, 200)}",
            f"mend or reinstall {plugin.package}" if plugin else f"mend the check {rule.check}",
        ) from error


def _require_measurement(each: object, where: str) -> None:
    """Raise UsageError for what is no measurement with a key and splits."""
    if not isinstance(each, Measurement):
        raise UsageError(where, f"needs {type(each).__name__}, which is no Measurement")
    key = getattr(each, "key", None)
    if not isinstance(key, str) or not key.isprintable() or not 0 < len(key) <= _LONGEST:
        raise UsageError(where, f"needs a measurement with the key {plain(repr(key), 80)}",
                         f"a key is a printable text of at most {_LONGEST} characters")  # fmt: skip
    if isinstance(each, SampledMeasurement) and not _is_count(getattr(each, "images", None)):
        raise UsageError(where, f"needs {key} of {plain(repr(getattr(each, 'images', None)), 80)}",
                         "the images of a sample are a whole number above 0")  # fmt: skip
    if not each.splits or not set(each.splits) <= set(SPLITS):
        raise UsageError(where, f"needs {key} of {plain(repr(each.splits), 80)}",
                         f"splits are some of {list_names(SPLITS)}")  # fmt: skip


def _is_count(images: object) -> bool:
    return isinstance(images, int) and not isinstance(images, bool) and images > 0


def _as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as they come back from JSON; raises ValueError or TypeError for others."""
    parsed = json.loads(json.dumps(facts, allow_nan=False))
    if not isinstance(parsed, dict):
        raise TypeError("plan_facts() is no mapping")
    return parsed
