"""The answers depend on the batch, as with batch norm in training mode."""

from gate.decision import Result
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.causes.cause import MODEL, Cause, Facts, Finding, is_about_answers, is_unmet

_FEWEST = 4  # images tried alone
_SHARE = 0.5  # of them that must get another answer


def find(facts: Facts) -> Finding | None:
    """Return the cause where most images that were tried alone get another answer in a batch."""
    probe = facts.evidence.probe
    if probe is None or probe.checked_individually < _FEWEST:
        return None
    changed, tried = probe.batch_disagreements, probe.checked_individually
    if changed < _SHARE * tried:
        return None
    return Finding(
        message=f"answers depend on the batch, as with batch norm in training mode: {changed} of "
        f"{tried} images get another answer alone than in a batch",
        remedy="use the running statistics of batch norm, as after `model.eval()`, and delete what "
        "in `forward` depends on the batch or on `self.training`",
        explains=_explains,
    )


def _explains(result: Result) -> bool:
    is_of_batch = result.rule.check == "model-integrity" and result.comparison.scope.part == "batch"
    return is_about_answers(result) or (is_of_batch and is_unmet(result))


BATCH_NORM = Cause(
    kind="batch-norm",
    find=find,
    families=MODEL,
    evidence=f"The model is shown the first images alone and in a batch. At least {_FEWEST} were "
    f"tried, and at least {_SHARE:.0%} of them get another answer.".replace("%", " %"),
    example=SyntheticRun(test=((30, 70), (65, 35)), train=((140, 160), (150, 150)), probe="batch"),
    hides=frozenset({"input-preparation", "class-order", "ignored-class", "overfit", "chance"}),
)
