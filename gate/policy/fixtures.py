"""Fixtures of a policy: synthetic runs, and the outcomes that they must get."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from gate.documents.document import Document, read_document
from gate.documents.source_text import refuse
from gate.documents.validation import validate
from gate.errors import DocumentError, Fault, UsageError
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.needs import needs_of
from gate.policy.reading import PolicyDocument, read_policy
from gate.wording import quote, suggestion

_MOST_IMAGES = 1_000_000  # of one split; fixtures are judged for real
_MOST_EPOCHS = 10_000
_CONTRACTS = ("override", "contradiction")
_PROBES = ("sound", "nan", "constant", "batch")
_TELLING = (
    "nothing", "width", "height", "format", "brightness", "contrast", "sharpness", "bytes",
)  # fmt: skip

_ABOUT = {
    "classes": "The names of the classes; two, cat and dog, by default.",
    "critical": "The critical classes.",
    "parents": "The classes of each parent, where some belong together.",
    "test": "Confusion counts of the test split: a row a true class, a column a prediction.",
    "train": "Confusion counts of the train split.",
    "validation": "Confusion counts of the validation split.",
    "slices": "Slice columns, by split: so many images, in the order of the counts, and the value "
    "of each of them; null where they have none.",
    "groups": "How many groups train and test share; left out, no group is declared.",
    "ungrouped": "Images of test without a group, where groups are declared.",
    "unreadable": "Images of test that cannot be read.",
    "hidden": "Hidden files of test that are images.",
    "copies": "Test images that are copies of train images; left out, the two were not compared.",
    "conflicts": "How many of the copies carry another label.",
    "near_copies": "Test images that nearly equal a train image, beside the copies.",
    "validation_copies": "Test images that are copies of validation images.",
    "abstained": "Test images of each class that get no answer, beside those in `test`.",
    "unknown": "Images of no class that get an answer, and that get none.",
    "train_loss": "The train loss, one value an epoch.",
    "validation_loss": "The validation loss, one value an epoch.",
    "unread_losses": "Columns of the history that look like a held-out loss and are not read.",
    "confidence": "The score of the prediction when it is right, and when it is wrong.",
    "broken": "Images that the champion had right; left out, there is no champion.",
    "repaired": "Images that the champion had wrong and this model has right.",
    "same_champion": "Whether the champion is the judged checkpoint itself.",
    "logged_train_accuracy": "The last accuracy of a training log.",
    "observations": "What measurements observed, by split, key and column: so many images, in the "
    "order of the counts, and the number of each of them; null where nothing was observed.",
    "views": "By view, how many right answers of test it costs; those not named cost none; "
    "left out, the model was not asked again.",
    "artefacts": "The artefacts that were measured: by name, the type of most of their numbers, "
    "such as `float32` or `int8`.",
    "lost_by_artefacts": "Right answers of test that each artefact loses.",
    "macs": "Multiply-accumulates of an image.",
    "time_ratio": "How many times as long an answer takes as that of the other artefact.",
    "told_by": "The property of test images that tells their classes, such as width or brightness, "
    "or `nothing`; left out, none was measured.",
    "unrepeatable": "Images of test whose scores differ when the model is asked again.",
    "contract": "How two sources differ: override, of the artefact by the user, or contradiction, "
    "of the artefact.",
    "probe": f"What the model itself showed: {', '.join(_PROBES)}.",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _measured() -> type[BaseModel]:
    """Return the model of the numbers of a fixture: the fields of SyntheticRun."""
    types = get_type_hints(SyntheticRun)
    keys: dict[str, Any] = {
        each.name: (types[each.name], Field(each.default, description=_about(each.name)))
        for each in fields(SyntheticRun)
    }
    made: type[BaseModel] = create_model("Measured", __base__=_Strict, **keys)
    made.__doc__ = "Numbers that stand for what a run measures; nothing here was measured."
    return made


def _about(name: str) -> str:
    return _ABOUT.get(name, f"{name.replace('_', ' ').capitalize()}.")


if TYPE_CHECKING:
    Measured = BaseModel
else:
    Measured = _measured()
Outcome = Literal["passed", "failed", "inconclusive", "error"]


class Fixture(_Strict):
    """One made-up run and what must come of it."""

    name: str = Field(min_length=1, description="What it shows, in a few words.")
    measured: Measured = Field(
        default_factory=Measured, description="The numbers that differ from the common ones."
    )
    verdict: Literal["pass", "fail", "inconclusive", "error"] | None = Field(
        None, description="The verdict of the whole policy."
    )
    expect: dict[str, Outcome] = Field(
        {},
        description="Outcomes by the id of a rule (the worst of its results), or by the key of one "
        "result.",
    )


class FixtureSet(_Strict):
    """A document of fixtures for one policy."""

    api_version: Literal["gate/v1"] = Field(
        alias="apiVersion", description="The version of the format: gate/v1."
    )
    kind: Literal["PolicyFixtures"] = Field(description="What the document is: PolicyFixtures.")
    policy: str = Field(
        min_length=1, description="The policy: a shipped name, or a path relative to this file."
    )
    measured: Measured = Field(
        default_factory=Measured, description="The numbers that all fixtures share."
    )
    fixtures: tuple[Fixture, ...] = Field(min_length=1, description="The made-up runs.")


@dataclass(frozen=True, slots=True)
class Case:
    """A fixture with its numbers complete, and its place."""

    fixture: Fixture
    numbers: SyntheticRun
    place: str  # file:line


@dataclass(frozen=True, slots=True)
class Cases:
    """The fixtures of one document, and the policy that they are for."""

    file: str
    policy: PolicyDocument
    cases: tuple[Case, ...]


def read_fixtures(path: str) -> Cases:
    """Return the fixtures of a document and the policy that it names.

    Raises UsageError where one of the two is not there, DocumentError with all faults.
    """
    where = Path(path)
    document, faults = read_document(where, path, "PolicyFixtures")
    values, more = validate(FixtureSet, document.root, document.source)
    faults += more
    cases = [] if values is None else list(_cases(document, values))
    refuse([*faults, *(each for each in cases if isinstance(each, Fault))])
    assert values is not None
    policy = _policy_of(values, document, where.parent)
    refuse(list(_unknown(document, cases, policy)))
    return Cases(path, policy, tuple(each for each in cases if isinstance(each, Case)))


def _policy_of(values: FixtureSet, document: Document, folder: Path) -> PolicyDocument:
    """Return the policy; that there is none is a fault of the document that names it."""
    try:
        return read_policy(values.policy, base=folder)
    except DocumentError:
        raise
    except UsageError as error:
        fact = f"{error.where}: {error.fact}"
        raise DocumentError([document.fault(("policy",), fact, error.remedy)]) from error


def _cases(document: Document, values: FixtureSet) -> Iterator[Case | Fault]:
    shared = _state(values.measured)
    for index, fixture in enumerate(values.fixtures):
        place = ("fixtures", index)
        numbers = SyntheticRun(**{**shared, **_state(fixture.measured)})
        if not fixture.verdict and not fixture.expect:
            fact, remedy = "this fixture expects nothing", "give verdict, expect, or both"
            yield document.fault(place, fact, remedy)
        elif wrong := impossible(numbers):
            yield document.fault((*place, "measured"), wrong, "mend the numbers")
        else:
            line, _ = document.place(place)
            yield Case(fixture, numbers, f"{document.source.file}:{line}")


def _impossible_slices(numbers: SyntheticRun) -> Iterator[str]:
    for split, columns in (numbers.slices or {}).items():
        matrix = getattr(numbers, split)
        images = None if matrix is None else sum(map(sum, matrix))
        if images is not None and split == "test":
            images += sum(numbers.abstained or ())
        for name, runs in columns.items():
            rows = [count for count, _ in runs]
            if images is None:
                yield f"slices of {split} need its counts, and there are none"
            elif min(rows, default=0) < 0:
                yield f"the images of the slices of {name} must be 0 or more"
            elif sum(rows) != images:
                yield f"slices of {name} are of {sum(rows):,} images, and {split} has {images:,}"


def _impossible_observations(numbers: SyntheticRun) -> Iterator[str]:
    for split, measurements in (numbers.observations or {}).items():
        matrix = getattr(numbers, split)
        images = None if matrix is None else sum(map(sum, matrix))
        for key, columns in measurements.items():
            if not columns:
                yield f"{key} of {split} must have a column"
            for name, runs in columns.items():
                rows = [count for count, _ in runs]
                if images is None:
                    yield f"observations of {split} need its counts, and there are none"
                elif min(rows, default=0) < 0:
                    yield f"the images of {name} by {key} must be 0 or more"
                elif sum(rows) != images:
                    yield f"{name} by {key} is of {sum(rows):,} images, and {split} has {images:,}"


def _unknown(
    document: Document, cases: Sequence[Case | Fault], policy: PolicyDocument
) -> Iterator[Fault]:
    """Yield the measurements of fixtures that no rule of the policy needs."""
    needed = [need.key for need in needs_of(policy.policy.rules)]
    for index, case in enumerate(cases):
        observed = case.numbers.observations if isinstance(case, Case) else None
        for key in dict.fromkeys(key for each in (observed or {}).values() for key in each):
            if key not in needed:
                remedy = suggestion(key, needed, what="they need") if needed else "delete it"
                fact = (
                    f"no rule of {policy.policy.metadata.name} needs the measurement {quote(key)}"
                )
                yield document.fault(("fixtures", index), fact, remedy)


def _state(measured: BaseModel) -> dict[str, Any]:
    return {name: getattr(measured, name) for name in measured.model_fields_set}


def impossible(numbers: SyntheticRun) -> str | None:
    """Return why no run can have measured these numbers, None where one can."""
    return next(_impossible(numbers), None)


def _impossible_abstention(numbers: SyntheticRun, abstained: tuple[int, ...]) -> Iterator[str]:
    side = len(numbers.classes)
    if len(abstained) != side or not all(0 <= count <= _MOST_IMAGES for count in abstained):
        yield f"abstained must be {side} counts from 0 to {_MOST_IMAGES:,}, one a class"
    if numbers.test is None or numbers.confidence is not None:
        yield "abstained images are some of test, and have no confidence"


def _impossible(numbers: SyntheticRun) -> Iterator[str]:
    if len(numbers.classes) < 2 or len(set(numbers.classes)) < len(numbers.classes):
        yield "classes must be two or more different names"
    for name in numbers.critical:
        if name not in numbers.classes:
            yield f"the critical class {quote(name)} is none of the classes"
    for parent, members in (numbers.parents or {}).items():
        for name in members:
            if name not in numbers.classes:
                yield f"{quote(name)} of the parent {quote(parent)} is none of the classes"
    side = len(numbers.classes)
    for split in ("train", "validation", "test"):
        matrix = getattr(numbers, split)
        if matrix is None:
            continue
        if len(matrix) != side or any(len(row) != side for row in matrix):
            yield f"{split} must have {side} rows of {side} counts, for the {side} classes"
        counts = [count for row in matrix for count in row]
        if any(count < 0 for count in counts) or sum(counts) > _MOST_IMAGES:
            yield f"the counts of {split} must be 0 or more, and {_MOST_IMAGES:,} together at most"
    for name in (
        "groups",
        "ungrouped",
        "unreadable",
        "hidden",
        "copies",
        "conflicts",
        "near_copies",
        "validation_copies",
        "broken",
        "repaired",
    ):
        if not 0 <= (getattr(numbers, name) or 0) <= _MOST_IMAGES:
            yield f"{name} must be from 0 to {_MOST_IMAGES:,}"
    if numbers.abstained is not None:
        yield from _impossible_abstention(numbers, numbers.abstained)
    if numbers.unknown is not None and not all(0 <= n <= _MOST_IMAGES for n in numbers.unknown):
        yield f"unknown must be two counts from 0 to {_MOST_IMAGES:,}"
    if numbers.conflicts > (numbers.copies or 0):
        yield "conflicts are some of the copies, and there are more of them"
    if numbers.copies is None and (numbers.near_copies or numbers.validation_copies):
        yield "copies says that the splits were compared, and it is left out"
    if numbers.validation_copies and numbers.validation is None:
        yield "validation_copies need a validation split, and there is none"
    if numbers.broken is not None and numbers.test is None:
        yield "a champion is compared on test, and there is none"
    if numbers.same_champion and (numbers.broken != 0 or numbers.repaired):
        yield "a champion that is the model itself has broken: 0, and nothing repaired"
    if numbers.confidence is not None and not all(0 <= each <= 1 for each in numbers.confidence):
        yield "confidence must be two numbers from 0 to 1"
    yield from _impossible_slices(numbers)
    yield from _impossible_observations(numbers)
    if numbers.contract is not None and numbers.contract not in _CONTRACTS:
        yield f"contract must be one of {', '.join(_CONTRACTS)}"
    if numbers.probe is not None and numbers.probe not in _PROBES:
        yield f"probe must be one of {', '.join(_PROBES)}"
    if numbers.told_by is not None and numbers.told_by not in _TELLING:
        yield f"told_by must be one of {', '.join(_TELLING)}"
    if any(
        len(losses or ()) > _MOST_EPOCHS for losses in (numbers.train_loss, numbers.validation_loss)
    ):
        yield f"no more than {_MOST_EPOCHS:,} epochs are read"
