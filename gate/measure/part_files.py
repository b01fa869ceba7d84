"""How parts lie on disk: arrays in NumPy's own format, without pickles, each with its checksum."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from gate.errors import EvidenceError
from gate.evidence.files import replaced
from gate.evidence.records import Fingerprints, Rows, Unreadable
from gate.measure.grid import Cell
from gate.measure.parts import Part

_VERSION = 2
_ROWS = ("labels", "predictions", "confidence", "margin", "true_score", "true_rank", "scores")
_PRINTS = ("file", "pixels", "oriented", "near", "featureless", "thumbnails")
_ABOUT = "about"  # the member that says what the others are

# What zipfile, NumPy and JSON raise for bytes that are not as they were written.
_DAMAGE = (
    *(BadZipFile, EOFError, struct.error, RuntimeError, MemoryError, SyntaxError, TokenError),
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
)

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Stored:
    """Parts, and what was said of them when they were written."""

    about: Mapping[str, Any]
    parts: tuple[Part, ...]


def write_parts(path: Path, parts: Sequence[Part], about: Mapping[str, Any]) -> None:
    """Write parts and JSON about them to one file, whole or not at all; raises OutputError."""
    cells = [_described(part) for part in parts]
    arrays = {
        f"{place}.{name}": array
        for place, part in enumerate(parts)
        for name, array in _arrays(part).items()
    }
    head = json.dumps({"version": _VERSION, "cells": cells, "about": about}).encode()
    with replaced(path) as unfinished, unfinished.open("wb") as stream:
        members: Arrays = {_ABOUT: np.frombuffer(head, np.uint8), **arrays}
        np.savez(stream, allow_pickle=False, **members)


def read_parts(path: Path) -> Stored:
    """Return what ``write_parts`` wrote.

    Raises EvidenceError where the file is missing, damaged, truncated, or not of this version.
    """
    try:
        with path.open("rb") as stream, ZipFile(stream) as archive:
            head = json.loads(_array(archive, _ABOUT).tobytes())
            if head["version"] != _VERSION:
                raise _unusable(path, f"is of version {head['version']}, not {_VERSION}")
            parts = tuple(
                _part(cell, {name: _array(archive, f"{at}.{name}") for name in cell["arrays"]})
                for at, cell in enumerate(head["cells"])
            )
            return Stored(head["about"], parts)
    except FileNotFoundError:
        raise _unusable(path, "does not exist") from None
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from error
    except _DAMAGE as error:
        raise _unusable(path, "is damaged, or holds no measured parts") from error


def _array(archive: ZipFile, name: str) -> NDArray[Any]:
    """Return a member whose checksum was compared before anything looks into it."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != ZIP_STORED:
        raise BadZipFile("write_parts compresses nothing")
    array: NDArray[Any] = npy.read_array(BytesIO(archive.read(member)), allow_pickle=False)
    return array


def _unusable(path: Path, fact: str) -> EvidenceError:
    return EvidenceError(str(path), fact, "measure this part again")


def _described(part: Part) -> dict[str, Any]:
    rows = part.rows
    return {
        "cell": part.cell.name,
        "arrays": list(_arrays(part)),
        "ids": rows.ids.tolist(),
        "groups": None if rows.groups is None else rows.groups.tolist(),
        "slices": {name: column.tolist() for name, column in rows.slices.items()},
        "unreadable": [asdict(image) for image in part.unreadable],
        "treated": dict(part.treated),
    }


def _arrays(part: Part) -> Arrays:
    columns = {name: getattr(part.rows, name) for name in _ROWS}
    columns |= {name: getattr(part.fingerprints, name) for name in _PRINTS}
    columns |= {"lowest": part.lowest, "highest": part.highest}
    return {name: column for name, column in columns.items() if column is not None}


def _part(described: Mapping[str, Any], arrays: Arrays) -> Part:
    """Return the part; raises ValueError or KeyError for one that contradicts itself."""
    groups = described["groups"]
    rows = Rows(
        ids=np.array(described["ids"], dtype=object),
        groups=None if groups is None else np.array(groups, dtype=object),
        slices={
            name: np.array(column, dtype=object) for name, column in described["slices"].items()
        },
        **{name: arrays.get(name) for name in _ROWS},  # type: ignore[arg-type]  # lengths below
    )
    part = Part(
        cell=Cell.named(described["cell"]),
        rows=rows,
        fingerprints=Fingerprints(**{name: arrays.get(name) for name in _PRINTS}),  # type: ignore[arg-type]  # lengths below
        unreadable=tuple(Unreadable(**image) for image in described["unreadable"]),
        lowest=arrays["lowest"],
        highest=arrays["highest"],
        treated={str(done): int(images) for done, images in described["treated"].items()},
    )
    counted = [len(column) for name, column in arrays.items() if name in (*_ROWS, *_PRINTS)]
    if set(counted) != {len(rows)} or part.images != len(part.cell):
        raise ValueError(f"the part {part.cell.name} has not as many rows as its cell")
    return part
