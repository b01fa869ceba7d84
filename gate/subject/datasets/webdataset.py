"""WebDataset: samples in tar archives, the members of one beside each other under one name.

``000017.jpg`` and ``000017.cls`` are a sample: its key is the path up to the first dot of the file
name, and what follows says what the member is (Aizman, Maltby and Breuel, 2019).
"""

import io
from array import array
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.keys import group_keys, name_key, name_keys
from gate.subject.datasets.arrays import counted_classes
from gate.subject.datasets.braces import expanded, has_braces
from gate.subject.datasets.classes import (
    Classes,
    Integers,
    Labelling,
    by_name_or_position,
    is_integer,
)
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.files import LARGEST_FILE
from gate.subject.datasets.images import decode, is_image
from gate.subject.datasets.places import Place, RemotePath, place_of
from gate.subject.datasets.records import BaseDataset, Entry, Sample, UnreadableImage
from gate.subject.datasets.samples import TarSample, samples
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.stored import StoredFile, stored_file
from gate.subject.datasets.tars import Member
from gate.subject.datasets.urls import is_url
from gate.subject.datasets.urls import shown as in_words
from gate.wording import did_you_mean, list_names, plain, pluralize, quote

_FETCHERS = 8  # remote archives whose headers are read at once


@dataclass(frozen=True, slots=True, eq=False)
class TarDataset(BaseDataset):
    """A dataset of members of tar archives, read where they lie; ids are the keys of the samples.

    Row i is ``sizes[i]`` bytes at ``offsets[i]`` of ``tars[tar_of[i]]``. ``odd`` says of a row why
    its member is no file. ``rows`` are those of each archive, in order and without gaps.
    """

    path: str
    classes: Classes
    entries: Sequence[Entry]
    tars: tuple[StoredFile, ...]
    rows: tuple[range, ...]
    tar_of: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    odd: Mapping[int, str]
    files: tuple[Path, ...]
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    skipped: tuple[tuple[int, Member], ...] = ()  # (tar, member) of what belongs to no sample
    has_sorted_classes: bool = False
    format: str = "webdataset"

    @property
    def shards(self) -> tuple[range, ...]:
        """The rows of each archive."""
        return self.rows

    def read(self, index: int) -> Sample:
        """Return the image at ``index``; raises UnreadableImage, DataError if its tar is gone."""
        stored, label = self.stored(index), self.entries[index].label
        assert label is not None, "a sample without label is refused when the tar is opened"
        return Sample(stored, decode(stored), None, label)

    def stored(self, index: int) -> bytes:
        """Return the bytes of the member at ``index``; raises UnreadableImage where it is none."""
        index = range(len(self.sizes))[index]
        if index in self.odd:
            raise UnreadableImage(self.odd[index], "store the image itself (tar --dereference)")
        size = int(self.sizes[index])
        if size > LARGEST_FILE:
            raise UnreadableImage(f"is {size:,} bytes long, too long for an image")
        stored: bytes = self.tars[self.tar_of[index]].read_at(int(self.offsets[index]), size)
        return stored

    def hidden(self) -> tuple[str, ...]:
        """Return the names of members that belong to no sample and are images; raises DataError."""
        return tuple(
            member.name
            for tar, member in self.skipped
            if not member.odd
            and member.size <= LARGEST_FILE
            and is_image(io.BytesIO(self.tars[tar].read_at(member.offset, member.size)))
        )

    def sources(self) -> tuple[Path, ...] | None:
        """Return the tar archives; None where they are not local."""
        return self.files or None


def open_webdataset(
    base: Path, spec: DataSpec, *, shown: str, classes: tuple[str, ...] | None
) -> TarDataset:
    """Return the samples of the tar archives that a path, with braces or without, stands for.

    Reads headers, labels and JSON; no image. Raises DataError, UsageError for a wrong URL,
    or where nobody says what integers among labels mean, MissingExtraError where a URL needs an
    extra.
    """
    assert spec.path is not None, "the format is recognised by a path"
    names = shard_names(base, spec.path)
    places = [place_of(base, name) for name in names]
    remote = any(isinstance(place, RemotePath) for place in places)
    with ThreadPoolExecutor(_FETCHERS if remote else 1) as fetchers:
        there = list(fetchers.map(lambda place: place.is_file(), places))
        _require_all([name for name, here in zip(names, there, strict=True) if not here], names)
        shards = list(fetchers.map(_read_shard, places, names, [spec] * len(names)))
    return _joined(shards, places, spec, shown, classes)


