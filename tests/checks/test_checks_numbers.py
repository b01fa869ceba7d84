"""The numbers of images that the catalogue and the policies name are those of the gate."""

import math
from pathlib import Path

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.checks.deployment_precision import DeploymentPrecision
from gate.checks.roc_auc import RocAuc
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.combined import Difference
from gate.metrics.planning import most_misses
from gate.metrics.proportions import ClusteredShare, Proportion

POLICIES = Path(__file__).parents[2] / "policies"


def spotless(images):
    return Proportion(images, images)


@pytest.mark.parametrize(("images", "gap"), [(59, 0.05), (29, 0.10)])
def test_test_images_without_a_mistake_prove_a_gap(images, gap):
    train = spotless(10_000)

    assert f"{images}" in REGISTRY["train-test-gap"].interval
    assert Difference(train, spotless(images)).upper(0.95) < gap
    assert Difference(train, spotless(images - 1)).upper(0.95) > gap


def test_images_and_groups_without_any_change_prove_a_drop():
    said = REGISTRY["regression"].interval

    assert "149 images prove a drop below 0.02, by group 150 groups of equal size" in said
    assert spotless(149).lower(0.95) > 0.98 > spotless(148).lower(0.95)
    sizes = np.full(150, 4)
    assert ClusteredShare(sizes, sizes).lower(0.95) > 0.98
    assert ClusteredShare(sizes[1:], sizes[1:]).lower(0.95) < 0.98


def test_images_of_a_class_without_a_mistake_prove_an_area():
    def outcome(images):
        made = SyntheticRun(test=((images, 0), (0, images)), confidence=(0.9, 0.6))
        return judge([RocAuc(id="area", min=0.95)], synthetic_evidence(made)).results[0].outcome

    assert (
        "60 images a class without a mistake prove an area of 0.95" in REGISTRY["roc-auc"].interval
    )
    assert (outcome(60), outcome(59)) == ("passed", "inconclusive")


@pytest.mark.parametrize(("share", "proven"), [(0.01, "0.77"), (0.001, "0.25")])
def test_images_without_a_mistake_prove_a_precision_in_deployment(share, proven):
    made = synthetic_evidence(SyntheticRun(test=((1000, 0), (0, 1000))))
    rule = DeploymentPrecision(id="d", min=0.1, prevalence={"dog": share}, classes=("dog",))

    bound = judge([rule], made).results[0].comparison.estimate.lower(0.95)

    assert f"{proven} where" in REGISTRY["deployment-precision"].interval
    assert f"{math.floor(100 * bound) / 100:.2f}" == proven


def test_the_numbers_in_the_comments_of_the_policies_are_those_of_the_bounds():
    said = {name: (POLICIES / f"{name}.yaml").read_text(encoding="utf-8") for name in NUMBERS}

    for name, words in NUMBERS.items():
        assert words in said[name]
    assert most_misses(59, 0.95, 0.95) == 0
    assert most_misses(58, 0.95, 0.95) == -1
    assert most_misses(150, 0.95, 0.95) == 2
    assert most_misses(72, 0.95, 0.975) == 0
    assert most_misses(71, 0.95, 0.975) == -1
    assert 0.85**19 < 0.05 < 0.85**18
    assert Proportion(45, 50).lower(0.95) == pytest.approx(0.80, abs=0.005)


NUMBERS = {
    "precision-first": "59 of 59, or 148 of 150",
    "recall-first": "72 of 72",
    "release": "0.85^19 < 0.05",
    "baseline": "45 of 50 (0.90, at least 0.80)",
}
