"""The report: the JSON document that other tools read, version 1.0.

A type of its own, filled by copying, so that the records inside may change freely. Keys stand in
the order of the fields; there is no NaN: a number that does not exist is null and has a reason.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gate.report.canonical import visible_json

SCHEMA_VERSION = "1.0"

_NO_MATRICES = '\n  "confusion": {}'  # as it stands in JSON text
_NO_ROWS = '\n      "counts": []'

SplitKey = Literal["train", "validation", "test", "unknown"]
Verdict = Literal["pass", "fail", "inconclusive", "error"]
Outcome = Literal["passed", "failed", "inconclusive", "error", "waived", "not-applicable"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Tool(_Part):
    """The program that wrote the report."""

    name: Literal["validate-model"] = "validate-model"
    version: str


class Counts(_Part):
    """The number of results by outcome."""

    passed: int
    failed: int
    inconclusive: int
    error: int
    waived: int
    not_applicable: int = Field(
        0, alias="not-applicable", description="Rules about what was not declared; no passes."
    )


class DecisionPart(_Part):
    """What was decided, and by which results."""

    exit_status: int = Field(description="0 pass, 1 fail, 3 inconclusive, 4 not evaluated.")
    retriable: bool = Field(
        False,
        description="Whether the same run may reach a verdict, nothing changed: with exit status 4 "
        "where all that stands in its way may heal, else never.",
    )
    enforced: bool = Field(description="False in audit mode: a failure then exits 0.")
    reasons: list[str] = Field(description="Keys of the results that caused it, worst first.")
    counts: Counts
    rules_evaluated: int


class ArtefactPart(_Part):
    """A file that is deployed in place of the checkpoint, and was measured beside it."""

    name: str
    sha256: str
    size_bytes: int
    format: str
    precision: str = Field(description="The type of most of the numbers of its weights.")
    parameters: int | None
    covered: bool = Field(
        description="Whether rules of parity that block have passed and lead from it to the "
        "checkpoint: then the verdict is on this file, too."
    )


class SubjectPart(_Part):
    """The checkpoint that was judged; null where it was not reached, or no checkpoint was run."""

    file: str | None = Field(
        None, description="The name of the file or folder, without where it lies."
    )
    sha256: str | None
    size_bytes: int | None
    format: str | None
    factory: str | None
    parameters: int | None
    classes: list[str]
    artefacts: list[ArtefactPart]


class IntervalPart(_Part):
    """One-sided bounds, each by itself at its confidence; null where there is none."""

    low: float | None
    high: float | None
    one_sided_confidence: float
    method: str


class ChangePart(_Part):
    """A metric of the champion and of the model, on the same images; leaked ones are left out."""

    name: str
    split: Literal["train", "validation", "test"]
    class_: str | None = Field(alias="class")
    before: float | None = Field(description="Of the champion.")
    after: float | None = Field(description="Of the model.")
    difference: float | None
    interval: IntervalPart | None = Field(description="Of the difference, paired by image.")
    reason: str | None = Field(description="Why there is no difference, or no interval.")


class BaselinePart(_Part):
    """The champion that the model was compared with."""

    path: str
    sha256: str | None = Field(description="Of its checkpoint; null where none was run.")
    evidence_sha256: str | None = Field(
        description="Of the evidence file that its answers were read from."
    )
    operating_point: str | None = Field(
        None,
        description="How its scores became answers, in words; null where the highest one decides.",
    )
    changes: list[ChangePart] = Field(
        [],
        description="Accuracy, balanced accuracy, macro F1 and the recall of the class that is now "
        "the worst; empty where both were not measured on the same images.",
    )


class SourcePart(_Part):
    """A file that the policy was read from."""

    path: str
    sha256: str


class PluginPart(_Part):
    """A package whose checks the policy may use."""

    package: str
    version: str
    sha256: str = Field(description="Over the names and bytes of its source files.")


class PolicyPart(_Part):
    """The policy, by name and digest."""

    name: str
    version: str
    sha256: str = Field(description="Of the bytes of the file.")
    resolved_sha256: str = Field(description="Of the policy with every default filled in.")
    sources: list[SourcePart]
    plugins: list[PluginPart] = Field(description="The packages that it lists, as installed.")


class CodePart(_Part):
    """A function of the user's that ran, and the package that it comes from."""

    name: str
    kwargs: dict[str, Any]
    package: str
    files: int = Field(description="Source files of the package.")
    sha256: str | None = Field(description="Over their names and bytes; null where there are none.")


class ChampionPart(_Part):
    """The champion that was compared with."""

    checkpoint: str | None = Field(description="Its SHA-256; null where none was run.")
    evidence: str = Field(description="The SHA-256 over what it answered, wherever that lies.")


