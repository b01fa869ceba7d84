"""How well properties tell the classes: nobody hides it by names, folds, groups or few images."""

from dataclasses import replace

import numpy as np
import pytest

from gate.checks.base import Outcome
from gate.checks.property_label import PropertyLabel
from gate.decision import judge
from gate.evidence import stored_files
from gate.evidence.records import MeasurementFacts, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.estimates import Undefined
from gate.metrics.property_label import told_by

FILES = ("width", "height", "aspect", "format")


def evidence(labels, widths, *, seed=0, order=None, groups=None, classes=2):
    """Return evidence of test images of these labels and widths, (n,); the rest is alike."""
    labels, widths = np.asarray(labels), np.asarray(widths)
    counts = np.bincount(labels, minlength=classes)
    made = synthetic_evidence(
        SyntheticRun(
            classes=tuple(f"c{each}" for each in range(classes)),
            test=tuple(map(tuple, np.diag(counts).tolist())),
        )
    )
    draws = np.random.default_rng(seed)
    sorted_ = np.argsort(labels, kind="stable")  # as the rows are
    columns = {
        "width": widths[sorted_],
        "height": np.full(len(labels), 90),
        "format": np.full(len(labels), 3),
        "order": draws.integers(0, 1 << 48, len(labels)) if order is None else order[sorted_],
    }
    test = made.splits[Split.TEST]
    rows = replace(
        test.rows,
        observations={(stored_files.KEY, name): each for name, each in columns.items()},
        groups=None if groups is None else np.array(groups, object)[sorted_],
    )
    measured = {stored_files.KEY: MeasurementFacts({})}
    return replace(made, splits={Split.TEST: replace(test, rows=rows, measurements=measured)})


def value(found):
    return told_by(found, "test", FILES).balanced_accuracy.value


def outcome(found):
    (result,) = judge([PropertyLabel(check="property-label", id="label")], found).results
    return result.outcome


def test_a_width_of_each_class_tells_them_all():
    labels = np.arange(600) % 3

    assert value(evidence(labels, 100 + labels, classes=3)) == 1.0


def test_what_tells_nothing_is_no_better_than_a_guess():
    labels = np.arange(1000) % 2
    widths = np.random.default_rng(3).integers(50, 90, 1000)

    assert value(evidence(labels, widths)) == pytest.approx(0.5, abs=0.06)


def test_rare_classes_count_as_much_as_common_ones():
    labels = np.array([0] * 960 + [1] * 40)

    assert value(evidence(labels, 100 + 0 * labels)) == 0.5


def test_no_name_decides_and_no_order_of_the_rows():
    labels = np.arange(400) % 2
    widths = 100 + np.random.default_rng(4).integers(0, 5, 400) + labels
    found = evidence(labels, widths)
    test = found.splits[Split.TEST]
    shuffled = np.random.default_rng(5).permutation(400)
    names = np.array([f"z{each}" for each in shuffled], object)
    rows = replace(test.rows, ids=names).take(shuffled)

    assert value(replace(found, splits={Split.TEST: replace(test, rows=rows)})) == value(found)


def test_a_class_whose_pixels_were_ground_for_one_fold_is_told_all_the_same():
    """Who changes a bit of each image until its digest suits him moves no class into one fold."""
    labels = np.arange(400) % 2
    order = np.where(labels == 0, np.arange(400) * 5, (1 << 40) + np.arange(400))

    assert value(evidence(labels, 100 + labels, order=order)) == 1.0


def test_a_class_that_is_called_one_group_proves_no_pass():
    """A tree never sees a group that it answers: then a leak of widths would look like a guess."""
    labels = np.arange(400) % 2
    groups = [f"g{row % 40}" if label else "all of class 0" for row, label in enumerate(labels)]

    hidden = evidence(labels, 100 + labels, groups=groups)

    assert outcome(evidence(labels, 100 + labels)) == Outcome.FAILED
    assert value(hidden) <= 0.5
    assert outcome(hidden) != Outcome.PASSED


def test_the_brightness_of_patients_is_not_taken_for_that_of_a_class():
    """The honest twin: each patient has a width of his own, which says nothing of a new one."""
    patients = np.arange(600) // 20
    labels = patients % 2
    widths = 100 + np.random.default_rng(6).permutation(30)[patients]
    apart, together = (
        evidence(labels, widths, groups=groups)
        for groups in (None, [f"patient {each}" for each in patients])
    )

    assert value(apart) > 0.75
    assert value(together) < 0.6


def test_copies_of_an_image_lie_in_one_fold():
    copies = np.arange(600) // 20
    labels = copies % 2
    widths = 100 + np.random.default_rng(6).permutation(30)[copies]

    assert value(evidence(labels, widths, order=copies.astype(np.int64))) < 0.6


def test_few_images_prove_neither():
    labels = np.arange(24) % 2

    assert outcome(evidence(labels, 100 + np.arange(24) % 5)) == Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("without", "is_told"), [(100, True), (101, False)])
def test_a_tenth_of_the_images_may_lack_a_property(without, is_told):
    labels = np.arange(1000) % 2
    widths = np.where(np.arange(1000) < without, -1, 100 + labels)

    told = told_by(evidence(labels, widths), "test", FILES)

    assert isinstance(told, Undefined) != is_told


def test_one_class_alone_has_nothing_to_tell():
    told = told_by(evidence([0] * 50, [100] * 50), "test", FILES)

    assert "fewer than two classes" in told.reason


def test_classes_of_one_image_hide_no_other():
    """They weigh as much as any class: eight of them would make each leaf answer one of them."""
    labels = np.array([0, 1] * 200 + list(range(2, 10)))
    widths = np.where(labels < 2, 100 + labels, 100 + labels % 2)

    assert value(evidence(labels, widths, classes=10)) == 1.0
    assert outcome(evidence(labels, widths, classes=10)) == Outcome.FAILED


def test_of_ten_classes_one_that_files_tell_alone_makes_a_ninth():
    labels = np.arange(1000) % 10

    told = value(evidence(labels, 100 + (labels == 3), classes=10))

    assert (told - 0.1) / 0.9 == pytest.approx(1 / 9)


@pytest.mark.slow
@pytest.mark.parametrize(("images", "classes"), [(300, 2), (1000, 2), (1000, 10)])
def test_at_its_limit_a_rule_fails_wrongly_as_seldom_as_promised(images, classes):
    """The bound takes the answers for independent, though trees share images: simulated."""
    draws = np.random.default_rng(7)
    labels = np.arange(images) % classes
    limit = 1 / classes + 0.2 * (1 - 1 / classes)
    wrongly = 0
    for seed in range(400):
        told = np.where(draws.random(images) < 0.2, labels, draws.integers(0, classes, images))
        found = told_by(evidence(labels, 100 + told, seed=seed, classes=classes), "test", FILES)
        wrongly += found.balanced_accuracy.lower(0.95) > limit

    assert wrongly <= 0.05 * 400 + 3 * (400 * 0.05 * 0.95) ** 0.5
