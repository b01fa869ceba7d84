"""The format of a user's own Dataset, which a factory returns."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import Classes, DataFormat

if TYPE_CHECKING:
    from gate.subject.datasets.factory import FactoryDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FactoryDataset":
    from gate.subject.datasets.factory import open_factory

    assert spec.factory is not None, "it is the key that names the data"
    return open_factory(spec.factory, spec.kwargs, base=base, classes=classes)


def _is_stated(spec: "DataSpec", _: Path) -> bool:
    return spec.factory is not None


FORMAT = DataFormat(
    name="factory",
    keys=frozenset({"factory", "kwargs"}),
    paths=frozenset(),
    open=_open,
    is_stated=_is_stated,
)
