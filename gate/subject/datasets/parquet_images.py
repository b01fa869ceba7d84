"""Images that lie in Parquet files, as the Hugging Face Hub stores them: bytes, and a path.

A row group is read whole when one of its images is asked for, and the last two are kept: what is
held grows with a row group, not with the data. Its pages are looked at beforehand.
"""

import io
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError, MissingExtraError
from gate.keys import group_keys, name_key, name_keys
from gate.subject.datasets.classes import (
    Labelling,
    by_name_or_position,
    count_from_zero,
    is_integer,
    require_some,
    through_names,
)
from gate.subject.datasets.entries import EntryColumns
from gate.subject.datasets.files import LARGEST_FILE
from gate.subject.datasets.images import decode
from gate.subject.datasets.manifest import columns_of, require_one_split
from gate.subject.datasets.parquet_bounds import AT_ONCE, ROWS, Layout, footer_of
from gate.subject.datasets.parquet_features import Features, features_of
from gate.subject.datasets.parquet_shards import said_of_shard
from gate.subject.datasets.parquet_tables import DAMAGE, leaves_of, read_parquet
from gate.subject.datasets.places import Place
from gate.subject.datasets.records import BaseDataset, Entry, Sample, UnreadableImage
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.stored import StoredFile, open_place, open_stored, stored_file
from gate.subject.datasets.tables import Table, Wanted, said_of_choice
from gate.wording import plain, quote

LARGEST_GROUP = 1 << 29  # bytes of the images of a row group; datasets writes 100 rows in one
_KEPT = 2  # row groups

Classes = tuple[str, ...]
Images = Sequence[bytes | None]


def features_in(place: Place, shown: str) -> Features:
    """Return what a Parquet file says of its columns; raises DataError.

    Without its extra the file is not opened, and whoever opens it says so.
    """
    with _Opened(place, shown) as file:
        return features_of(file.reader.schema_arrow, shown)


def open_images(
    places: Sequence[Place],
    spec: DataSpec,
    features: Features,
    column: str,
    *,
    shown: str,
    classes: Classes | None,
) -> "ParquetDataset":
    """Return the images of some Parquet files, in their order; ``features`` are of the first.

    Integers of a ClassLabel go through its own names. Raises DataError, UsageError where the gate
    file must say which rows or what labels are meant, or MissingExtraError.
    """
    label = features.label_of(spec)
    spec = spec.model_copy(update={"label": label, "image": None})
    parts = [_part(place, spec, column, features, _shown(place, places, shown)) for place in places]
    labels = [each for part in parts for each in part.labels]
    require_some(labels, shown)
    labelling, index = _labelled(parts, label, features.names.get(label), spec, classes, shown)
    groups = group_keys([each for part in parts for each in part.groups]) if spec.group else None
    slices = [
        name_keys([each for part in parts for each in part.slices[at]])
        for at in range(len(spec.slices))
    ]
    ends = np.cumsum([len(part.labels) for part in parts]).tolist()
    assumed = said_of_choice(spec.chosen, len(labels), sum(part.of for part in parts))
    local = [place for place in places if isinstance(place, Path)]
    return ParquetDataset(
        shown,
        labelling.classes,
        EntryColumns(
            _ids(parts, spec, shown),
            np.array([index[each] for each in labels], dtype=np.int32),
            groups,
            slices,
        ),
        _RowGroups(tuple(part.file for part in parts), column),
        tuple(range(end - len(part.labels), end) for end, part in zip(ends, parts, strict=True)),
        np.concatenate([part.at for part in parts]),
        tuple(local) if len(local) == len(places) else (),
        slice_columns=tuple(map(name_key, spec.slices)),
        group_column=spec.group,
        assumed=(
            *assumed,
            *labelling.assumed,
            *(said_of_shard(places[0]) if len(places) == 1 else ()),
        ),
        has_sorted_classes=labelling.is_sorted and not count_from_zero(labelling.classes),
    )


def _shown(place: Place, places: Sequence[Place], shown: str) -> str:
    return shown if len(places) == 1 else f"{shown.rstrip('/')}/{plain(place.name)}"


@dataclass(frozen=True, slots=True, eq=False)
class ParquetDataset(BaseDataset):
    """A dataset of images in Parquet files; ``at`` is int64 (n, 2): row group, and row in it."""

    path: str
    classes: Classes
    entries: Sequence[Entry]
    groups: "_RowGroups"
    rows: tuple[range, ...]  # of each file
    at: NDArray[np.int64]
    files: tuple[Path, ...]
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    assumed: tuple[str, ...] = ()
    has_sorted_classes: bool = False
    format: str = "parquet"

    @property
    def shards(self) -> tuple[range, ...]:
        """The rows of each file."""
        return self.rows

    def read(self, index: int) -> Sample:
        """Return the image at ``index``; raises UnreadableImage, DataError if its file is gone."""
        stored, label = self.stored(index), self.entries[index].label
        assert label is not None, "a row without label is refused when the file is opened"
        return Sample(stored, decode(stored), None, label)

    def stored(self, index: int) -> bytes:
        """Return the bytes of an image; raises UnreadableImage, DataError if its file is gone."""
        index = range(len(self.at))[index]
        file = next(at for at, rows in enumerate(self.rows) if index in rows)
        group, row = self.at[index].tolist()
        stored: bytes | None = self.groups.images(file, group)[row]
        if stored is None:
            raise UnreadableImage(
                "holds no bytes, and at most the path of a file",
                "embed the images: datasets does so in to_parquet and push_to_hub",
            )
        if len(stored) > LARGEST_FILE:
            raise UnreadableImage(f"is {len(stored):,} bytes long, too long for an image")
        return stored

    def sources(self) -> tuple[Path, ...] | None:
        """Return the Parquet files; None where they are not local."""
        return self.files or None


