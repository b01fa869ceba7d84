"""What has to change in `input:` is what differs from it, and nothing else."""

import pytest

from gate.evidence.input_trial import PREPARATIONS
from gate.metrics.input_change import change_to

OF = {each.name: each for each in PREPARATIONS}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
IMAGENET = {"channels": "RGB", "mean": MEAN, "std": STD, "offset": 0.0, "scale": None}
BARE = {"channels": "RGB", "mean": None, "std": None, "offset": 0.0, "scale": None}
BOTH = f"mean: {MEAN}, std: {STD}"


@pytest.mark.parametrize(
    ("name", "declared", "remedy", "words"),
    [
        ("imagenet", BARE, f"declare in input: {BOTH}", "ImageNet mean and std"),
        (
            "imagenet",
            IMAGENET | {"channels": "BGR"},
            "declare in input: channels: RGB",
            "channels in the order RGB",
        ),
        ("bgr imagenet", IMAGENET, "declare in input: channels: BGR", "channels in the order BGR"),
        ("imagenet", IMAGENET | {"scale": 1}, "delete scale in input", "pixels scaled to 0..1"),
        ("0..255", BARE, "declare in input: scale: 1", "values in 0..255"),
        (
            "0..1",
            IMAGENET,
            "delete mean, std in input",
            "values in 0..1 and no normalisation",
        ),
        (
            "0..255",
            IMAGENET,
            "declare in input: scale: 1, and delete mean, std",
            "values in 0..255",
        ),
        (
            "bgr -1..1",
            BARE | {"offset": 0.5, "mean": [0.5] * 3, "std": [0.5] * 3},
            "declare in input: channels: BGR, and delete offset",
            "channels in the order BGR and pixels scaled to 0..1",
        ),
    ],
)
def test_only_what_differs_is_named(name, declared, remedy, words):
    change = change_to(OF[name], declared)

    assert (change.remedy, change.words) == (remedy, words)


def test_a_grey_image_has_one_mean_and_one_std():
    change = change_to(OF["imagenet"], BARE | {"channels": "L"})

    assert change.remedy == "declare in input: mean: [0.449], std: [0.226]"


@pytest.mark.parametrize("scale", [1 / 255, 0.003921, None])
def test_the_usual_scale_need_not_be_deleted(scale):
    assert change_to(OF["imagenet"], BARE | {"scale": scale}).remedy.endswith(BOTH)


def test_rounded_numbers_of_imagenet_are_the_same():
    declared = IMAGENET | {"mean": [0.485, 0.4563, 0.406], "scale": 1}

    assert change_to(OF["imagenet"], declared).remedy == "delete scale in input"


def test_images_of_a_factory_are_prepared_there():
    change = change_to(OF["bgr 0..255"], BARE | {"factory": "prepare:build"})

    said = "channels in the order BGR and values in 0..255"
    assert change.remedy == f"prepare the images in input.factory with {said}"


def test_the_whole_preparation_is_named_where_the_input_is_not_known():
    assert change_to(OF["imagenet"], None).remedy == f"declare in input: {BOTH}"
    assert change_to(OF["0..1"], None).remedy == (
        "prepare the images with values in 0..1 and no normalisation"
    )
