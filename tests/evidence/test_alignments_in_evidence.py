"""An alignment in evidence is two rows of three small numbers and a flag, or it is refused."""

import json

import pytest

from gate.evidence.agreement import alignment_of
from gate.evidence.contradictions import Contradiction
from gate.evidence.records import Alignment

SOUND = Alignment((1.2, 0.1, -0.3), (-0.1, 1.2, 0.0), True)


def test_what_was_written_is_read():
    assert alignment_of(json.loads(json.dumps(SOUND))) == SOUND
    assert alignment_of(None) is None


@pytest.mark.parametrize(
    "given",
    [
        7,
        "turned",
        [],
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0], [0, 1], False],
        [[1, 0, 0], [0, 1, "0"], False],
        [[1, 0, 0], [0, float("nan"), 0], False],
        [[1, 0, 1e9], [0, 1, 0], False],
        [[1, 0, 0], [0, True, 0], False],
        [[1, 2, 0], [2, 4, 0], False],
        [[1, 0, 0], [0, 1, 0], 1],
    ],
    ids=json.dumps,
)
def test_what_is_no_alignment_is_refused(given):
    with pytest.raises(Contradiction):
        alignment_of(given)
