"""The head of the text: what was judged, by which policy, on what, and how many rules failed."""

import textwrap
from collections.abc import Iterator

from gate.report.model import Report
from gate.report.renderings.grouping import count_rules
from gate.report.renderings.leaks import LeftOut, excluded_images
from gate.report.renderings.text.layout import Page
from gate.report.renderings.text.story import Story
from gate.report.renderings.thresholds import describe_thresholds
from gate.report.renderings.words import (
    VERDICTS,
    artefact_line,
    built_by,
    champion_of,
    subject_name,
)
from gate.wording import pluralize, printable

_INDENT = 7  # below the name of the model, where the verdict is a short word
_NARROW = 80  # columns that the first lines spread over, however wide the terminal is


def head(story: Story, page: Page) -> list[str]:
    """Return the lines of the head; the first begins with the verdict."""
    report = story.report
    verdict = VERDICTS[report.verdict]
    policy = f"policy {printable(report.policy.name, 60)} {printable(report.policy.version, 40)}"
    lines = _spread(f"{verdict:<{_INDENT - 2}}  {_model(report)}", policy, page)
    lines += _spread(" " * _INDENT + count_rules(report, story.groups), _data(report), page)
    if thresholds := describe_thresholds(report):
        lines += _hanging(f"answers {thresholds}", page)
    lines += [line for each in _marginal(report) for line in _hanging(each, page)]
    return page.paint(verdict, lines)


def _model(report: Report) -> str:
    subject = report.subject
    if subject.sha256 is None:
        return printable(subject_name(report), 120)
    built, digest = printable(built_by(report), 120), printable(subject.sha256)[:12]
    if subject.file is None:
        return f"{built}  ({digest})"
    return f"{printable(subject.file, 120)}  ({built}, {digest})"


def _spread(left: str, right: str, page: Page) -> list[str]:
    """Return one line with both, the second to the right; two where there is no room."""
    if not right:
        return [left]
    room = min(page.width, _NARROW)
    if len(left) + 3 + len(right) > room:
        return [left, f"{'':{_INDENT}}{right}"]
    return [f"{left}{right:>{room - len(left)}}"]


def _data(report: Report) -> str:
    """Return the images of test, and how many of them are no copies; of another split without."""
    if not report.data:
        return ""
    name = "test" if "test" in report.data else next(iter(report.data))
    said = f"{name} {pluralize(report.data[name].images, 'image')}"
    left_out = next((each for each in excluded_images(report) if each.split == name), None)
    return f"{said}, {_clean(report, left_out)}" if left_out else said


def _clean(report: Report, left_out: LeftOut) -> str:
    """Return how many images are left; where all others stand in train, in these words."""
    in_train = {
        pair.b
        for pair in report.leakage.pairs
        if (pair.split_a, pair.split_b) == ("train", left_out.split)
        and pair.kind not in ("near", "edited")  # these are alike, and perhaps not the same
    }
    where = "not in train" if len(in_train) == left_out.images else "without copies"
    return f"{left_out.given - left_out.images:,} {where}"


def _hanging(said: str, page: Page) -> list[str]:
    """Return a sentence below the name of the model, its other lines indented once more."""
    return textwrap.wrap(
        said,
        page.width,
        initial_indent=" " * _INDENT,
        subsequent_indent=" " * (_INDENT + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _marginal(report: Report) -> Iterator[str]:
    for artefact in report.subject.artefacts:
        yield f"artefact {printable(artefact_line(artefact), 200)}"
    if report.baseline is not None:
        champion = f"against the champion {printable(champion_of(report.baseline), 240)}"
        compared = "" if report.baseline.changes else ": not measured on the same images"
        yield f"{champion}{compared}"
    if not report.decision.enforced:
        yield "audit mode: the verdict is reported and not enforced"
