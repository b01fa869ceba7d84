"""Overlaps are kept under a digest of everything that was compared, and found again."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gate.errors import OutputError
from gate.evidence.agreement import alignment_of, require_sound_overlap
from gate.evidence.files import remove_unfinished_files, write_text
from gate.evidence.records import Fingerprints, Overlap, Pair, PairKind, Split
from gate.measure.cache_location import OVERLAPS, close_file, make_private, reason_to_distrust
from gate.measure.duplicates.aligned_copies import VERSION as COPIES
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.fingerprints.fingerprint import VERSION as FINGERPRINTS
from gate.version import __version__

_AT_ONCE = 4096  # rows


def load_or_compare(
    root: Path | None,
    sides: tuple[FingerprintedSplit, ...],
    find: Callable[[], Overlap],
    warn: Callable[[str], None],
    *,
    thorough: bool = False,
) -> Overlap:
    """Return what ``find`` gives for these sides, from the cache below ``root`` where it is there.

    ``thorough`` says how thoroughly it looks.

    A damaged entry is named to ``warn`` and found again; a disk that takes none changes nothing.
    """
    if root is None:
        return find()
    key = _key(sides, thorough=thorough)
    remove_unfinished_files(root / OVERLAPS)
    file = root / OVERLAPS / f"{key}.json"
    try:
        if (why := reason_to_distrust(file)) is not None:
            raise ValueError(why)
        known = _read(file, key, sides)
    except (ValueError, LookupError, TypeError, AttributeError):
        warn(f"cache: {file}: {why or 'is damaged'}; the overlap is sought again")
        known = None
    if known is not None:
        return known
    found = find()
    said = json.dumps(asdict(found))
    with suppress(OSError, OutputError):
        make_private(file.parent)
        write_text(file, f"{_checksum(key, said)}\n{said}\n")
        close_file(file)
    return found


def _read(file: Path, key: str, sides: tuple[FingerprintedSplit, ...]) -> Overlap | None:
    """Return what a file holds; None without one.

    Raises ValueError, or what reading other JSON raises, where it is damaged or not of these sides.
    """
    try:
        checksum, said, end = file.read_bytes().decode("utf-8").split("\n")
    except OSError:
        return None
    if end or checksum != _checksum(key, said):
        raise ValueError("the checksum is another")
    with suppress(OSError):
        os.utime(file)  # cleaning goes by when it was last of use
    found = _overlap(json.loads(said))
    if (found.split_a, found.split_b) != (sides[0].split, sides[-1].split):
        raise ValueError("it is of other splits")
    by_split = {side.split: side for side in sides}
    require_sound_overlap(
        found,
        {split: len(side) for split, side in by_split.items()},
        cache(lambda split: dict(zip(by_split[split].ids, by_split[split].labels, strict=True))),
    )
    return found


def _checksum(key: str, said: str) -> str:
    return sha256(f"{key}\n{said}".encode()).hexdigest()


def _key(sides: tuple[FingerprintedSplit, ...], *, thorough: bool) -> str:
    """Return a digest of all that a comparison looks at.

    Thumbnails are much to read, and made of the pixels alone, whose digests are there: of them only
    counts whether there are any.
    """
    digest = sha256(f"{__version__} {FINGERPRINTS} {COPIES} {thorough}".encode())
    for side in sides:
        digest.update(f"\n{side.split} {len(side)}\n".encode())
        for start in range(0, len(side), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            names = [side.ids[part].tolist(), side.labels[part].tolist()]
            digest.update(json.dumps(names).encode())
        for each in fields(Fingerprints):
            column = getattr(side.fingerprints, each.name)
            digest.update(f"\n{each.name} {column is not None}\n".encode())
            if column is not None and each.name != "thumbnails":
                for start in range(0, len(column), _AT_ONCE):
                    digest.update(column[start : start + _AT_ONCE].data)
    return digest.hexdigest()


def _overlap(said: Mapping[str, Any]) -> Overlap:
    return Overlap(
        **{
            **said,
            "split_a": Split(said["split_a"]),
            "split_b": Split(said["split_b"]),
            "compared": tuple(PairKind(kind) for kind in said["compared"]),
            "pairs": tuple(map(_pair, said["pairs"])),
            "review": tuple(map(_pair, said["review"])),
        }
    )


def _pair(said: Mapping[str, Any]) -> Pair:
    split_a, split_b = Split(said["split_a"]), Split(said["split_b"])
    kind = PairKind(said["kind"])
    alignment = alignment_of(said["alignment"])
    known = {"split_a": split_a, "split_b": split_b, "kind": kind, "alignment": alignment}
    return Pair(**{**said, **known})
