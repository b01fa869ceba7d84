import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.strictness import Direction, at_least_as_strict, changes

CLASSES = ("cat", "dog", "owl")
_SHARES = st.sampled_from([0.0, 0.2, 0.5, 0.8, 0.85, 0.9, 0.95, 1.0])
_INSIDE = st.sampled_from([0.2, 0.5, 0.8, 0.95])
_NAMES = st.sampled_from([*CLASSES, "$critical", "$others"])
_COMMON = {
    "severity": st.sampled_from(["block", "warn"]),
    "decide_on": st.sampled_from(["interval", "point"]),
    "on_inconclusive": st.sampled_from(["block", "point"]),
    "one_sided_confidence": st.sampled_from([0.6, 0.95, 0.999]),
}
_OWN = {
    "accuracy": {"min": _SHARES, "per_class": st.dictionaries(_NAMES, _SHARES, max_size=2)},
    "recall": {
        "min": _SHARES,
        "per_class": st.dictionaries(_NAMES, _SHARES, max_size=2),
        "classes": st.lists(_NAMES, min_size=1, max_size=3).map(tuple),
    },
    "false-positive-rate": {"max": _SHARES},
    "accuracy-paradox": {"min_accuracy": _INSIDE, "min_recall": _INSIDE},
    "train-test-overlap": {
        "max_exact": st.one_of(st.integers(0, 8), st.floats(0, 0.2)),
        "max_near": st.one_of(st.integers(0, 3), st.floats(0, 0.2)),
        "between": st.sampled_from([None, ("train", "test"), ("validation", "test")]),
    },
    "train-test-gap": {"max": _SHARES, "metric": st.sampled_from(["accuracy", "recall"])},
    "regression": {"margin": st.sampled_from([0.0, 0.02, 0.1]), "allow_same": st.booleans()},
    "group-overlap": {"groups": st.sampled_from(["required", "optional"])},
    "dataset-integrity": {"max_unreadable": st.integers(0, 4), "min_support": st.integers(1, 30)},
    "data-requirements": {"min_images": st.integers(1, 150), "min_groups": st.integers(1, 200)},
    "loss-curve": {
        "history": st.sampled_from(["required", "optional"]),
        "min_drop": st.sampled_from([0.05, 0.5, 0.9]),
        "max_rise": st.sampled_from([0.01, 0.5]),
    },
    "no-skill": {},
}
_COUNTS = st.tuples(*[st.tuples(*[st.integers(0, 40)] * 3)] * 3).filter(
    lambda matrix: sum(map(sum, matrix)) > 0
)
_MEASURED = st.builds(
    SyntheticRun,
    classes=st.just(CLASSES),
    critical=st.just(("dog",)),
    test=_COUNTS,
    train=st.one_of(st.none(), _COUNTS),
    groups=st.one_of(st.none(), st.integers(0, 3)),
    unreadable=st.integers(0, 4),
    copies=st.one_of(st.none(), st.integers(0, 8)),
    validation=st.one_of(st.none(), _COUNTS),
    near_copies=st.integers(0, 4),
    validation_copies=st.integers(0, 4),
    same_champion=st.booleans(),
    train_loss=st.one_of(st.none(), st.just((0.7, 0.5, 0.3, 0.2, 0.1))),
    broken=st.one_of(st.none(), st.integers(0, 3)),
)


@st.composite
def _rules(draw, check):
    keys = {**_COMMON, **_OWN[check]}
    required = {"min"} & set(keys) | {"max"} & set(keys)
    chosen = {key: draw(value) for key, value in keys.items() if key in required}
    for key, value in keys.items():
        if key not in required and draw(st.booleans()):
            chosen[key] = draw(value)
    return REGISTRY[check](id="rule", **chosen)


@st.composite
def _pairs(draw):
    check = draw(st.sampled_from(sorted(_OWN)))
    old = draw(_rules(check))
    if not draw(st.booleans()):
        return old, draw(_rules(check))
    key = draw(st.sampled_from(sorted({**_COMMON, **_OWN[check]})))
    value = draw({**_COMMON, **_OWN[check]}[key])
    return old, old.model_copy(update={key: value})


def _lets_pass(rule, evidence):
    """Return whether nothing of a rule keeps a run from passing; warnings never do."""
    return not any(result.blocks for result in judge([rule], evidence).results)


@settings(max_examples=100, deadline=None)
@given(pair=_pairs(), measured=_MEASURED)
def test_a_stricter_rule_never_lets_pass_what_the_other_stops(pair, measured):
    old, new = pair
    evidence = synthetic_evidence(measured)

    if at_least_as_strict(new, old) and _lets_pass(new, evidence):
        assert _lets_pass(old, evidence)
    if at_least_as_strict(old, new) and _lets_pass(old, evidence):
        assert _lets_pass(new, evidence)


@settings(deadline=None)
@given(pair=_pairs(), measured=_MEASURED)
def test_rules_without_a_change_judge_alike(pair, measured):
    old, new = pair
    evidence = synthetic_evidence(measured)

    if not changes(old, new):
        assert _judged(old, evidence) == _judged(new, evidence)


def _judged(rule, evidence):
    return [
        (result.key, result.severity, result.outcome, result.comparison.required)
        for result in judge([rule], evidence).results
    ]


_OPPOSITE = {
    Direction.TIGHTENED: Direction.LOOSENED,
    Direction.LOOSENED: Direction.TIGHTENED,
    Direction.CHANGED: Direction.CHANGED,
}


