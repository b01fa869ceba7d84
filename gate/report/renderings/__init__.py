"""One decision, many renderings: all of them say the same verdict, none of them alters it.

A rendering reads the report, and for pictures the evidence that lies beside it. Each is a file of
this folder with one public function, imported when it is asked for.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never, get_args

from gate.report.model import Report

Format = Literal[
    "text",
    "json",
    "markdown",
    "html",
    "junit",
    "sarif",
    "github",
    "openmetrics",
    "gitlab-codequality",
    "model-card",
    "intoto",
]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What lies beside the report: where the report itself is, its evidence, and what is shown."""

    report: Path | None = None
    evidence: Path | None = None
    images: bool = True


def render(report: Report, format_: Format, beside: Beside = Beside()) -> str:
    """Return the report in a format, the same bytes every time; it ends with a newline.

    Raises MissingExtraError where html is asked for without the extra.
    """
    match format_:
        case "text":
            from gate.report.renderings.text import text

            return text(report)
        case "json":
            return report.to_json()
        case "markdown":
            from gate.report.renderings.markdown import markdown

            return markdown(report)
        case "html":
            from gate.report.renderings.html import html

            return html(report, evidence=beside.evidence, images=beside.images)
        case "junit":
            from gate.report.renderings.junit import junit

            return junit(report)
        case "sarif":
            from gate.report.renderings.sarif import sarif

            return sarif(report)
        case "github":
            from gate.report.renderings.github import annotations

            return annotations(report)
        case "openmetrics":
            from gate.report.renderings.openmetrics import openmetrics

            return openmetrics(report)
        case "gitlab-codequality":
            from gate.report.renderings.gitlab import code_quality

            return code_quality(report)
        case "model-card":
            from gate.report.renderings.model_card import model_card

            return model_card(report)
        case "intoto":
            from gate.report.renderings.intoto import intoto

            return intoto(report)
        case _:
            assert_never(format_)
