"""An image that lends a region is the one that was answered, or lends nothing."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gate.measure.data_pass.observe import ObservedBatch
from gate.measure.fingerprints.fingerprint import fingerprint
from gate.measure.partials.samples import SplitSamples


def image(level):
    return Image.fromarray(np.arange(900, dtype=np.uint8).reshape(30, 30) // 4 + np.uint8(level))


@pytest.fixture
def lent():
    """Return a function that gives what a Dataset lends that serves an image."""

    def lend(served):
        known = fingerprint(b"", image(3)).pixels
        batch = ObservedBatch(
            chunk=None,
            rows=slice(0, 1),
            dataset=SimpleNamespace(read=lambda _: SimpleNamespace(image=served)),
            split="test",
            outputs=np.zeros((1, 2), np.float32),
            answering=SimpleNamespace(transform=SimpleNamespace(decode=np.asarray)),
            samples=SplitSamples((0,), (0,), (known,), {}),
        )
        return batch.pixels_at(0)

    return lend


def test_the_image_that_was_answered_lends(lent):
    assert np.array_equal(lent(image(3)), np.asarray(image(3)))


def test_another_in_its_place_lends_nothing(lent):
    assert lent(image(4)) is None


def test_a_tensor_lends_nothing(lent):
    assert lent(None) is None
