"""Sound files of every kind that the gate reads from outside, and how each is read."""

import csv
import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from gate.evidence.records import Fingerprints, Rows, Unreadable
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.partial_files import read_parts, write_parts
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets import open_dataset
from gate.subject.datasets.predictions import open_predictions
from gate.subject.datasets.records import UnreadableImage
from gate.subject.datasets.spec import DataSpec
from gate.subject.histories import read_history

Read = Callable[[Path], None]

NAMES = ("cat", "dog")
FIXTURES = Path(__file__).parents[1] / "subject" / "histories" / "fixtures"


def dataset(spec: DataSpec) -> Read:
    """Return how a dataset is opened, and its first images read."""

    def read(path: Path) -> None:
        found = open_dataset(spec, base=path.parent, classes=None)
        found.hidden()
        for index in range(min(3, len(found.entries))):
            with suppress(UnreadableImage):
                found.read(index)

    return read


def predictions(path: Path) -> None:
    """Read saved predictions."""
    spec = DataSpec(predictions=path.name, group="site")
    open_predictions(path, spec, shown=path.name, classes=None)


def manifest(name: str) -> Read:
    """Return how a manifest with groups and slices is read."""
    return dataset(DataSpec(path=name, group="site", slices=("age", "day", "kind")))


def write_image(path: Path) -> None:
    """Write the image that every manifest lists first."""
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def rows(count: int = 300) -> dict[str, list[object]]:
    """Return the columns of a manifest."""
    return {
        "image": ["0.png", *(f"images/{row:05d}.png" for row in range(1, count))],
        "label": [NAMES[row % 2] for row in range(count)],
        "site": [f"site {row % 7}" if row % 11 else None for row in range(count)],
        "age": [row % 90 if row % 13 else None for row in range(count)],
        "day": [datetime(2026, 1, 1 + row % 28, tzinfo=UTC) for row in range(count)],
        "kind": [row / 7 for row in range(count)],
    }


def parquet_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield manifests in the encodings and codecs of Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    plain = pa.table(rows())
    nested = plain.append_column("boxes", pa.array([[{"x": [1, 2]}]] * len(plain)))
    coded = plain.set_column(0, "image", plain["image"].dictionary_encode())
    coded = coded.set_column(1, "label", plain["label"].dictionary_encode())
    delta = {"image": "DELTA_BYTE_ARRAY", "age": "DELTA_BINARY_PACKED"}
    others = ["label", "site", "day", "kind"]
    kinds = {
        "plain": (plain, {"compression": "none", "use_dictionary": False}),
        "snappy": (plain, {"row_group_size": 70, "data_page_size": 100}),
        "zstd": (nested, {"compression": "zstd", "data_page_version": "2.0"}),
        "coded": (coded, {"compression": "gzip"}),
        "delta": (plain, {"use_dictionary": others, "column_encoding": delta}),
    }
    for name, (table, options) in kinds.items():
        path = folder / f"{name}.parquet"
        parquet.write_table(table, path, **options)
        yield path, manifest(path.name)


def csv_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield a manifest and predictions in CSV."""
    columns = rows(60)
    for name, read in (("manifest.csv", manifest("manifest.csv")), ("scores.csv", predictions)):
        if name == "scores.csv":
            columns = {"id": list(range(60)), "label": columns["label"], "site": columns["site"]}
            columns |= {"cat": [0.25] * 60, "dog": [0.75] * 60}
        with (folder / name).open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        yield folder / name, read


def npz_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield arrays, packed and not."""
    arrays = {
        "images": np.zeros((12, 5, 4, 3), np.uint8),
        "labels": np.array(NAMES * 6),
        "site": np.array([f"site {row % 3}" for row in range(12)]).astype("S"),
    }
    for name, write in (("stored", np.savez), ("deflated", np.savez_compressed)):
        write(folder / f"{name}.npz", **arrays)
        yield folder / f"{name}.npz", dataset(DataSpec(path=f"{name}.npz", group="site"))


