"""The reference of the checks, from their own docstrings, fields and examples.

Nothing about a check is written twice: ``validate-model explain`` and ``python -m gate.checks``
both show what stands here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gate.checks import REGISTRY
from gate.checks.base import Example, Rule, SplitName
from gate.evidence.synthetic_run import Runs, SliceRuns, SyntheticRun

_REMEDY, _TO_DECIDE = "To fix a failure:", "To decide it:"
FAMILIES = {
    "classification": "how often the answers are right",
    "order": "mistakes that are worse than others",
    "groups": "whether the answers are as good for all",
    "traps": "models that look good for the wrong reason",
    "data": "data that cannot carry a judgement",
    "generalisation": "memory instead of skill",
    "training": "how the model was trained",
    "model": "whether the model itself is sound",
    "baseline": "compared with the model that is in use",
    "calibration": "whether confidence means what it says",
    "behaviour": "what the answers rest on, and whether they hold when images change",
    "deployment": "what the numbers become where the model is used",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a rule; ``default`` is as a policy writes it, None where the key is required."""

    name: str
    type: str
    default: str | None
    description: str


def by_family(
    checks: Mapping[str, type[Rule]] = REGISTRY,
) -> Iterator[tuple[str, str, list[type[Rule]]]]:
    """Yield (family, what it is about, its checks) in the order of the catalogue."""
    for family, about in FAMILIES.items():
        if members := [check for check in checks.values() if check.family == family]:
            yield family, about, members


def summary(check: type[Rule]) -> str:
    """Return the first line of a check's docstring."""
    return _paragraphs(check)[0]


def details(check: type[Rule]) -> list[str]:
    """Return the paragraphs of a check's docstring between its first line and its remedies."""
    remedies = (_REMEDY, _TO_DECIDE)
    return [text for text in _paragraphs(check)[1:] if not text.startswith(remedies)]


def remedy(check: type[Rule]) -> str:
    """Return what to do when a check fails, or nothing where its docstring does not say."""
    return _said_after(_REMEDY, check)


def to_decide(check: type[Rule]) -> str:
    """Return what evidence to give where a check is inconclusive; nothing where it does not say."""
    return _said_after(_TO_DECIDE, check)


def _said_after(beginning: str, check: type[Rule]) -> str:
    found = (text for text in _paragraphs(check) if text.startswith(beginning))
    return next(found, "").removeprefix(beginning).strip()


def own_parameters(check: type[Rule]) -> list[Parameter]:
    """Return the parameters that not every check has."""
    return [each for each in _parameters(check) if each.name not in Rule.model_fields]


ROWS = (
    "A rule is judged on the images of its split as given, and again without those that an "
    "earlier split has too and with each set of exact copies once: it must hold on both, and "
    "failing shares its error among both. As given, exact copies are one observation, as are the "
    "images of a group; groups never narrow a bound, for images are also taken one by one. A "
    "result says which rows decided; where nothing leaked, is repeated or is grouped there is one "
    "set."
)


def common_parameters() -> list[Parameter]:
    """Return the parameters that every check has."""
    return [each for each in _parameters(Rule) if each.name != "check"]


def as_rule(check: type[Rule], example: Example) -> str:
    """Return the rule of an example on one line, as a policy writes it, and those beside it."""
    rules = ({"check": name_of(check), **example.parameters}, *example.beside)
    return " beside ".join(map(write_value, rules))


def numbers(evidence: SyntheticRun) -> str:
    """Return the numbers that an example is made of: what differs from nothing at all."""
    shown = [
        f"{each.name.replace('_', ' ')} {_number(getattr(evidence, each.name))}"
        for each in fields(evidence)
        if getattr(evidence, each.name) != each.default and each.name != "slices"
    ]
    shown += _sliced(evidence.slices or {})
    return "; ".join(shown) or "nothing was measured"


def name_of(check: type[Rule]) -> str:
    """Return the name of a check, as policies write it."""
    name: str = check.model_fields["check"].default
    return name


