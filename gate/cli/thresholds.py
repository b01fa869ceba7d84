"""Command: thresholds."""

import json
import math
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from gate.cli.formats import text_or_json
from gate.cli.numbers import Share
from gate.cli.output import check_target
from gate.cli.slips import refuse_slip
from gate.cli.streams import say, tell
from gate.errors import UsageError, refuse_address
from gate.wording import list_names, printable, quote, suggestion

if TYPE_CHECKING:
    from gate.evidence.operating_point import Fit
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.threshold_table import AtThreshold

_INCONCLUSIVE = 3
_FORMATS = ("html", "svg", "json", "yaml")
_ALONE = "apiVersion: gate/v1\nkind: Validation\n"  # what makes the lines a file of their own
_POINTS = 60  # of the picture
_SHARE = Share(0, 1, min_open=True, max_open=True)
_WIDTH = 80  # columns of what is said
_HEAD = ("threshold", "recall", "precision", "false-positive rate", "flagged/1,000")


@click.command(name="thresholds")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--class", "class_name", metavar="NAME", help="The class to detect; needed.")
@click.option("--recall", type=_SHARE, help="Find the threshold with this recall.")
@click.option("--fpr", type=_SHARE, help="Find the threshold with this false-positive rate.")
@click.option("--precision", type=_SHARE, help="Find the threshold with this precision.")
@click.option(
    "--prevalence",
    type=_SHARE,
    help="The share of the class where the model is used; by default that of the split.",
)
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="validation",
    show_default=True,
    help="What is shown. Thresholds are fitted on validation only: test is to be judged on.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=PATH",
    help="Also write a file; may repeat. Formats: html, svg, json, and yaml, the lines "
    "for the gate file alone, as `judge --operating-point` takes them.",
)
@text_or_json
def command(
    evidence: Path,
    class_name: str | None,
    recall: float | None,
    fpr: float | None,
    precision: float | None,
    prevalence: float | None,
    split: str,
    outputs: tuple[str, ...],
    format_: str,
) -> int:
    """Show what each threshold of a class gives, from the EVIDENCE of a run, and find one.

    Recall, precision and false alarms with their bounds, the images that are flagged of 1,000 in
    use, and the operating_point: lines for the gate file. Neither model nor data is needed.

    Exit status: 3 where no threshold reaches what is asked.
    """
    from gate.evidence.operating_point import Fit
    from gate.evidence.store import FILE_NAME, load

    asked = {"recall": recall, "fpr": fpr, "precision": precision}
    goals = [Fit(name, goal) for name, goal in asked.items() if goal is not None]  # type: ignore[arg-type]  # targets
    if len(goals) > 1:
        raise UsageError("--recall, --fpr, --precision", "are several targets", "give one of them")
    if goals and split == "test":
        raise UsageError(
            f"--{goals[0].target}",
            "would fit a threshold on test, which nothing could then be proven on",
            "leave --split out; it is fitted on validation",
        )
    refuse_slip("thresholds", evidence)
    read = evidence / FILE_NAME if evidence.is_dir() else evidence
    targets = [_target(each, read) for each in outputs]
    if not goals and any(name == "yaml" for _, name in targets):
        raise UsageError("-o yaml", "has no lines to hold", "give --recall, --fpr or --precision")
    found = load(evidence)
    rows, label = _rows_of(found, class_name, split)
    made = _Table(found.classes[label], rows, label, split, prevalence, goals[0] if goals else None)
    for path, name in targets:
        if name == "yaml" and not made.paste():
            tell(f"Not written, for there is no threshold: {printable(str(path))}")
        else:
            _write(path, made.as_format(name))
    lines_at = next((path for path, name in targets if name == "yaml"), None)
    say(
        json.dumps(made.document(), indent=2)
        if format_ == "json"
        else "\n".join(made.text(evidence, lines_at))
    )
    return _INCONCLUSIVE if goals and made.chosen is None else 0


def _target(output: str, evidence: Path) -> tuple[Path, str]:
    name, equals, place = output.partition("=")
    if not equals or not place or name not in _FORMATS:
        raise UsageError(
            f"-o {output}", "is not FORMAT=PATH", f"the formats are {', '.join(_FORMATS)}"
        )
    path = Path(place)
    refuse_address(path, f"-o {name}")
    if path.resolve() == evidence.resolve():
        raise UsageError(f"-o {output}", "is read by this command", "name another file")
    check_target(path, f"-o {output}")
    return path, name


def _write(path: Path, text: str) -> None:
    from gate.evidence.files import write_text

    write_text(path, text)
    tell(f"Wrote {printable(str(path))}")


