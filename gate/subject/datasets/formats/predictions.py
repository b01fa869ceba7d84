"""The format of saved predictions: a table of scores, in place of images and a model."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import Classes, DataFormat
from gate.subject.datasets.lookup import located

if TYPE_CHECKING:
    from gate.subject.datasets.records import PredictionTable
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "PredictionTable":
    from gate.subject.datasets.predictions import open_predictions

    place, shown = located(base, spec.predictions)
    return open_predictions(place, spec, shown=shown, classes=classes)


def _is_stated(spec: "DataSpec", _: Path) -> bool:
    return spec.predictions is not None


FORMAT = DataFormat(
    name="predictions",
    keys=frozenset(
        {
            *("predictions", "id", "label", "integers", "where", "group", "slices"),
            *("image", "folder", "extension"),
        }
    ),
    paths=frozenset({"predictions"}),
    open=_open,
    is_stated=_is_stated,
)
