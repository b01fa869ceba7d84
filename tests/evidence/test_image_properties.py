"""What is observed of one image, against NumPy's own sums."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from gate.evidence.image_properties import PROPERTIES, ImageProperties


@dataclass
class Batch:
    """Images as a measurement is shown them."""

    images: tuple
    bytes_stored: np.ndarray

    @property
    def indices(self):
        return np.arange(len(self.images))


def seen(*images):
    batch = Batch(images, np.array([100 + at for at in range(len(images))]))
    return ImageProperties().observe(batch)


def noise(height, width, *channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, *channels), dtype=np.uint8)


def test_of_a_small_grey_image_all_pixels_are_seen():
    grey = noise(40, 30)

    found = seen(Image.fromarray(grey))

    values = grey.astype(float)
    down, right = np.abs(np.diff(values, axis=0)), np.abs(np.diff(values, axis=1))
    expected = {
        "brightness": values.mean(),
        "contrast": values.std(),
        "size": 1200,
        "sharpness": np.concatenate([down.ravel(), right.ravel()]).mean(),
        "aspect": 0.75,
        "bytes": 100,
    }
    assert {name: found[name][0] for name in PROPERTIES} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "LA", "CMYK"])
def test_colours_are_seen_as_pillow_turns_them_grey(mode):
    image = Image.fromarray(noise(20, 20, 3)).convert(mode)

    found = seen(image)

    assert found["brightness"][0] == pytest.approx(np.asarray(image.convert("L")).mean())


def test_deep_images_keep_their_depth():
    deep = noise(20, 20).astype(np.uint16) * 200
    found = seen(Image.fromarray(deep), Image.fromarray(deep.astype(np.int32)),
                 Image.fromarray(deep.astype(np.float32)))  # fmt: skip

    assert found["brightness"] == pytest.approx([deep.mean()] * 3)
    assert found["sharpness"] == pytest.approx([found["sharpness"][2]] * 3)
    assert found["sharpness"][0] > 255


def test_a_large_image_is_sampled_for_light_and_its_middle_for_sharpness():
    flat = np.full((1000, 2000), 100, np.uint8)
    flat[500 - 64 : 500 + 64, 1000 - 64 : 1000 + 64] = noise(128, 128)
    smooth = np.full((1000, 2000), 100, np.uint8)
    smooth[:100, :100] = noise(100, 100)

    found = seen(Image.fromarray(flat), Image.fromarray(smooth))

    assert found["sharpness"][0] > 50
    assert found["sharpness"][1] == 0
    assert found["brightness"] == pytest.approx([100, 100], abs=5)
    assert found["size"].tolist() == [2_000_000, 2_000_000]


def test_one_pixel_is_an_image_and_a_tensor_is_none():
    found = seen(Image.fromarray(noise(1, 1)), None)

    assert (found["sharpness"][0], found["contrast"][0], found["size"][0]) == (0, 0, 1)
    assert np.isnan(found["brightness"][1])
    assert found["size"][1] == -1


def test_an_image_is_seen_the_same_in_any_company():
    images = [Image.fromarray(noise(30, 30, 3, seed=at)) for at in range(5)]

    together = seen(*images)

    for at, image in enumerate(images):
        alone = seen(image)
        for name in set(PROPERTIES) - {"bytes"}:
            assert alone[name][0] == together[name][at]
