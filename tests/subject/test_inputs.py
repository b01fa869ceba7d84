import warnings

import jsonschema
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from gate.errors import FactoryError
from gate.subject.datasets.records import UnreadableImage
from gate.subject.inputs import InputSpec, build_transform

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 6, 7), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@pytest.fixture
def transform(tmp_path):
    def build(**keys):
        return build_transform(InputSpec.model_validate(keys), base=tmp_path)

    return build


def test_pixels_are_scaled_to_0_1_and_channels_come_first(transform):
    made = transform()(Image.fromarray(COLOUR[0]))

    assert (made.dtype, made.shape) == (np.float32, (3, 6, 7))
    assert np.array_equal(made, np.float32(COLOUR[0].transpose(2, 0, 1)) / np.float32(255))


def test_normalising_gives_the_bits_that_torch_gives(transform):
    made = transform(channels="RGB", **IMAGENET)(Image.fromarray(COLOUR[0]))

    scaled = torch.from_numpy(COLOUR[0]).permute(2, 0, 1).to(torch.float32).div(255)
    mean, std = (torch.tensor(IMAGENET[key]).view(3, 1, 1) for key in ("mean", "std"))
    assert torch.equal(torch.from_numpy(made), scaled.sub(mean).div(std))


def test_what_is_not_declared_is_said(transform):
    assert transform().assumed == (
        "pixels scaled to 0..1",
        "image size as stored",
        "channels as stored",
        "no resize",
        "no normalisation",
    )


def test_what_is_declared_is_not_said(transform):
    full = transform(size=[6, 7], channels="RGB", resize="none", **IMAGENET)

    assert full.assumed == ("pixels scaled to 0..1",)


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"channels": "L"},
        {"channels": "RGB"},
        {"channels": "L", "mean": [0.286], "std": [0.353]},
        {"channels": "RGB", **IMAGENET},
        {"size": [6, 7], "channels": "RGB", "resize": "stretch"},
        {"size": [6, 7], "channels": "L", "resize": 6, "crop": "center"},
        {"size": [4, 4], "resize": "stretch"},
        {"size": [4, 4], "resize": "shorter-side", "crop": "center"},
        {"size": [6, 6], "resize": 12, "crop": "center"},
        {"size": [5, 4], "crop": "center"},
        {"size": [8, 9], "pad": 3, "crop": "center"},
        {"size": [6, 7], "resize": "stretch", "crop_ratio": 0.8, "crop": "center"},
        {"channels": "BGR", "scale": 0.5, "offset": -3.0, **IMAGENET},
        {"size": [4, 4], "resize": [5, 5], "resizer": "tensor", "crop": "center-floor"},
    ],
)
def test_a_batch_has_the_bits_of_its_images(transform, pixels, keys):
    build = transform(**keys)

    batch = build.batch(pixels)

    assert np.array_equal(batch, np.stack([build(Image.fromarray(row)) for row in pixels]))
    assert batch.dtype == np.float32


def test_a_batch_may_be_a_part_of_a_mapped_file(transform, tmp_path):
    GREY.tofile(tmp_path / "pixels")
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "r", shape=GREY.shape)

    assert np.array_equal(transform().batch(mapped[1:3]), transform().batch(GREY[1:3]))


@given(st.integers(0, 255), st.floats(-2, 2), st.floats(0.01, 3))
def test_every_pixel_value_gets_the_float32_arithmetic(tmp_path_factory, value, mean, std):
    spec = InputSpec(channels="L", mean=(mean,), std=(std,))
    build = build_transform(spec, base=tmp_path_factory.getbasetemp())

    made = build.batch(np.full((1, 1, 1), value, np.uint8))[0, 0, 0, 0]

    assert made == (np.float32(value) / np.float32(255) - np.float32(mean)) / np.float32(std)


