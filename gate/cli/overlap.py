"""Command: overlap."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.formats import text_or_json
from gate.cli.numbers import limit, numbers, size
from gate.cli.progress import Progress
from gate.cli.streams import say, tell
from gate.cli.subject import COLUMNS, columns_options, no_cache_option
from gate.errors import DataError, UsageError
from gate.healing import advice
from gate.keys import shared_groups
from gate.wording import quote

if TYPE_CHECKING:
    from gate.cli.sharing import Groups
    from gate.measure.duplicates.fingerprint_dataset import ComparisonInput
    from gate.subject.datasets.formats import DataFormat
    from gate.subject.datasets.records import Dataset
    from gate.subject.datasets.spec import DataSpec
    from gate.subject.gatefile import LeakageSpec

_SPLITS = click.Choice(["train", "validation", "test"])

# Keys of the data in a gate file that are options here, where they name no file.
_KEYS = (*(each.key[-1] for each in COLUMNS), "images", "labels")


@click.command(name="overlap")
@click.argument("a")
@click.argument("b")
@click.option(
    "--max-near",
    type=limit,
    default="0.005",
    show_default=True,
    metavar="N|FRACTION",
    help="The most images of B that may nearly equal one of A: a count, or a fraction of B.",
)
@no_cache_option
@click.option(
    "--thorough",
    is_flag=True,
    help="Look for copies that were turned, moved or cropped however long it takes.",
)
@click.option("--exact-only", is_flag=True, help="Look for exact copies alone; much faster.")
@click.option("--format-a", metavar="NAME", help="The format of A, of a plugin, say; else seen.")
@click.option("--format-b", metavar="NAME", help="The format of B.")
@columns_options
@click.option("--images", metavar="ARRAY", help="Images of an NPZ file; else `images` or `x`.")
@click.option("--labels", metavar="ARRAY", help="Labels of an NPZ file; else `labels` or `y`.")
@click.option("--split-a", type=_SPLITS, help="Split of A, where it holds several.")
@click.option("--split-b", type=_SPLITS, help="Split of B.")
@click.option("--where-a", metavar="COLUMN=VALUE", help="Rows of the manifest A; else all.")
@click.option("--where-b", metavar="COLUMN=VALUE", help="Rows of the manifest B.")
@click.option(
    "--descriptor",
    metavar="FILE",
    help="An ONNX network that was trained to find copies (RGB images to vectors).",
)
@click.option("--size", type=size, metavar="HxW", help="What the descriptor's images are sized to.")
@click.option("--mean", type=numbers, metavar="N,N,N", help="Subtracted from its images in 0..1.")
@click.option("--std", type=numbers, metavar="N,N,N", help="Divided by after that.")
@text_or_json
def command(
    a: str,
    b: str,
    *,
    format_: str,
    max_near: float,
    exact_only: bool,
    thorough: bool,
    no_cache: bool,
    **given: Any,  # noqa: ANN401 -- the other options
) -> int:
    """Find the images of dataset B that are also in dataset A (train and test, say).

    A and B are image folders, with class folders or without, CSV, JSON or Parquet manifests, IDX or
    NPZ files, Parquet files with images, or WebDataset tars. No model and no policy are needed.
    Columns and arrays are named as in a gate file, for those of A and B that have any. Exits 1 when
    an exact copy, a copy with another label, a shared group, or more near copies than the limit
    are found, and 4 when images could not be read. Pairs that only a person can judge are shown,
    and do not count.
    """
    from gate.checks.copies import allowed_images
    from gate.cli.sharing import Sharing
    from gate.evidence.records import Split
    from gate.measure.cache_location import cache_folder, usable
    from gate.measure.duplicates.across_splits import tell_cost
    from gate.measure.duplicates.find_overlap import find_overlap
    from gate.measure.duplicates.fingerprint_dataset import fingerprint_dataset
    from gate.measure.fingerprints.known_fingerprints import KnownPrints
    from gate.subject.guard import to_standard_error

    if thorough and exact_only:
        raise UsageError("--thorough", "looks for more than exact copies", "leave out --exact-only")
    descriptor = _descriptor(given, exact_only=exact_only)
    datasets = _opened(
        {side: _Side(path, **_of_side(given, side)) for side, path in (("a", a), ("b", b))},
        {key: given[key] for key in _KEYS if given[key] is not None},
    )
    cache = None if no_cache else usable(cache_folder(), Progress().warn)
    known = None if cache is None else KnownPrints(cache)
    with to_standard_error():  # a plugin's reader may print
        sides = [
            fingerprint_dataset(split, dataset, Progress(), known)
            for split, dataset in zip((Split.TRAIN, Split.TEST), datasets, strict=True)
        ]
    if not exact_only:
        tell_cost(sides[0].side, sides[1].side, Progress(), thorough=thorough)
    found = find_overlap(sides[0].side, sides[1].side, exact_only=exact_only, thorough=thorough)
    unlabelled = _find_unlabelled(datasets)
    assumed = (*_said_of(datasets), *unlabelled)
    if descriptor is not None:
        from gate.measure.duplicates.across_splits import described_overlaps

        of_split = {side.side.split: data for side, data in zip(sides, datasets, strict=True)}
        compared = [side.side for side in sides]
        with to_standard_error():
            (found,), said = described_overlaps(
                [found], descriptor, Path(), compared, of_split, Progress()
            )
        assumed = (*assumed, said)
    sharing = Sharing(
        a=a,
        b=b,
        overlap=found,
        limit=int(allowed_images(max_near, found.images_b)),
        unreadable=_tell_unreadable(sides),
        groups=_groups(*datasets) if given["group"] or given["group_pattern"] else None,
        assumed=assumed,
        labelled=not unlabelled,
    )
    say(sharing.as_json() if format_ == "json" else sharing.as_text())
    if sharing.verdict == "error":
        tell(advice(retriable=False))
    return {"pass": 0, "fail": 1, "error": 4}[sharing.verdict]


def _descriptor(given: Mapping[str, Any], *, exact_only: bool) -> "LeakageSpec | None":
    """Return the descriptor that the options name; raises UsageError for half of one."""
    if given["descriptor"] is None:
        stray = next((key for key in ("size", "mean", "std") if given[key] is not None), None)
        if stray:
            raise UsageError(
                f"--{stray}", "is of a descriptor, and none is named", "name one by --descriptor"
            )
        return None
    if exact_only:
        raise UsageError("--descriptor", "finds no exact copies", "leave out --exact-only")
    if given["size"] is None:
        fact = "nothing says what size of image the network takes"
        raise UsageError("--descriptor", fact, "give --size, such as 288x288")
    from pydantic import ValidationError

    from gate.subject.gatefile import LeakageSpec

    try:
        return LeakageSpec(
            **{key: given[key] for key in ("descriptor", "size", "mean", "std") if given[key]}
        )
    except ValidationError:
        fact = "are not three numbers each, of red, green and blue, std above 0"
        remedy = "give both or neither, such as 0.485,0.456,0.406"
        raise UsageError("--mean and --std", fact, remedy) from None


@dataclass(frozen=True, slots=True)
class _Side:
    """What is said of A or of B alone."""

    path: str
    format: str | None = None
    split: str | None = None  # where the path holds several
    where: str | None = None  # COLUMN=VALUE

    def spec(self, name: str, keys: Mapping[str, Any]) -> "DataSpec":
        """Return it as a gate file has it; raises UsageError."""
        chosen: dict[str, Any] = {}
        if self.where is not None:
            column, equals, value = self.where.partition("=")
            if not column or not equals:
                fact = f"{quote(self.where)} is no COLUMN=VALUE"
                raise UsageError(f"--where-{name}", fact, "write split=test, say")
            chosen = {"where": {column: value}}
        spec = _spec({"path": self.path, **keys, **chosen}, "the options of the data")
        return spec.of_split(self.split or "")


def _of_side(given: Mapping[str, Any], side: str) -> dict[str, str | None]:
    """Return the options of A or of B alone."""
    return {key: given[f"{key}_{side}"] for key in ("format", "split", "where")}


def _opened(sides: Mapping[str, _Side], named: Mapping[str, str]) -> list["Dataset"]:
    """Return the datasets, each with those options that its format knows.

    ``sides`` are by name; ``named`` are the options, by key of a gate file.
    """
    from gate.subject.datasets.recognise import format_of_split

    if not all(side.path for side in sides.values()):
        raise UsageError("overlap", "a dataset has no name", "give the paths of two datasets")
    try:
        forms = [
            format_of_split(
                _spec({"path": side.path, "format": side.format}, f"--format-{name}"), Path()
            )
            for name, side in sides.items()
        ]
        for key in named:
            _require_known(key, forms)
        return [
            _open(side.spec(name, {key: named[key] for key in named if _knows(form, key)}), form)
            for (name, side), form in zip(sides.items(), forms, strict=True)
        ]
    except DataError as error:
        raise DataError(error.where, error.fact, _as_here(error.remedy)) from error


def _knows(form: "DataFormat", key: str) -> bool:
    """Return whether a key is one of the format's, and names no file: those are A and B."""
    return key in form.keys - form.paths