def idx_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield images in IDX, gzipped and not; the labels beside them are sound."""
    labels = b"\0\0\x08\x01" + struct.pack(">I", 6) + bytes([0, 1] * 3)
    images = b"\0\0\x08\x03" + struct.pack(">III", 6, 4, 5) + bytes(120)
    (folder / "labels").write_bytes(labels)
    for name, stored in (("images", images), ("images.gz", gzip.compress(images))):
        (folder / name).write_bytes(stored)
        yield folder / name, dataset(DataSpec(images=name, labels="labels", format="idx"))


def tar_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield shards of a WebDataset, in two formats of tar."""
    png = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(png, "png")
    for name, kind in (("pax.tar", tarfile.PAX_FORMAT), ("gnu.tar", tarfile.GNU_FORMAT)):
        with tarfile.open(folder / name, "w", format=kind) as tar:
            for row in range(6):
                said = json.dumps({"label": NAMES[row % 2], "site": row}).encode()
                for end, stored in (("png", png.getvalue()), ("json", said)):
                    member = tarfile.TarInfo(f"{'long' * 40 * (row == 1)}{row:03d}.{end}")
                    member.size = len(stored)
                    tar.addfile(member, io.BytesIO(stored))
        yield folder / name, dataset(DataSpec(path=name, group="site"))


def sqlite_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield evidence, and a database of MLflow."""
    numbers = SyntheticRun(
        train=((50, 0), (0, 50)), test=((45, 5), (3, 47)), groups=3, unreadable=2
    )
    save(synthetic_evidence(numbers), folder / "evidence.sqlite")
    yield folder / "evidence.sqlite", lambda path: void(load(path))
    (folder / "mlflow.db").write_bytes((FIXTURES / "mlflow.db").read_bytes())
    yield folder / "mlflow.db", lambda path: void(read_history(path))


def shard_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield the measured part of a split."""
    count, classes = 4, 2
    digest = np.zeros((count, 32), np.uint8)
    scores = np.tile(np.float32([0.25, 0.75]), (count, 1))
    part = PartialResult(
        unit=WorkUnit.named("test-00000000-00000005"),
        rows=Rows(
            ids=np.array([f"{row}.png" for row in range(count)], object),
            labels=np.ones(count, np.int32),
            predictions=np.ones(count, np.int32),
            confidence=np.full(count, 0.75),
            margin=np.full(count, 0.5),
            true_score=np.full(count, 0.75),
            true_rank=np.zeros(count, np.int32),
            scores=scores,
            groups=None,
            slices={},
        ),
        fingerprints=Fingerprints(
            file=digest, pixels=digest, oriented=digest, near=digest,
            featureless=np.zeros(count, bool), upright=digest, bare=digest,
            looks=np.zeros((count, 16, 16), np.uint8),
            thumbnails=np.zeros((count, 64, 64), np.uint8),
        ),
        unreadable=(Unreadable("4.png", "cat", "is empty (0 bytes)"),),
        lowest=np.zeros(classes, np.float32),
        highest=np.ones(classes, np.float32),
        preprocessing_notes={},
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    write_parts(folder / "part.shard", [part], {"plan": "x"})
    yield folder / "part.shard", lambda path: void(read_parts(path))


def history_files(folder: Path) -> Iterator[tuple[Path, Read]]:
    """Yield a log of every tracker that writes one file."""
    for file in sorted(FIXTURES.glob("*.*")):
        if file.suffix in {".csv", ".json"} and "detection" not in file.name:
            (folder / file.name).write_bytes(file.read_bytes())
            yield folder / file.name, lambda path: void(read_history(path))
    events = next(FIXTURES.rglob("*tfevents*"))
    (folder / events.name).write_bytes(events.read_bytes())
    yield folder / events.name, lambda path: void(read_history(path))


def void(_: object) -> None:
    """Return nothing."""


KINDS: dict[str, Callable[[Path], Iterator[tuple[Path, Read]]]] = {
    "parquet": parquet_files,
    "csv": csv_files,
    "npz": npz_files,
    "idx": idx_files,
    "tar": tar_files,
    "sqlite": sqlite_files,
    "shard": shard_files,
    "history": history_files,
}
