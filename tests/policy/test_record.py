"""A policy that was written down judges as the one that was read."""

import json

import pytest

from gate.policy.reading import read_policy
from gate.policy.record import PolicyRecord
from gate.policy.shipped import shipped_folder

SHIPPED = sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def written(record):
    return json.loads(json.dumps(record.as_json()))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_policy_comes_back_with_its_rules_places_and_digests(name):
    document = read_policy(name)

    record = PolicyRecord.from_json(written(PolicyRecord.of(document)))

    assert record.policy.rules == document.policy.rules
    assert record.resolved_sha256 == document.resolved_sha256
    assert (record.sha256, record.sources) == (document.sha256, document.sources)
    for rule in document.policy.rules:
        assert record.location(rule.id) == document.location(rule.id)


@pytest.mark.parametrize("key", ["severity", "min", "one_sided_confidence", "id"])
def test_no_key_of_a_rule_changes_under_the_digest_that_was_stated(key):
    said = written(PolicyRecord.of(read_policy("baseline")))
    rule = next(each for each in said["resolved"]["rules"] if each["id"] == "accuracy")
    rule[key] = {"severity": "warn", "id": "accurate"}.get(key, 0.6)

    with pytest.raises(ValueError, match="does not follow from its rules"):
        PolicyRecord.from_json(said)


@pytest.mark.parametrize("key", ["max_waiver_days", "non_waivable", "critical", "min_rules"])
def test_nor_does_what_stands_above_the_rules(key):
    said = written(PolicyRecord.of(read_policy("baseline")))
    said["resolved"][key] = {"max_waiver_days": 366, "min_rules": 2}.get(key, ["accuracy"])

    with pytest.raises(ValueError, match="does not follow from its rules"):
        PolicyRecord.from_json(said)
