"""The model knows train by heart, and test far less well."""

from gate.evidence.records import Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.rates import accuracy, gap
from gate.report.causes.cause import SKILL, Cause, Facts, Finding

_BY_HEART = 0.99  # accuracy on train
_SURELY = 0.90  # its lower bound: 66 train images without a mistake
_WIDE = 0.10  # the lower bound of the gap
_CONFIDENCE = 0.999


def find(facts: Facts) -> Finding | None:
    """Return the cause where train is nearly perfect and test is provably far from it."""
    train, test = facts.rows_of(Split.TRAIN), facts.rows_of(Split.TEST)
    if train is None or test is None:
        return None
    by_heart, on_test = accuracy(train), accuracy(test)
    if by_heart.value is None or on_test.value is None or by_heart.value < _BY_HEART:
        return None
    is_sure = by_heart.lower(_CONFIDENCE) >= _SURELY
    if not (is_sure and gap(by_heart, on_test).lower(_CONFIDENCE) > _WIDE):
        return None
    return Finding(
        message=f"the model learned train by heart: accuracy is {by_heart.value:.3f} on train and "
        f"{on_test.value:.3f} on test",
        remedy="check that train and test come from one source; then augment train, stop earlier, "
        "or use a smaller model or more weight decay",
    )


OVERFIT = Cause(
    kind="overfit",
    find=find,
    families=SKILL,
    evidence=f"Accuracy on train is at least {_BY_HEART} (at least {_SURELY:.2f} with "
    f"{_CONFIDENCE * 100:g} % confidence, which takes 66 images), and more than {_WIDE:.2f} above "
    "that on test with the same confidence. Measured, and not read from a log.",
    example=SyntheticRun(train=((200, 0), (1, 199)), test=((70, 30), (28, 72))),
)
