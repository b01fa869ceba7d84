import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from gate.checks import REGISTRY
from gate.checks.base import Rule
from gate.errors import DocumentError, UsageError
from gate.policy.model import Defaults, Metadata, Policy
from gate.policy.reading import check_classes, read_policy

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: example, version: 1.0.0}\n"
RULES = """\
defaults: {on_inconclusive: point, one_sided_confidence: 0.99}
rules:
  - {id: all, check: recall, min: 0.85, per_class: {tumour: 0.95}}
  - check: recall
    classes: [tumour, $others]
    min: 0.9
    one_sided_confidence: 0.975
"""


@pytest.fixture
def policy_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text=RULES, name="policy.yaml"):
        (tmp_path / name).write_text(HEAD + text)
        return name

    return write


def test_a_rule_says_what_the_defaults_say_unless_it_says_it_itself(policy_file):
    first, second = read_policy(policy_file()).policy.rules

    assert (first.on_inconclusive, first.one_sided_confidence) == ("point", 0.99)
    assert (second.on_inconclusive, second.one_sided_confidence) == ("point", 0.975)
    assert (first.severity, first.decide_on) == ("block", "interval")


def test_rules_are_of_the_type_of_their_check(policy_file):
    rules = read_policy(policy_file()).policy.rules

    assert [type(rule) for rule in rules] == [REGISTRY["recall"]] * 2


def test_the_id_of_a_rule_is_its_check_where_it_has_none(policy_file):
    assert [rule.id for rule in read_policy(policy_file()).policy.rules] == ["all", "recall"]


def test_rules_and_what_they_say_know_their_place(policy_file):
    document = read_policy(policy_file())

    assert document.location("all") == ("policy.yaml", 6, 5)
    assert document.locate("recall", "classes", 1) == ("policy.yaml", 8, 23)
    assert document.locate("all", "per_class", "tumour") == ("policy.yaml", 6, 61)


def test_the_place_of_a_default_is_the_rule_that_has_it(policy_file):
    document = read_policy(policy_file())

    assert (
        document.locate("recall", "split") == document.location("recall") == ("policy.yaml", 7, 5)
    )


def test_a_rule_that_is_not_there_has_no_place(policy_file):
    with pytest.raises(KeyError):
        read_policy(policy_file()).location("nothing")


def test_the_digest_is_that_of_the_bytes(policy_file):
    name = policy_file()
    document = read_policy(name)

    assert document.sha256 == hashlib.sha256(Path(name).read_bytes()).hexdigest()
    assert [(source.path, source.sha256) for source in document.sources] == [
        (name, document.sha256)
    ]


def test_the_resolved_digest_speaks_of_what_is_judged_and_not_of_how_it_is_written(policy_file):
    written_out = """\
rules:  # the same, without defaults, in another order of keys
  - {min: 0.85, per_class: {tumour: 0.950}, id: all, check: recall, split: test,
     on_inconclusive: point, one_sided_confidence: 99e-2}
  - {check: recall, classes: ["tumour", '$others'], min: .9, one_sided_confidence: 0.975,
     on_inconclusive: point, severity: block}
"""
    short, long = read_policy(policy_file()), read_policy(policy_file(written_out))

    assert short.sha256 != long.sha256
    assert short.resolved_sha256 == long.resolved_sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [("min: 0.85", "min: 0.84"), ("0.99", "0.98"), ("id: all", "id: each"), ("[tumour,", "[ill,")],
)
def test_whatever_is_judged_differently_has_another_resolved_digest(policy_file, old, new):
    before = read_policy(policy_file()).resolved_sha256

    assert read_policy(policy_file(RULES.replace(old, new))).resolved_sha256 != before


def test_paths_are_relative_to_the_base(policy_file, tmp_path):
    policy_file(name="strict.yaml")

    assert read_policy("strict.yaml", base=tmp_path).policy.metadata.name == "example"
    with pytest.raises(UsageError, match="no such file"):
        read_policy("strict.yaml", base=tmp_path / "elsewhere")


def test_a_shipped_name_is_the_shipped_policy_whatever_files_lie_about(policy_file):
    policy_file(name="baseline")

    assert read_policy("baseline").policy.metadata.name == "baseline"
    assert read_policy("./baseline").policy.metadata.name == "example"


def test_a_name_that_nothing_has_is_answered_with_those_that_exist():
    with pytest.raises(UsageError) as error:
        read_policy("basline")

    assert "did you mean 'baseline'?" in error.value.remedy
    assert "precision-first, recall-first" in error.value.remedy


def test_faults_of_the_yaml_and_of_the_rules_are_told_together(policy_file):
    name = policy_file("rules:\n  - {check: recall, min: 010}\n  - {check: recal}\n")

    with pytest.raises(DocumentError) as error:
        read_policy(name)

    assert [fault.line for fault in error.value.faults] == [5, 6]


def test_a_misspelt_default_does_not_make_every_rule_faulty(policy_file):
    name = policy_file(RULES.replace("on_inconclusive: point", "on_inconclusive: pass"))

    with pytest.raises(DocumentError) as error:
        read_policy(name)

    assert [(fault.line, fault.column) for fault in error.value.faults] == [(4, 29)]


def test_classes_that_the_model_has_are_accepted(policy_file):
    check_classes(read_policy(policy_file()), ["healthy", "tumour"], ["tumour"])


def test_rules_about_critical_classes_need_some(policy_file):
    with pytest.raises(DocumentError) as error:
        check_classes(read_policy(policy_file()), ["healthy", "tumour"])

    (fault,) = error.value.faults
    assert (fault.line, fault.column) == (8, 23)
    assert fault.fact == "the rule speaks of $others, and no class is said to be critical"


def test_an_unknown_class_is_shown_where_it_is_named(policy_file):
    with pytest.raises(DocumentError) as error:
        check_classes(read_policy(policy_file()), ["healthy", "tumor"], ["tumor"])

    assert [(fault.line, fault.column) for fault in error.value.faults] == [(6, 53), (8, 15)]


def test_defaults_say_of_rules_what_rules_say_of_themselves():
    for name, field in Defaults.model_fields.items():
        of_rule = Rule.model_fields[name]
        assert (field.annotation, field.default, field.metadata, field.description) == (
            of_rule.annotation,
            of_rule.default,
            of_rule.metadata,
            of_rule.description,
        )


@pytest.mark.parametrize("rules", [(), ("warn",), ("block", "block")])
def test_a_policy_made_in_python_cannot_stand_open_either(rules):
    made = tuple(REGISTRY["no-skill"](id="same", severity=severity) for severity in rules)

    with pytest.raises(ValidationError):
        Policy(
            apiVersion="gate/v1",
            kind="Policy",
            metadata=Metadata(name="a", version="1"),
            rules=made,
        )
