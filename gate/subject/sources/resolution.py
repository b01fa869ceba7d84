"""Classes, input, output and factory each come whole from the highest that states them.

Gate file and flags go before the artefact, the artefact before the data; nothing is mixed key by
key. It is decided once a run, before data is opened, and what nobody states is asked for at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.errors import CheckpointError, DocumentError, Refusal, SubjectError, UsageError
from gate.evidence.contract import Disagreement
from gate.keys import name_key
from gate.subject.absent import complaints_of
from gate.subject.gatefile import Complaint, GateFile, ModelSpec, contradictions
from gate.subject.sources.contract import disagreements
from gate.subject.sources.proposals import CLASSES
from gate.subject.sources.registry import FALLBACK, source_of
from gate.subject.sources.source import Artefact, ModelSource
from gate.subject.sources.statements import Key, Stated, Statements
from gate.subject.splits import folders_in_order, framework_of, order_question
from gate.wording import list_names, plain

if TYPE_CHECKING:  # NumPy is loaded with the first image
    from gate.subject.inputs import InputSpec

# Where the gate file says it.
_PATHS: dict[Key, tuple[str, ...]] = {
    "classes": ("classes",),
    "input": ("input",),
    "output": ("output",),
    "factory": ("model",),
    "key": ("model", "key"),
}


@dataclass(frozen=True, slots=True)
class Resolution:
    """A complete gate file, and what its artefact states."""

    gatefile: GateFile  # with what the artefact states where the file says nothing
    statements: Statements = field(default_factory=Statements)
    contract: tuple[Disagreement, ...] = ()  # where two of them differ
    failure: SubjectError | None = None  # the artefact cannot be read, so nothing can be measured


def resolve(gatefile: GateFile) -> Resolution:
    """Return a gate file, with its flags applied, in which all is said that is needed.

    Raises UsageError, with places where there is a file, for everything that nobody states.
    """
    if any(spec.predictions is not None for spec in gatefile.data.given().values()):
        gatefile.require_complete(also=complaints_of)
        return Resolution(gatefile)
    spec = gatefile.model or ModelSpec()
    if spec.checkpoint is None:  # none is known to state anything
        spec = spec.model_copy(update={"checkpoint": "", "source": FALLBACK})
    artefact = Artefact.of(spec, gatefile.base)
    source = _source(artefact, gatefile)
    try:
        statements = source.states(artefact)
        values, origins = _taken(gatefile, statements, artefact)
    except SubjectError as error:
        gatefile.require_complete(also=complaints_of)
        return Resolution(gatefile, failure=error)
    spec = spec.model_copy(update={"source": source.name})
    gatefile.require_complete(list(_open_questions(gatefile, statements)), also=complaints_of)
    own = gatefile.input if "input" in gatefile.model_fields_set else None
    if own is not None and (adapted := source.apply_conventions(artefact, own)) != own:
        values["input"] = adapted
        gatefile = gatefile.model_copy(update={"input": adapted})
        origins += (
            f"input: what it leaves open is as {source.name} does it: {_new(own, adapted)}",
        )
    values["model"] = spec
    completed = gatefile.completed(values, origins, statements.read, statements.framework)
    return Resolution(completed, statements, disagreements(gatefile, statements))


def _source(artefact: Artefact, gatefile: GateFile) -> ModelSource:
    try:
        return source_of(artefact)
    except DocumentError:
        raise
    except UsageError as error:
        name = artefact.source
        if name is not None and not error.where:
            raise gatefile.place_of(error, name, "model", "source") from None
        raise gatefile.place_of(error, artefact.checkpoint, "model", "checkpoint") from None


def _taken(
    gatefile: GateFile, statements: Statements, artefact: Artefact
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the values that the artefact gives, and a sentence for each key that it states."""
    values: dict[str, object] = {}
    origins = []
    for key, stated in statements.given():
        said = _said(gatefile, key)
        if said is not None:
            same = "and so states" if said == stated.value else "not as stated by"
            origins.append(f"{key}: from the gate file or its flags, {same} {stated.source}")
            continue
        origins.append(f"{key}: from {stated.source}")
        if key == "classes":
            values[key] = _sound_classes(stated, artefact)
        elif key in ("input", "output"):
            values[key] = stated.value
    return values, tuple(origins)


def _new(own: "InputSpec", adapted: "InputSpec") -> str:
    """Return the keys that came to an input of the user's own, with their values."""
    before, after = own.model_dump(), adapted.model_dump()
    return ", ".join(f"{key}: {after[key]}" for key in after if after[key] != before[key])


def _said(gatefile: GateFile, key: Key) -> object | None:
    """Return what the gate file and its flags say under a key; None where that is nothing."""
    if key == "classes":
        return gatefile.classes or None
    if key == "input":
        return gatefile.input if "input" in gatefile.model_fields_set else None
    if key == "output":
        return gatefile.output
    spec = gatefile.model or ModelSpec()
    return spec.key if key == "key" else spec.factory


def _sound_classes(stated: Stated[tuple[str, ...]], artefact: Artefact) -> tuple[str, ...]:
    """Return names of classes as they are compared; refuse those that no gate file could state."""
    classes = tuple(map(name_key, stated.value))
    for _, fact, _ in contradictions(GateFile(classes=classes)):
        raise CheckpointError(
            f"{plain(str(artefact.path))}: {stated.source}",
            Refusal.MISMATCH,
            fact,
            "name the classes in the gate file, in the order of the model's outputs: "
            "classes: [...]",
        )
    return classes


def _open_questions(gatefile: GateFile, statements: Statements) -> Iterator[Complaint]:
    """Yield what the artefact asks; of the order of class folders, their names ask it better.

    Where those names answer what the outputs are called, that is told beside the other questions.
    """
    framework = statements.framework or framework_of(gatefile.model)
    order = None if statements.classes is not None else order_question(gatefile, framework)
    asks = [ask for ask in statements.asks if _said(gatefile, ask.key) is None]
    folders = folders_in_order(gatefile, framework) if CLASSES in asks else ()
    for ask in asks:
        is_answered = order is not None or (folders and ask == CLASSES)
        if not (ask.key == "classes" and is_answered):
            yield _PATHS[ask.key], ask.fact, ask.remedy
    if order is not None:
        yield order
    elif folders and len(asks) > 1:
        fact = f"the outputs are read in the order of the class folders: {list_names(folders)}"
        remedy = "if they stand otherwise, add classes: [first, second, ...]"
        yield _PATHS["classes"], fact, remedy
