"""A request carries a measurement that the policy needs to whoever measures."""

import inspect
import json
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from gate.errors import GateError, MeasurementError
from gate.evidence.kept_scores import is_kept, scores_in
from gate.evidence.measurements import Measurement
from gate.evidence.records import Numbers, Observations, Split
from gate.policy.needs import Need
from gate.subject.guard import describe_error, in_reach, kind_of, require_theirs
from gate.wording import list_names, plain

Columns = dict[str, Numbers]  # by name, (n,)

_LONGEST = 80  # characters of the name of a column
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRequest:
    """A measurement as it travels to other processes: opened where it is used."""

    key: str
    where: str  # as messages name it
    splits: tuple[Split, ...]
    facts: Mapping[str, Any]  # JSON; what it depends on
    code: str | None  # SHA-256 of the source file of its class; None where there is none
    plugins: Mapping[str, str]  # as messages name them -> SHA-256 of their files
    pickled: bytes
    images: int | None = None  # of the sample that it asks again; None: it sees all images
    wants_mean_colour: bool = False
    artefacts: tuple[str, ...] = ()  # that it asks, by name

    def open(self) -> "OpenMeasurement":
        """Return the measurement; raises MeasurementError where its class is not found here."""
        measurement = self.ask(lambda: pickle.loads(self.pickled), "reading it in a worker")  # noqa: S301 -- our own, of a check that the policy names
        return OpenMeasurement(self, measurement)

    def describe(self) -> dict[str, Any]:
        """Return what a plan says of it: JSON."""
        splits = [split.value for split in self.splits]
        return {
            "splits": splits,
            "facts": dict(self.facts),
            "code": self.code,
            "plugins": dict(self.plugins),
        }

    def ask(self, question: Callable[[], _T], doing: str) -> _T:
        """Return what its code gives; raises MeasurementError where that raises, or ends Python."""
        try:
            with in_reach(), np.errstate():
                return question()
        except GateError as error:  # of the model or the data that it asked
            raise self.failure(f"{doing}: {error}") from error
        except BaseException as error:  # it is the code of a package: it may raise anything
            require_theirs(error)
            raise self.failure(f"{doing} raised {describe_error(error, Path())}") from error

    def failure(self, fact: str) -> MeasurementError:
        """Return the error that ends a run over this measurement."""
        return MeasurementError(
            self.where, fact, "mend the check that needs it, or take its rule out of the policy"
        )


@dataclass(frozen=True, slots=True)
class OpenMeasurement:
    """A measurement in the process that uses it; what it gives is looked at."""

    request: MeasurementRequest
    measurement: Measurement

    def observe(self, batch: Any, images: int) -> Columns:  # noqa: ANN401 -- an ImageBatch
        """Return its columns of so many images; raises MeasurementError."""
        found = self.request.ask(lambda: self.measurement.observe(batch), "its observe")
        return self._columns(found, images, "its observe")

    def join(self, units: Sequence[Columns], images: int) -> Columns:
        """Return the columns of a split from those of its units; raises MeasurementError."""
        require_alike(self.request, units)
        found = self.request.ask(lambda: self.measurement.merge(units), "its merge")
        return self._columns(found, images, "its merge")

    def summarise(self, columns: Columns, rows: Any) -> Any:  # noqa: ANN401 -- Rows; JSON
        """Return what it says of a split; raises MeasurementError where that is no JSON."""

        def summary() -> Any:  # noqa: ANN401 -- JSON
            text = json.dumps(self.measurement.summarise(columns, rows), allow_nan=False)
            return json.loads(text)

        return self.request.ask(summary, "its summarise")

    def _columns(self, found: Any, images: int, doing: str) -> Columns:  # noqa: ANN401 -- whatever it gave
        if not isinstance(found, Mapping) or not found:
            raise self.request.failure(f"{doing} gave {kind_of(found)}, and not columns by name")
        return {
            name: self._column(name, found[name], images, doing) for name in sorted(found, key=str)
        }

    def _column(self, name: Any, values: Any, images: int, doing: str) -> Numbers:  # noqa: ANN401 -- whatever it gave
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST:
            raise self.request.failure(f"{doing} gave a column with the name {plain(name, 80)!r}")
        place = f"{doing} gave the column {name}"
        if self.request.images is not None and isinstance(values, np.ndarray) and is_kept(values):
            if len(values) != images or np.isinf(scores_in(values)).any():
                raise self.request.failure(f"{place} of scores that are not those of its images")
            return cast("Numbers", values)  # as a part has them
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
            kind = getattr(values, "dtype", kind_of(values))
            raise self.request.failure(f"{place} of type {plain(kind, 40)}, and not numbers")
        if values.shape != (images,):
            raise self.request.failure(
                f"{place} of shape {values.shape} for {images} images: one number each is needed"
            )
        if np.isinf(values).any():
            raise self.request.failure(f"{place} with an infinity: NaN says not observed")
        if values.dtype.kind == "f":
            return values.astype(np.float64)
        if values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise self.request.failure(f"{place} with a number that 64 bits do not hold")
        return values.astype(np.int64)


def requests_of(needs: Iterable[Need]) -> tuple[MeasurementRequest, ...]:
    """Return what is measured for a policy.

    Raises MeasurementError for what cannot be sent to a worker, and UsageError where the files of a
    package cannot be read.
    """
    return tuple(_request(need) for need in needs)


def require_alike(request: MeasurementRequest, parts: Sequence[Mapping[str, Numbers]]) -> None:
    """Raise MeasurementError where two parts do not have the same columns, of the same types."""
    forms = [{name: _form(values) for name, values in part.items()} for part in parts]
    for form in forms:
        if form != forms[0]:
            one, other = (
                list_names([f"{n} ({t})" for n, t in each.items()]) for each in (forms[0], form)
            )
            raise request.failure(
                f"it gave the columns {one} for some images, and {other} for others"
            )


def _form(values: Numbers) -> str:
    return "".join((values.dtype.name, *(f" x {side}" for side in values.shape[1:])))


def columns_of(observations: Observations, measurement: str) -> Columns:
    """Return the columns of one measurement, by name."""
    return {name: values for (key, name), values in observations.items() if key == measurement}


def _request(need: Need) -> MeasurementRequest:
    made = MeasurementRequest(
        key=need.key,
        where=need.where,
        splits=tuple(map(Split, need.splits)),
        facts=need.facts,
        code=_digest_of_source(type(need.measurement)),
        plugins={each.where: each.source_sha256() for each in need.plugins},
        pickled=b"",
        images=need.images,
        wants_mean_colour=getattr(need.measurement, "wants_mean_colour", False),
        artefacts=need.artefacts,
    )
    pickled = made.ask(lambda: pickle.dumps(need.measurement), "sending it to a worker")
    return replace(made, pickled=pickled)


def _digest_of_source(kind: type) -> str | None:
    with suppress(OSError, TypeError):
        return sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
    return None
