"""The cost of an answer stays within bounds: size, computation, and time beside another."""

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope, SplitName
from gate.checks.sentences import known_or
from gate.evidence.measurements import ARTEFACT_NAME
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.costs import MacsOfImage, PairedLatency
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_TEST = ((480, 20), (20, 480))
_COUNT_ANOTHER = (
    "limit the `macs` of the checkpoint that it was exported from, and the `file` of this one"
)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]?)B?")

ArtefactName = Annotated[str, Field(pattern=ARTEFACT_NAME)]


def _as_count(value: float | str) -> int:
    """Return 50MB, 12e6 or 12M as a whole number; raises ValueError for anything else."""
    if isinstance(value, str):
        read = _SIZE.fullmatch(value)
        if read is None:
            raise ValueError("write a number, or one with a unit, such as 50MB or 12M")
        value = float(read[1]) * _UNITS[read[2]]
    if value < 1 or value != int(value):
        raise ValueError("write a whole number above 0")
    return int(value)


Size = Annotated[int | float | str, AfterValidator(_as_count)]


class Latency(BaseModel):
    """How much longer an answer may take than that of another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    versus: ArtefactName = Field(
        description="What it is compared with, by its name under `artefacts` of the gate file: the "
        "champion's file, or an export."
    )
    max_ratio: float = Field(
        1.25,
        ge=1.1,
        description="The largest median of the ratios of two times. Two equal nets differ by a few "
        "hundredths, so less than 1.1 is not told from nothing.",
    )
    turns: int = Field(100, ge=10, le=1000, description="How many images both are asked, alone.")
    severity: Literal["block", "warn"] = Field(
        "warn", description="Whether a longer time blocks: machines differ, and so do hours."
    )


def _counted(macs: int) -> SyntheticRun:
    columns = {
        "multiply-accumulates": ((1, macs), (999, -1)),
        "asked": ((1, 1), (999, -1)),
    }
    return SyntheticRun(
        test=_TEST, probe="sound", observations={"test": {"macs of the model v1": columns}}
    )


def _timed(slow: float, turns: int = 100) -> SyntheticRun:
    mine, other = 0.001 * slow, 0.001
    columns = {
        "seconds": ((turns, mine), (1000 - turns, None)),
        "seconds of the other": ((turns, other), (1000 - turns, None)),
    }
    return SyntheticRun(
        test=_TEST,
        observations={"test": {"latency of the model versus champion v1 turns=100": columns}},
    )


class Budget(Rule):
    """Require that an answer costs no more than it may.

    Parameters, bytes of the file and multiply-accumulates of an image are counted, and equal on
    every machine. Parameters are all weights, registered as such or as buffers, without the
    statistics of norms; numbers that the code makes are in no count. torch counts convolutions and
    matrix products, and not what is written in other operations. Of an ONNX file nothing is
    counted: a limit on `macs` is then inconclusive, for an export would else be a way around it.

    Time is measured: `latency` asks the model and another artefact about the same images, one at a
    time and turn about, and compares the ratios of their times. Beside a slow net any is fast: the
    gate file chooses the other, and the report has its digest. On two busy cores equal nets were
    0.986 to 1.010, with a lower bound of 1.003 at most (12 times 100 turns); the way to the process
    that runs an ONNX file counts, too. It fails where even the lower bound of the median is larger
    than `max_ratio`, and warns unless it says `severity: block`.

    To fix a failure: take a smaller net, prune or quantise it, or raise the limit.

    To decide it: measure again with this policy; a time takes at least ten images of the split.
    """

    family: ClassVar = "deployment"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "operations of torch's FlopCounterMode / 2; ratio = seconds / seconds of the other, image "
        "by image"
    )
    interval: ClassVar = (
        "none: counted; of the median ratio: sign test, an order statistic, without assumptions"
    )

    check: Literal["budget"] = "budget"
    artefact: ArtefactName | None = Field(
        None, description="The artefact that is judged; by default the model."
    )
    parameters: Size | None = Field(None, description="The most parameters, such as 12e6.")
    macs: Size | None = Field(
        None, description="The most multiply-accumulates of one image, such as 2G."
    )
    file: Size | None = Field(None, description="The most bytes of the file, such as 50MB.")
    latency: Latency | None = Field(None, description="The time of an answer beside another.")
    split: SplitName = Field("test", description="The split whose images are asked.")

    examples: ClassVar = (
        Example(
            "1,000 parameters, 2 million multiply-accumulates",
            {"parameters": 1000, "macs": "2M"},
            _counted(2_000_000),
            Outcome.PASSED,
        ),
        Example("1 too many", {"macs": "2M"}, _counted(2_000_001), Outcome.FAILED),
        Example(
            "twice as slow, where that blocks",
            {"latency": {"versus": "champion", "severity": "block"}},
            _timed(2.0),
            Outcome.FAILED,
        ),
        Example(
            "a twentieth slower", {"latency": {"versus": "champion"}}, _timed(1.05), Outcome.PASSED
        ),
        Example("it was not measured", {"macs": "2M"}, SyntheticRun(test=_TEST),
                Outcome.INCONCLUSIVE),
    )  # fmt: skip

    @model_validator(mode="after")
    def _require_a_limit(self) -> Self:
        if not any((self.parameters, self.macs, self.file, self.latency)):
            raise ValueError("give parameters, macs, file or latency")
        if self.latency is not None and self.latency.versus == self.artefact:
            raise ValueError("an artefact is compared with itself")
        return self

    def needs(self) -> "tuple[Measurement, ...]":
        """Return what is counted and timed; an artefact is looked at for its size alone, too."""
        needed: list[Measurement] = []
        if self.macs is not None or (self.artefact is not None and self.latency is None):
            needed.append(self._macs)
        if self.latency is not None:
            needed.append(self._latency(self.latency))
        return tuple(needed)

    @property
    def _macs(self) -> "MacsOfImage":
        from gate.evidence.costs import MacsOfImage

        return MacsOfImage(self.artefact, splits=(self.split,))

    def _latency(self, latency: Latency) -> "PairedLatency":
        from gate.evidence.costs import PairedLatency

        return PairedLatency(self.artefact, latency.versus, latency.turns, (self.split,))

    @property
    def _who(self) -> str:
        return self.artefact or "the model"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return what is counted and timed against what is allowed."""
        found: list[Comparison] = []
        for part, limit, what, estimate in (
            ("parameters", self.parameters, "parameters", self._parameters(evidence)),
            ("file", self.file, "bytes of the file", self._bytes(evidence)),
        ):
            if limit is not None:
                found.append(self._counted(part, limit, what, estimate))
        if self.macs is not None:
            counted = self._macs_counted(evidence)
            found.append(
                self._counted("macs", self.macs, "multiply-accumulates of an image", counted)
            )
        if self.latency is not None:
            found.append(self._timed(self.latency, evidence))
        return found

    def _counted(self, part: str, limit: float | str, what: str, count: "Estimate") -> Comparison:
        allowed = int(limit)
        seen = f"{self._who} has {int(count.value or 0):,} {what}, allowed {allowed:,}"
        return Comparison(
            what=f"number of {what} of {self._who}",
            estimate=count,
            operator="<=",
            required=allowed,
            scope=Scope(part=part),
            finding=known_or(count, seen),
        )

    def _parameters(self, evidence: "Evidence") -> "Estimate":
        facts = self._facts(evidence)
        model = None if evidence.probe is None else evidence.probe.parameters
        return _count(model if self.artefact is None else facts, "parameters")

    def _facts(self, evidence: "Evidence") -> int | None:
        named = (each for each in evidence.artefacts if each.name == self.artefact)
        return next((each.parameters for each in named), None)

    def _bytes(self, evidence: "Evidence") -> "Estimate":
        sizes = {each.name: each.size_bytes for each in evidence.artefacts}
        model = None if evidence.subject is None else evidence.subject.size_bytes
        return _count(model if self.artefact is None else sizes.get(self.artefact), "bytes")

    def _macs_counted(self, evidence: "Evidence") -> "Estimate":
        from gate.evidence.costs import ASKED, MACS
        from gate.evidence.records import Split
        from gate.metrics.estimates import Count, Undefined
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        if rows is None:
            return absent(evidence, self.split)
        columns = rows.observed(self._macs.key)
        known = columns[MACS][columns[MACS] >= 0]
        if len(known):
            return Count(int(known.max()))
        if (columns[ASKED] == 1).any():
            fact = f"torch runs no module of {self._who}, and nothing else counts"
            return Undefined(fact, remedy=_COUNT_ANOTHER)
        return Undefined("no image was asked about")

    def _timed(self, latency: Latency, evidence: "Evidence") -> Comparison:
        from gate.evidence.costs import SECONDS, SECONDS_VERSUS
        from gate.evidence.records import Split
        from gate.metrics.estimates import Indication, Undefined
        from gate.metrics.latency import MedianRatio
        from gate.metrics.selection import absent, rows_on

        rows = rows_on(evidence, Split(self.split))
        estimate: Estimate = absent(evidence, self.split)
        detail = ""
        if rows is not None:
            columns = rows.observed(self._latency(latency).key)
            asked = columns[SECONDS] > 0  # NaN: not asked
            mine, theirs = columns[SECONDS][asked], columns[SECONDS_VERSUS][asked]
            ratio = MedianRatio(mine / theirs)
            lower = ratio.lower(self.one_sided_confidence)
            estimate = Indication(lower, confirmed=True, method="sign test of the median ratio")
            detail = f"The median of {len(mine):,} turns is {ratio.value:.2f}"
            if not lower > 0:
                few = f"{len(mine):,} turns prove nothing"
                estimate, detail = Undefined(few, remedy="give ten images or more"), ""
        seen = (
            f"{self._who} takes at least {estimate.value or 0:.2f} times as long as "
            f"{latency.versus}, allowed {latency.max_ratio:g}"
        )
        return Comparison(
            what=f"time of {self._who} beside {latency.versus}",
            estimate=estimate,
            operator="<=",
            required=latency.max_ratio,
            scope=Scope(self.split, part="latency"),
            finding=known_or(estimate, seen),
            detail=detail,
            advisory=latency.severity == "warn",
        )


def _count(number: int | None, what: str) -> "Estimate":
    from gate.metrics.estimates import Count, Undefined

    if number is None:
        return Undefined(f"the {what} are not known", remedy="limit `file` in their place")
    return Count(number)
