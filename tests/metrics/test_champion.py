"""Images that leaked are taken out of both models' answers before they are compared."""

from dataclasses import replace

from gate.evidence.records import EXACT, Overlap, Pair, PairKind, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.champion import champion_pairs, metric_change
from gate.metrics.row_sets import views_of

NUMBERS = SyntheticRun(train=((10, 0), (0, 10)), test=((90, 10), (10, 90)), broken=8, repaired=3)


def leaking(*ids):
    evidence = synthetic_evidence(NUMBERS)
    pairs = tuple(
        Pair("000000000", each, Split.TRAIN, Split.TEST, "cat", "cat", PairKind.BYTES)
        for each in ids
    )
    overlap = Overlap(Split.TRAIN, Split.TEST, pairs, compared=tuple(EXACT))
    return views_of(replace(evidence, overlaps=(overlap,)))[-1].evidence


def broken(evidence):
    pairs = champion_pairs(evidence, "test")
    return [str(each) for each in pairs.rows.ids[pairs.lost]]


def test_a_leaked_image_counts_for_neither_model():
    clean = leaking()
    one = broken(clean)[0]

    pairs = champion_pairs(leaking(one), "test")

    assert len(pairs.rows) == len(pairs.baseline) == 199
    assert one not in {*pairs.rows.ids, *pairs.baseline.ids}
    assert broken(leaking(one)) == broken(clean)[1:]


def test_the_change_is_that_of_the_clean_images():
    clean = leaking()

    found = metric_change("accuracy", champion_pairs(leaking(*broken(clean)), "test"), None, 2)

    assert (found.lost.numerator, found.gained.numerator, found.denominator) == (0, 3, 192)
