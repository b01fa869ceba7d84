"""Files hold parts as arrays in NumPy's own format, without pickles, each with its checksum."""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from gate.errors import EvidenceError
from gate.evidence.columns import FINGERPRINTS, NUMBERS, TEXTS
from gate.evidence.contradictions import Contradiction
from gate.evidence.files import replace_file
from gate.evidence.records import Fingerprints, Rows, Unreadable
from gate.evidence.times import as_text, moment_of
from gate.measure.fingerprints.sparse_looks import LookStore
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_checks import require_sound_part
from gate.measure.partials.work_units import WorkUnit

_VERSION = 6
_ABOUT = "about"  # the member that says what the others are

# What zipfile, NumPy and JSON raise for bytes that are not as they were written.
_DAMAGE = (
    *(BadZipFile, EOFError, struct.error, RuntimeError, MemoryError, SyntaxError, TokenError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
)

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character, or one of two halves

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Stored:
    """Parts, and what was said of them when they were written."""

    about: Mapping[str, Any]
    parts: tuple[PartialResult, ...]


def write_parts(path: Path, parts: Sequence[PartialResult], about: Mapping[str, Any]) -> None:
    """Write parts and JSON about them to one file, whole or not at all; raises OutputError."""
    units = [_describe(part) for part in parts]
    arrays = {
        f"{place}.{name}": array
        for place, part in enumerate(parts)
        for name, array in _arrays(part).items()
    }
    header = json.dumps({"version": _VERSION, "units": units, "about": about}).encode()
    with replace_file(path) as unfinished, unfinished.open("wb") as stream:
        members: Arrays = {_ABOUT: np.frombuffer(header, np.uint8), **arrays}
        np.savez(stream, allow_pickle=False, **members)


def read_parts(path: Path) -> Stored:
    """Return what ``write_parts`` wrote.

    Raises EvidenceError where the file is missing, damaged, truncated, not of this version, or
    holds answers that no model can have given.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise _unusable(path, "is no file")
    try:
        with path.open("rb") as stream, ZipFile(stream) as archive:
            _require_apart(archive, path.stat().st_size)
            header = parse(_array(archive, _ABOUT).tobytes())
            if header["version"] != _VERSION:
                raise _unusable(path, f"is of version {header['version']!r:.20}, not {_VERSION}")
            parts = tuple(
                _part(unit, {name: _array(archive, f"{at}.{name}") for name in unit["arrays"]})
                for at, unit in enumerate(header["units"])
            )
            if not isinstance(header["about"], dict) or not isinstance(header["units"], list):
                raise ValueError("what is said of the parts is of another form")
            return Stored(header["about"], parts)
    except Contradiction as error:
        raise EvidenceError(
            f"{path}: {error.place}", error.fact, "measure this part again"
        ) from error
    except FileNotFoundError:
        raise _unusable(path, "does not exist") from None
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from error
    except _DAMAGE as error:
        raise _unusable(path, "is damaged, or holds no measured parts") from error


def parse(text: bytes) -> Any:  # noqa: ANN401 -- what JSON holds
    """Return what JSON says; raises ValueError for damage, and for text that nothing can write."""
    said = json.loads(text.decode("utf-8"))
    if _SURROGATE.search(text):
        json.dumps(said, ensure_ascii=False).encode("utf-8")
    return said


def _require_apart(archive: ZipFile, size: int) -> None:
    """Raise BadZipFile where members share bytes: more would come out than the file is long."""
    if sum(member.file_size for member in archive.infolist()) > size:
        raise BadZipFile("its members are longer than the file")


def _array(archive: ZipFile, name: str) -> NDArray[Any]:
    """Return a member whose checksum was compared before anything looks into it."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != ZIP_STORED:
        raise BadZipFile("write_parts compresses nothing")
    array: NDArray[Any] = npy.read_array(BytesIO(archive.read(member)), allow_pickle=False)
    return array


def _unusable(path: Path, fact: str) -> EvidenceError:
    return EvidenceError(str(path), fact, "measure this part again")


def _describe(part: PartialResult) -> dict[str, Any]:
    rows = part.rows
    return {
        "unit": part.unit.name,
        "arrays": list(_arrays(part)),
        **{each.field: _list(getattr(rows, each.field)) for each in TEXTS},
        "slices": {name: column.tolist() for name, column in rows.slices.items()},
        "observations": list(rows.observations),
        "unreadable": [asdict(image) for image in part.unreadable],
        "preprocessing_notes": dict(part.preprocessing_notes),
        "measured_at": as_text(part.measured_at),
        "cached": part.cached,
        "engines": dict(part.engines),
    }


def _arrays(part: PartialResult) -> Arrays:
    columns = {each.field: getattr(part.rows, each.field) for each in NUMBERS}
    columns |= {each.field: getattr(part.fingerprints, each.field) for each in FINGERPRINTS}
    if columns["looks"] is not None:
        columns["looks"] = columns["looks"][:]  # as an array
    columns |= {"lowest": part.lowest, "highest": part.highest, "single": part.single}
    columns |= {
        f"observations.{at}": column for at, column in enumerate(part.rows.observations.values())
    }
    return {name: column for name, column in columns.items() if column is not None}


def _part(described: Mapping[str, Any], arrays: Arrays) -> PartialResult:
    """Return the part.

    Raises Contradiction for one that contradicts itself; ValueError, KeyError or TypeError for what
    was written otherwise.
    """
    columns: dict[str, Any] = {each.field: arrays.get(each.field) for each in NUMBERS}
    columns |= {
        each.field: None if described[each.field] is None else _column(described[each.field])
        for each in TEXTS
    }
    rows = Rows(
        **columns,
        slices={str(name): _column(texts) for name, texts in described["slices"].items()},
        observations={
            (str(key), str(name)): arrays[f"observations.{at}"]
            for at, (key, name) in enumerate(described["observations"])
        },
    )
    prints: dict[str, Any] = {each.field: arrays.get(each.field) for each in FINGERPRINTS}
    part = PartialResult(
        unit=WorkUnit.named(described["unit"]),
        rows=rows,
        fingerprints=Fingerprints(**prints),
        unreadable=tuple(Unreadable(**image) for image in described["unreadable"]),
        lowest=arrays["lowest"],
        highest=arrays["highest"],
        single=arrays.get("single"),
        preprocessing_notes={
            str(done): int(images) for done, images in described["preprocessing_notes"].items()
        },
        measured_at=moment_of(described["measured_at"]),
        cached=described["cached"] is True,
        engines={str(package): str(version) for package, version in described["engines"].items()},
    )
    require_sound_part(part)
    return _without_black_looks(part)


def _list(texts: NDArray[np.object_] | None) -> list[str | None] | None:
    return None if texts is None else texts.tolist()


def _column(values: Sequence[str | None]) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)  # a list in it stays one value, and is no text
    column[:] = values
    return column


def _without_black_looks(part: PartialResult) -> PartialResult:
    """Return the same part in less memory: a run holds all the parts that it kept at once."""
    store = LookStore()
    store.add(part.fingerprints.looks, len(part.rows))
    return replace(part, fingerprints=replace(part.fingerprints, looks=store.looks()))
