"""The files and modules that a gate file names and that are not there: all of them at once."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from gate.errors import (
    CheckpointError,
    DataError,
    GateError,
    HistoryError,
    Refusal,
    SubjectError,
)
from gate.subject.datasets.lookup import existing
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.urls import is_url
from gate.subject.flags import Key
from gate.subject.gatefile import Complaint, GateFile
from gate.subject.usercode import absent_module


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that is not there: the key that names it, and the error that it is."""

    path: tuple[Key, ...]
    error: SubjectError
    stops: bool  # whether nothing can be measured without it

    def placed(self, gatefile: GateFile) -> SubjectError:
        """Return the error with the line that names what is not there, where there is a file."""
        location = gatefile.location(*self.path)
        if location is None:
            return self.error
        file, line, _ = location
        error = copy(self.error)
        error.fact = f"{error.fact} (named in {file}, line {line})"
        return error


def find_absent(gatefile: GateFile) -> tuple[Absent, ...]:
    """Return what a gate file names and this machine has not; what lies behind a URL is not asked.

    Policy and waivers are not among them: who reads those says so.
    """
    return (*_of_model(gatefile), *_of_data(gatefile), *_modules(gatefile), *_beside(gatefile))


def complaints_of(gatefile: GateFile) -> Iterator[Complaint]:
    """Yield the same as faults of the gate file."""
    for each in find_absent(gatefile):
        where = f"{each.error.where}: " if each.error.where else ""
        yield each.path, f"{where}{each.error.fact}", each.error.remedy


def _of_model(gatefile: GateFile) -> Iterator[Absent]:
    model = gatefile.model
    if model is None or model.checkpoint is None:
        return
    if error := _looked_up(gatefile.base, model.checkpoint):
        path = str(gatefile.base / model.checkpoint)
        fact = "there is no such file"
        remedy = error.remedy if "did you mean" in error.remedy else _NO_DOWNLOAD
        yield Absent(
            ("model", "checkpoint"), CheckpointError(path, Refusal.CORRUPT, fact, remedy), True
        )


_NO_DOWNLOAD = "check the path of the checkpoint: nothing is downloaded"


def _of_data(gatefile: GateFile) -> Iterator[Absent]:
    for name, spec in gatefile.data.given().items():
        for key, written in _files(spec):
            if error := _looked_up(gatefile.base, written):
                yield Absent(("data", name, key), error, stops=True)


def _files(spec: DataSpec) -> Iterator[tuple[str, str]]:
    """Yield the keys of a split that name a file or a folder, with what they name."""
    given = {"path": spec.path, "predictions": spec.predictions}
    if spec.path is None:  # beside a path they are names of arrays
        given |= {"images": spec.images, "labels": spec.labels}
    for key, written in given.items():
        if written is not None and "{" not in written:
            yield key, written


def _modules(gatefile: GateFile) -> Iterator[Absent]:
    for each in gatefile.factories():
        where = f"{each.key} {each.spec!r}"
        if error := absent_module(each.spec, base=gatefile.base, where=where):
            yield Absent(tuple(each.key.split(".")), error, stops=True)


def _beside(gatefile: GateFile) -> Iterator[Absent]:
    """Yield what is judged beside the model: without it the rest is measured all the same."""
    history = gatefile.history
    written = history if isinstance(history, str) or history is None else history.path
    path: tuple[Key, ...] = ("history",) if isinstance(history, str) else ("history", "path")
    if written is not None and (error := _looked_up(gatefile.base, written)):
        yield Absent(path, HistoryError(error.where, error.fact, error.remedy), stops=False)
    descriptor = None if gatefile.leakage is None else gatefile.leakage.descriptor
    beside: tuple[tuple[tuple[Key, ...], str | None], ...] = (
        (("baseline",), gatefile.baseline),
        (("leakage", "descriptor"), descriptor),
    )
    for key, named in beside:
        if named is not None and (error := _looked_up(gatefile.base, named)):
            yield Absent(key, error, stops=False)


def _looked_up(base: Path, written: str) -> DataError | None:
    """Return why there is nothing of this name; None where there is, or where a URL names it."""
    if is_url(written):
        return None
    try:
        existing(base, written)
    except DataError as error:
        return error
    except GateError:  # who opens it says so
        return None
    return None