@given(pair=_pairs())
def test_swapping_two_rules_swaps_every_direction(pair):
    old, new = pair
    forth = {(each.key, _OPPOSITE[each.direction]) for each in changes(old, new)}
    back = {(each.key, each.direction) for each in changes(new, old)}

    assert forth == back


@pytest.mark.parametrize(
    ("check", "old", "new", "direction"),
    [
        ("recall", {"min": 0.9}, {"min": 0.8}, "loosened"),
        ("recall", {"min": 0.9}, {"min": 0.9, "classes": "$critical"}, "loosened"),
        ("recall", {"min": 0.9}, {"min": 0.9, "per_class": {"dog": 0.95}}, "tightened"),
        ("recall", {"min": 0.9}, {"min": 0.9, "per_class": {"$others": 0.5}}, "loosened"),
        ("recall", {"min": 0.9}, {"min": 0.95, "per_class": {"dog": 0.5}}, "changed"),
        ("recall", {"min": 0.9}, {"min": 0.9, "split": "validation"}, "changed"),
        ("recall", {"min": 0.9}, {"min": 0.9, "by": "site"}, "changed"),
        ("accuracy-paradox", {}, {"min_accuracy": 0.95}, "loosened"),
        ("train-test-overlap", {}, {"max_near": 3}, "tightened"),
        ("train-test-overlap", {"max_exact": 2}, {"max_exact": 0.01}, "changed"),
        ("top-k-accuracy", {"k": 5, "min": 0.9}, {"k": 3, "min": 0.9}, "tightened"),
        ("regression", {"margin": 0.02}, {"margin": 0.1}, "loosened"),
        ("loss-curve", {"history": "required"}, {"history": "optional"}, "loosened"),
        ("model-integrity", {"subject": "required"}, {"subject": "optional"}, "loosened"),
        ("input-contract", {}, {"subject": "required"}, "tightened"),
        ("no-skill", {"severity": "block"}, {"severity": "warn"}, "loosened"),
        ("no-skill", {"lock": "final"}, {"lock": "open"}, "loosened"),
    ],
)
def test_what_became_of_a_rule(check, old, new, direction):
    before, after = REGISTRY[check](id="a", **old), REGISTRY[check](id="a", **new)

    assert {each.direction for each in changes(before, after)} == {direction}


def test_a_requirement_that_changes_nothing_is_no_change():
    plain = REGISTRY["recall"](id="a", min=0.9)
    spelt = REGISTRY["recall"](id="a", min=0.9, per_class={"dog": 0.9, "$critical": 0.9})

    assert changes(plain, spelt) == []


def test_who_owns_a_rule_is_no_change():
    assert changes(REGISTRY["no-skill"](id="a"), REGISTRY["no-skill"](id="a", owner="@x")) == []


_DIRECTED = [
    ("train-test-overlap", "between", ("train", "test"), None),
    ("regression", "allow_same", True, False),
    ("negative-flips", "allow_same", True, False),
    ("group-overlap", "groups", "optional", "required"),
    ("data-requirements", "min_per_test_image", None, 0.5),
    ("data-requirements", "min_per_test_image", 0.5, 1.0),
]


@pytest.mark.parametrize(("check", "key", "loose", "strict"), _DIRECTED)
def test_which_value_of_a_key_is_the_stricter_one(check, key, loose, strict):
    rule = REGISTRY[check](id="rule")
    old, new = (rule.model_copy(update={key: value}) for value in (loose, strict))

    assert [each.direction for each in changes(old, new)] == [Direction.TIGHTENED]
    assert [each.direction for each in changes(new, old)] == [Direction.LOOSENED]


def test_another_pair_of_splits_is_neither_stricter_nor_looser():
    every = REGISTRY["train-test-overlap"](id="rule")
    one = every.model_copy(update={"between": ("validation", "test")})

    assert [each.direction for each in changes(every, one)] == [Direction.CHANGED]


def _rule(check, **parameters):
    return REGISTRY[check].model_validate({"id": "a", "check": check, **parameters})


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        ("recall-at-fpr", {"fpr": 0.1, "min": 0.8}, {"fpr": 0.05, "min": 0.8}),
        ("recall-at-fpr", {"fpr": 0.1, "min": 0.8}, {"fpr": 0.1, "min": 0.9}),
        ("abstention", {"min_coverage": 0.8}, {"min_coverage": 0.8, "max_error": 0.1}),
        (
            "abstention",
            {"min_coverage_per_class": {"dog": 0.5}},
            {"min_coverage_per_class": {"dog": 0.6, "cat": 0.1}},
        ),
    ],
)
def test_more_is_asked_of_thresholds_and_abstention(check, old, new):
    more = {"class": "dog"} if check == "recall-at-fpr" else {}
    before, after = _rule(check, **more, **old), _rule(check, **more, **new)

    assert {each.direction for each in changes(before, after)} == {Direction.TIGHTENED}
    assert {each.direction for each in changes(after, before)} == {Direction.LOOSENED}


def test_a_class_that_is_named_beside_its_role_lowers_no_coverage():
    rule = _rule("abstention", min_coverage_per_class={"$critical": 0.9, "dog": 0.5})
    evidence = synthetic_evidence(
        SyntheticRun(critical=("dog",), test=((90, 0), (0, 90)), abstained=(0, 30))
    )

    assert list(rule.coverages(evidence)) == [("dog", 0.9)]