@pytest.mark.parametrize(
    ("stored", "keys", "scaled"),
    [
        ((500, 375), {"size": [224, 224], "resize": 256}, (256, 341)),
        ((375, 500), {"size": [224, 224], "resize": 256}, (341, 256)),
        ((300, 300), {"size": [224, 224], "resize": 256}, (256, 256)),
        ((500, 375), {"size": [224, 224], "resize": "shorter-side"}, (224, 298)),
        ((500, 375), {"size": [100, 200], "resize": "shorter-side"}, (150, 200)),
        ((500, 375), {"size": [200, 100], "resize": "shorter-side"}, (200, 266)),
        ((20, 10), {"size": [64, 64], "resize": "shorter-side"}, (64, 128)),
    ],
)
def test_resizing_and_cropping_are_those_of_torchvision(transform, stored, keys, scaled):
    """The sizes are torchvision's: the longer side rounded down, the margin halved and rounded."""
    width, height = stored
    pixels = RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)
    target_height, target_width = keys["size"]

    made = transform(crop="center", **keys)(Image.fromarray(pixels))

    resized = Image.fromarray(pixels).resize((scaled[1], scaled[0]), Image.Resampling.BILINEAR)
    top, left = round((scaled[0] - target_height) / 2), round((scaled[1] - target_width) / 2)
    expected = np.asarray(resized)[top : top + target_height, left : left + target_width]
    assert np.array_equal(made, np.float32(expected.transpose(2, 0, 1)) / np.float32(255))


def test_stretching_changes_the_shape(transform):
    image = Image.fromarray(COLOUR[0])

    made = transform(size=[3, 9], resize="stretch", interpolation="bicubic")(image)

    expected = np.asarray(image.resize((9, 3), Image.Resampling.BICUBIC))
    assert np.array_equal(made, np.float32(expected.transpose(2, 0, 1)) / np.float32(255))


@pytest.mark.parametrize(
    ("keys", "remedy"),
    [
        ({"size": [28, 28]}, "declare input.resize"),
        ({"size": [7, 6]}, "declare input.resize"),
        ({"size": [7, 7], "crop": "center"}, "declare input.resize"),
        ({"size": [6, 6], "resize": 12}, "crop: center"),
        ({"size": [6, 6], "resize": 3, "crop": "center"}, "covers the size"),
    ],
)
def test_an_image_of_another_size_is_refused_with_both_sizes(transform, keys, remedy):
    with pytest.raises(UnreadableImage) as caught:
        transform(**keys)(Image.fromarray(GREY[0]))

    height, width = keys["size"]
    assert f"input.size is {height} x {width}" in caught.value.fact
    assert remedy in caught.value.remedy


def test_the_size_of_the_image_is_said_height_first(transform):
    with pytest.raises(UnreadableImage, match=r"is 6 x 7 pixels \(height x width\)"):
        transform(size=[28, 28])(Image.fromarray(GREY[0]))


def test_a_batch_of_another_size_is_refused_too(transform):
    with pytest.raises(UnreadableImage, match="is 6 x 7 pixels"):
        transform(size=[28, 28]).batch(GREY)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "RGBX"])
@pytest.mark.parametrize("channels", ["L", "RGB"])
def test_other_modes_are_converted_where_channels_are_declared(transform, mode, channels):
    image = Image.fromarray(COLOUR[0]).convert("RGBA" if mode == "PA" else "RGB").convert(mode)

    made = transform(channels=channels)(image)

    assert made.shape == (len(channels), 6, 7)


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "LA", "1"])
def test_other_modes_are_refused_where_channels_are_not_declared(transform, mode):
    with pytest.raises(UnreadableImage, match=f"is of mode {mode}, .*declare input.channels"):
        transform()(Image.new(mode, (7, 6)))


def test_alpha_is_dropped_and_not_blended(transform):
    rgba = np.dstack([COLOUR[0], np.zeros((6, 7), np.uint8)])

    made = transform(channels="RGB")(Image.fromarray(rgba))

    assert np.array_equal(made, transform()(Image.fromarray(COLOUR[0])))


def test_a_palette_with_transparency_gives_its_colours_without_a_warning(transform):
    image = Image.fromarray(COLOUR[0]).quantize(8)
    image.info["transparency"] = bytes([0, 128, 255])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = transform(channels="RGB")(image)

    del image.info["transparency"]
    assert np.array_equal(made, transform(channels="RGB")(image))


@pytest.mark.parametrize("channels", [None, "L", "RGB"])
@pytest.mark.parametrize("pixels", [np.uint16, np.int32, np.float32])
def test_more_than_eight_bits_are_refused_and_not_clipped(transform, channels, pixels):
    image = Image.fromarray(np.full((6, 7), 1000, pixels))

    with pytest.raises(UnreadableImage, match=r"nothing says which value is white.*factory"):
        transform(**({"channels": channels} if channels else {}))(image)


