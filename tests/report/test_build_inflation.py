import json
from dataclasses import replace

import numpy as np
import pytest

from gate.decision import judge
from gate.evidence.records import EXACT, Overlap, Pair, PairKind, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.report.build import build
from gate.report.renderings.html.page import page_of
from gate.report.renderings.leaks import excluded_images, notable
from gate.report.renderings.markdown import markdown
from gate.report.renderings.model_card import model_card
from gate.report.renderings.text import text

POLICY = """
apiVersion: gate/v1
kind: Policy
metadata: {name: leaks, version: 1.0.0, owner: "@leaks"}
rules:
  - {check: accuracy, min: 0.5}
  - {check: specificity, min: 0.5}
  - {check: average-precision, min: 0.5}
  - {id: cost, check: expected-cost, costs: [[0, 1], [9, 0]], unit: EUR, max: 99, warn_above: 0.1}
"""


@pytest.fixture
def leaky():
    """Evidence of 200 images with scores, of which 60, all cats that are right, leaked."""
    evidence = synthetic_evidence(
        SyntheticRun(train=((9, 1), (1, 9)), test=((80, 20), (30, 70)), confidence=(0.9, 0.6))
    )
    rows = evidence.splits[Split.TEST].rows
    right = (rows.labels == 0) & (rows.predictions == 0)
    pairs = tuple(
        Pair("000000000", str(each), Split.TRAIN, Split.TEST, "cat", "cat", PairKind.BYTES)
        for each in rows.ids[np.flatnonzero(right)[:60]]
    )
    overlap = Overlap(Split.TRAIN, Split.TEST, pairs, compared=tuple(EXACT))
    return replace(evidence, overlaps=(overlap,))


@pytest.fixture
def report(leaky, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    document = read_policy(str(path))
    return build(judge(document.policy.rules, leaky), leaky, document, {})


def test_every_metric_of_the_report_stands_with_its_inflation(report):
    shown = {(each.name, each.class_) for each in report.metrics if each.split == "test"}
    judged = {(each.check, each.scope.class_) for each in report.results if each.scope.part is None}

    inflated = [(each.name, each.class_) for each in report.leakage.inflation]

    assert shown | judged == set(inflated)
    assert len(inflated) == len(set(inflated))


def test_what_only_a_rule_asks_for_names_the_rule(report):
    rules = {each.name: each.rule for each in report.leakage.inflation}

    assert rules["expected-cost"] == "cost"
    assert rules["specificity"] == "specificity"
    assert rules["accuracy"] is None


def test_a_difference_without_an_interval_says_why(report):
    [calibration] = [e for e in report.leakage.inflation if e.name == "calibration-error"]

    assert calibration.interval is None
    assert "no interval" in calibration.reason


def test_without_leaks_nothing_is_computed(leaky, policy, monkeypatch):
    def refuse(*_):
        raise AssertionError("computed all the same")

    monkeypatch.setattr("gate.report.leakage.inflations", refuse)
    clean = replace(leaky, overlaps=())

    assert build(judge([], clean), clean, policy, {}).leakage.inflation == []


def test_people_read_what_the_leak_did(report):
    said = " ".join(text(report, width=200).split())

    assert "test 200 images, 140 not in train" in said
    assert "on test, accuracy is 0.750 with the copies and 0.643 without" in said
    assert "precision of cat is 0.727 with the copies and 0.400 without" in markdown(report)
    assert "60 of 200 images; rules must hold with and without them; accuracy" in markdown(report)
    assert "60 of the images also occur in an earlier split" in model_card(report)


def test_the_page_counts_the_images_that_its_recalls_are_of(report):
    pytest.importorskip("jinja2")
    cat, dog = sorted(page_of(report, None, images=False).classes, key=lambda row: row.name)

    assert (cat.support, cat.given) == (40, 100)
    assert (dog.support, dog.given) == (100, 100)


def test_classes_that_hardly_change_are_not_notable(report):
    listed = notable(report, 12)

    assert {each.name for each in listed if each.class_ is None} >= {"accuracy", "macro-f1"}
    assert ("recall", "dog") not in {(each.name, each.class_) for each in listed}
    assert len(notable(report, 1)) == len([each for each in listed if each.class_ is None]) + 1


def test_a_report_of_an_earlier_version_is_read_without_the_newer_keys(report):
    old = json.loads(report.to_json())
    for each in old["leakage"]["inflation"]:
        del each["reason"], each["rule"]

    read = type(report).model_validate(old)

    assert [each.as_given for each in read.leakage.inflation] == [
        each.as_given for each in report.leakage.inflation
    ]
    assert excluded_images(read) == excluded_images(report)
