"""Columns of scores: who asks again may give them, for its images, and nobody else."""

import numpy as np
import pytest

from gate.errors import MeasurementError
from gate.evidence.kept_scores import keep
from gate.evidence.measurements import SampledMeasurement
from gate.evidence.records import Split
from gate.measure.partials.requests import MeasurementRequest, OpenMeasurement

SCORES = keep(np.array([[0.8, 0.2], [0.1, 0.9], [np.nan, np.nan]]))


class Gives(SampledMeasurement):
    """Gives a column, whatever it is shown."""

    key = "gives/1"
    images = 3

    def __init__(self, column):
        self.column = column

    def observe(self, batch):
        return {"scores": self.column}


def opened(column, images=3):
    request = MeasurementRequest(
        key="gives/1", where="measurement gives/1", splits=(Split.TEST,), facts={}, code=None,
        plugins={}, pickled=b"", images=images,
    )  # fmt: skip
    return OpenMeasurement(request, Gives(column))


def test_who_asks_again_may_give_the_scores():
    found = opened(SCORES).observe(None, 3)

    assert np.array_equal(found["scores"], SCORES, equal_nan=True)


@pytest.mark.parametrize("column", [SCORES[:2], np.where(SCORES > 0.5, np.float32(np.inf), SCORES)])
def test_scores_that_are_not_finite_or_not_one_an_image_are_refused(column):
    with pytest.raises(MeasurementError, match="scores that are not those of its images"):
        opened(column).observe(None, 3)


def test_who_sees_all_images_gives_numbers():
    with pytest.raises(MeasurementError, match="one number each is needed"):
        opened(SCORES, images=None).observe(None, 3)


def test_parts_with_scores_of_more_classes_do_not_join():
    wider = np.zeros((3, 3), np.float32)

    with pytest.raises(MeasurementError, match="for some images, and"):
        opened(SCORES).join([{"scores": SCORES}, {"scores": wider}], 6)
