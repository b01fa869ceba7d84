"""What is wrong with a gate file is told in one run: keys, files, modules and classes."""

import pytest

from gate.errors import DocumentError
from gate.run import Settings, validate
from gate.subject.absent import find_absent
from gate.subject.gatefile import read_gatefile

HEAD = "apiVersion: gate/v1\nkind: Validation\n"
NOTHING_IS_THERE = """\
model: {checkpoint: m.pt, factory: 'netz:build'}
classes: [cat, dog]
data:
  train: {path: trian}
  test: {images: t-images, labels: t-labels}
history: log.csv
baseline: champion
policy: smoke
"""


@pytest.fixture
def judge(tmp_path):
    def run(text, **files):
        for name, content in files.items():
            (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        (tmp_path / "gate.yaml").write_text(HEAD + text, encoding="utf-8")
        return validate(tmp_path / "gate.yaml", settings=Settings(out=tmp_path / "gate-out"))

    return run


def facts(error):
    return "\n".join(f"{fault.line}: {fault.fact}; {fault.remedy}" for fault in error.value.faults)


def test_all_that_is_not_there_is_one_report_with_the_line_of_each(judge):
    report = judge(NOTHING_IS_THERE)

    assert report.decision.exit_status == 4
    told = " | ".join(f"{each.where}: {each.message}" for each in report.errors)
    for name, line in (
        ("m.pt", 3), ("netz", 3), ("trian", 6), ("t-images", 7), ("t-labels", 7),
        ("log.csv", 8), ("champion", 9),
    ):  # fmt: skip
        (said,) = [each for each in told.split(" | ") if name in each]
        assert f"gate.yaml, line {line})" in said


def test_a_slip_in_a_key_hides_nothing_that_is_missing(judge):
    with pytest.raises(DocumentError) as error:
        judge(NOTHING_IS_THERE.replace("history:", "histroy:").replace("cat, dog", "cat, cat"))

    told = facts(error)
    for words in (
        "8: unknown key 'histroy'",
        "4: the class 'cat' is named twice",
        "3: ",
        "m.pt: there is no such file",
        "there is no module 'netz'",
        "6: trian: does not exist",
        "9: champion: does not exist",
    ):
        assert words in told


def test_a_slip_inside_a_split_leaves_the_rest_to_be_looked_at(judge):
    with pytest.raises(DocumentError) as error:
        judge(NOTHING_IS_THERE.replace("trian}", "trian, lable: kind}"))

    assert "unknown key 'lable'" in facts(error)
    assert "trian: does not exist" in facts(error)


def test_what_is_left_out_is_told_with_what_is_missing(judge):
    with pytest.raises(DocumentError) as error:
        judge(NOTHING_IS_THERE.replace("policy: smoke\n", ""))

    assert "no policy is given" in facts(error)
    assert "trian: does not exist" in facts(error)


def test_a_policy_of_other_classes_is_told_with_what_is_missing(judge):
    policy = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: p, version: '1'}
rules:
  - {check: recall, min: 0.8, classes: [dgo]}
  - {check: accuracy, min: 0.8}
"""
    with pytest.raises(DocumentError) as error:
        judge(
            NOTHING_IS_THERE.replace("policy: smoke", "policy: p.yaml\nwaivers: [w.yaml]"),
            p=policy,
            w="apiVersion: gate/v1\nkind: WaiverSet\nwaiver: []\n",
        )

    told = facts(error)
    assert "the model has no class 'dgo'" in told
    assert "unknown key 'waiver'" in told
    assert "trian: does not exist" in told


def test_a_history_that_is_missing_alone_stops_no_measurement(tmp_path, judge):
    text = "classes: [cat, dog]\ndata: {test: {predictions: p.csv}}\n"
    (tmp_path / "p.csv").write_text("id,label,cat,dog\n1,cat,0.9,0.1\n2,dog,0.1,0.9\n")

    report = judge(text + "history: log.csv\npolicy: smoke\n")

    assert [each.kind for each in report.errors] == ["history"]
    assert any(each.name == "accuracy" for each in report.metrics)


def test_what_lies_behind_a_url_or_a_pattern_is_not_asked_for(tmp_path):
    (tmp_path / "gate.yaml").write_text(
        f"{HEAD}data:\n  train: {{path: 'https://example.org/train.csv'}}\n"
        "  test: {path: 'test-{000..001}.tar'}\n",
        encoding="utf-8",
    )

    assert find_absent(read_gatefile(tmp_path / "gate.yaml")) == ()