def test_a_mode_that_pillow_cannot_convert_is_refused(transform):
    with pytest.raises(UnreadableImage, match="of mode LAB cannot be converted to L"):
        transform(channels="L")(Image.new("LAB", (2, 2)))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mean": [0.5]}, "mean and std belong together"),
        ({"mean": [0.5], "std": [0.5]}, "need channels"),
        ({"channels": "RGB", "mean": [0.5], "std": [0.5]}, "channels RGB need 3"),
        ({"channels": "L", "mean": [0.5, 0.5], "std": [0.5, 0.5]}, "channels L need 1"),
        ({"channels": "L", "mean": [0.5], "std": [0]}, "greater than 0"),
        ({"channels": "L", "mean": [float("nan")], "std": [1]}, "finite number"),
        ({"channels": "L", "mean": ["0.5"], "std": [1]}, "valid number"),
        ({"channels": "HSV"}, "'L', 'RGB' or 'BGR'"),
        ({"size": [28]}, "Field required"),
        ({"size": [28, 0]}, "greater than 0"),
        ({"size": [28.5, 28]}, "valid integer"),
        ({"size": [True, 28]}, "valid integer"),
        ({"resize": "stretch"}, "resize and crop need a size"),
        ({"crop": "center"}, "resize and crop need a size"),
        ({"resize": 256}, "resize and crop need a size"),
        ({"size": [28, 28], "resize": 0}, "greater than 0"),
        ({"size": [28, 28], "resize": "shorter side"}, "'shorter-side'"),
        ({"factory": "a:b", "size": [28, 28]}, "give it alone"),
        ({"sise": [28, 28]}, "Extra inputs"),
        ({"size": [1_000_000_000, 28]}, "less than or equal to 16384"),
        ({"size": [16384, 16384]}, "16384 x 16384 pixels, and 67,108,864 are the most"),
        ({"size": [28, 28], "resize": 1_000_000_000}, "less than or equal to 16384"),
        ({"size": [28, 28], "resize": [16384, 16384]}, "resize makes images of 16384 x 16384"),
        (
            {"size": [64, 64], "resize": "stretch", "crop_ratio": 1e-320, "crop": "center"},
            "resize makes images of",
        ),
        (
            {"size": [64, 64], "resize": "stretch", "crop_ratio": 1e-6, "crop": "center"},
            "resize makes images of",
        ),
        ({"pad": 0}, "pad and crop_ratio need a size"),
        ({"crop_ratio": 0.9}, "pad and crop_ratio need a size"),
        ({"size": [28, 28], "crop_ratio": 0.9, "crop": "center"}, "what resize aims at"),
        ({"size": [28, 28], "resize": 32, "crop_ratio": 0.9}, "what resize aims at"),
        ({"size": [28, 28], "resize": "stretch", "crop_ratio": 0.9}, "declare crop: center"),
        ({"size": [9, 9], "resize": "longer-side", "crop_ratio": 0.9, "pad": 0}, "crop: center"),
        ({"size": [28, 28], "resize": "stretch", "crop_ratio": 87.5}, "less than or equal to 2"),
        ({"size": [28, 28], "resize": "longer-side"}, "declare its colour, such as pad: 0"),
        ({"size": [28, 28], "resize": "stretch", "rounding": "round"}, "delete rounding"),
        ({"size": [28, 28], "resizer": "tensor"}, "resizer resizes nothing"),
        (
            {"size": [9, 9], "resize": 9, "resizer": "tensor", "interpolation": "box"},
            "torch has no interpolation box",
        ),
        ({"size": [28, 28], "pad": "mean"}, "declare mean"),
        ({"size": [9, 9], "channels": "RGB", **IMAGENET, "pad": "mean", "scale": 1.0}, "no scale"),
        ({"size": [28, 28], "pad": [1, 2, 3]}, "channels are not declared"),
        ({"size": [28, 28], "pad": [1, 2], "channels": "RGB"}, "pad has 2 levels"),
        ({"size": [28, 28], "pad": 256}, "less than or equal to 255"),
        ({"size": [28, 28], "pad": []}, "levels"),
        (
            {"size": [9, 9], "channels": "L", "mean": [1.5], "std": [1.0], "pad": "mean"},
            "levels in 0..255",
        ),
        ({"scale": 0.0}, "greater than 0"),
        ({"scale": 1e-300}, "scale 1e-300 is 0 in float32"),
        ({"channels": "L", "mean": [0.5], "std": [1e-300]}, "std 1e-300 is 0 in float32"),
        ({"offset": 1e300}, "less than or equal to 1000000"),
        ({"orientation": "exif-ish"}, "'exif' or 'stored'"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        InputSpec.model_validate(keys)


@pytest.mark.parametrize("resize", ["shorter-side", 64, "longer-side"])
def test_an_image_that_is_nothing_but_length_is_refused_and_takes_no_memory(transform, resize):
    """1 x 16,000 pixels scaled to cover 256 x 256 are a thousand million."""
    build = transform(size=[256, 256], resize=resize, pad=0, crop="center")

    with pytest.raises(UnreadableImage, match=r"is 1 x 1600000 pixels .* after resizing"):
        build(Image.new("L", (1_600_000, 1)))
    assert build(Image.new("L", (500, 10))).shape == (1, 256, 256)


def test_an_image_that_would_lose_a_side_is_refused(transform):
    build = transform(size=[16, 16], resize="longer-side", pad=0)

    with pytest.raises(UnreadableImage, match="would be 0 x 16 after resizing"):
        build(Image.new("L", (40, 1)))


@pytest.mark.parametrize(
    ("pad", "level"), [(7, [7, 7, 7]), ([1, 2, 3], [1, 2, 3]), ("mean", [124, 116, 104])]
)
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_a_border_has_its_colour_before_scaling_in_the_order_of_the_channels(
    transform, pad, level, channels
):
    build = transform(size=[8, 9], channels=channels, pad=pad, **IMAGENET)

    made = build(Image.fromarray(COLOUR[0]))

    mean, std = (np.array(IMAGENET[key]).reshape(3, 1) for key in ("mean", "std"))
    border = (np.array(level).reshape(3, 1) / 255 - mean) / std
    for edge in (made[:, 0], made[:, -1], made[:, :, 0], made[:, :, -1]):
        assert edge == pytest.approx(np.broadcast_to(border, edge.shape), abs=1e-5)
    inside = transform(channels=channels, **IMAGENET)(Image.fromarray(COLOUR[0]))
    assert np.array_equal(made[:, 1:7, 1:8], inside)


def test_the_channels_are_given_in_reverse_order(transform):
    made = transform(channels="BGR", **IMAGENET)(Image.fromarray(COLOUR[0]))

    scaled = np.float32(COLOUR[0][..., ::-1]) / np.float32(255)
    mean, std = (np.float32(IMAGENET[key]) for key in ("mean", "std"))
    assert np.array_equal(made, ((scaled - mean) / std).transpose(2, 0, 1))


def test_values_are_multiplied_by_the_scale_and_the_offset_is_added(transform):
    build = transform(scale=1 / 127.5, offset=-1)

    made = build(Image.fromarray(np.uint8([[0, 51, 255]])))

    assert made.ravel() == pytest.approx([-1, -0.6, 1], abs=1e-6)
    assert "pixels scaled to 0..1" not in build.assumed


def test_pixels_keep_their_values_with_a_scale_of_1(transform):
    assert np.array_equal(transform(scale=1.0).batch(GREY)[:, 0], np.float32(GREY))


def test_who_resizes_is_said(transform):
    plain = transform(size=[4, 4], resize="stretch")
    tensor = transform(size=[4, 4], resize="stretch", resizer="tensor")

    assert "images resized by Pillow" in plain.assumed[-1]
    assert "images resized as tensors" in tensor.assumed[-1]
    assert not any("resized" in note for note in transform(size=[4, 4]).assumed)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"resize": "stretch"}, ("enlarged to input.size",)),
        ({"resize": "stretch", "size": [3, 3]}, ()),
        ({"resize": "longer-side", "pad": 0, "size": [5, 8]}, ("padded to input.size",)),
        (
            {"resize": "longer-side", "pad": 0},
            ("enlarged to input.size", "padded to input.size"),
        ),
        ({"pad": 0, "size": [8, 4], "crop": "center"}, ("padded to input.size",)),
    ],
)
def test_what_makes_an_image_larger_is_said(transform, keys, said):
    made = transform(**{"size": [12, 12], **keys})

    assert made.treatment(Image.new("L", (8, 4))) == said


