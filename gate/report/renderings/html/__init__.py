"""HTML: one file that explains the verdict with tables, plots and pictures, and works from disk.

Everything is inside the file. A content security policy in its head forbids what is not: no request
leaves the page, and no script runs but ours, whose digest the policy names.
"""

import base64
import math
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.errors import MissingExtraError
from gate.healing import advice
from gate.report.model import Report
from gate.report.renderings import Extra, Mark, Rendering, leaks, words
from gate.wording import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
_LONGEST = 600  # characters of one string


def html(report: Report, *, evidence: Path | None, images: bool) -> str:
    """Return the report as one HTML page.

    ``evidence`` is the file beside the report, for plots of scores and pictures; without it the
    page says that they are missing. Raises MissingExtraError without the extra ``html``.
    """
    environment = _environment()
    from gate.report.renderings.html.page import page_of

    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    page = environment.get_template("page.html.jinja").render(
        page=page_of(report, evidence, images=images),
        report=report,
        words=words,
        advice=advice,
        leaks=leaks,
        style=_trusted((_HERE / "page.css").read_text(encoding="utf-8")),
        script=_trusted(script),
        script_digest=_trusted(f"sha256-{digest}"),
    )
    return page.rstrip() + "\n"


def _environment() -> "Environment":
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("html", "the HTML report", "html") from error
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["number"] = number
    environment.filters["prose"] = _prose
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    return environment


def _shown(value: Any) -> Any:  # noqa: ANN401 -- whatever a template prints
    """Return strings as one printable line; markup of our own as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return printable(value, _LONGEST)
    return value


def _prose(text: str) -> "Markup":
    """Return a sentence with what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(  # noqa: S704 -- escaped before it is marked
        re.sub(r"`([^`]{1,200})`", r"<code>\1</code>", str(escape(printable(text, _LONGEST))))
    )


def _trusted(text: str) -> str:
    """Mark our own text as markup."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 -- from our own files, never from a report


def number(value: float | None) -> str:
    """Return a number with three decimals, and a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    return f"{round(value, 3) + 0.0:,.3f}"  # + 0.0: there is no minus nought


RENDERING = Rendering(
    name="html",
    about="a page that explains the verdict with plots and pictures",
    render=lambda report, beside: html(report, evidence=beside.evidence, images=beside.images),
    extra=Extra("html", "the HTML report", ("jinja2",)),
    mark=Mark(r'<!DOCTYPE html>[\s\S]*<p class="kicker">validate-model</p>'),
)
