"""Small pictures of leaked pairs and sure mistakes: few, small, bare, and the same every time."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gate.evidence.records import Picture, Split
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.measure import sample_images
from gate.measure.sample_images import keep_pictures, surest_mistakes
from gate.measure.small_png import png_of
from gate.subject.datasets.records import Entry, Sample, UnreadableImage
from gate.subject.inputs import InputSpec


class Noise:
    """A split of noise pictures, one an id; the ids given as broken cannot be read."""

    def __init__(self, ids, broken=()):
        self.entries = [Entry(name, 0) for name in ids]
        self.broken = set(broken)
        self.opened = []

    def read(self, index):
        name = self.entries[index].id
        self.opened.append(name)
        if name in self.broken:
            raise UnreadableImage("gone")
        pixels = np.random.default_rng(index).integers(0, 256, (200, 100, 3), dtype=np.uint8)
        return Sample(b"", Image.fromarray(pixels), None, 0)


EVIDENCE = synthetic_evidence(
    SyntheticRun(
        train=((50, 0), (0, 50)), test=((40, 10), (5, 45)), copies=3, confidence=(0.9, 0.7)
    )
)


def kept(broken=()):
    splits = EVIDENCE.splits
    datasets = {split: Noise(each.rows.ids, broken) for split, each in splits.items()}
    return datasets, keep_pictures(datasets, splits, EVIDENCE.overlaps, InputSpec())


def test_both_sides_of_a_pair_and_the_mistakes_are_kept():
    _, found = kept()

    names = {(each.split, each.id) for each in found}
    assert {(side, f"{index:09d}") for side in ("train", "test") for index in range(3)} <= names
    rows = EVIDENCE.splits[Split.TEST].rows
    wrong = {("test", rows.ids[row]) for row in surest_mistakes(rows, sample_images.A_CLASS)}
    assert wrong <= names
    assert len(wrong) == 8 + 5


def test_pairs_that_only_a_person_can_judge_are_kept_too():
    (overlap,) = (each for each in EVIDENCE.overlaps if each.split_a is not each.split_b)
    perhaps = replace(overlap.pairs[0], a="000000047", b="000000048")
    splits = EVIDENCE.splits
    datasets = {split: Noise(each.rows.ids) for split, each in splits.items()}

    found = keep_pictures(datasets, splits, [replace(overlap, review=(perhaps,))], InputSpec())

    names = {(each.split, each.id) for each in found}
    assert {(Split.TRAIN, "000000047"), (Split.TEST, "000000048")} <= names


def test_two_readings_keep_the_same_bytes_and_open_nothing_else():
    datasets, first = kept()
    _, second = kept()

    assert first == second
    assert sum(len(each.opened) for each in datasets.values()) == len(first)


def test_what_cannot_be_opened_again_is_left_out():
    _, found = kept(broken=["000000001"])

    assert "000000001" not in {each.id for each in found}
    assert found


def test_pictures_stay_within_their_room(monkeypatch):
    monkeypatch.setattr(sample_images, "MOST_BYTES", 40_000)

    _, found = kept()

    assert 0 < sum(len(each.png) for each in found) <= 40_000


def test_the_surest_mistake_of_each_class_comes_before_the_second_of_any():
    rows = EVIDENCE.splits[Split.TEST].rows
    rows = replace(rows, confidence=np.linspace(0.1, 0.9, len(rows)))

    labels = rows.labels[surest_mistakes(rows, 2)].tolist()

    assert sorted(labels[:2]) == [0, 1]
    assert sorted(labels[2:]) == [0, 1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_a_picture_of_any_mode_is_a_small_bare_png(mode):
    image = Image.new(mode, (300, 120))
    image.info = {"comment": "patient 12", "icc_profile": b"x" * 5000}
    image.getexif()[0x010E] = "patient 12"

    png = png_of(image)

    shown = Image.open(io.BytesIO(png))
    assert shown.format == "PNG"
    assert shown.mode in ("L", "RGB", "P")
    assert max(shown.size) == 96
    palette = {b"PLTE"} if shown.mode == "P" else set()
    assert {kind for kind, *_ in chunks(png)} == {b"IHDR", b"IDAT", b"IEND"} | palette


def test_a_large_picture_is_kept_in_few_colours_and_a_small_one_as_it_is():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8))
    ramp = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))

    large, small = png_of(noise), png_of(ramp)

    assert len(large) < 7_000
    assert len(Image.open(io.BytesIO(large)).convert("RGB").getcolors()) <= 32
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(small))), np.asarray(ramp))


def chunks(png):
    stream = PngImagePlugin.ChunkStream(io.BytesIO(png[8:]))
    while True:
        kind, position, length = stream.read()
        yield kind, length
        stream.fp.seek(position + length + 4)
        if kind == b"IEND":
            return


def test_deep_pixels_are_stretched_and_not_all_white():
    deep = Image.fromarray((np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8))

    shown = np.asarray(Image.open(io.BytesIO(png_of(deep))))

    assert shown.min() == 0
    assert shown.max() == 255


def test_pictures_are_read_back_from_disk(tmp_path):
    evidence = synthetic_evidence(SyntheticRun(test=((1, 0), (0, 1))))
    name = evidence.splits[Split.TEST].rows.ids[0]
    picture = Picture(Split.TEST, name, png_of(Image.new("L", (4, 4), 7)))

    save(replace(evidence, pictures=(picture,)), tmp_path / "e.sqlite")

    assert load(tmp_path / "e.sqlite").pictures == (picture,)
