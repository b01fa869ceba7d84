import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.decision import judge
from gate.errors import DocumentError
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.policy.showing import places, with_places

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: example, version: 1.0.0}\n"


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + text)
        return str(path)

    return write


def _rules(path):
    return {rule.id: rule for rule in read_policy(path).policy.rules}


PARENT = """\
defaults: {on_inconclusive: point}
rules:
  - {id: recall, check: recall, min: 0.85, per_class: {dog: 0.95}}
  - {id: paradox, check: accuracy-paradox}
"""


def test_a_child_restates_some_keys_and_inherits_the_others(written):
    written("parent", PARENT)
    child = written("child", "extends: parent.yaml\nrules: [{id: recall, min: 0.9}]\n")

    recall = _rules(child)["recall"]

    assert (recall.min, recall.per_class, recall.on_inconclusive) == (0.9, {"dog": 0.95}, "point")
    assert list(_rules(child)) == ["recall", "paradox"]


def test_a_rule_that_names_its_check_is_the_inherited_one_too(written):
    written("parent", PARENT)
    child = written("child", "extends: [parent.yaml]\nrules: [{check: recall, min: 0.9}]\n")

    assert _rules(child)["recall"].per_class == {"dog": 0.95}


def test_the_defaults_of_a_child_hold_for_what_it_inherits_but_not_for_what_a_rule_says(written):
    written("parent", PARENT.replace("min: 0.85", "min: 0.85, decide_on: interval"))
    child = written("child", "extends: parent.yaml\ndefaults: {decide_on: point}\n")

    rules = _rules(child)

    assert (rules["recall"].decide_on, rules["paradox"].decide_on) == ("interval", "point")
    assert rules["paradox"].on_inconclusive == "point"


def test_of_several_parents_the_later_goes_before_the_earlier(written):
    written("a", "rules: [{check: recall, min: 0.5}, {check: no-skill}]\n")
    written("b", "rules: [{check: recall, min: 0.6}, {check: accuracy, min: 0.7}]\n")
    child = written("child", "extends: [a.yaml, b.yaml]\n")

    assert list(_rules(child)) == ["recall", "no-skill", "accuracy"]
    assert _rules(child)["recall"].min == 0.6


def test_what_two_parents_inherit_alike_undoes_nothing(written):
    written("base", "rules: [{check: recall, min: 0.5}]\n")
    written("a", "extends: base.yaml\nrules: [{id: recall, min: 0.9}]\n")
    written("b", "extends: base.yaml\nrules: [{check: no-skill}]\n")
    child = written("child", "extends: [a.yaml, b.yaml]\n")

    assert _rules(child)["recall"].min == 0.9


def test_a_parent_cannot_loosen_what_another_parent_locks(written):
    written("a", "rules: [{check: recall, min: 0.9, lock: tighten-only}]\n")
    written("b", "rules: [{check: recall, min: 0.6}]\n")
    child = written("child", "extends: [a.yaml, b.yaml]\n")

    with pytest.raises(DocumentError, match="loosens min") as error:
        read_policy(child)

    assert error.value.faults[0].file == child


def test_parents_lie_relative_to_the_file_that_names_them(written):
    written("deep/parent", PARENT)
    written("deep/middle", "extends: parent.yaml\n")
    child = written("child", "extends: deep/middle.yaml\n")

    assert list(_rules(child)) == ["recall", "paradox"]


def test_every_value_knows_the_file_and_line_it_came_from(written):
    parent = written("parent", PARENT)
    child = written(
        "child",
        "extends: parent.yaml\ndefaults: {one_sided_confidence: 0.99}\n"
        "rules:\n  - id: recall\n    min: 0.9\n",
    )

    found = places(read_policy(child))["recall"]

    assert found["min"] == f"{child}:8"
    assert found["check"] == found["per_class"] == f"{parent}:6"
    assert found["one_sided_confidence"] == f"{child}:5"
    assert found["on_inconclusive"] == f"{parent}:4"
    assert found["split"] == "default"


def test_what_is_shown_with_places_reads_back_as_the_same_policy(written, tmp_path):
    written("parent", PARENT + "data: {test: {min_images: 5}}\n")
    child = read_policy(written("child", "extends: parent.yaml\nnon_waivable: [paradox]\n"))
    (tmp_path / "shown.yaml").write_text(with_places(child))

    assert read_policy(str(tmp_path / "shown.yaml")).resolved_sha256 == child.resolved_sha256


def test_all_files_are_sources_and_the_digest_speaks_of_the_whole(written):
    parent = written("parent", PARENT)
    child = written("child", "extends: parent.yaml\n")
    before = read_policy(child)
    written("parent", PARENT.replace("0.85", "0.86"))
    after = read_policy(child)

    assert [source.path for source in before.sources] == [child, parent]
    assert before.sha256 == after.sha256
    assert before.resolved_sha256 != after.resolved_sha256


def test_what_the_policy_asks_of_waivers_and_rules_is_inherited_at_its_strictest(written):
    written("a", "min_rules: 1\nmax_waiver_days: 30\nnon_waivable: [recall]\n" + PARENT)
    written("b", "min_rules: 2\nmax_waiver_days: 60\nrules: [{check: recall, min: 0.9}, "
            "{check: no-skill}]\n")  # fmt: skip
    policy = read_policy(written("child", "extends: [a.yaml, b.yaml]\n")).policy

    assert (policy.min_rules, policy.max_waiver_days) == (2, 30)
    assert policy.non_waivable == ("recall",)