@pytest.mark.parametrize(
    ("orientation", "words"),
    [
        ("exif", ("turned as EXIF says", "padded to input.size")),
        ("stored", ("not turned as EXIF says",)),
    ],
)
def test_a_turned_picture_is_measured_as_it_is_shown(transform, orientation, words):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (8, 4))
    image.info["exif"] = exif.tobytes()
    build = transform(size=[4, 8], orientation=orientation, pad=0, crop="center")

    assert build.treatment(image) == words
    assert (build(image) == 0).all()


def test_every_key_is_described_in_the_schema():
    schema = InputSpec.model_json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(value.get("description") for value in schema["properties"].values())
    jsonschema.validate({"size": [28, 28], "resize": 32, **IMAGENET, "channels": "RGB"}, schema)


@pytest.fixture
def own(tmp_path, transform):
    """Build a transform from user code that returns the given expression."""

    def build(expression, body=""):
        (tmp_path / "prepare.py").write_text(
            f"import numpy as np\nimport torch\n{body}\ndef make():\n    return {expression}\n"
        )
        return transform(factory="prepare:make")

    return build


def test_a_users_transform_is_called(own):
    build = own("lambda image: torch.full((1, image.height, image.width), 0.5).double()")

    made = build(Image.fromarray(GREY[0]))

    assert (made.dtype, made.shape, build.assumed) == (np.float32, (1, 6, 7), ())
    assert (made == 0.5).all()
    assert build.batch(GREY).shape == (5, 1, 6, 7)


