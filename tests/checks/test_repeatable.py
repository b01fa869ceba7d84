"""A rule on repeated answers says who was asked."""

from gate.checks.repeatable import Repeatable
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun


def test_an_artefact_that_takes_batches_of_one_size_is_named():
    columns = {
        "gap between two calls": ((200, 0.0),),
        "gap between batch sizes": ((200, None),),
        "flipped": ((200, 0),),
    }
    key = "repeated of small v1 images=200 batches=1,7,64"
    evidence = synthetic_evidence(
        SyntheticRun(test=((100, 0), (0, 100)), observations={"test": {key: columns}})
    )

    found = judge([Repeatable(id="r", artefact="small")], evidence).results

    reasons = [each.comparison.estimate.reason for each in found]
    assert sorted(reasons) == ["", "small takes batches of one size only"]
