"""Nets that read a mark are found by the region it stands in; the same nets without one pass.

What each net loses where its mark means nothing is measured beside it. All 48 nets of three places,
two sizes, two shares, two architectures, grey and colour are in `tests/benchmarks/shortcuts`.
"""

from dataclasses import replace

import pytest
from planted_marks import CELLS, Mark, plant, write_project

from gate.run import Settings, validate

pytestmark = pytest.mark.slow

# As the shipped policy `behaviour` has it: what 600 images leave open, the estimate decides.
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: regions, version: 1.0.0}
defaults: {on_inconclusive: point}
rules:
  - {check: accuracy, min: 0.80}
  - {check: dataset-integrity}
  - check: region-evidence
    frame: {share: 0.2, max: 0.05}
    cells: {grid: 4, which: outer, max: 0.10}
    tint: {max: 0.05}
"""
WORTH_A_TENTH = [
    Mark("top left", 5, 1.0, "plain", 3),
    Mark("top left", 3, 0.9, "narrow", 3),
    Mark("top", 5, 1.0, "narrow", 1),
    Mark("top", 3, 0.9, "narrow", 3),
    Mark("bottom right", 3, 1.0, "narrow", 3),
    Mark("bottom right", 5, 0.9, "narrow", 3),
    Mark("bottom right", 5, 1.0, "plain", 1),
]
WORTH_LESS = [Mark("top", 3, 0.9, "plain", 1), Mark("bottom right", 5, 0.9, "narrow", 1)]
CONTROLS = [Mark(None, 5, 1.0, network, channels) for network in ("plain", "narrow")
            for channels in (3, 1)]  # fmt: skip


def judge(planted, folder):
    """Return the report, and what is owed to each region with its outcome."""
    report = validate(write_project(planted, folder, POLICY), settings=Settings(out=folder / "out"))
    return report, {
        each.scope.part: (each.measured.value, each.outcome)
        for each in report.results
        if each.rule == "region-evidence"
    }


def lost(planted):
    """Return what it loses on the test images where the mark means nothing."""
    return planted.accuracy(planted.images) - planted.accuracy(planted.without_meaning)


@pytest.mark.parametrize("mark", WORTH_A_TENTH, ids=str)
def test_a_net_that_reads_a_mark_fails_for_its_cell(mark, tmp_path):
    planted = plant(mark)
    report, found = judge(planted, tmp_path)

    assert lost(planted) > 0.10
    assert found[f"cell:4:{CELLS[mark.place]}"][1] == "failed"
    assert report.verdict == "fail"


@pytest.mark.parametrize("mark", WORTH_LESS, ids=str)
def test_a_mark_in_a_cell_that_is_worth_less_than_the_limit_passes(mark, tmp_path):
    planted = plant(mark)
    report, found = judge(planted, tmp_path)

    owed, outcome = found[f"cell:4:{CELLS[mark.place]}"]
    assert 0.05 < lost(planted) < 0.10
    assert owed == pytest.approx(lost(planted), abs=0.03)
    assert outcome == "passed"
    assert report.verdict == "pass"


@pytest.mark.parametrize("mark", CONTROLS, ids=str)
def test_the_same_net_without_a_mark_passes(mark, tmp_path):
    report, _ = judge(plant(mark), tmp_path)

    assert report.verdict == "pass"


def test_a_mark_that_means_nothing_in_training_is_not_held_against_the_net(tmp_path):
    mark = Mark("top left", 5, 0.0, "narrow", 3)
    telling = plant(replace(mark, share=1.0))
    planted = replace(plant(mark), images=telling.images)  # available in test, and not used

    report, _ = judge(planted, tmp_path)

    assert report.verdict == "pass"
