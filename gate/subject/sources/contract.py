"""Comparison of what the gate file and the artefact both state."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gate.evidence.contract import GATE_FILE, Disagreement, in_words
from gate.keys import name_key
from gate.subject.outputs import output_spec
from gate.subject.sources.statements import Stated, Statements
from gate.wording import quote

if TYPE_CHECKING:  # NumPy is loaded with the first image
    from gate.subject.gatefile import GateFile
    from gate.subject.inputs import InputSpec
    from gate.subject.outputs import Values

WEIGHTS = "the weights"


def disagreements(gatefile: "GateFile", statements: Statements) -> tuple[Disagreement, ...]:
    """Return where two sources differ: the artefact's own contradictions first.

    ``gatefile`` is what the user wrote, before it is completed from the artefact.
    """
    return (
        *statements.checks,
        *_of_classes(gatefile, statements.classes),
        *_of_input(gatefile, statements.input),
        *_of_output(gatefile, statements.output),
        *_of_factory(gatefile, statements.factory),
    )


def contradiction(
    topic: str, value: object, source: str, other: object, other_source: str
) -> Disagreement:
    """Return a contradiction of an artefact with itself or with the data, for its source."""
    return Disagreement(
        topic, in_words(value), source, in_words(other), other_source, "contradiction"
    )


def _of_classes(
    gatefile: "GateFile", stated: Stated[tuple[str, ...]] | None
) -> Iterator[Disagreement]:
    """Yield where the gate file names other classes; where it names more, the weights do too.

    A model answers with as many outputs as classes are judged, or the run ends over it.
    """
    given = gatefile.classes
    if stated is None or not given:
        return
    names = tuple(map(name_key, stated.value))
    if len(names) != len(given):
        yield contradiction("the number of classes", len(given), WEIGHTS, len(names), stated.source)
    for place, (mine, theirs) in enumerate(zip(given, names, strict=False)):
        if mine != theirs:
            yield Disagreement(
                f"class {place}", quote(mine), GATE_FILE, quote(theirs), stated.source, "override"
            )
            return  # the first tells what is wrong; a list of 1,000 names does not


def _of_input(gatefile: "GateFile", stated: "Stated[InputSpec] | None") -> Iterator[Disagreement]:
    if stated is None or "input" not in gatefile.model_fields_set:
        return
    mine, theirs = gatefile.input, stated.value
    if mine.factory is not None:
        yield _override("input.factory", mine.factory, theirs.factory, stated.source)
        return
    if None not in (mine.channels, theirs.channels):
        counts = len(mine.channels or ""), len(theirs.channels or "")
        if counts[0] != counts[1]:  # it answered to those of the gate file
            yield contradiction(
                "the number of channels", counts[0], WEIGHTS, counts[1], stated.source
            )
    for key in type(mine).model_fields:
        value, other = getattr(mine, key), getattr(theirs, key)
        if key == "orientation" and value is None:
            continue  # then the artefact decides
        if in_words(value) != in_words(other):
            yield _override(f"input.{key}", value, other, stated.source)


def _of_output(gatefile: "GateFile", stated: "Stated[Values] | None") -> Iterator[Disagreement]:
    if stated is None or gatefile.output is None:
        return
    declared = output_spec(gatefile.output).values
    if declared not in {None, stated.value}:
        yield _override("output.values", declared, stated.value, stated.source)


def _of_factory(gatefile: "GateFile", stated: Stated[str] | None) -> Iterator[Disagreement]:
    factory = gatefile.model.factory if gatefile.model else None
    if stated is not None and factory is not None:
        yield _override("model.factory", factory, stated.value, stated.source)


def _override(topic: str, value: Any, other: Any, source: str) -> Disagreement:  # noqa: ANN401 -- of any key
    return Disagreement(topic, in_words(value), GATE_FILE, in_words(other), source, "override")