class ConfigurationPart(_Part):
    """What the verdict rests on beside checkpoint, policy and data."""

    classes: list[str] = Field(description="In the order of the model's outputs.")
    critical: list[str] = Field(description="Of the policy and of the gate file together.")
    input: dict[str, Any] | None = Field(
        description="How images became inputs, defaults included; null with saved predictions."
    )
    output: dict[str, Any] | None = Field(
        description="Which scores of the model's answers were taken, and as what they were "
        "declared; null where no model was run."
    )
    operating_point: dict[str, Any] | None = Field(
        None,
        description="The thresholds by which scores became answers, as decimal strings; null where "
        "the class with the highest score is the answer.",
    )
    weights: str | None = Field(description="The state dict that was named, where one was.")
    slices: dict[SplitKey, list[str]] = Field(description="The slice columns of each split.")
    groups: dict[SplitKey, dict[str, str] | None] = Field(
        description="The column or the pattern that tells the groups of each split."
    )
    code: dict[str, CodePart] = Field(
        description="The user's code by its key in the gate file, and that of plugins."
    )
    champion: ChampionPart | None
    plugins: dict[str, str] = Field(
        description="The packages whose plugins took part in measuring, with their versions."
    )
    digests: dict[str, str] = Field(
        description="The SHA-256 of input, output, weights, operating_point, slices, groups, code, "
        "plugins as canonical JSON; a trust file can pin them."
    )


class DisagreementPart(_Part):
    """One thing that two sources state, each in its own way."""

    topic: str = Field(description="A key, such as input.mean.")
    value: str
    source: str = Field(description="Who states the value.")
    other: str
    other_source: str = Field(description="Who states the other value.")
    kind: Literal["override", "contradiction"] = Field(
        description="Whether the user overrides the artefact, or the artefact contradicts itself "
        "or the data."
    )


class UnreadablePart(_Part):
    """An image that could not be read."""

    id: str
    reason: str


class SplitPart(_Part):
    """One split of the data as it was read."""

    path: str
    format: str
    images: int = Field(description="As listed, the unreadable included.")
    per_class: dict[str, int] = Field(description="Readable images of each class.")
    groups: int | None = Field(description="Distinct groups; null where none are declared.")
    manifest_sha256: str = Field(
        description="Over path, bytes, label, group and slices of every image."
    )
    unreadable: list[UnreadablePart]


class MeasurementPart(_Part):
    """What was measured on a split beside the model's answers, because rules need it."""

    key: str
    split: Literal["train", "validation", "test"]
    columns: list[str] = Field(description="The names of what was observed on each image.")
    facts: dict[str, Any] = Field(description="What the observations depend on.")
    summary: Any = Field(description="What all images say together.")
    sha256: str = Field(description="Over the names of the images and what was observed on each.")


class MeasuredPart(_Part):
    """What was observed."""

    value: float | None
    numerator: int | None
    denominator: int | None
    interval: IntervalPart | None
    reason: str | None = Field(description="Why there is no value, or no interval.")


class RequiredPart(_Part):
    """The condition for passing: measured operator value."""

    operator: Literal[">=", "<=", ">", "<"]
    value: float


class ScopePart(_Part):
    """What a result speaks of."""

    split: str | None
    class_: str | None = Field(alias="class")
    slice: str | None
    part: str | None = Field(description="Which of several conditions of one rule.")


class LocationPart(_Part):
    """Where the rule stands."""

    file: str
    line: int
    column: int


class ReadingPart(_Part):
    """What one rule found on one set of rows."""

    rows: str = Field(
        description="Which: `as given`, or `without leaked and repeated images`, each of several "
        "splits where the rule compares them."
    )
    outcome: Outcome
    proven: bool
    measured: MeasuredPart
    required: RequiredPart


class ResultPart(_Part):
    """One rule on one scope: the worst of what it found on the rows as given and without leaks."""

    key: str
    rule: str
    check: str
    severity: Literal["block", "warn"]
    outcome: Outcome
    proven: bool = Field(description="Whether the bounds decided it, not the estimate alone.")
    scope: ScopePart
    measured: MeasuredPart
    required: RequiredPart
    margin: float | None = Field(description="How much better than required; negative: worse.")
    message: str
    finding: str | None = Field(
        None,
        description="What was found, in a sentence without details; null where `measured` against "
        "`required` says it.",
    )
    needed: str | None = Field(
        None, description="The evidence that would decide an inconclusive result, where known."
    )
    remedy: str
    rows: str | None = Field(
        description="The rows that decided; null where leaked and repeated images change nothing."
    )
    readings: list[ReadingPart] = Field(
        description="The finding on each set of rows, the deciding one first; empty where there is "
        "one only."
    )
    waiver: str | None
    location: LocationPart | None


