"""The input is prepared otherwise than in training."""

from gate.checks.input_contract import InputContract
from gate.decision import Result
from gate.evidence.input_trial import InputTrial, least_accuracy
from gate.evidence.records import Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.input_trial import explanations, in_short, trial_of
from gate.report.causes.cause import MODEL, Cause, Facts, Finding, is_about_answers, is_unmet


def find(facts: Facts) -> Finding | None:
    """Return the cause where another preparation explains the errors, and test is as bad."""
    rule = _rule_of(facts)
    measurement = InputTrial(rule.floor)
    try:
        trial = trial_of(facts.evidence, measurement)
        found = explanations(facts.evidence, measurement, min_gain=rule.min_gain)
    except ValueError:  # answers that no trial gives: they prove nothing
        return None
    if trial is None or not found or _is_good_on_test(facts, rule.floor):
        return None
    return Finding(
        message=f"the input is prepared otherwise than in training: {in_short(trial, found[0])}",
        remedy=found[0].change.remedy,
        explains=_explains,
    )


def _rule_of(facts: Facts) -> InputContract:
    """Return the rule of the policy, whose floor the trial was made with, or the default one."""
    rules = (result.rule for result in facts.decision.results)
    return next((each for each in rules if isinstance(each, InputContract)), InputContract())


def _is_good_on_test(facts: Facts, floor: float) -> bool:
    test = facts.rows_of(Split.TEST)
    if test is None:
        return False
    right = int((test.labels == test.predictions).sum())
    return right >= least_accuracy(floor, facts.classes) * len(test)


def _explains(result: Result) -> bool:
    is_of_preparation = (
        isinstance(result.rule, InputContract) and result.comparison.scope.part == "preparation"
    )
    return is_about_answers(result) or (is_of_preparation and is_unmet(result))


_WRONG = ((20, 180), (20, 180))
_KEY = InputContract().needs()[0].key

INPUT_PREPARATION = Cause(
    kind="input-preparation",
    find=find,
    families=MODEL,
    evidence="At most 150 images of train and of validation were tried in the other usual "
    "preparations (0..1, ImageNet, -1..1, 0..255, each with BGR too), and one lifts accuracy from "
    "below the floor of `input-contract` to it or above: exact sign test, 99.9 % confidence for "
    "all preparations together. Accuracy on test lies below the floor too.",
    example=SyntheticRun(
        train=_WRONG,
        test=((12, 88), (9, 91)),
        observations={"train": {_KEY: {"answers": ((150, 1 + 4), (250, -1))}}},
    ),
    hides=frozenset({"class-order", "ignored-class", "overfit", "chance"}),
)
