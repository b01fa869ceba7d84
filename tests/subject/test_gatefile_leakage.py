"""How thoroughly copies are looked for: by a descriptor, by aligning all, or as always."""

import pytest
from pydantic import ValidationError

from gate.subject.gatefile import LeakageSpec

NETWORK = {"descriptor": "copies.onnx", "size": [288, 288]}


@pytest.mark.parametrize("given", [{"thorough": True}, NETWORK, {"thorough": True, **NETWORK}])
def test_either_makes_the_search_more_thorough(given):
    assert LeakageSpec.model_validate(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "delete leakage"),
        ({"thorough": False}, "delete leakage"),
        ({"descriptor": "copies.onnx"}, "descriptor and size belong together"),
        ({"thorough": True, "size": [288, 288]}, "descriptor and size belong together"),
        (
            {"thorough": True, "mean": [0, 0, 0], "std": [1, 1, 1]},
            "mean and std are of a descriptor",
        ),
    ],
)
def test_half_of_a_descriptor_and_nothing_at_all_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        LeakageSpec.model_validate(given)