def shard_names(base: Path, written: str) -> tuple[str, ...]:
    """Return the paths that a path stands for; one that exists as it is written is itself.

    Raises DataError for faulty braces.
    """
    if not has_braces(written) or (not is_url(written) and (base / written).exists()):
        return (written,)
    return expanded(written)


def _require_all(missing: Sequence[str], names: Sequence[str]) -> None:
    if not missing:
        return
    if len(names) == 1:
        raise DataError(in_words(names[0]), "does not exist", "check the path of the tar")
    raise DataError(
        in_words(missing[0]),
        f"does not exist; {len(missing):,} of {pluralize(len(names), 'shard')} missing",
        "bring them all: nothing is judged on a part of the test set"
        if len(missing) < len(names)
        else "paths are relative to the folder of the gate file",
    )


@dataclass(slots=True)
class _Shard:
    """What the headers of one archive tell, a value a sample."""

    shown: str
    place: Place
    file: StoredFile
    keys: list[str] = field(default_factory=list)
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    labels: list[str] = field(default_factory=list)
    columns: list[list[str | None]] = field(default_factory=list)  # the group, then the slices
    odd: dict[int, str] = field(default_factory=dict)
    label_kind: str = ""  # what the labels of all samples come from
    strange: list[Member] = field(default_factory=list)  # their names are none of a sample
    json_keys: set[str] = field(default_factory=set)
    has_names: bool = True  # whether every label is text of JSON, and no integer


def _read_shard(place: Place, name: str, spec: DataSpec) -> _Shard:
    shown = in_words(name)
    # Before the headers: what is replaced after this is told when an image is read.
    shard = _Shard(shown, place, stored_file(place, shown))
    shard.columns = [[] for _ in _json_keys(spec)]
    shared: dict[str, str] = {}  # one string object for the many samples that say the same
    for sample in samples(place, shown, label=spec.label, strange=shard.strange.append):
        _add(shard, sample, spec, shared)
    if not shard.keys:
        raise DataError(shown, "holds no sample", "write or copy it again")
    return shard


def _add(shard: _Shard, sample: TarSample, spec: DataSpec, shared: dict[str, str]) -> None:
    image = sample.image(spec.image)
    said: Mapping[str, object] = {}
    if spec.label or _json_keys(spec) or "cls" not in sample.extensions:
        said = sample.json()
    label, kind = sample.label(spec.label, said)
    shard.has_names &= not kind.startswith(".") and not isinstance(said.get(kind), int)
    if shard.label_kind not in {"", kind}:
        raise DataError(
            sample.where,
            f"its label comes from {quote(kind)}, that of the samples before it from "
            f"{quote(shard.label_kind)}",
            "write all labels in one way, or name it with label",
        )
    shard.label_kind = kind
    if image.odd:
        shard.odd[len(shard.keys)] = image.odd
    shard.keys.append(sample.key)
    shard.offsets.append(image.offset)
    shard.sizes.append(image.size)
    shard.labels.append(shared.setdefault(label, label))
    for column, key in zip(shard.columns, _json_keys(spec), strict=True):
        value = sample.column(key, said)
        column.append(None if value is None else shared.setdefault(value, value))
    shard.json_keys.update(map(str, said))


def _json_keys(spec: DataSpec) -> tuple[str, ...]:
    """Return the keys of JSON that hold the group, if there is one, and the slices."""
    return (*((spec.group,) if spec.group else ()), *spec.slices)


