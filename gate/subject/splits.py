"""The splits of a gate file, opened; and the classes, where only the data tells them."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import SubjectError
from gate.evidence.records import Split
from gate.keys import name_key
from gate.subject.datasets import open_compared, open_dataset
from gate.subject.datasets.classes import Framework, in_order, order_of
from gate.subject.datasets.urls import is_url
from gate.subject.flags import Remedy, flow, in_flags
from gate.subject.gatefile import Complaint, GateFile, ModelSpec
from gate.subject.importing import name_packages
from gate.wording import plain

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset, PredictionTable
    from gate.subject.datasets.spec import DataSpec


_NO_CLASSES = (
    ("data", "unknown"),
    "nothing names the classes: this split has no labels",
    "add classes: [...], or another split",
)


def open_splits(
    gatefile: GateFile,
) -> "tuple[Mapping[Split, Dataset | PredictionTable], tuple[str, ...]]":
    """Return the splits and the classes: those of the gate file, else those that train has.

    Raises DataError, also for a split of one class, UsageError where nothing says in which order
    classes stand or what labels mean, FactoryError or MissingExtraError.
    """
    name_packages((each.module for each in gatefile.factories()), gatefile.base)
    classes = gatefile.classes or None
    opened: dict[Split, Dataset | PredictionTable] = {}
    for name, spec in gatefile.data.given().items():
        if name == Split.UNKNOWN:
            if classes is None:
                gatefile.require_complete([_NO_CLASSES])
            opened[Split(name)] = _unlabelled(spec, gatefile.base, classes or ())
            continue
        dataset = open_dataset(spec, base=gatefile.base, classes=classes)
        if classes is None:
            dataset = _in_order_of_outputs(dataset, spec, gatefile)
        require_two_classes(dataset)
        opened[Split(name)] = dataset
        # Without a gate file that says so, the first split tells the classes of the others.
        classes = classes or dataset.classes
    assert classes is not None, "a gate file has at least one split"
    return opened, classes


def _unlabelled(
    spec: "DataSpec", base: Path, classes: tuple[str, ...]
) -> "Dataset | PredictionTable":
    """Return images of none of the classes, whatever the data says of their labels."""
    from gate.subject.datasets.entries import UnlabelledEntries
    from gate.subject.datasets.records import PredictionTable

    if spec.predictions is not None:
        return open_dataset(spec, base=base, classes=classes)
    dataset = open_compared(spec, base=base)
    assert not isinstance(dataset, PredictionTable), "it has no predictions"
    entries = UnlabelledEntries(dataset.entries)
    return replace(dataset, classes=classes, entries=entries)  # type: ignore[type-var]  # all are dataclasses


def framework_of(model: ModelSpec | None) -> Framework | None:
    """Return who read the class folders of training, as the factory tells; None without one.

    A factory of the user's is PyTorch code, whose reader is torchvision's unless it is timm's.
    """
    if model is None or model.factory is None:
        return None
    package = model.factory.partition(":")[0].partition(".")[0]
    return "timm" if package == "timm" else "torchvision"


def order_question(gatefile: GateFile, framework: Framework | None) -> Complaint | None:
    """Return what must be asked of the class folders of the first split, before they are read.

    None where the gate file names the classes, their order is known, or the data are no folders.
    """
    splits = gatefile.data.given()
    if gatefile.classes or framework is not None or not splits:
        return None
    names = _class_folders(next(iter(splits.values())), gatefile.base)
    return None if order_of(names, None) is not None else _question(names)


def folders_in_order(gatefile: GateFile, framework: "Framework | None") -> tuple[str, ...]:
    """Return the class folders of the first split in the order of the outputs; none if unknown."""
    splits = gatefile.data.given()
    names = _class_folders(next(iter(splits.values())), gatefile.base) if splits else ()
    return order_of(names, framework) or ()


def _class_folders(spec: "DataSpec", base: Path) -> tuple[str, ...]:
    """Return the names of class folders on this machine; none where the data are something else."""
    from gate.subject.datasets.recognise import format_of_split

    if spec.path is None or is_url(spec.path):
        return ()
    with contextlib.suppress(SubjectError, OSError):  # who opens it says so
        if format_of_split(spec, base).name == "folder":
            with os.scandir(base / spec.path) as items:
                found = [each.name for each in items if each.is_dir() and each.name[0] != "."]
            readable = (os.fsencode(each).decode(errors="replace") for each in found)
            return tuple(sorted(map(name_key, readable)))
    return ()


def _question(names: Sequence[str], where: str = "") -> Complaint:
    by_text, naturally = order_of(names, "torchvision"), order_of(names, "timm")
    place = f" ({plain(where)})" if where else ""
    fact = (
        "nothing says in which order the model's outputs stand for the classes: as text and by "
        f"number their names have different ones{place}"
    )
    remedy = _either(
        by_text or (),
        "as torchvision, Hugging Face, Keras and fastai sort, or",
        naturally or (),
        "as timm does",
    )
    return ("classes",), fact, remedy


def _either(first: Sequence[str], between: str, second: Sequence[str], end: str) -> Remedy:
    """Return the remedy to name the classes in one of two orders."""
    one, other = {"classes": first}, {"classes": second}
    return Remedy(
        f"add classes: {flow(first)} {between} {flow(second)} {end}",
        f"add {in_flags(one)} {between} {in_flags(other)} {end}",
    )


def _in_order_of_outputs(
    dataset: "Dataset | PredictionTable", spec: "DataSpec", gatefile: GateFile
) -> "Dataset | PredictionTable":
    """Return a split that names the classes itself, with them in the order of the outputs.

    Raises UsageError where nothing says which that is.
    """
    from gate.subject.datasets.records import PredictionTable

    if isinstance(dataset, PredictionTable) or not dataset.has_sorted_classes:
        return dataset
    names = dataset.classes
    framework = gatefile.framework or framework_of(gatefile.model)
    order = order_of(names, framework)
    is_folder = dataset.format == "folder"
    # Integers of a table are numbers to pandas, and text to others.
    if order is None or (not is_folder and in_order(names) != order_of(names, "torchvision")):
        gatefile.require_complete([_question(names, dataset.path)])
    elif framework != "timm" and order != names:
        fact = (
            "the names of the class folders are decomposed (NFD), and sort otherwise so than as "
            f"they are written elsewhere (NFC) ({plain(dataset.path)})"
        )
        remedy = _either(names, "or", order, "as the model's outputs stand")
        gatefile.require_complete([(("classes",), fact, remedy)])
    elif order != names:
        return open_dataset(spec, base=gatefile.base, classes=order)
    return dataset


def require_two_classes(dataset: "Dataset | PredictionTable") -> None:
    """Raise DataError where all images are of one class, as far as it is known before reading."""
    from gate.subject.datasets.classes import require_two
    from gate.subject.datasets.entries import EntryColumns
    from gate.subject.datasets.records import PredictionTable

    labels: Iterable[int | None]
    if isinstance(dataset, PredictionTable):
        labels = dataset.labels.tolist()
    elif isinstance(dataset.entries, EntryColumns):  # without an object for each of a million
        labels = dataset.entries.labels.tolist()
    else:
        labels = (entry.label for entry in dataset.entries)
    present = (dataset.classes[label] for label in set(labels) if label is not None)
    require_two(present, dataset.path)
