"""A shard file carries parts between machines; the digest of the plan names it.

One shard holds the parts of its share of the units. Merging takes shards in any order, and wants
every unit of the plan exactly once.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.errors import EvidenceError
from gate.evidence.contradictions import Contradiction
from gate.evidence.records import Split
from gate.measure.partials.job import ResultStream
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_checks import require_entries, require_observations
from gate.measure.partials.partial_files import Stored, read_parts, write_parts
from gate.measure.partials.plan import Plan
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets.records import Dataset

SUFFIX = ".shard"
_AGAIN = "measure this part again"


def shard_name(plan: Plan, *, index: int, of: int) -> str:
    """Return the file name of a shard; two plans never give the same."""
    return f"{plan.digest[:16]}-{index:05d}-of-{of:05d}{SUFFIX}"


def write_shard(path: Path, plan: Plan, found: Iterator[tuple[ModelFacts, PartialResult]]) -> int:
    """Write the parts of one share, whole or not at all; return how many images they stand for.

    Raises OutputError where the disk does not take it, and whatever ``found`` raises.
    """
    facts: ModelFacts | None = None
    parts: list[PartialResult] = []
    for seen, part in found:
        facts = seen
        parts.append(part)
    about = {
        "plan": plan.digest,
        "again": plan.asks_again,
        "document": plan.document,
        "facts": None if facts is None else facts.as_json(),  # a share may be empty
    }
    write_parts(path, parts, about)
    return sum(part.images for part in parts)


def merge(plan: Plan, files: Sequence[Path], datasets: Mapping[Split, Dataset]) -> ResultStream:
    """Yield the parts of all shards in the order of the plan.

    Raises EvidenceError for a damaged shard, one of another plan or that contradicts itself or the
    data, a unit that none or two of them hold, and a unit that is not in the plan.
    """
    found: dict[WorkUnit, tuple[ModelFacts, PartialResult, Path]] = {}
    for file in files:
        stored = read_parts(file)
        if stored.about.get("again", False) is not plan.asks_again:
            continue  # of the other pass
        _require_same_plan(plan, stored, file)
        facts = _facts_of(stored, plan, file) if stored.parts else None  # a share may be empty
        for part in stored.parts:
            if part.unit in found:
                raise EvidenceError(
                    str(file),
                    f"holds {_rows(part.unit)}, which {found[part.unit][2]} holds too",
                    "give every shard once",
                )
            assert facts is not None, "it has parts"
            found[part.unit] = (facts, part, file)
    if strangers := found.keys() - set(plan.units):
        unit = min(strangers, key=lambda each: each.name)
        raise EvidenceError(
            str(found[unit][2]),
            f"holds {_rows(unit)}, which is no part of the plan",
            "measure again",
        )
    missing = [unit for unit in plan.units if unit not in found]
    if missing:
        more = f", and {len(missing) - 1} more parts" if len(missing) > 1 else ""
        raise EvidenceError(
            "shards",
            f"none of the {len(files)} files holds {_rows(missing[0])}{more}",
            "give the shards of all indices, all made with the same --of",
        )
    for unit in plan.units:
        facts, part, file = found.pop(unit)
        try:
            require_entries(part, datasets[unit.split])
            require_observations(part, plan.observing(unit.split))
        except Contradiction as error:
            raise EvidenceError(f"{file}: {error.place}", error.fact, _AGAIN) from error
        yield facts, part


def _facts_of(stored: Stored, plan: Plan, file: Path) -> ModelFacts:
    """Return the model that measured a shard; raises EvidenceError where it is not the plan's."""
    try:
        facts = ModelFacts.from_json(stored.about["facts"])
    except (ValueError, LookupError, TypeError) as error:
        raise EvidenceError(str(file), "does not say which model measured it", _AGAIN) from error
    if facts.subject.sha256 != plan.document["checkpoint"]:
        raise EvidenceError(str(file), "was measured with another checkpoint", _AGAIN)
    return facts


def _require_same_plan(plan: Plan, stored: Stored, file: Path) -> None:
    if stored.about.get("plan") == plan.digest:
        return
    theirs = stored.about.get("document")
    differing = ", ".join(_differences(plan.document, theirs if isinstance(theirs, dict) else {}))
    raise EvidenceError(
        str(file),
        f"was measured by another plan; what differs: {differing or 'the form of the plan'}",
        "measure all shards with one gate file, checkpoint, data and release",
    )


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for key, value in one.items():
        if other.get(key) != value:
            yield key


def _rows(unit: WorkUnit) -> str:
    return f"images {unit.start:,} to {unit.stop - 1:,} of {unit.split}"
