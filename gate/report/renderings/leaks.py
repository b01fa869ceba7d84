"""The effect of leaked images, in the words that all renderings share."""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.report.copies_found import NOT_TURNED, describe_look_alikes
from gate.report.messages import digits
from gate.report.model import ComparedPart, InflationPart, Report
from gate.wording import printable

_NOTABLE = 0.005  # below, a class is not shown beside the metrics of the whole split
_MOST_SAID = 3  # in a sentence
_KINDS: Mapping[str, str] = {
    "bytes": "identical files",
    "pixels": "identical pixels",
    "flipped": "mirrored",
    "near": "near copies",
    "edited": "edited copies",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The images of a split that an earlier split has too, or that repeat another one."""

    split: str
    images: int
    given: int


def excluded_images(report: Report) -> list[LeftOut]:
    """Return the splits with leaked or repeated images, and how many those are."""
    found = []
    for split, matrix in report.confusion.items():
        given = sum(map(sum, matrix.counts)) + sum(matrix.abstained or ())
        judged = next(
            (
                metric.support
                for metric in report.metrics
                if metric.name == "accuracy" and metric.split == split and metric.slice is None
            ),
            0,
        )
        if judged < given:
            found.append(LeftOut(split, given - judged, given))
    return found


def describe_comparison(part: ComparedPart) -> str:
    """Return what two splits share, of each kind that was looked for, and what was not compared."""
    counts = ", ".join(
        f"{count:,} {_KINDS.get(kind) or printable(kind)}" for kind, count in part.counts.items()
    )
    splits = f"{printable(part.split_a)} and {printable(part.split_b)}"
    said = f"images shared by {splits}: {counts or 'not looked for'}"
    if "near" in part.counts and not part.turned:
        said = f"{said}; {NOT_TURNED}"
    if part.look_alikes:
        names = printable(part.split_b), printable(part.split_a)
        said = f"{said}; {describe_look_alikes(part.look_alikes, *names)}"
    if not part.featureless:
        return said
    return (
        f"{said}; {part.featureless:,} of {part.images:,} images show too little to find near "
        "copies of them"
    )


def notable(report: Report, most_classes: int) -> list[InflationPart]:
    """Return the inflation of the metrics of whole splits, then that of the most inflated classes.

    Of classes, only what changes by half a percent or more is notable.
    """
    listed = report.leakage.inflation
    of_classes = [each for each in listed if each.class_ is not None and _size(each) >= _NOTABLE]
    worst = sorted(of_classes, key=_size, reverse=True)[:most_classes]
    return [*(each for each in listed if each.class_ is None), *worst]


def describe_inflation(report: Report, split: str, most: int = _MOST_SAID) -> str:
    """Return what leaked images do to accuracy, and most, in words from outside; or nothing."""
    listed = [
        each
        for each in notable(report, most - 1)
        if each.split == split
        and each.difference is not None
        and (each.class_ is not None or each.name == "accuracy")
    ]
    return "; ".join(_in_words(each) for each in listed)


def _in_words(each: InflationPart) -> str:
    assert each.as_given is not None, "there is a difference"
    assert each.clean is not None, "there is a difference"
    of_class = f" of {each.class_}" if each.class_ is not None else ""
    given, clean = digits(each.as_given), digits(each.clean)
    if given == clean:
        return f"{each.name}{of_class} is {clean} with and without the copies"
    return f"{each.name}{of_class} is {given} with the copies and {clean} without"


def _size(each: InflationPart) -> float:
    return abs(each.difference or 0.0)
