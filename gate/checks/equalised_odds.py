"""Check: equalised-odds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from gate.checks.base import Example, Outcome
from gate.checks.gaps import GapRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence


class EqualisedOdds(GapRule):
    """Refuse a model whose mistakes fall on one slice of the data more than on another.

    The chance to be found, and that of a false alarm, must be alike in all slices, for each class
    (Hardt, Price and Srebro 2016). It is `slice-gap` for recall and for the false-positive rate,
    and both must hold. Alike does not mean good: use it beside `recall`.

    To fix a failure: see which slice is furthest from the others, and collect more images like its
    own of the named class.

    To decide it: measure more images of each class in each slice.
    """

    formula: ClassVar = (
        "highest - lowest recall of a slice, and highest - lowest false-positive rate, each class"
    )
    interval: ClassVar = (
        "largest of all differences, each recovered from the bounds of both slices (MOVER: Zou and "
        "Donner 2008): exact binomial (Clopper and Pearson 1934), by group padded; to fail, the "
        "error is shared among all ordered pairs"
    )

    check: Literal["equalised-odds"] = "equalised-odds"

    examples: ClassVar = (
        Example(
            "both sites are answered alike",
            {"by": "site", "max": 0.1},
            SyntheticRun(
                test=((285, 15), (15, 285)),
                slices={
                    "test": {
                        "site": (
                            (143, "A"),
                            (142, "B"),
                            (7, "A"),
                            (8, "B"),
                            (7, "A"),
                            (8, "B"),
                            (143, "A"),
                            (142, "B"),
                        )
                    }
                },
            ),
            Outcome.PASSED,
        ),
        Example(
            "all dogs are found at both sites, and one of them raises the false alarms",
            {"by": "site", "max": 0.1},
            SyntheticRun(
                test=((320, 80), (0, 400)),
                slices={
                    "test": {
                        "site": (
                            (122, "A"),
                            (198, "B"),
                            (78, "A"),
                            (2, "B"),
                            (200, "A"),
                            (200, "B"),
                        )
                    }
                },
            ),
            Outcome.FAILED,
        ),
        Example(
            "the second site has no dogs",
            {"by": "site", "max": 0.1},
            SyntheticRun(
                test=((400, 0), (0, 200)),
                slices={"test": {"site": ((200, "A"), (200, "B"), (200, "A"))}},
            ),
            Outcome.INCONCLUSIVE,
        ),
    )

    def part(self, metric: str) -> str:
        """Return the metric."""
        return metric

    def questions(self, evidence: "Evidence") -> "Iterator[tuple[str, str | None]]":
        """Yield recall and the false-positive rate of each class."""
        for class_name in evidence.classes:
            yield "recall", class_name
            yield "false-positive-rate", class_name