def test_data_requirements_are_rules_of_their_own_and_merge_like_rules(written):
    written("parent", "data: {test: {min_images: 500, min_per_class: 50, lock: tighten-only}}\n"
            "rules: [{check: recall, min: 0.5}]\n")  # fmt: skip
    child = written("child", "extends: parent.yaml\ndata: {test: {min_images: 800}, train: {}}\n")
    looser = written("looser", "extends: parent.yaml\ndata: {test: {min_images: 8}}\n")

    rules = _rules(child)

    assert (rules["data-test"].min_images, rules["data-test"].min_per_class) == (800, 50)
    assert rules["data-train"].split == "train"
    with pytest.raises(DocumentError, match="loosens min_images"):
        read_policy(looser)


def test_too_little_data_is_said_in_the_report_and_blocks(written):
    policy = read_policy(written("a", "data: {test: {min_images: 500, min_groups: 3}, train: {}}\n"
                                 "rules: [{check: accuracy, min: 0.5}]\n"))  # fmt: skip
    decision = judge(policy.policy.rules, synthetic_evidence(SyntheticRun(test=((95, 5), (5, 95)))))

    assert decision.verdict == "inconclusive"
    assert set(decision.reasons) == {
        "data-test[part=images]",
        "data-test[part=groups]",
        "data-train[part=images]",
    }


def test_too_many_files_in_a_row_are_refused(written):
    written("p0", PARENT)
    for index in range(1, 14):
        written(f"p{index}", f"extends: p{index - 1}.yaml\n")

    with pytest.raises(DocumentError, match="too many policies are extended"):
        read_policy(written("child", "extends: p13.yaml\n"))


def test_many_paths_to_one_file_read_it_once(written):
    written("q0", PARENT)
    for index in range(1, 9):  # 3 ** 8 paths lead to q0
        above = f"q{index - 1}.yaml"
        written(f"q{index}", f"extends: [{above}, ./{above}, ././{above}]\n")

    assert len(read_policy(written("child", "extends: q8.yaml\n")).sources) == 10


_SHARES = st.sampled_from(["0.5", "0.8", "0.85", "0.9", "0.95"])
_KEYS = {
    "min": _SHARES,
    "per_class": st.builds("{{{}: {}}}".format, st.sampled_from(["cat", "dog"]), _SHARES),
    "classes": st.sampled_from(["[cat]", "[cat, dog]", "$critical"]),
    "severity": st.sampled_from(["warn", "block"]),
    "decide_on": st.sampled_from(["point", "interval"]),
    "on_inconclusive": st.sampled_from(["point", "block"]),
    "one_sided_confidence": st.sampled_from(["0.9", "0.99"]),
    "lock": st.sampled_from(["open", "tighten-only", "final"]),
    "split": st.sampled_from(["test", "validation"]),
}


def _keys(*names):
    return st.fixed_dictionaries({}, optional={name: _KEYS[name] for name in names or _KEYS})


def _flow(keys):
    return "".join(f", {key}: {value}" for key, value in keys.items())


@settings(max_examples=300, deadline=None)
@given(
    least=_SHARES,
    parent=_keys("per_class", "classes", "severity", "decide_on", "on_inconclusive"),
    child=_keys(),
    defaults=_keys("severity", "decide_on", "on_inconclusive", "one_sided_confidence"),
    lock=st.sampled_from(["tighten-only", "final"]),
    counts=st.tuples(*[st.tuples(*[st.integers(0, 50)] * 2)] * 2),
)
def test_a_child_never_accepts_what_a_locked_parent_refuses(
    least, parent, child, defaults, lock, counts, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("locks")
    other = "  - {check: no-skill, severity: block}\n"
    rule = f"  - {{id: recall, check: recall, min: {least}, lock: {lock}{_flow(parent)}}}\n"
    (folder / "parent.yaml").write_text(f"{HEAD}rules:\n{rule}{other}")
    (folder / "child.yaml").write_text(
        f"{HEAD}extends: parent.yaml\ndefaults: {{{_flow(defaults)[2:]}}}\n"
        f"rules: [{{id: recall{_flow(child)}}}]\n"
    )
    above = _rules(str(folder / "parent.yaml"))["recall"]
    try:
        below = _rules(str(folder / "child.yaml"))["recall"]
    except DocumentError:
        return  # refused: it accepts nothing
    evidence = synthetic_evidence(SyntheticRun(test=counts, critical=("dog",)))

    refused_above = any(result.blocks for result in judge([above], evidence).results)
    refused_below = any(result.blocks for result in judge([below], evidence).results)

    assert refused_below or not refused_above


def test_what_is_final_is_not_even_tightened_and_may_be_restated(written):
    written("parent", "rules: [{check: recall, min: 0.8, lock: final}]\n")
    tighter = written("tighter", "extends: parent.yaml\nrules: [{id: recall, min: 0.9}]\n")
    same = written("same", "extends: parent.yaml\nrules: [{id: recall, min: 0.80}]\n")

    assert _rules(same)["recall"].min == 0.8
    with pytest.raises(DocumentError, match="locked as final"):
        read_policy(tighter)
