import json
import re

import jsonschema
import pytest
import yaml

from gate.decision import Verdict, judge
from gate.policy.catalogue import markdown
from gate.policy.fixtures import read_fixtures
from gate.policy.linting import useless_rules
from gate.policy.reading import read_policy
from gate.policy.shipped import shipped_folder, shipped_names
from gate.rehearsal import rehearse, synthetic_evidence_for

NAMES = [
    "baseline",
    "behaviour",
    "precision-first",
    "recall-first",
    "release",
    "screening",
    "smoke",
]


def test_the_shipped_policies_are_there():
    assert shipped_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_is_found_from_any_folder_under_one_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = read_policy(name)

    assert document.policy.metadata.name == name
    assert document.sources[0].path == f"gate/policies/{name}.yaml"


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_shipped_policy_has_its_reason(name):
    text = (shipped_folder() / f"{name}.yaml").read_text()
    body = text.split("description:")[1]
    lines = body.splitlines()

    for number, line in enumerate(lines):
        if re.match(r"^\s+\w+: [0-9.]+\s*(#|$)", line):
            assert "#" in line or lines[number - 1].strip().startswith("#"), line


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_meets_the_schema_that_editors_read(name):
    folder = shipped_folder()
    schema = json.loads((folder / "policy.schema.json").read_text())

    jsonschema.validate(
        yaml.safe_load((folder / f"{name}.yaml").read_text()),
        schema,
        cls=jsonschema.Draft202012Validator,
    )


@pytest.mark.parametrize("name", NAMES)
def test_fixtures_show_every_rule_of_a_shipped_policy_passing_and_failing(name):
    came = rehearse(read_fixtures(str(shipped_folder() / "fixtures" / f"{name}.yaml")))

    assert came.surprises == ()
    assert (came.never_passing, came.never_failing) == ((), ())


@pytest.mark.parametrize("name", NAMES)
def test_the_fixtures_of_a_shipped_policy_are_for_it_and_meet_their_schema(name):
    folder = shipped_folder()
    fixtures = yaml.safe_load((folder / "fixtures" / f"{name}.yaml").read_text())

    assert fixtures["policy"] == name
    jsonschema.validate(
        fixtures,
        json.loads((folder / "fixtures.schema.json").read_text()),
        cls=jsonschema.Draft202012Validator,
    )


def test_the_committed_catalogue_is_what_the_policies_say(golden):
    golden(shipped_folder() / "README.md", markdown())


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_has_no_rule_that_is_useless(name):
    assert list(useless_rules(read_policy(name))) == []


def test_a_first_release_warns_only_where_a_policy_says_so(tmp_path):
    (tmp_path / "first.yaml").write_text(
        "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: first, version: '1'}\n"
        "extends: release\nrules: [{id: regression, severity: warn}]\n"
    )
    cases = read_fixtures(str(shipped_folder() / "fixtures" / "release.yaml")).cases
    (first,) = [case for case in cases if case.fixture.name == "a first release has no champion"]
    rules = read_policy("release").policy.rules
    evidence = synthetic_evidence_for(rules, first.numbers)

    release = judge(rules, evidence)
    allowed = judge(read_policy("first.yaml", base=tmp_path).policy.rules, evidence)

    assert (release.verdict, allowed.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)


def _rule(policy, rule_id):
    return next(rule for rule in read_policy(policy).policy.rules if rule.id == rule_id)


def test_release_requires_everything_that_baseline_does():
    baseline = {rule.id: rule for rule in read_policy("baseline").policy.rules}
    release = {rule.id: rule for rule in read_policy("release").policy.rules}

    assert set(baseline) < set(release)
    assert {rule.on_inconclusive for rule in release.values()} == {"block"}
    assert {rule.severity for rule in release.values()} == {"block"}
    for rule_id in ("accuracy", "recall", "precision"):
        assert release[rule_id].min >= baseline[rule_id].min


def test_a_critical_class_has_to_be_proven_where_the_policy_is_made_for_it():
    recall = _rule("recall-first", "critical-recall")
    precision = _rule("precision-first", "critical-precision")

    assert (recall.classes, recall.on_inconclusive) == ("$critical", "block")
    assert recall.one_sided_confidence == 0.975
    assert (precision.classes, precision.on_inconclusive) == ("$critical", "block")


def test_precision_only_warns_where_misses_are_dangerous():
    assert _rule("recall-first", "precision").severity == "warn"


def test_smoke_blocks_on_integrity_and_traps_only():
    blocking = {
        rule.family for rule in read_policy("smoke").policy.rules if rule.severity == "block"
    }

    assert blocking == {"data", "model", "traps"}