def _joined(
    shards: Sequence[_Shard],
    places: Sequence[Place],
    spec: DataSpec,
    shown: str,
    classes: Classes | None,
) -> TarDataset:
    lengths = [len(shard.keys) for shard in shards]
    ends = np.cumsum(lengths).tolist()
    ranges = tuple(range(end - length, end) for end, length in zip(ends, lengths, strict=True))
    keys = [name_key(key) for shard in shards for key in shard.keys]
    _refuse_repeated(keys, shards, ranges)
    _require_one_kind(shards)
    _require_columns(shards, spec)
    labelling, positions = _labelled(shards, classes, spec.integers)
    local = [place for place in places if isinstance(place, Path)]
    strange = [(tar, member) for tar, shard in enumerate(shards) for member in shard.strange]
    note = (
        f"{pluralize(len(strange), 'member')} of the tars without a key and an extension not read"
    )
    columns = [
        [value for shard in shards for value in shard.columns[number]]
        for number in range(len(_json_keys(spec)))
    ]
    groups = group_keys(columns.pop(0)) if spec.group else None
    return TarDataset(
        shown,
        labelling.classes,
        EntryColumns(keys, positions, groups, [name_keys(column) for column in columns]),
        tuple(shard.file for shard in shards),
        ranges,
        np.repeat(np.arange(len(shards), dtype=np.int32), lengths),
        np.concatenate([np.asarray(shard.offsets, dtype=np.int64) for shard in shards]),
        np.concatenate([np.asarray(shard.sizes, dtype=np.int64) for shard in shards]),
        {
            rows[row]: why
            for rows, shard in zip(ranges, shards, strict=True)
            for row, why in shard.odd.items()
        },
        tuple(local) if len(local) == len(places) else (),
        slice_columns=tuple(map(name_key, spec.slices)),
        group_column=spec.group,
        assumed=(*labelling.assumed, note) if strange else labelling.assumed,
        skipped=tuple(strange),
        has_sorted_classes=labelling.is_sorted,
    )


def _refuse_repeated(
    keys: Sequence[str], shards: Sequence[_Shard], ranges: Sequence[range]
) -> None:
    if len(set(keys)) == len(keys):
        return
    first: dict[str, str] = {}
    for shard, rows in zip(shards, ranges, strict=True):
        for row in rows:
            if keys[row] in first:
                raise DataError(
                    f"{shard.shown}, sample {plain(keys[row])}",
                    f"its key stands already in {first[keys[row]]}",
                    "write every key once, and the members of a sample beside each other "
                    "(tar --sort=name)",
                )
            first[keys[row]] = shard.shown


def _require_one_kind(shards: Sequence[_Shard]) -> None:
    for shard in shards[1:]:
        if shard.label_kind != shards[0].label_kind:
            raise DataError(
                shard.shown,
                f"its labels come from {quote(shard.label_kind)}, those of {shards[0].shown} from "
                f"{quote(shards[0].label_kind)}",
                "write all labels in one way, or name it with label",
            )


def _require_columns(shards: Sequence[_Shard], spec: DataSpec) -> None:
    """Refuse a key that no sample has, as a column is refused that a table lacks."""
    known = sorted(set().union(*(shard.json_keys for shard in shards)))
    for key in _json_keys(spec):
        if key not in known:
            raise DataError(
                shards[0].shown,
                f"no sample has {quote(key)} in its .json",
                did_you_mean(key, known) or f"its keys are {list_names(known, 10) or 'none'}",
            )


def _labelled(
    shards: Sequence[_Shard], classes: Classes | None, integers: Integers | None
) -> tuple[Labelling, NDArray[np.int32]]:
    """Return the labelling, and the labels as positions in the classes, int32 of shape (n,).

    Whole numbers without declared classes are the classes "0" to the highest.
    """
    seen: dict[str, str] = {}
    for shard in shards:
        for key, label in zip(shard.keys, shard.labels, strict=True):
            if label not in seen:
                seen[label] = f"{shard.shown}, sample {plain(key)}"
    if classes is None and all(map(is_integer, seen)):
        classes = counted_classes(sorted(map(int, seen)), seen)
    if all(shard.has_names for shard in shards) and seen.keys() <= set(classes or ()):
        integers = integers or "names"
    labelling = by_name_or_position(seen, classes, integers)
    labels = (labelling.index[label] for shard in shards for label in shard.labels)
    return labelling, np.fromiter(labels, dtype=np.int32)