def _rows_of(evidence: "Evidence", class_name: str | None, split: str) -> "tuple[Rows, int]":
    """Return the rows of a split and the index of a class; raises UsageError for none."""
    from gate.evidence.records import Split
    from gate.keys import name_key

    if class_name is None:
        classes = list_names(evidence.classes)
        raise UsageError("--class", "is not given", f"name the class to detect, of {classes}")
    name = name_key(class_name)
    if name not in evidence.classes:
        remedy = suggestion(name, evidence.classes, what="the classes are")
        raise UsageError("--class", f"there is no class {quote(name)}", remedy)
    measured = evidence.splits.get(Split(split))
    if measured is None:
        raise UsageError(
            "EVIDENCE",
            f"has no {split} split",
            "measure again with data: {validation: ...}"
            if split == "validation"
            else "leave --split out",
        )
    label = evidence.classes.index(name)
    has_both = 0 < int((measured.rows.labels == label).sum()) < len(measured.rows)
    if measured.rows.scores is None or not has_both:
        fact = "kept no scores" if has_both else f"has not both {quote(name)} and other images"
        raise UsageError("EVIDENCE", f"its {split} split {fact}", "measure another split")
    from gate.metrics.fitting import rows_to_fit_on

    together = rows_to_fit_on(evidence) if split == "validation" else None
    return measured.rows if together is None else together, label


