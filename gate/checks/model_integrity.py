"""Check: model-integrity."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate


class ModelIntegrity(Rule):
    """Refuse a model whose numbers are broken.

    Weights, buffers and outputs must be finite; two different images must not always get the same
    output; and an image must get the same answer alone and in a batch (a model left in training
    mode, or one that normalises over the batch, does not give it).

    To fix a failure: look for a diverged training run, a batch-norm buffer that was never filled,
    or code in `forward` that depends on the batch or on `self.training`.
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
            return [_none("number of broken tensors", Undefined("no model was run"), "tensors")]
        absent = [
            part for part in self.sandbox if probe.sandbox is not None and part not in probe.sandbox
        ]
        seen = Undefined("no image was given to the model")
        return [
            _none(
                "number of weights and buffers with NaN or infinity",
                Count(len(probe.nonfinite_tensors)),
                "tensors",
                ", ".join(probe.nonfinite_tensors[:5]),
            ),
            *(
                [
                    _none(
                        "number of required parts of the sandbox that did not hold",
                        Count(len(absent)),
                        "parts of the sandbox",
                        ", ".join(absent),
                    )
                ]
                if self.sandbox
                else []
            ),
            _none(
                "number of outputs with NaN or infinity",
                Count(probe.nonfinite_outputs) if probe.outputs else seen,
                "outputs",
                f"of {probe.outputs} looked at" if probe.outputs else "",
            ),
            _none(
                "number of models whose output never changes",
                Count(int(probe.constant)) if probe.outputs > 1 else seen,
                "constant",
            ),
            _none(
                "number of predictions that change between alone and in a batch",
                Count(probe.batch_disagreements) if probe.checked_individually else seen,
                "batch",
                f"of {probe.checked_individually} tried" if probe.checked_individually else "",
            ),
        ]


def _none(what: str, estimate: "Estimate", part: str, detail: str = "") -> Comparison:
    return Comparison(
        what=what,
        estimate=estimate,
        operator="<=",
        required=0,
        scope=Scope(part=part),
        detail=detail,
    )