def _require_known(key: str, forms: list["DataFormat"]) -> None:
    """Raise UsageError for an option that neither dataset has."""
    from gate.subject.datasets.formats.registry import shipped_formats

    if not any(_knows(form, key) for form in forms):
        raise UsageError(
            f"--{key.replace('_', '-')}",
            f"neither A ({forms[0].name}) nor B ({forms[1].name}) has such a key",
            "it is of the formats "
            + ", ".join(sorted(each.name for each in shipped_formats() if _knows(each, key))),
        )


def _as_here(remedy: str) -> str:
    """Return what to do in a gate file as what to do on this command line, which has none."""
    said = remedy.replace("the folder of the gate file", "the current folder")
    for key in _KEYS:
        if said.startswith(f"set {key} to one of "):
            said = (
                f"name it by --{key.replace('_', '-')};{said.removeprefix(f'set {key} to one of')}"
            )
    return said


def _open(spec: "DataSpec", form: "DataFormat") -> "Dataset":
    from gate.subject.datasets import open_compared
    from gate.subject.datasets.records import PredictionTable

    dataset = open_compared(spec, base=Path(), form=form)
    if isinstance(dataset, PredictionTable):
        raise DataError(dataset.path, "holds predictions, not images", "give the images themselves")
    return dataset


def _spec(keys: Mapping[str, Any], where: str) -> "DataSpec":
    """Return the keys as a gate file has them; raises UsageError, for ``where``."""
    from pydantic import ValidationError

    from gate.subject.datasets.spec import DataSpec

    try:
        return DataSpec.model_validate(
            {key: value for key, value in keys.items() if value is not None}
        )
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(where, said, "see overlap --help") from None


