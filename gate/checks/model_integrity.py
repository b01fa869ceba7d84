"""Check: model-integrity."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.checks.sentences import agree, enumerate_names, known_or
from gate.checks.without_model import SUBJECT_IN_WORDS, SubjectRule, without_model
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, ModelProbe
    from gate.metrics.estimates import Estimate


_REMEDIES: Mapping[str, str] = {
    "tensors": "load a checkpoint from before the training diverged, and train again at a lower "
    "learning rate",
    "parts of the sandbox": "judge on a machine whose kernel has these parts, or require fewer of "
    "them in the rule",
    "outputs": "look for a division by zero, an overflow in half precision, or a batch-norm buffer "
    "that was never filled",
    "constant": "check that the weights were loaded and that the input reaches them: dead units "
    "answer the same to everything",
    "batch": "call `eval()` before saving or exporting, and let nothing in `forward` depend on the "
    "batch or on `self.training`",
}


class ModelIntegrity(Rule):
    """Refuse a model whose numbers are broken.

    Weights, buffers and outputs must be finite; two different images must not always get the same
    output; and an image must get the same answer alone and in a batch (a model left in training
    mode, or one that normalises over the batch, does not give it).

    To fix a failure: look for a diverged training run, a batch-norm buffer that was never filled,
    or code in `forward` that depends on the batch or on `self.training`.

    To decide it: give the checkpoint as `model:`, and at least two images to show it.
    """

    family: ClassVar = "model"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "tensors and outputs that are not finite; outputs that never change; predictions that "
        "change with the batch"
    )
    interval: ClassVar = "none: the outputs are counted, not sampled"

    check: Literal["model-integrity"] = "model-integrity"

    sandbox: tuple[Literal["rlimits", "no_new_privileges", "network", "landlock"], ...] = Field(
        (),
        description="Parts of the sandbox that a foreign parser must run in, which ONNX needs; "
        "other checkpoints are read without one.",
    )

    subject: SubjectRule = Field("optional", description=SUBJECT_IN_WORDS)

    examples: ClassVar = (
        Example("sound", {}, SyntheticRun(probe="sound"), Outcome.PASSED),
        Example("NaN in a weight", {}, SyntheticRun(probe="nan"), Outcome.FAILED),
        Example(
            "the same answer to everything", {}, SyntheticRun(probe="constant"), Outcome.FAILED
        ),
        Example("the batch changes the answer", {}, SyntheticRun(probe="batch"), Outcome.FAILED),
        Example("no model was run", {}, SyntheticRun(), Outcome.INCONCLUSIVE),
    )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the counts of what must not be there."""
        from gate.metrics.estimates import Count, Undefined

        probe = evidence.probe
        if probe is None:
            what = "soundness of the model"
            return [without_model(what, "tensors", evidence, subject=self.subject)]
        absent = [
            part for part in self.sandbox if probe.sandbox is not None and part not in probe.sandbox
        ]
        seen = Undefined("the model was shown no image", remedy="give some images under `data:`")
        return [
            _none("tensors", Count(len(probe.nonfinite_tensors)), _of_tensors(probe)),
            *(
                [_none("parts of the sandbox", Count(len(absent)), _of_sandbox(absent))]
                if self.sandbox
                else []
            ),
            _none(
                "outputs",
                Count(probe.nonfinite_outputs) if probe.outputs else seen,
                _of_outputs(probe),
            ),
            _none(
                "constant",
                Count(int(probe.constant)) if probe.outputs > 1 else seen,
                "The output never changes, whatever the image"
                if probe.constant
                else "The output changes with the image",
            ),
            _none(
                "batch",
                Count(probe.batch_disagreements) if probe.checked_individually else seen,
                _of_batch(probe),
            ),
        ]


def _of_tensors(probe: "ModelProbe") -> str:
    broken = probe.nonfinite_tensors
    if not broken:
        return "All weights and buffers are finite"
    words = agree(len(broken), "tensors hold", "tensor holds")
    return f"{len(broken):,} {words} NaN or infinity: {enumerate_names(broken)}"


def _of_sandbox(absent: "Sequence[str]") -> str:
    if not absent:
        return "Every required part of the sandbox held"
    words = agree(len(absent), "parts", "part")
    return f"{len(absent)} required {words} of the sandbox did not hold: {enumerate_names(absent)}"


def _of_outputs(probe: "ModelProbe") -> str:
    if not probe.nonfinite_outputs:
        return f"All {probe.outputs:,} outputs are finite"
    verb = agree(probe.nonfinite_outputs, "are", "is")
    return f"{probe.nonfinite_outputs:,} of {probe.outputs:,} outputs {verb} NaN or infinite"


def _of_batch(probe: "ModelProbe") -> str:
    changed, tried = probe.batch_disagreements, probe.checked_individually
    if not changed:
        return f"All {tried:,} images tried get the same answer alone and in a batch"
    verb = agree(changed, "get", "gets")
    return f"{changed:,} of {tried:,} images {verb} another answer alone than in a batch"


def _none(part: str, estimate: "Estimate", finding: str) -> Comparison:
    return Comparison(
        what=f"model integrity, {part}",
        estimate=estimate,
        operator="<=",
        required=0,
        scope=Scope(part=part),
        finding=known_or(estimate, finding),
        remedy=_REMEDIES[part],
    )
