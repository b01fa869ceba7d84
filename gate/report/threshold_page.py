"""A picture of thresholds: lines with their bounds as bands, and a page that holds it."""

from collections.abc import Callable, Iterator, Sequence
from html import escape

from gate.metrics.threshold_table import AtThreshold

CONFIDENCE = 0.95  # of each bound by itself, one-sided
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 320, 48, 40, 12, 12
_LINES: Sequence[tuple[str, str, Callable[[AtThreshold], object]]] = (
    ("recall", "#1f6f8b", lambda each: each.recall),
    ("precision", "#b5541c", lambda each: each.precision),
    ("false-positive rate", "#6b4c9a", lambda each: each.fpr),
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}table{border-collapse:collapse}th,td{padding:.25rem .75rem;"
    "text-align:right;border-bottom:1px solid #ccc}tr.chosen{background:#fff3cd}"
    "pre{background:#f4f4f4;padding:1rem;overflow:auto}small{color:#555}"
)


def picture(points: Sequence[AtThreshold], chosen: float | None, title: str) -> str:
    """Return an SVG of recall, precision and false-positive rate by threshold, with their bounds.

    ``points`` are in the order of their thresholds; ``chosen`` is marked.
    """
    parts = [*_axes(), *(part for line in _LINES for part in _line(points, *line))]
    if chosen is not None:
        x = _x(chosen)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" '
            'stroke="#1b1b1b" stroke-dasharray="4 3"/>'
        )
    named = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 24}" '
        f'role="img" aria-label="{named}" font-family="system-ui,sans-serif" font-size="12">'
        f"<title>{named}</title>{''.join(parts)}{''.join(_legend())}</svg>\n"
    )


def page(
    title: str, svg: str, rows: Sequence[Sequence[str]], said: Sequence[str], paste: str
) -> str:
    """Return an HTML page: what is said, the picture, the table (its head first), the lines.

    A row whose first cell begins with ``>`` is the chosen one.
    """
    head, *body = rows
    table = "".join(_row(each) for each in body)
    lines = f"<h2>For the gate file</h2><pre>{escape(paste)}</pre>" if paste else ""
    words = "".join(f"<p>{escape(each)}</p>" for each in said)
    cells = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{words}<figure>{svg}</figure>"
        f"<table><thead><tr>{cells}</tr></thead><tbody>{table}</tbody></table>{lines}"
        "</body></html>\n"
    )


def _row(cells: Sequence[str]) -> str:
    chosen = ' class="chosen"' if cells[0].startswith(">") else ""
    first, *rest = (escape(each.removeprefix("> ")) for each in cells)
    others = "".join(f"<td>{each}</td>" for each in rest)
    return f'<tr{chosen}><th scope="row">{first}</th>{others}</tr>'


def _x(threshold: float) -> float:
    return _LEFT + min(max(threshold, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - min(max(share, 0.0), 1.0) * (_HEIGHT - _BOTTOM - _TOP)


def _axes() -> Iterator[str]:
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _x(tick), _y(tick)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
    yield f'<text x="{_x(0.5):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">threshold</text>'


def _line(
    points: Sequence[AtThreshold], name: str, colour: str, of: Callable[[AtThreshold], object]
) -> Iterator[str]:
    found = [(each.threshold, of(each)) for each in points]
    known = [(x, each) for x, each in found if getattr(each, "value", None) is not None]
    if not known:
        return
    low = [(x, each.lower(CONFIDENCE)) for x, each in known]  # type: ignore[attr-defined]  # an estimate
    high = [(x, each.upper(CONFIDENCE)) for x, each in known]  # type: ignore[attr-defined]
    band = [(x, y) for x, y in [*low, *reversed(high)] if y == y]
    value = [(x, each.value) for x, each in known]  # type: ignore[attr-defined]
    yield f'<polygon points="{_points(band)}" fill="{colour}" fill-opacity=".15"/>'
    yield (
        f'<polyline points="{_points(value)}" fill="none" stroke="{colour}" stroke-width="2">'
        f"<title>{name}</title></polyline>"
    )


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in places)


def _legend() -> Iterator[str]:
    for index, (name, colour, _) in enumerate(_LINES):
        x, y = _LEFT + index * 160, _HEIGHT + 12
        yield f'<rect x="{x}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="{y + 2}">{name}</text>'