@dataclass(slots=True)
class _RowGroups:
    """The images of row groups, of which the last that were asked for are kept."""

    files: tuple["_File", ...]
    column: str
    kept: "OrderedDict[tuple[int, int], Images]" = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def images(self, file: int, group: int) -> Images:
        """Return the bytes of the images of a row group; raises DataError."""
        with self.lock:
            if (file, group) not in self.kept:
                while len(self.kept) >= _KEPT:
                    self.kept.popitem(last=False)
                self.kept[file, group] = self.files[file].images(group, self.column)
            self.kept.move_to_end((file, group))
            return self.kept[file, group]


@dataclass(frozen=True, slots=True)
class _File:
    """A Parquet file, and of each row group the bytes of its dictionary of images."""

    place: Place
    stored: StoredFile
    shown: str
    leaf: str
    dictionaries: Mapping[int, int]

    def images(self, group: int, column: str) -> Images:
        """Return the bytes of the images of a row group; raises DataError."""
        found: list[bytes | None] = []
        held = 0
        rows = max(1, AT_ONCE // max(1, self.dictionaries[group]))
        with _Opened(self.place, self.shown, self.stored) as file:
            for batch in file.reader.iter_batches(rows, row_groups=[group], columns=[self.leaf]):
                array = batch.column(column)
                held += array.nbytes
                if held > 2 * LARGEST_GROUP:
                    raise _too_large(self.shown, group)
                found += (array.flatten()[0] if array.type.num_fields else array).to_pylist()
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file tells, a value a row that is judged."""

    file: _File
    labels: Sequence[str]
    places: Mapping[str, str]  # of each label, where it occurs first
    ids: Sequence[str | None]  # of the column of ids, else paths
    groups: Sequence[str | None]
    slices: Sequence[Sequence[str | None]]
    at: NDArray[np.int64]
    of: int  # rows of the file


def _part(place: Place, spec: DataSpec, column: str, first: Features, shown: str) -> _Part:
    stored = stored_file(place, shown)  # before it is read: what is replaced after this is told
    wanted = Wanted(texts=lambda _: columns_of(spec))
    whole = read_parquet(place, shown=shown, wanted=wanted)
    with _Opened(place, shown) as file:
        features = features_of(file.reader.schema_arrow, shown)
        if column not in features.images or features.names != first.names:
            fact = f"has other columns of images or other class names than {first.shown}"
            raise DataError(shown, fact, "write all shards again, of one data set")
        layout, leaf, path = file.layout(shown), *_leaves(file.reader, column)
        layout.look([leaf])
        _require_bytes(layout, leaf, file.reader)
        paths = _paths(file.reader, layout, column, path) if path and not spec.id else None
    table = whole.only(spec.chosen)
    require_one_split(table, spec)
    rows = np.asarray(table.lines, dtype=np.int64) - 1
    starts = np.cumsum([0, *_lengths(file.reader)])
    groups = np.searchsorted(starts, rows, side="right") - 1
    label = spec.label or "label"
    labels = table.full_column(label, "label")
    labels = [name_key(each) for each in labels]
    return _Part(
        _File(
            place,
            stored,
            shown,
            leaf,
            {g: layout.chunks[leaf, g][1] for g in range(len(starts) - 1)},
        ),
        labels,
        _first_places(labels, table),
        table.full_names(spec.id, "id")
        if spec.id
        else [paths[row] if paths else None for row in rows.tolist()],
        table.groups(spec.group, "group") if spec.group else (),
        [table.names(name, "slices") for name in spec.slices],
        np.stack([groups, rows - starts[groups]], axis=1),
        len(whole),
    )


def _first_places(labels: Sequence[str], table: Table) -> dict[str, str]:
    first: dict[str, int] = {}
    for row, label in enumerate(labels):
        first.setdefault(label, row)
    return {label: table.place(row) for label, row in first.items()}


def _labelled(
    parts: Sequence[_Part],
    column: str,
    names: Classes | None,
    spec: DataSpec,
    classes: Classes | None,
    shown: str,
) -> tuple[Labelling, Mapping[str, int]]:
    """Return the labelling, and the position in its classes of each label as it is written."""
    seen = {label: place for part in reversed(parts) for label, place in part.places.items()}
    if names is not None and all(map(is_integer, seen)):
        numbers = {int(label): place for label, place in seen.items()}
        labelling = through_names(numbers, names, classes, shown=shown, column=column)
        return labelling, {label: labelling.index[names[int(label)]] for label in seen}
    labelling = by_name_or_position(seen, classes, spec.integers)
    return labelling, labelling.index


def _ids(parts: Sequence[_Part], spec: DataSpec, shown: str) -> Sequence[str]:
    """Return unique ids: those of the column, else the paths, with their row where they repeat."""
    given = [each for part in parts for each in part.ids]
    keys = [name_key(each) if each else "" for each in given]
    if all(keys) and len(set(keys)) == len(keys):
        return keys
    if not spec.id:
        return [f"row {row}: {each}" if each else f"row {row}" for row, each in enumerate(keys)]
    twice = next(each for at, each in enumerate(keys) if each in keys[:at])
    fact = f"the id {quote(twice)} stands in two of its rows"
    raise DataError(shown, fact, "list every image once, or name a column of unique ids with id")


def _leaves(reader: Any, column: str) -> tuple[str, str | None]:  # noqa: ANN401 - pyarrow ships no types
    """Return the names of the columns of bytes and of paths; None for no paths."""
    kind = reader.schema_arrow.field(column).type
    fields = {kind.field(at).name for at in range(kind.num_fields)}
    if not fields:
        return column, None
    return f"{column}.bytes", f"{column}.path" if "path" in fields else None


def _lengths(reader: Any) -> list[int]:  # noqa: ANN401 - pyarrow ships no types
    return [reader.metadata.row_group(at).num_rows for at in range(reader.num_row_groups)]


def _require_bytes(layout: Layout, leaf: str, reader: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Raise DataError for row groups too large to be held, and for columns without any bytes."""
    shown = layout.shown
    if leaf in layout.deltas:
        raise DataError(
            shown,
            "packs its images as what differs from the one before (DELTA_BYTE_ARRAY), in a way "
            "that could unpack to anything",
            "write it again with plain encoding",
        )
    for group in range(reader.num_row_groups):
        if layout.chunks[leaf, group][0] > LARGEST_GROUP:
            raise _too_large(shown, group)
    at = layout.leaves[leaf][0]
    counts = [
        (chunk.num_values, chunk.statistics.null_count if chunk.statistics else None)
        for chunk in (reader.metadata.row_group(g).column(at) for g in range(reader.num_row_groups))
    ]
    if all(values == nothing for values, nothing in counts):
        raise DataError(
            shown,
            "its images are paths of files, and no bytes",
            "embed the images: datasets does so in to_parquet and push_to_hub; or list files in a "
            "column of text",
        )


def _too_large(shown: str, group: int) -> DataError:
    return DataError(
        shown,
        f"row group {group} holds more than {LARGEST_GROUP:,} bytes of images",
        "write it again with smaller row groups: to_parquet(..., batch_size=100)",
    )


def _paths(reader: Any, layout: Layout, column: str, leaf: str) -> list[str | None]:  # noqa: ANN401 - pyarrow ships no types
    """Return the path that stands beside each image."""
    layout.look([leaf])
    if leaf in layout.deltas:
        fact = "packs the paths of its images as what differs from the one before"
        raise DataError(layout.shown, fact, "write it again with plain encoding")
    found: list[str | None] = []
    for group in range(reader.num_row_groups):
        _, dictionary = layout.chunks[leaf, group]
        rows = max(1, min(ROWS, AT_ONCE // max(1, dictionary)))
        for batch in reader.iter_batches(rows, row_groups=[group], columns=[leaf]):
            layout.count_read(batch.nbytes)
            found += batch.column(column).flatten()[0].to_pylist()
    return found


class _Opened:
    """A Parquet file while it is read; what damaged bytes raise becomes a DataError."""

    def __init__(self, place: Place, shown: str, stored: StoredFile | None = None) -> None:
        self._place, self._shown, self._stored = place, shown, stored
        self.reader: Any = None
        self._stream: BinaryIO | None = None

    def __enter__(self) -> "_Opened":
        try:
            from pyarrow import parquet
        except ModuleNotFoundError as error:
            raise MissingExtraError(self._shown, "reading Parquet", "parquet") from error
        try:
            stream = open_stored(self._stored) if self._stored else open_place(self._place)
            self._stream = stream
            self.size = stream.seek(0, io.SEEK_END)
            self.footer = footer_of(stream, self.size, self._shown)
            stream.seek(0)
            self.reader = parquet.ParquetFile(stream)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def layout(self, shown: str) -> Layout:
        """Return what its pages will say."""
        stream = cast("BinaryIO", self._stream)
        return Layout(stream, self.size, self.footer, shown, leaves_of(self.reader))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if self._stream is not None:
            self._stream.close()
        if isinstance(error, (pa.ArrowException, *DAMAGE)):
            raise DataError(
                self._shown,
                f"is not a Parquet file that can be read ({plain(error)})",
                "write it again",
            ) from error
