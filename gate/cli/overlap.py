"""Command: overlap."""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.progress import Progress
from gate.errors import DataError, UsageError

if TYPE_CHECKING:
    from gate.evidence.records import Overlap, Pair, Split
    from gate.measure.sides import Side

_MOST_SHOWN = 20  # pairs on a terminal; JSON has them all


def _limit(text: str) -> int | float:
    """Return a count such as 3, or a fraction of B such as 0.005."""
    with contextlib.suppress(ValueError):
        if text.isdecimal():
            return int(text)
        value = float(text)
        if 0 <= value < 1:
            return value
    raise click.BadParameter(f"{text!r} is neither a count nor a fraction below 1")


@click.command(name="overlap")
@click.argument("a")
@click.argument("b")
@click.option(
    "--max-near",
    type=_limit,
    default="0.005",
    show_default=True,
    metavar="N|FRACTION",
    help="The most images of B that may nearly equal one of A: a count, or a fraction of B.",
)
@click.option("--exact-only", is_flag=True, help="Look for exact copies alone; much faster.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What standard output carries.",
)
def command(a: str, b: str, max_near: int | float, exact_only: bool, format_: str) -> int:
    """Find the images of dataset B that are also in dataset A (train and test, say).

    A and B are image folders, CSV manifests, IDX or NPZ files. No model and no policy are needed.
    Exits 1 when an exact copy, a copy with another label, or more near copies than the limit are
    found, and 4 when images could not be read.
    """
    from gate.checks.copies import allowed
    from gate.evidence.records import Split
    from gate.measure.overlap import find_overlap

    sides = [_side(Split.TRAIN, a), _side(Split.TEST, b)]
    found = find_overlap(sides[0].side, sides[1].side, exact_only=exact_only)
    unreadable = [image for side in sides for image in side.unreadable]
    for image in unreadable:
        click.echo(f"Error: {image.id}: {image.reason}; it was not compared", err=True)
    limit = int(allowed(max_near, found.images_b))
    verdict = _verdict(found, limit, unreadable=bool(unreadable))
    click.echo(_json(found, verdict) if format_ == "json" else _text(found, verdict, a, b, limit))
    return {"pass": 0, "fail": 1, "error": 4}[verdict]


def _side(split: "Split", path: str) -> "Side":
    from gate.measure.sides import fingerprint_dataset
    from gate.subject.datasets import open_dataset
    from gate.subject.datasets.records import PredictionTable
    from gate.subject.datasets.spec import DataSpec

    if not path:
        raise UsageError("overlap", "a dataset has no name", "give the paths of two datasets")
    dataset = open_dataset(DataSpec(path=path), base=Path(), classes=None)
    if isinstance(dataset, PredictionTable):
        raise DataError(path, "holds predictions, not images", "give the images themselves")
    return fingerprint_dataset(split, dataset, Progress())


def _verdict(found: "Overlap", limit: int, *, unreadable: bool) -> str:
    counts = _counts(found)
    exact = counts["bytes"] + counts["pixels"] + counts["flipped"]
    if (
        exact
        or counts["label_conflicts"]
        or counts.get("near", 0) + counts.get("edited", 0) > limit
    ):
        return "fail"
    return "error" if unreadable else "pass"


def _counts(found: "Overlap") -> dict[str, int]:
    """Return the number of images of B by kind, in the order of the kinds, and what else counts."""
    from gate.evidence.records import EXACT

    by_kind = {
        kind.value: len({pair.b for pair in found.pairs if pair.kind is kind})
        for kind in found.compared
    }
    conflicts = {
        pair.b for pair in found.pairs if pair.kind in EXACT and pair.label_a != pair.label_b
    }
    return {
        **by_kind,
        "label_conflicts": len(conflicts),
        "featureless": found.featureless,
        "images_a": found.images_a,
        "images_b": found.images_b,
    }


def _json(found: "Overlap", verdict: str) -> str:
    from gate.report.pairs import pair_part

    document: dict[str, Any] = {
        "verdict": verdict,
        "pairs": [pair_part(pair).model_dump() for pair in found.pairs],
        "counts": _counts(found),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _text(found: "Overlap", verdict: str, a: str, b: str, limit: int) -> str:
    from gate.evidence.records import EXACT

    counts = _counts(found)
    lines = [
        f"A  {a}: {found.images_a:,} images",
        f"B  {b}: {found.images_b:,} images",
        f"compared by {', '.join(kind.value for kind in found.compared)}",
        f"{found.featureless:,} images have too few features for more than exact comparison",
    ]
    if found.identical:
        lines.append("A and B hold the same files: was one dataset given twice?")
    lines += ["", *(f"{counts[kind.value]:>8,}  {kind.value}" for kind in found.compared)]
    lines.append(f"{counts['label_conflicts']:>8,}  with another label")
    if found.pairs:
        lines += ["", *(_pair(pair) for pair in found.pairs[:_MOST_SHOWN])]
    if len(found.pairs) > _MOST_SHOWN:
        lines.append(f"... and {len(found.pairs) - _MOST_SHOWN:,} more; --format json has them all")
    if found.review:
        lines += ["", f"{len(found.review):,} pairs may be edited copies; look at them:"]
        lines += [_pair(pair) for pair in found.review[:_MOST_SHOWN]]
    words = {"pass": "PASS", "fail": "FAIL", "error": "NOT EVALUATED: images could not be read"}
    exact = sum(counts[kind.value] for kind in found.compared if kind in EXACT)
    allowed = f"{exact:,} exact copies, none allowed; at most {limit:,} near copies"
    return "\n".join([*lines, "", f"{words[verdict]} ({allowed})"])


def _pair(pair: "Pair") -> str:
    labels = f" ({pair.label_b})" if pair.label_a == pair.label_b else ""
    conflict = labels or f" (labelled {pair.label_b} in B, {pair.label_a} in A)"
    turned = f", turned {pair.orientation}" if pair.orientation else ""
    return _plain(f"{pair.kind.value:8}  B {pair.b} = A {pair.a}{conflict}{turned}")


def _plain(line: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)