class SeenPart(_Part):
    """Slices of one size, and how weak one of them has to be for a search to find it."""

    images: int = Field(description="Of the slice, on the split that was searched.")
    test_images: int = Field(description="Of such a slice on test, which has to confirm it.")
    slices: int = Field(description="That were searched and have so many images or more.")
    found_below: float | None = Field(
        description="The true share of right answers below which such a slice is found with a "
        "chance of 0.8 or more; null: never."
    )


class SearchPart(_Part):
    """What a search for weak slices could have seen: to have found none is no proof."""

    rule: str
    split: str = Field(description="That was searched.")
    searched: int = Field(description="The slices that were looked at.")
    required: float = Field(description="The share of right answers that is asked of each.")
    said: str = Field(description="What would have been seen, of two sizes, in a clause.")
    by_size: list[SeenPart]


class MetricPart(_Part):
    """A number that was computed, gated or not, without leaked and repeated images."""

    name: str
    split: str
    class_: str | None = Field(alias="class")
    slice: str | None
    value: float | None
    interval: IntervalPart | None
    support: int


class ConfusionPart(_Part):
    """A confusion matrix of the images as given, leaked ones included; rows are the truth."""

    classes: list[str]
    counts: list[list[int]]
    abstained: list[int] | None = Field(
        None,
        description="Images of each class without an answer; null where each image gets one.",
    )

    def to_json(self) -> str:
        """Return the matrix as JSON text, a row a line, to stand inside a report."""
        names = self.model_copy(update={"counts": []}).model_dump_json(indent=2)
        rows = ",\n".join(f"        {row}" for row in self.counts)
        inside = f"[\n{rows}\n      ]" if rows else "[]"
        return names.replace("\n", "\n    ").replace(_NO_ROWS, f'\n      "counts": {inside}', 1)


class ThresholdPart(_Part):
    """The score from which on a class is the answer, and how it was found."""

    class_: str = Field(alias="class")
    at_least: str | None = Field(
        description="A decimal string; null where no threshold reaches the target."
    )
    fit: str | None = Field(
        description="What it was fitted to on validation: recall 0.95; null where it was given."
    )
    nearest: str | None = Field(
        description="Where no threshold reaches the target, the nearest one that is reached."
    )


class FittedOnPart(_Part):
    """The rows that thresholds were fitted on."""

    split: Literal["validation"]
    images: int
    sha256: str = Field(description="Over names, labels, groups and scores of the rows.")


class OperatingPointPart(_Part):
    """How scores became answers, where that is not by the highest score."""

    order: list[ThresholdPart] = Field(description="The first whose threshold is met decides.")
    otherwise: Literal["best", "abstain"]
    fitted_on: FittedOnPart | None
    confidence: str = Field(description="Of each fit, one-sided: a decimal string.")
    doubt: str | None = Field(description="Why nothing is proven at it; null where it can be.")
    at_highest_score: list[MetricPart] = Field(
        description="The metrics of answers, if the class with the highest score were the answer."
    )


class AlignmentPart(_Part):
    """Where in image b lies what is at (y, x) of image a, in sides from the middles."""

    down: list[float] = Field(description="Three numbers: it is at their sum with y, x and 1.")
    right: list[float] = Field(description="The same, to the right.")
    inverted: bool = Field(description="Whether dark is bright in the other.")


class PairPart(_Part):
    """Two images that are the same picture."""

    a: str
    b: str
    split_a: str
    split_b: str
    label_a: str
    label_b: str
    kind: Literal["bytes", "pixels", "flipped", "near", "edited", "id"]
    distance: float | None
    orientation: str | None
    change: str | None = Field(description="How b differs from a, in words.")
    alignment: AlignmentPart | None = Field(description="Of a copy that was aligned to be found.")


class InflationPart(_Part):
    """A metric with and without the leaked and repeated images."""

    name: str
    split: str
    class_: str | None = Field(alias="class")
    as_given: float | None
    clean: float | None
    difference: float | None
    interval: IntervalPart | None = Field(description="Of the difference.")
    reason: str | None = Field(None, description="Why there is no difference, or no interval.")
    rule: str | None = Field(
        None,
        description="The rule that asks for this metric; null for those that every report shows.",
    )


class ComparedPart(_Part):
    """Two splits that were compared."""

    split_a: str
    split_b: str
    counts: dict[str, int] = Field(description="Pairs by the kinds that were looked for.")
    featureless: int = Field(description="Images that only exact comparison could judge.")
    look_alikes: int = Field(
        description="Images of split_b like so many of split_a that no copy can be told."
    )
    images: int = Field(description="Of both.")
    turned: bool = Field(
        description="Whether photographs that were turned, moved or cropped were looked for."
    )


