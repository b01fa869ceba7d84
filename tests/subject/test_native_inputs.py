"""Images are prepared as transformers, timm and torchvision prepare them."""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from gate.subject.datasets.images import decode
from gate.subject.inputs import InputSpec, build_transform

HERE = Path(__file__).parent / "reference"


def _script():
    spec = importlib.util.spec_from_file_location("native_inputs", HERE / "native_inputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NATIVE = _script()
REFERENCE = np.load(HERE / "native_inputs.npz")


def ours(name, pixels):
    spec = InputSpec.model_validate(NATIVE.gatefile_input(name))
    return build_transform(spec, base=Path())(Image.fromarray(pixels))


def levels(made, name):
    """Return what a transform gave as levels 0..255, where its normalising can be undone."""
    if NATIVE.gatefile_input(name).get("mean"):
        mean, std = (np.array(each).reshape(3, 1, 1) for each in (NATIVE.MEAN, NATIVE.STD))
        made = made * std + mean
    return made * 255


@pytest.mark.parametrize("shown", NATIVE.pictures())
@pytest.mark.parametrize("name", NATIVE.CASES)
def test_an_input_is_that_of_the_native_pipeline(name, shown):
    pictures = NATIVE.pictures()
    expected = REFERENCE[name][list(pictures).index(shown)]

    made = ours(name, pictures[shown])

    if expected.dtype == np.uint8:
        made = levels(made, name)
    assert made == pytest.approx(expected, abs=1e-3 if expected.dtype == np.uint8 else 1e-5)


def test_the_reference_is_of_the_pictures_and_the_releases_it_names():
    for name, pixels in NATIVE.pictures().items():
        assert np.array_equal(REFERENCE[f"image {name}"], pixels)
    assert json.loads(str(REFERENCE["versions"])).keys() >= {"timm", "transformers", "torchvision"}


@pytest.fixture(scope="module")
def libraries():
    """Skip where the libraries are not installed; torchvision's operators are defined first."""
    for name in ("timm", "transformers", "torchvision"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    held = NATIVE.define_operators()
    yield
    del held


@pytest.mark.slow
@pytest.mark.parametrize("name", NATIVE.CASES)
def test_an_input_is_that_of_the_libraries_for_pictures_of_any_size(name, libraries):
    draw = np.random.default_rng(0)
    for seed in range(40):
        height, width = draw.integers(4, 60, 2)
        pixels = NATIVE.picture(height, width, seed)

        assert ours(name, pixels) == pytest.approx(
            np.asarray(NATIVE.native(name, pixels), np.float32)
            / (255 if NATIVE.CASES[name][1].get("do_rescale") is False else 1),
            abs=2e-5,
        ), (height, width)


def stored(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    return decode(file.getvalue())


@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_by_the_loader_of_transformers(orientation):
    """Its load_image calls Pillow's exif_transpose."""
    picture = stored(Image.fromarray(NATIVE.pictures()["wide"]), orientation)
    turning = build_transform(InputSpec(channels="RGB", orientation="exif"), base=Path())

    expected = np.asarray(ImageOps.exif_transpose(picture), np.float32) / 255

    assert np.array_equal(turning(picture), expected.transpose(2, 0, 1))
    assert turning.treatment(picture) == (
        ("turned as EXIF says",) if orientation in range(2, 9) else ()
    )
