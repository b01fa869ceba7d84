"""A policy pins how scores become answers: written out, fitted to a target, or required at all."""

import json

import pytest

from gate.errors import DocumentError
from gate.policy.diff import diff
from gate.policy.reading import class_faults, read_policy
from gate.policy.record import PolicyRecord

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {{name: {name}, version: '1'}}\n"
RULES = "rules:\n  - {check: accuracy, min: 0.5}\n"
FIXED = "operating_point: {order: [{class: dog, at_least: 0.2}]}\n"
FITTED = "operating_point: {order: [{class: dog, fit: {recall: 0.9}}], otherwise: abstain}\n"
REQUIRED = "operating_point: required\n"


@pytest.fixture
def policies(tmp_path, monkeypatch):
    """Return a function that reads a policy with a pin, perhaps on top of one with another."""
    monkeypatch.chdir(tmp_path)

    def read(pin, above=None):
        extends = ""
        if above is not None:
            text = HEAD.format(name="above") + above + RULES
            (tmp_path / "above.yaml").write_text(text, encoding="utf-8")
            extends = "extends: [./above.yaml]\n"
        text = HEAD.format(name="below") + extends + pin + ("" if above else RULES)
        (tmp_path / "below.yaml").write_text(text, encoding="utf-8")
        return read_policy("./below.yaml")

    return read


@pytest.mark.parametrize("pin", [FIXED, FITTED, REQUIRED])
def test_a_pin_is_kept_with_the_policy_that_judged(pin, policies):
    record = PolicyRecord.of(policies(pin))

    again = PolicyRecord.from_json(json.loads(json.dumps(record.as_json())))

    assert again.policy == record.policy
    assert again.policy.operating_point is not None


def test_a_policy_without_a_pin_has_the_digest_that_it_had(policies):
    assert "operating_point" not in policies("").policy.resolved()


@pytest.mark.parametrize("above", [FIXED, FITTED, REQUIRED])
def test_a_pin_of_a_policy_above_holds(above, policies):
    assert policies("", above=above).policy.operating_point is not None


@pytest.mark.parametrize(("pin", "above"), [(FIXED, REQUIRED), (REQUIRED, FIXED), (FIXED, FIXED)])
def test_a_pin_that_is_written_out_goes_before_the_demand_for_any(pin, above, policies):
    pinned = policies(pin, above=above).policy.operating_point

    assert pinned == policies(FIXED).policy.operating_point


def test_another_pin_than_that_of_a_policy_above_is_refused(policies):
    with pytest.raises(DocumentError, match="operating_point is not what"):
        policies(FITTED, above=FIXED)


def test_a_pin_that_is_added_tightens_and_one_that_is_taken_away_loosens(policies):
    without, with_pin = policies(""), policies(FIXED)

    (added,) = diff(without.policy, with_pin.policy)
    (dropped,) = diff(with_pin.policy, without.policy)

    assert (added.kind, added.key) == ("tightened", "operating_point")
    assert dropped.kind == "loosened"


def test_a_class_in_a_pin_that_the_model_lacks_is_found(policies):
    (fault,) = class_faults(policies(FIXED), ("cat", "dig"))

    assert "there is no class 'dog'" in str(fault)


def test_a_class_that_stands_twice_in_a_pin_is_found(policies):
    twice = "operating_point: {order: [{class: a, at_least: 0.2}, {class: a, at_least: 0.3}]}\n"

    (fault,) = class_faults(policies(twice), ("a", "b"))

    assert "stands twice" in str(fault)
