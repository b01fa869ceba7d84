"""The splits of a gate file, opened; and the classes, where only the data tells them."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.evidence.records import Split
from gate.subject.datasets import open_dataset
from gate.subject.gatefile import GateFile, ModelSpec
from gate.subject.importing import name_packages

if TYPE_CHECKING:
    from gate.subject.datasets.classes import Framework
    from gate.subject.datasets.records import Dataset, PredictionTable
    from gate.subject.datasets.spec import DataSpec


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
        dataset = open_dataset(spec, base=gatefile.base, classes=classes)
        if classes is None:
            dataset = _in_order_of_outputs(dataset, spec, gatefile)
        require_two_classes(dataset)
        opened[Split(name)] = dataset
        # Without a gate file that says so, the first split tells the classes of the others.
        classes = classes or dataset.classes
    assert classes is not None, "a gate file has at least one split"
    return opened, classes


def framework_of(model: ModelSpec | None) -> "Framework | None":
    """Return who read the class folders that a model was trained on; None where nothing says.

    A factory of the user's is PyTorch code, whose reader is torchvision's unless it is timm's.
    """
    if model is None:
        return None
    named = [model.source or "", *(model.factory or "").partition(":")[0].split(".")[:1]]
    if any(name.startswith("timm") for name in named):
        return "timm"
    known: dict[str, Framework] = {"transformers": "transformers", "fastai": "fastai"}
    if model.source in known:
        return known[model.source]
    is_of_pytorch = model.factory is not None or model.source in {"torchvision", "lightning"}
    return "torchvision" if is_of_pytorch else None


def ask_for_order(names: Iterable[str], where: str) -> UsageError:
    """Return the question for the order of classes that have one as text, and another by number."""
    from gate.subject.datasets.classes import order_of

    names = list(names)
    by_text, naturally = order_of(names, "torchvision"), order_of(names, "timm")
    return UsageError(
        where,
        "nothing says in which order the model's outputs stand for the classes: as text and by "
        "number the names have different ones",
        f"add classes: {_flow(by_text)} (torchvision, Hugging Face, Keras and fastai), or "
        f"{_flow(naturally)} (timm)",
    )


def _flow(names: Iterable[str] | None) -> str:
    """Return names as a list of a gate file."""
    return json.dumps(list(names or ()), ensure_ascii=False)


def _in_order_of_outputs(
    dataset: "Dataset | PredictionTable", spec: "DataSpec", gatefile: GateFile
) -> "Dataset | PredictionTable":
    """Return a split that names the classes itself, with them in the order of the outputs.

    Raises UsageError where nothing says which that is.
    """
    from gate.subject.datasets.classes import in_order, order_of
    from gate.subject.datasets.records import PredictionTable

    if isinstance(dataset, PredictionTable) or not dataset.has_sorted_classes:
        return dataset
    names = dataset.classes
    framework = framework_of(gatefile.model)
    order = order_of(names, framework)
    is_folder = dataset.format == "folder"
    # Integers of a table are numbers to pandas, and text to others.
    if order is None or (not is_folder and in_order(names) != order):
        raise ask_for_order(names, dataset.path)
    if framework != "timm" and is_folder and order != names:
        raise UsageError(
            dataset.path,
            "the names of its class folders are decomposed (NFD), and sort otherwise so than as "
            "they are written elsewhere (NFC)",
            f"add classes: {_flow(names)}, or {_flow(order)}: in the order of the model's outputs",
        )
    if order != names:
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