class LeakagePart(_Part):
    """What the splits share."""

    compared: list[ComparedPart]
    pairs: list[PairPart] = Field(description="The surest first; at most 1,000 are listed.")
    counts: dict[str, int] = Field(description="Pairs by kind, the unlisted included.")
    featureless: int = Field(description="Images that only exact comparison could judge.")
    inflation: list[InflationPart]
    unjudged: list[str] = Field(
        [], description="Copies that no rule of the policy judges, a sentence each."
    )


class HistoryPart(_Part):
    """The training history as it was read; what is NaN or infinite is a string."""

    path: str
    format: str
    train_loss: str | None = Field(description="The column that was taken for it.")
    validation_losses: list[str] = Field(description="The columns that were taken for it.")
    train_accuracy: str | None
    validation_accuracy: str | None
    checkpoint_epoch: float | None
    epochs: list[float]
    series: dict[str, list[float | str | None]]
    unread: list[str] = Field(description="Columns that look like a held-out loss; not judged.")
    notes: list[str] = Field(description="How doubtful rows and columns were read.")


class CausePart(_Part):
    """What probably lies behind several results at once."""

    kind: str = Field(description="A key, such as input-preparation or leaked-test.")
    message: str = Field(description="The cause with its evidence, in one sentence.")
    remedy: str


class WaiverPart(_Part):
    """A failure accepted in writing, and what became of that."""

    result: str = Field(description="The key of the result that it is for.")
    checkpoint: str = Field(description="The SHA-256 of the only checkpoint that it is for.")
    floor: float = Field(description="The worst value that is accepted.")
    reason: str
    ticket: str
    requested_by: str
    approved_by: str
    approved_on: str
    expires: str = Field(description="The last day that it holds on, in UTC.")
    why: str = Field(description="Why it holds, or does not.")
    location: LocationPart


class WaiversPart(_Part):
    """The waivers that were given; each stands in one of these lists."""

    applied: list[WaiverPart]
    expired: list[WaiverPart]
    unused: list[WaiverPart] = Field(description="The result passed, or is not there.")
    rejected: list[WaiverPart] = Field(description="The result did not pass, and `why` says more.")


class ErrorPart(_Part):
    """Something that could not be measured."""

    where: str
    kind: str
    message: str
    remedy: str
    retriable: bool = Field(
        False,
        description="Whether it may heal without a change: a full disk, an unreachable store, a "
        "killed worker.",
    )


class Report(_Part):
    """The verdict on one checkpoint under one policy, with everything that it rests on."""

    schema_version: Literal["1.0"]
    tool: Tool
    verdict: Verdict
    passed: bool
    decision: DecisionPart
    subject: SubjectPart
    baseline: BaselinePart | None
    policy: PolicyPart
    configuration: ConfigurationPart
    operating_point: OperatingPointPart | None = Field(
        None, description="How scores became answers; null: the highest score decides."
    )
    contract: list[DisagreementPart] = Field(
        [], description="Where gate file, artefact and data state the same thing and differ."
    )
    data: dict[SplitKey, SplitPart]
    measurements: list[MeasurementPart] = Field(
        [], description="What was measured beside the model's answers, because rules need it."
    )
    causes: list[CausePart] = Field(
        [],
        description="Likely causes that the evidence is strong for, the surest first; at most 2.",
    )
    results: list[ResultPart]
    searches: list[SearchPart] = Field(
        [], description="What each search for weak slices could have seen."
    )
    metrics: list[MetricPart]
    confusion: dict[Literal["train", "validation", "test"], ConfusionPart]
    leakage: LeakagePart
    history: HistoryPart | None
    waivers: WaiversPart
    errors: list[ErrorPart]
    environment: dict[str, Any] = Field(description="Versions, device, seed, what was assumed.")
    run: dict[str, Any] = Field(
        description="The only part that differs between two equal runs: when it was judged, when "
        "the oldest of its answers was given (`measured_at`), and how many came from the cache."
    )

    def to_json(self) -> str:
        """Return the report as JSON text with two spaces of indentation and a final newline.

        Each row of a confusion matrix stands on one line: with a number a line, a thousand classes
        would fill a million lines.
        """
        rest = self.model_copy(update={"confusion": {}})
        text = rest.model_dump_json(indent=2, by_alias=True)
        # A line break within a string is written as \\n, so the key is found nowhere else.
        whole = text.replace(_NO_MATRICES, f'\n  "confusion": {self._matrices()}', 1) + "\n"
        return visible_json(whole)

    def _matrices(self) -> str:
        if not self.confusion:
            return "{}"
        parts = [f'    "{split}": {part.to_json()}' for split, part in self.confusion.items()]
        return "{\n" + ",\n".join(parts) + "\n  }"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (Draft 2020-12) of the report."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A report of validate-model",
    }
