"""The contents of a data folder and of a checkpoint, as a draft needs them; no torch."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from gate.errors import DataError, UsageError
from gate.subject.datasets import open_dataset
from gate.subject.datasets.records import Dataset, PredictionTable, UnreadableImage
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.split_names import SPLIT_NAMES, split_of
from gate.subject.splits import require_two_classes

# What people call their splits; the first that is there is taken.
_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing", "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"),
}
_IDX_TRAIN = ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz")
_ENDINGS = ("", ".csv", ".jsonl", ".parquet", ".npz")
_LOOKED_AT = 50  # images of test whose size is read


@dataclass(frozen=True, slots=True)
class SplitSeen:
    """One split that was found."""

    path: Path
    format: str
    images: int
    per_class: dict[str, int]  # empty where only reading every image would tell


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found; None where it is not known."""

    classes: tuple[str, ...]
    splits: dict[str, SplitSeen]  # by name, in the order train, validation, test
    sizes: tuple[tuple[int, int], ...]  # heights and widths of the images that were looked at
    channels: str | None

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width, where all images that were looked at agree."""
        return self.sizes[0] if len(set(self.sizes)) == 1 else None

    @property
    def rarest(self) -> tuple[str, ...]:
        """The classes with the fewest test images; none where they are not counted."""
        counts = self.splits["test"].per_class
        fewest = min(counts.values(), default=0)
        return tuple(name for name in self.classes if counts and counts[name] == fewest)


def look(data: Path) -> Seen:
    """Return what lies in ``data``: a folder with splits in it, or one that is itself the test.

    Or the arrays of several splits in one NPZ file, or their shards in one folder. Raises
    UsageError where there is nothing such, and DataError where nothing in it can be read.
    """
    if not data.is_dir() and not (data.is_file() and data.suffix == ".npz"):
        fact, remedy = "there is no such folder", "name the folder that holds train and test"
        if data.exists():
            fact = "is a file, and no folder"
            remedy += "; saved predictions are given to `validate-model run --predictions`"
        raise UsageError(str(data), fact, remedy)
    found = {name: path for name in _NAMES if (path := _split(data, name))} or _inside(data)
    if "test" not in found:
        if found:
            names = ", ".join(path.name for path in found.values())
            fact = f"holds {names} and no test"
            raise DataError(str(data), fact, "add a folder test: images that the model never saw")
        found = {"test": data}
    classes: tuple[str, ...] | None = None
    splits: dict[str, SplitSeen] = {}
    test: Dataset | PredictionTable | None = None
    for name, path in found.items():
        spec = DataSpec(path=".").model_copy(update={"path": str(path.absolute())})
        spec = spec.of_split(name)
        dataset = open_dataset(spec, base=Path(), classes=classes)
        require_two_classes(dataset)
        classes = classes or dataset.classes
        splits[name] = _seen(dataset, path)
        test = dataset
    assert classes is not None, "test is among them"
    assert test is not None, "and it is the last"
    sizes, channels = _pictures(test)
    return Seen(classes, splits, sizes, channels)


def _split(data: Path, name: str) -> Path | None:
    """Return the folder or file of a split, None where there is none."""
    stems = (*_NAMES[name], *(_IDX_TRAIN if name == "train" else ()))
    candidates = (data / f"{stem}{ending}" for stem in stems for ending in _ENDINGS)
    return next((path for path in candidates if path.exists()), None)


def _inside(data: Path) -> dict[str, Path]:
    """Return the splits that one NPZ file, or the Parquet shards of a folder, hold together."""
    members: list[str] = []
    if data.is_dir():
        members = [path.name for path in data.glob("*.parquet")]
    else:
        with suppress(OSError, BadZipFile), ZipFile(data) as archive:
            members = [re.sub("^[xy]_", "", name) for name in archive.namelist()]
    words = {split_of(each) for each in members}
    return {name: data for name, called in SPLIT_NAMES.items() if words & set(called)}


def _seen(dataset: Dataset | PredictionTable, path: Path) -> SplitSeen:
    if isinstance(dataset, PredictionTable):
        labels = dataset.labels.tolist()
    else:
        labels = [entry.label for entry in dataset.entries]
    counted = Counter(labels)
    known = (
        {}
        if None in counted
        else {name: counted[label] for label, name in enumerate(dataset.classes)}
    )
    return SplitSeen(path, dataset.format, len(labels), known)


def _pictures(
    dataset: Dataset | PredictionTable,
) -> tuple[tuple[tuple[int, int], ...], str | None]:
    """Return heights and widths of some images, and the mode where they agree on it."""
    if isinstance(dataset, PredictionTable):
        return (), None
    sizes: list[tuple[int, int]] = []
    modes: set[str] = set()
    step = max(len(dataset.entries) // _LOOKED_AT, 1)
    for index in range(0, len(dataset.entries), step):
        try:
            image = dataset.read(index).image
        except UnreadableImage:  # the run will count and name it
            continue
        if image is not None:
            sizes.append((image.height, image.width))
            modes.add(image.mode)
    grey = modes and modes <= {"1", "L", "I;16"}
    return tuple(sizes), ("L" if grey else "RGB") if modes else None
