"""What a policy pins of the model: its critical classes, its classes, its champion."""

import json

import pytest

from gate.errors import DocumentError
from gate.policy.diff import Kind, diff
from gate.policy.fit import critical_of
from gate.policy.reading import check_classes, read_policy
from gate.policy.showing import as_yaml, with_places

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: example, version: 1.0.0}\n"
RULES = "rules: [{check: recall, classes: $critical, min: 0.9}]\n"
ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / f"{name}.yaml"
        path.write_text(HEAD + text)
        return str(path)

    return write


def faults_of(path):
    with pytest.raises(DocumentError) as refused:
        read_policy(path)
    return refused.value.faults


def test_the_pins_are_part_of_what_is_judged_by(written):
    pins = f"critical: [tumour]\nclasses: [benign, tumour]\nchampion: '{ONE}'\n"
    plain, pinned = (read_policy(written(name, more + RULES)) for name, more in
                     (("plain", ""), ("pinned", pins)))  # fmt: skip

    assert pinned.policy.resolved()["critical"] == ["tumour"]
    assert pinned.policy.resolved()["classes"] == ["benign", "tumour"]
    assert pinned.policy.resolved()["champion"] == ONE
    assert plain.resolved_sha256 != pinned.resolved_sha256
    for shown in (as_yaml(pinned.policy), with_places(pinned)):
        assert read_policy(_put(written, shown)).resolved_sha256 == pinned.resolved_sha256


def _put(written, text):
    path = written("shown", "")
    with open(path, "w") as file:  # noqa: PTH123 -- replaces the head that was written
        file.write(text)
    return path


def test_critical_classes_of_all_layers_are_critical_together(written):
    written("a", "critical: [tumour]\n" + RULES)
    written("b", "critical: [cyst, tumour]\nrules: [{check: accuracy, min: 0.5}]\n")

    child = read_policy(written("child", "extends: [a.yaml, b.yaml]\ncritical: [lesion]\n"))

    assert child.policy.critical == ("tumour", "cyst", "lesion")
    assert child.header_origin("critical", "lesion").document is child.document


@pytest.mark.parametrize(
    ("key", "above", "here"),
    [("classes", "[benign, tumour]", "[tumour, benign]"), ("champion", f"'{ONE}'", f"'{OTHER}'")],
)
def test_a_child_inherits_a_pin_and_does_not_contradict_it(key, above, here, written):
    parent = written("parent", f"{key}: {above}\n{RULES}")
    same = read_policy(written("same", f"extends: parent.yaml\n{key}: {above}\n"))
    silent = read_policy(written("silent", "extends: parent.yaml\n"))

    (fault,) = faults_of(written("other", f"extends: parent.yaml\n{key}: {here}\n"))

    assert getattr(same.policy, key) == getattr(silent.policy, key)
    assert getattr(silent.policy, key)
    assert (fault.fact, fault.line) == (f"{key} is not what {parent} pins", 5)


def test_parents_that_pin_different_champions_are_not_joined(written):
    written("a", f"champion: '{ONE}'\n{RULES}")
    written("b", f"champion: '{OTHER}'\n{RULES}")

    (fault,) = faults_of(written("child", "extends: [a.yaml, b.yaml]\n"))

    assert "pin different champion" in fault.fact


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("critical: [$critical]\n", "'$critical' cannot be the name of a class"),
        ("critical: [a, a]\n", "the class 'a' is named twice"),
        ("critical: ['']\n", "'' cannot be the name of a class"),
        ("critical: tumour\n", "'critical' must be a list"),
        ("classes: [a]\n", "one class leaves nothing to decide"),
        ("classes: [a, b]\ncritical: [c]\n", "the critical class 'c' is none of the classes"),
        ("champion: ab\n", "'champion' cannot be 'ab'"),
        ("criticals: [a]\n", "unknown key 'criticals'"),
    ],
)
def test_a_pin_that_cannot_be_meant_is_refused_at_its_place(text, fact, written):
    faults = faults_of(written("a", text + RULES))

    assert any(fact in fault.fact for fault in faults)
    assert all(fault.line > 3 and fault.remedy is not None for fault in faults)


def test_a_model_with_other_classes_than_are_pinned_is_refused(written):
    document = read_policy(written("a", "critical: [b]\nclasses: [a, b]\n" + RULES))
    check_classes(document, ["a", "b"])

    for classes in (["b", "a"], ["a", "b", "c"]):
        with pytest.raises(DocumentError, match="in another order or others") as refused:
            check_classes(document, classes)
        assert refused.value.faults[0].line == 5


def test_names_in_the_pins_are_compared_as_those_of_the_data_are(written):
    text = "critical: ['cafe\u0301 ']\nclasses: ['\u200ba', 'cafe\u0301']\n"
    document = read_policy(written("a", text + RULES))

    check_classes(document, ["a", "caf\u00e9"])
    assert document.policy.critical == ("caf\u00e9",)
    with pytest.raises(DocumentError, match="which the policy calls critical") as refused:
        check_classes(document, ["a", "b"])
    assert [fault.line for fault in refused.value.faults] == [4, 5]


@pytest.mark.parametrize("names", ["['a', 'a ']", "['\u200b']"])
def test_names_that_only_look_different_or_show_nothing_are_refused(names, written):
    assert faults_of(written("a", f"critical: {names}\n" + RULES))


def test_a_critical_class_that_the_model_does_not_have_is_refused(written):
    document = read_policy(written("a", "critical: [tumor]\n" + RULES))

    with pytest.raises(DocumentError, match="did you mean 'tumour'") as refused:
        check_classes(document, ["benign", "tumour"], ["tumour"])

    assert refused.value.faults[0].line == 4


def test_a_policy_that_names_the_critical_classes_needs_no_gate_file_that_does(written):
    document = read_policy(written("a", "critical: [tumour]\n" + RULES))

    check_classes(document, ["benign", "tumour"])

    assert critical_of(document.policy, ["benign", "tumour"], ["benign"]) == ("benign", "tumour")


@pytest.mark.parametrize(
    ("key", "loose", "strict"),
    [
        ("critical", "", "critical: [a]\n"),
        ("critical", "critical: [a]\n", "critical: [b, a]\n"),
        ("classes", "", "classes: [a, b]\n"),
        ("champion", "", f"champion: '{ONE}'\n"),
    ],
)
def test_to_add_a_pin_tightens_and_to_take_one_away_loosens(key, loose, strict, written):
    one, other = (read_policy(written(n, t + RULES)).policy for n, t in
                  (("loose", loose), ("strict", strict)))  # fmt: skip

    assert [(each.kind, each.key) for each in diff(one, other)] == [(Kind.TIGHTENED, key)]
    assert [(each.kind, each.key) for each in diff(other, one)] == [(Kind.LOOSENED, key)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("critical: [a]\n", "critical: [b]\n"),
        ("classes: [a, b]\n", "classes: [b, a]\n"),
        (f"champion: '{ONE}'\n", f"champion: '{OTHER}'\n"),
    ],
)
def test_another_pin_may_loosen(one, other, written):
    before, after = (read_policy(written(n, t + RULES)).policy for n, t in
                     (("one", one), ("other", other)))  # fmt: skip

    (found,) = diff(before, after)

    assert found.kind is Kind.CHANGED
    json.dumps([found.old, found.new])


def test_the_order_of_critical_classes_judges_nothing(written):
    before, after = (read_policy(written(n, f"critical: {t}\n" + RULES)).policy for n, t in
                     (("one", "[a, b]"), ("other", "[b, a]")))  # fmt: skip

    assert diff(before, after) == []
