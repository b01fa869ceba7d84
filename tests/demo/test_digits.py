import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from gate.demo.cases import CASES
from gate.demo.digits import IS_IT_AN_EIGHT, WORDS, pictures

CASE_NAMES = [case.name for case in CASES]
ABOUT_EIGHTS = ("paradox", "threshold")


def of(case: str, split: str):
    return [picture for picture in pictures(case) if picture.split == split]


def row_of(picture) -> int:
    return int(picture.name.removeprefix("digit-"))


def test_pictures_are_scikit_learns_digits_with_no_two_levels_merged():
    bunch = load_digits()

    for picture in of("good", "train") + of("good", "test"):
        row = row_of(picture)
        assert np.array_equal(picture.pixels / 15, bunch.images[row])
        assert WORDS.index(picture.label) == bunch.target[row]


@pytest.mark.parametrize("case", ["good", "paradox", "threshold", "overfitted"])
def test_no_digit_stands_in_two_splits(case):
    rows = [row_of(picture) for picture in pictures(case)]

    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("case", CASE_NAMES)
def test_every_class_has_images_in_train_and_five_or_more_in_test(case):
    classes = IS_IT_AN_EIGHT if case in ABOUT_EIGHTS else WORDS

    test = [picture.label for picture in of(case, "test")]

    assert {picture.label for picture in of(case, "train")} == set(classes)
    assert min(test.count(name) for name in classes) >= 5


def test_about_one_image_in_24_of_the_paradox_is_an_eight():
    labels = [picture.label for picture in of("paradox", "test")]

    assert labels.count("eight") / len(labels) == pytest.approx(1 / 24, rel=0.05)


def test_test_labels_are_true_in_every_case():
    target = load_digits().target

    for case in CASE_NAMES:
        for picture in of(case, "test"):
            true = WORDS[target[row_of(picture)]]
            assert picture.label == (
                true if case not in ABOUT_EIGHTS or true == "eight" else "other"
            )


def test_a_fourth_of_the_images_to_overfit_on_is_labelled_wrongly():
    target = load_digits().target
    train = of("overfitted", "train")

    wrong = [picture for picture in train if picture.label != WORDS[target[row_of(picture)]]]

    assert len(wrong) / len(train) == pytest.approx(1 / 4, abs=0.02)


def test_the_leaky_train_split_holds_test_images_plain_mirrored_and_relabelled():
    test = {picture.name: picture for picture in of("leaky", "test")}
    copies = [(test[p.name], p) for p in of("leaky", "train") if p.name in test]

    mirrored = [
        np.array_equal(a.pixels[:, ::-1], b.pixels)
        for a, b in copies
        if not np.array_equal(a.pixels, b.pixels)
    ]
    relabelled = [b for a, b in copies if a.label != b.label]

    assert len(copies) == 124
    assert len(mirrored) == 20
    assert all(mirrored)
    assert len(relabelled) == 4


def test_written_images_hold_the_pixels_of_the_pictures(demo):
    for picture in of("leaky", "train"):
        path = demo.folder / "leaky" / "data" / "train" / picture.label / f"{picture.name}.png"
        with Image.open(path) as image:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), picture.pixels)
