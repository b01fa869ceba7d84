"""Small datasets, made in a folder of their own."""

import contextlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from gate.subject.datasets import open_dataset
from gate.subject.datasets.spec import DataSpec


@pytest.fixture
def says():
    """Expect an error that says place, fact and remedy; each is searched for a pattern."""

    @contextlib.contextmanager
    def expect(kind, *, where="", fact="", remedy=""):
        with pytest.raises(kind) as caught:
            yield caught
        error = caught.value
        assert re.search(where, error.where), error.where
        assert re.search(fact, error.fact), error.fact
        assert re.search(remedy, error.remedy), error.remedy
        assert error.where
        assert error.fact
        assert error.remedy
        assert not error.fact.endswith(".")

    return expect


@pytest.fixture
def unreadable():
    """Read one image and return the reason why it cannot be read."""
    from gate.subject.datasets.records import UnreadableImage

    def reason(dataset, name):
        index = [entry.id for entry in dataset.entries].index(name)
        with pytest.raises(UnreadableImage) as caught:
            dataset.read(index)
        return caught.value.reason

    return reason


@pytest.fixture
def encoded():
    """Return a noisy picture as the bytes of an image file."""

    def encode(seed=0, *, mode="RGB", kind="PNG", size=(8, 6), **options):
        bands = len(Image.new(mode, (1, 1)).getbands())
        shape = (size[1], size[0]) if bands == 1 else (size[1], size[0], bands)
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        image = Image.frombytes(mode, size, pixels.tobytes())
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        return stream.getvalue()

    return encode


@pytest.fixture
def pets(tmp_path, encoded):
    """A folder of two classes with two images each."""
    root = tmp_path / "pets"
    for number, name in enumerate(["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(number))
    return root


@pytest.fixture
def opened(tmp_path):
    """Open the dataset that keys of the gate file describe, relative to the test's folder."""

    def of(classes=None, **keys):
        return open_dataset(DataSpec(**keys), base=tmp_path, classes=classes)

    return of