def write_value(value: Any) -> str:  # noqa: ANN401 -- any value of a rule
    """Return a value as a policy writes it, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value or "''"
        case Mapping():
            inside = ", ".join(f"{key}: {write_value(each)}" for key, each in value.items())
            return f"{{{inside}}}"
        case list() | tuple():
            return f"[{', '.join(write_value(each) for each in value)}]"
        case _:
            return str(value)


def _paragraphs(check: type[Rule]) -> list[str]:
    return [" ".join(text.split()) for text in (check.__doc__ or "").split("\n\n")]


def _parameters(check: type[Rule]) -> Iterator[Parameter]:
    schema = check.model_json_schema()
    required = schema.get("required", [])
    for name, about in schema["properties"].items():
        if name == "check" and check is not Rule:
            continue
        stated = about.get("default")
        default = "not set" if stated in (None, "", {}) else write_value(stated)
        yield Parameter(
            name=name,
            type=_type(about),
            default=None if name in required else default,
            description=about.get("description", ""),
        )


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in words, from its JSON Schema."""
    if "anyOf" in schema:
        kinds = [_type(each) for each in schema["anyOf"] if each != {"type": "null"}]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(write_value(each) for each in schema["enum"])
    if "const" in schema:
        return write_value(schema["const"])
    if "$ref" in schema:
        return "mapping"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(_type(each) for each in schema['prefixItems'])}]"
        case "array" if "enum" in schema["items"]:
            return f"list of {_type(schema['items'])}"
        case "array":
            inner = _type(schema["items"])
            several = inner.replace("list of", "lists of") if "list of" in inner else f"{inner}s"
            return f"list of {several}"
        case "object":
            return f"{_type(schema['additionalProperties'])} by name"
        case kind:
            words = {"string": "word", "number": "number", "integer": "whole number"}
            return f"{words.get(str(kind), str(kind))}{_range(schema)}"


def _range(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    bounds = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f" ({', '.join(bounds)})" if bounds else ""


def _number(value: Any) -> str:  # noqa: ANN401 -- any field of SyntheticRun
    match value:
        case Mapping() if all(isinstance(each, tuple) for each in value.values()):  # parents
            return ", ".join(f"{name}: {' '.join(members)}" for name, members in value.items())
        case Mapping() if all(isinstance(each, str) for each in value.values()):
            return ", ".join(f"{name} of {kind}" for name, kind in value.items())
        case Mapping():  # observations
            return ", ".join(_observed(value))
        case ((int(), *_), *_):  # a confusion matrix, rows are the truth
            return " / ".join(" ".join(str(count) for count in row) for row in value)
        case tuple():
            return " ".join(each if isinstance(each, str) else f"{each:.3g}" for each in value)
        case _:
            return str(value)


def _sliced(slices: Mapping[SplitName, Mapping[str, SliceRuns]]) -> Iterator[str]:
    """Yield each slice column: of how many images which value, in the order of the counts."""
    for split, columns in slices.items():
        for name, runs in columns.items():
            said = ", ".join(f"{value or 'none'} {count}" for count, value in runs)
            yield f"{name} of {split} in the order of the counts {said}"


def _observed(observations: Mapping[str, Mapping[str, Mapping[str, Runs]]]) -> Iterator[str]:
    """Yield each column that measurements observed: of how many images which number.

    Of measurements that observed the same the first is named, and how many more there are.
    """
    for split, measurements in observations.items():
        alike: dict[tuple[str, Runs], list[str]] = {}
        for key, columns in measurements.items():
            for column in columns.items():
                alike.setdefault(column, []).append(key)
        for (name, runs), (first, *others) in alike.items():
            said = " and ".join(
                f"{'none' if value is None else value} of {images}" for images, value in runs
            )
            more = f" and {len(others)} more" if others else ""
            yield f"{name} by {first}{more} on {split}: {said}"
