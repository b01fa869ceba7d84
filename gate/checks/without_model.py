"""A rule about a model, where saved predictions stand in for one."""

from typing import TYPE_CHECKING, Literal

from gate.checks.base import Comparison, Outcome, Scope
from gate.checks.sentences import not_checked

if TYPE_CHECKING:
    from gate.evidence.records import Evidence

SubjectRule = Literal["optional", "required"]
SUBJECT_IN_WORDS = (
    "Whether saved predictions, which have no model, are inconclusive (`required`), or the rule is "
    "not applicable to them (`optional`). Where a model is declared, it is judged either way."
)


def without_model(
    what: str, part: str, evidence: "Evidence", *, subject: SubjectRule
) -> Comparison:
    """Return the one comparison of a rule about a model that was not run."""
    from gate.evidence.data_digests import is_of_predictions
    from gate.metrics.estimates import Undefined

    reason, remedy, undefined = "no model was run (add `model:`)", "", Outcome.INCONCLUSIVE
    if is_of_predictions(evidence):
        reason = "saved predictions have no model"
        if subject == "required":
            reason += ", and this policy requires one"
            remedy = "give the checkpoint and the images, and let the gate run the model"
        else:
            undefined = Outcome.NOT_APPLICABLE
    estimate = Undefined(reason)
    return Comparison(
        what=what,
        estimate=estimate,
        operator="<=",
        required=0,
        scope=Scope(part=part),
        undefined=undefined,
        finding=not_checked(estimate),
        to_decide=remedy,
    )