class _Table:
    """The thresholds of one class, in every format."""

    def __init__(
        self,
        name: str,
        rows: "Rows",
        label: int,
        split: str,
        prevalence: float | None,
        fit: "Fit | None",
    ) -> None:
        import numpy as np

        from gate.metrics.fitting import find_threshold
        from gate.metrics.threshold_table import at_thresholds, thresholds_of_recalls

        self.name, self.rows, self.label, self.split, self.fit = name, rows, label, split, fit
        self.stated = prevalence is not None
        self.prevalence = prevalence or float((rows.labels == label).mean())
        self.chosen, self.nearest = (
            find_threshold(rows, label, fit, np.zeros(len(rows), dtype=bool))
            if fit is not None
            else (None, None)
        )
        chosen = [] if self.chosen is None else [self.chosen]
        every = sorted({*thresholds_of_recalls(rows, label), *chosen}, reverse=True)
        self.points = at_thresholds(rows, label, every, self.prevalence)

    @property
    def title(self) -> str:
        """The title of a page."""
        return f"Thresholds of {printable(self.name, 200)} on {self.split}"

    def said(self) -> Iterator[str]:
        """Yield what the numbers rest on, and what was found."""
        whose = "as stated" if self.stated else f"that of {self.split}"
        yield (
            f"{len(self.rows):,} images of {self.split}, each bound with 95 % confidence; "
            f"precision and flagged images at a prevalence of {self.prevalence:.4g}, {whose}"
        )
        if self.split == "test":
            yield "a threshold that is chosen by these numbers is not proven by them"
        if self.fit is None:
            return
        from gate.evidence.operating_point import Threshold
        from gate.metrics.operating_point import nearest_in_words

        goal = f"{self.fit.target} {self.fit.goal:g}"
        if self.chosen is not None:
            yield (
                f"fitted to {goal}: from {self.chosen!r} on, reached in truth with 99.8 % "
                "confidence; test has to prove it again"
            )
        elif self.nearest is not None:
            yield (
                f"no threshold reaches {goal} with 99.8 % confidence; the nearest that one "
                f"reaches is {nearest_in_words(Threshold(self.name, None, self.fit, self.nearest))}"
            )
            yield self._ways_out(self.fit)
        else:
            yield f"no threshold could be fitted to {goal}: too few groups of images"

    def _ways_out(self, fit: "Fit") -> str:
        """Return what to do where no threshold reaches a target, with the images that it takes."""
        from gate.evidence.operating_point import DELTA
        from gate.metrics.planning import minimum_images

        of_class = self.rows.labels == self.label
        counted = int((~of_class if fit.target == "fpr" else of_class).sum())
        fewest = None
        if fit.target != "precision" and fit.goal is not None:
            fewest = minimum_images(fit.goal, 1 - DELTA, "<=" if fit.target == "fpr" else ">=")
        more = "collect more validation images"
        if fewest is not None and counted < fewest:
            whose = f"{'other than' if fit.target == 'fpr' else 'of'} {printable(self.name, 200)}"
            more += f": {fewest:,} {whose} at the least, and {counted:,} are there"
        return (
            f"{more}; or ask for less; or write at_least: with a threshold of the table in place "
            "of fit:, and let test alone prove it"
        )

    def paste(self) -> str:
        """Return the lines for the gate file; nothing where there is no threshold."""
        if self.fit is None or self.chosen is None:
            return ""
        name = json.dumps(self.name, ensure_ascii=False)
        fit = f"{{{self.fit.target}: {self.fit.goal!r}}}"
        return (
            f"operating_point:\n  order:\n    - {{class: {name}, fit: {fit}}}\n  otherwise: best\n"
        )

    def cells(self) -> list[Sequence[str]]:
        """Return the table with its head, what was chosen marked by ``>``."""
        return [_HEAD, *(self._row(each) for each in self.points)]

    def _row(self, point: "AtThreshold") -> Sequence[str]:
        mark = "> " if point.threshold == self.chosen else ""
        return (
            f"{mark}{math.floor(point.threshold * 1e6) / 1e6:.6f}",  # up would lose its image
            *map(_outwards, (point.recall, point.precision)),
            _share(point.fpr),
            "-" if point.flagged is None else _with_bounds(point.flagged, "{:.0f}"),
        )

    def text(self, evidence: Path, lines_at: Path | None) -> Iterator[str]:
        """Yield the lines for people; evidence and pasted lines are named in the next command."""
        yield self.title
        for said in self.said():
            for part in said.split("; "):
                yield from wrap(part, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        yield ""
        cells = self.cells()
        widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
        for row in cells:
            yield " ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        if lines := self.paste():
            yield ""
            yield "to try it:" if lines_at else "to try it, add -o yaml=point.yaml, and then:"
            named = shlex.quote(printable(str(evidence)))
            point = shlex.quote(printable(str(lines_at or "point.yaml")))
            yield f"validate-model judge {named} --policy NAME --operating-point {point}"
            yield ""
            yield "for the gate file:"
            yield ""
            yield lines.rstrip("\n")

    def document(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "class": self.name,
            "split": self.split,
            "images": len(self.rows),
            "prevalence": self.prevalence,
            "one_sided_confidence": 0.95,
            "fit": None if self.fit is None else {self.fit.target: self.fit.goal},
            "at_least": self.chosen,
            "nearest": self.nearest,
            "thresholds": [_document(each) for each in self.points],
            "paste": self.paste(),
        }

    def as_format(self, name: str) -> str:
        """Return what a file of a format holds."""
        if name == "json":
            return json.dumps(self.document(), indent=2) + "\n"
        if name == "yaml":
            return _ALONE + self.paste()
        import numpy as np

        from gate.metrics.threshold_table import at_thresholds
        from gate.report.threshold_page import page, picture

        assert self.rows.scores is not None, "there are scores"
        scores = self.rows.scores[:, self.label].astype(np.float64)
        places = np.unique(np.quantile(scores, np.linspace(0, 1, _POINTS), method="lower"))
        points = at_thresholds(self.rows, self.label, places.tolist(), self.prevalence)
        svg = picture(points, self.chosen, self.title)
        if name == "svg":
            return svg
        return page(self.title, svg, self.cells(), list(self.said()), self.paste())


def _document(point: "AtThreshold") -> dict[str, Any]:
    parts = {
        "recall": point.recall,
        "precision": point.precision,
        "false_positive_rate": point.fpr,
        "flagged_of_1000": point.flagged,
    }
    return {"threshold": point.threshold} | {key: _bounds(each) for key, each in parts.items()}


def _bounds(estimate: Any) -> dict[str, float | None] | None:  # noqa: ANN401 -- any estimate
    if estimate is None or estimate.value is None:
        return None
    low, high = estimate.lower(0.95), estimate.upper(0.95)
    return {
        "value": estimate.value,
        "low": low if low == low else None,
        "high": high if high == high else None,
    }


def _outwards(estimate: Any) -> str:  # noqa: ANN401 -- any estimate
    """Return a share with bounds of two digits, each rounded to its safe side."""
    low, high = estimate.lower(0.95), estimate.upper(0.95)
    if estimate.value is None or low != low or high != high:
        return _share(estimate)
    ends = math.floor(low * 100) / 100, math.ceil(high * 100) / 100
    return f"{estimate.value:.3f} ({ends[0]:.2f}-{ends[1]:.2f})"


def _share(estimate: Any) -> str:  # noqa: ANN401 -- any estimate
    return "-" if estimate.value is None else _with_bounds(estimate, "{:.3f}")


def _with_bounds(estimate: Any, shown: str) -> str:  # noqa: ANN401 -- any estimate
    low, high = estimate.lower(0.95), estimate.upper(0.95)
    value = shown.format(estimate.value)
    if low != low or high != high:
        return value
    return f"{value} ({shown.format(low)}-{shown.format(high)})"