@pytest.mark.parametrize(
    "tensor",
    [
        "torch.full((1, 2, 2), 0.5, dtype=torch.bfloat16)",
        "torch.full((1, 2, 2), 0.5, requires_grad=True)",
        "np.full((1, 2, 2), 0.5)",
    ],
)
def test_any_float_tensor_will_do(own, tensor):
    assert own(f"lambda image: {tensor}")(Image.fromarray(GREY[0])).tolist() == [
        [[0.5, 0.5], [0.5, 0.5]]
    ]


@pytest.mark.parametrize(
    ("result", "fact"),
    [
        ("None", "gave NoneType"),
        ("image", "gave Image"),
        ("torch.zeros(2, 2)", r"gave Tensor of shape \(2, 2\) and type torch.float32"),
        ("torch.zeros(1, 3, 2, 2)", "gave Tensor of shape"),
        ("torch.zeros(3, 2, 2, dtype=torch.uint8)", "torch.uint8"),
        ("np.zeros((3, 2, 2), int)", "gave ndarray of shape .3, 2, 2. and type int64"),
    ],
)
def test_a_result_of_another_kind_is_refused(own, result, fact):
    build = own(f"lambda image: {result}")

    with pytest.raises(FactoryError, match=fact) as caught:
        build(Image.fromarray(GREY[0]))

    assert caught.value.where == "input.factory 'prepare:make'"
    assert caught.value.remedy


def test_an_image_on_which_it_raises_is_unreadable_with_the_users_line(own):
    build = own("fail", "def fail(image):\n    raise RuntimeError('no\\nchannels')")

    with pytest.raises(UnreadableImage) as caught:
        build(Image.fromarray(GREY[0]))

    assert caught.value.reason == (
        r"input.factory 'prepare:make' raised RuntimeError: no\nchannels (prepare.py:4)"
    )


def test_a_factory_that_returns_nothing_callable_is_refused(own):
    with pytest.raises(FactoryError, match="returned int, nothing that can be called"):
        own("3")


def test_shapes_that_vary_for_images_of_one_size_are_refused(own):
    build = own(
        "step", "n = [0]\ndef step(image):\n    n[0] += 1\n    return torch.zeros(1, 2, n[0])"
    )

    with pytest.raises(FactoryError, match=r"different shapes.*random"):
        build.batch(GREY)


@pytest.mark.parametrize(
    ("mode", "channels", "said"),
    [
        ("CMYK", "RGB", ("converted from CMYK to RGB",)),
        ("P", "L", ("converted from P to L",)),
        ("L", "RGB", ("converted from L to RGB",)),
        ("RGB", "RGB", ()),
        ("L", None, ()),
    ],
)
def test_a_conversion_is_said_and_nothing_else(transform, mode, channels, said):
    made = transform(**({"channels": channels} if channels else {}))

    assert made.treatment(Image.new(mode, (4, 4))) == said


