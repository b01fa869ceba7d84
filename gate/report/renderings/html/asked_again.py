"""The answers to changed images on the page: the evidence of each region, the surest flips."""

from dataclasses import dataclass

from gate.checks.region_evidence import BY_SCORE
from gate.evidence.records import MEAN, Rows
from gate.evidence.view_answers import CONFIDENCE, PREDICTION
from gate.report.model import Report, ResultPart
from gate.report.renderings.html.evidence import Beside
from gate.report.renderings.html.pictures import address
from gate.report.renderings.words import value_of, word

_MOST_MAPS = 4  # rules
_MOST_FLIPS = 12


@dataclass(frozen=True, slots=True)
class Region:
    """A cell of a grid: where it lies, in percent of the picture, and what is owed to it."""

    left: float
    top: float
    side: float
    owed: str
    share: float  # of what is allowed, from 0 to 1 and no more
    state: str


@dataclass(frozen=True, slots=True)
class EvidenceMap:
    """What a rule found the model to owe to each region of the picture."""

    rule: str
    split: str
    picture: str  # the mean of the images, as an address; empty where there is none
    cells: list[Region]
    others: list[tuple[str, str, str]]  # the frame and the tint: name, value, state


@dataclass(frozen=True, slots=True)
class Flip:
    """An image that was answered rightly, and a view of it that was not."""

    id: str
    view: str
    truth: str
    guess: str
    confidence: float  # in the wrong answer
    picture: str
    seen: str


def maps_of(report: Report, beside: Beside, *, images: bool) -> list[EvidenceMap]:
    """Return a map for each rule about regions that found something."""
    rules: dict[tuple[str, str], list[ResultPart]] = {}
    for result in report.results:
        known = result.measured.value is not None and result.scope.part is not None
        by_score = _part(result).startswith(BY_SCORE)
        if result.check == "region-evidence" and known and not by_score:
            rules.setdefault((result.rule, str(result.scope.split)), []).append(result)
    views = beside.views if images else {}
    return [
        EvidenceMap(
            rule,
            split,
            address(views.get((split, "", MEAN))),
            [_region(each) for each in results if _part(each).startswith("cell:")],
            [
                (_part(each).partition(":")[0], value_of(each), word(each))
                for each in results
                if not _part(each).startswith("cell:")
            ],
        )
        for (rule, split), results in list(rules.items())[:_MOST_MAPS]
    ]


def _part(result: ResultPart) -> str:
    return result.scope.part or ""


def _region(result: ResultPart) -> Region:
    _, grid, cell = _part(result).split(":")
    row, column = divmod(int(cell), int(grid))
    side = 100 / int(grid)
    owed, allowed = result.measured.value or 0.0, result.required.value
    share = min(max(owed / (allowed or 1.0), 0.0), 1.0)
    place = (round(column * side, 2), round(row * side, 2), round(side, 2))
    return Region(*place, f"{round(owed, 2) + 0.0:.2f}", round(share, 2), word(result))


def flips_of(report: Report, beside: Beside) -> list[Flip]:
    """Return the flips that pictures were kept of, the surest first."""
    if beside.evidence is None:
        return []
    rows = {str(split): each.all_rows for split, each in beside.evidence.splits.items()}
    keys = {
        (str(split), each.facts["view"]): key
        for split, evidence in beside.evidence.splits.items()
        for key, each in evidence.measurements.items()
        if "view" in each.facts
    }
    found = [
        _flip(rows[split], name, view, keys[split, view], report, address(clean), address(seen))
        for (split, name, view), seen in beside.views.items()
        if (split, view) in keys and (clean := beside.pictures.get((split, name)))
    ]
    return sorted(found, key=lambda each: -each.confidence)[:_MOST_FLIPS]


def _flip(
    rows: Rows, name: str, view: str, key: str, report: Report, picture: str, seen: str
) -> Flip:
    row = rows.ids.tolist().index(name)
    columns = rows.observed(key)
    classes = report.subject.classes
    return Flip(
        id=name,
        view=view,
        truth=classes[rows.labels[row]],
        guess=classes[int(columns[PREDICTION][row])],
        confidence=float(columns[CONFIDENCE][row]),
        picture=picture,
        seen=seen,
    )