def _said_of(datasets: list["Dataset"]) -> list[str]:
    """Return what was assumed of each dataset when it was opened, such as files not read."""
    return [
        f"{name}: {said}"
        for name, dataset in zip("AB", datasets, strict=True)
        for said in dataset.assumed
    ]


def _find_unlabelled(datasets: list["Dataset"]) -> list[str]:
    """Return a sentence for each dataset of which nobody says what its images show."""
    return [
        f"{name} has no class folders: its labels are unknown, and no conflict of labels is told"
        for name, dataset in zip("AB", datasets, strict=True)
        if not dataset.is_labelled
    ]


def _tell_unreadable(sides: list["ComparisonInput"]) -> int:
    unreadable = [image for side in sides for image in side.unreadable]
    for image in unreadable:
        tell(f"Error: {image.id}: {image.reason}; it was not compared")
    return len(unreadable)


def _groups(a: "Dataset", b: "Dataset") -> "Groups":
    from gate.cli.sharing import Groups

    of_a, of_b = ([entry.group for entry in each.entries] for each in (a, b))
    in_a, in_b = ({name for name in names if name is not None} for names in (of_a, of_b))
    shared = tuple(b if a == b else f"{a} (A), {b} (B)" for a, b in shared_groups(in_a, in_b))
    return Groups(len(in_a), len(in_b), shared, of_a.count(None) + of_b.count(None))