def test_a_picture_on_its_side_is_said_to_stay_so(transform):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (4, 4))
    image.info["exif"] = exif.tobytes()

    assert transform(channels="L").treatment(image) == (
        "not turned as EXIF says (nor does torchvision)",
    )


ODD_TRANSFORMS = {
    "sparse": "torch.ones(1, 2, 2).to_sparse()",
    "without values": "torch.ones(1, 2, 2, device='meta')",
    "of nothing": "torch.ones(1, 0, 2)",
    "complex": "torch.ones(1, 2, 2, dtype=torch.complex64)",
    "of whole numbers": "torch.ones(1, 2, 2, dtype=torch.uint8)",
    "no tensor": "Posing()",
    "nothing": "None",
}


@pytest.mark.parametrize("title", ODD_TRANSFORMS)
def test_what_a_transform_gives_instead_of_floats_is_told(title, tmp_path):
    (tmp_path / "odd.py").write_text(
        "import torch\n\nclass Posing:\n    detach = 1\n"
        "    shape = property(lambda self: 1 / 0)\n\n"
        f"def build():\n    return lambda image: {ODD_TRANSFORMS[title]}\n"
    )
    transform = build_transform(InputSpec(factory="odd:build"), base=tmp_path)

    with pytest.raises(FactoryError, match="for an image") as caught:
        transform(Image.new("L", (2, 2)))

    assert caught.value.remedy == "its callable returns a float tensor (C, H, W)"


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("sys.exit(0)", "raised SystemExit: 0 (odd.py:"),
        ("os._exit(9)", r"raised SystemExit: os._exit(9) (odd.py:"),
        ("interrupt()", "raised KeyboardInterrupt (odd.py:"),
    ],
)
def test_a_transform_that_ends_the_program_is_told_of(does, words, tmp_path):
    (tmp_path / "odd.py").write_text(
        "import os\nimport sys\n\ndef interrupt():\n    raise KeyboardInterrupt\n\n"
        f"def build():\n    return lambda image: {does}\n"
    )
    transform = build_transform(InputSpec(factory="odd:build"), base=tmp_path)

    with pytest.raises(FactoryError) as caught:
        transform(Image.new("L", (2, 2)))

    assert words in caught.value.fact


IMAGENET_255 = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}


def test_a_mean_on_the_scale_of_bytes_is_doubted_with_what_to_write():
    doubt = InputSpec(channels="RGB", **IMAGENET_255).doubt

    assert "mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], or scale: 1" in doubt


@pytest.mark.parametrize(
    "spec",
    [
        {"channels": "RGB", "scale": 1.0, **IMAGENET_255},
        {"channels": "RGB", "offset": -1.0, **IMAGENET_255},
        {"channels": "L", "mean": (1.0,), "std": (0.5,)},
        {"channels": "L"},
    ],
)
def test_a_mean_that_fits_its_scale_is_not_doubted(spec):
    assert InputSpec(**spec).doubt == ""


TURNED = """
import numpy as np
import torch
from PIL import ImageOps


def upright():
    def prepare(image):
        levels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.float32)
        return torch.from_numpy(levels.transpose(2, 0, 1) / 255)

    return prepare
"""


@pytest.mark.parametrize("where", ["exif", "xmp"])
@pytest.mark.parametrize(
    "declared",
    [{"orientation": "exif"}, {"orientation": "stored"}, {"factory": "turning:upright"}],
)
def test_a_view_that_changes_no_pixel_is_the_image_itself_however_it_is_turned(
    tmp_path, declared, where
):
    """A picture of a phone that is turned once more in each view would lose its answers."""
    (tmp_path / "turning.py").write_text(TURNED)
    prepare = build_transform(InputSpec(**declared), base=tmp_path)
    stored = Image.fromarray(np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3))
    exif = Image.Exif()
    exif[0x112] = 6
    stored.info = {"exif": exif.tobytes()} if where == "exif" else {"xmp": XMP}

    assert np.array_equal(prepare.changed(prepare.decode(stored), stored), prepare(stored))


XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
