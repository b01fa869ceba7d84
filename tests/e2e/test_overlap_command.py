"""``validate-model overlap``: the leak check alone, on two datasets as people have them."""

import csv
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gate.cli import main

KINDS = ("bytes", "pixels", "flipped", "near", "edited")


@dataclass(frozen=True)
class Compared:
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def pairs(self):
        return [(each["kind"], each["a"], each["b"]) for each in self.document["pairs"]]


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Compare two datasets of the current folder, in JSON."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, a="a", b="b", format_="json"):
        status = main(["overlap", a, b, "--format", format_, *map(str, arguments)])
        out, err = capsys.readouterr()
        return Compared(status, out, err)

    return run


def picture(seed, size=96, mode="RGB"):
    """Return a smooth picture that no other seed resembles."""
    values = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((size, size), Image.Resampling.BICUBIC).convert(mode)


def save(image, path, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def fill(folder, seeds, size=96, mode="RGB"):
    """Write pictures into the two class folders of ``folder``, named by their seeds."""
    for seed in seeds:
        label = ("cat", "dog")[seed % 2]
        save(picture(seed, size, mode), f"{folder}/{label}/{seed:03}.png")


def idx(name, pixels, labels):
    head = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape)
    Path(f"{name}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
    head = struct.pack(">4BI", 0, 0, 8, 1, len(labels))
    Path(f"{name}-labels-idx1-ubyte").write_bytes(head + labels.astype(np.uint8).tobytes())
    return f"{name}-images-idx3-ubyte"


def rows(count, first=0, size=32):
    pixels = np.stack([np.asarray(picture(first + row, size, "L")) for row in range(count)])
    return pixels, np.arange(count) % 2


def test_two_datasets_that_share_nothing_pass(compare):
    fill("a", range(6))
    fill("b", range(6, 12))

    compared = compare()

    assert compared.status == 0
    assert list(compared.document) == ["verdict", "pairs", "counts"]
    assert compared.document["verdict"] == "pass"
    assert compared.document["pairs"] == []
    assert list(compared.document["counts"]) == [
        *KINDS,
        "label_conflicts",
        "featureless",
        "images_a",
        "images_b",
    ]
    assert set(compared.document["counts"].values()) == {0, 6}


def test_one_copied_file_fails_and_is_named_with_its_labels(compare):
    fill("a", range(6))
    fill("b", [2, *range(6, 12)])

    compared = compare()

    assert compared.status == 1
    assert compared.document["verdict"] == "fail"
    (pair,) = compared.document["pairs"]
    assert (pair["a"], pair["b"], pair["kind"]) == ("cat/002.png", "cat/002.png", "bytes")
    assert (pair["label_a"], pair["label_b"]) == ("cat", "cat")
    assert pair["distance"] is pair["orientation"] is None


def test_people_read_how_many_were_compared_by_what_and_which_are_copies(compare):
    fill("a", range(6))
    fill("b", [2, *range(6, 12)])

    compared = compare(format_="text")

    assert compared.status == 1
    assert "A  a: 6 images" in compared.out
    assert "B  b: 7 images" in compared.out
    assert "compared by bytes, pixels, flipped, near, edited" in compared.out
    assert "bytes     B cat/002.png = A cat/002.png (cat)" in compared.out
    assert compared.out.splitlines()[-1].startswith("FAIL")


def test_a_long_list_is_cut_for_people_and_whole_for_tools(compare):
    fill("a", range(30), size=32)
    fill("b", range(30), size=32)

    text, document = compare(format_="text"), compare().document

    assert sum(" = A " in line for line in text.out.splitlines()) == 20
    assert "... and 10 more; --format json has them all" in text.out
    assert len(document["pairs"]) == 30


def test_one_dataset_given_twice_is_said(compare):
    fill("a", range(6))

    twice, once = compare(b="a", format_="text"), compare(b="./a/../a", format_="text")

    for compared in (twice, once):
        assert compared.status == 1
        assert "was one dataset given twice?" in compared.out


def test_datasets_that_share_a_part_are_not_said_to_be_one(compare):
    fill("a", range(6))
    fill("b", range(7))

    assert "given twice" not in compare(format_="text").out


def test_a_copy_with_another_label_is_a_conflict(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    save(picture(2), "b/dog/relabelled.png")

    compared = compare()

    assert compared.status == 1
    assert compared.document["counts"]["label_conflicts"] == 1
    assert "labelled dog in B, cat in A" in compare(format_="text").out


@pytest.mark.parametrize(
    ("turned", "orientation"),
    [
        (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored left to right"),
        (Image.Transpose.ROTATE_90, "rotated by 90 degrees clockwise"),
        (Image.Transpose.ROTATE_180, "rotated by 180 degrees"),
    ],
)
def test_turned_copies_are_found_and_the_turn_is_named(compare, turned, orientation):
    fill("a", range(6))
    fill("b", range(6, 12))
    save(picture(2).transpose(turned), "b/cat/turned.png")

    (pair,) = compare().document["pairs"]

    assert (pair["kind"], pair["a"], pair["b"]) == ("flipped", "cat/002.png", "cat/turned.png")
    assert pair["orientation"] == orientation


def test_idx_files_are_compared_with_each_other(compare):
    pixels, labels = rows(8)
    other, other_labels = rows(8, first=100)
    other[3] = pixels[5]
    a, b = idx("train", pixels, labels), idx("t10k", other, other_labels)

    compared = compare(a=a, b=b)

    assert compared.status == 1
    assert len(compared.pairs) == 1
    assert compared.pairs[0][0] == "bytes"


def test_npz_and_an_image_folder_share_pixels_not_bytes(compare):
    pixels, labels = rows(8)
    np.savez("a.npz", images=pixels, labels=labels)
    fill("b", [2, 100, 101, 102], size=32, mode="L")

    compared = compare(a="a.npz")

    assert compared.status == 1
    assert [pair[0] for pair in compared.pairs] == ["pixels"]


def test_manifests_are_compared_by_the_files_they_list(compare):
    fill("pictures", range(8))
    for name, seeds in (("a.csv", (0, 1, 2, 3)), ("b.csv", (3, 4, 5))):
        with Path(name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "label"])
            for seed in seeds:
                label = ("cat", "dog")[seed % 2]
                writer.writerow([f"pictures/{label}/{seed:03}.png", label])

    compared = compare(a="a.csv", b="b.csv")

    assert compared.status == 1
    assert compared.pairs == [("bytes", "pictures/dog/003.png", "pictures/dog/003.png")]


@pytest.mark.parametrize("suffix", ["bmp", "tiff", "webp"])
def test_two_file_formats_of_one_picture_are_one_picture(compare, suffix):
    fill("a", range(6))
    fill("b", range(6, 12))
    options = {"lossless": True} if suffix == "webp" else {}
    save(picture(3), f"b/dog/again.{suffix}", **options)

    assert compare().pairs == [("pixels", "dog/003.png", f"dog/again.{suffix}")]


def test_an_opaque_alpha_channel_and_a_palette_hide_nothing(compare):
    fill("a", range(6))
    few = picture(50).quantize(16)
    save(few, "a/cat/palette.png")
    fill("b", range(6, 12))
    save(picture(2).convert("RGBA"), "b/cat/alpha.png")
    save(few.convert("RGB"), "b/cat/colours.png")

    assert compare().pairs == [
        ("pixels", "cat/002.png", "cat/alpha.png"),
        ("pixels", "cat/palette.png", "cat/colours.png"),
    ]


def test_a_picture_that_is_turned_only_by_its_exif_is_the_same_picture_turned(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown rotated by 90 degrees clockwise
    stored = picture(2).transpose(Image.Transpose.ROTATE_90)
    save(stored, "b/cat/camera.png", exif=exif)

    ((kind, a, b),) = compare().pairs

    assert (kind, a, b) == ("flipped", "cat/002.png", "cat/camera.png")


def test_pictures_of_16_bits_are_compared_by_all_their_bits(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    deep = np.random.default_rng(0).integers(0, 1 << 16, (32, 32)).astype(np.uint16)
    lower = deep ^ 1
    save(Image.fromarray(deep), "a/cat/deep.png")
    save(Image.fromarray(deep), "b/cat/deep.tiff")
    save(Image.fromarray(lower), "b/cat/lower.png")

    pairs = compare().pairs

    assert ("pixels", "cat/deep.png", "cat/deep.tiff") in pairs
    assert ("pixels", "cat/deep.png", "cat/lower.png") not in pairs


@pytest.mark.parametrize("size", [1, 8, 96])
def test_constant_pictures_match_only_the_same_constant(compare, size):
    for folder, levels in (("a", (10, 20, 30)), ("b", (30, 40, 50))):
        for level in levels:
            label = "cat" if level % 20 else "dog"
            save(Image.new("L", (size, size), level), f"{folder}/{label}/{level}.png")

    compared = compare()

    assert compared.pairs == [("bytes", "cat/30.png", "cat/30.png")]
    assert compared.document["counts"]["featureless"] == 6


def test_datasets_of_other_sizes_and_modes_are_compared_all_the_same(compare):
    fill("a", range(6), size=192)
    fill("b", range(6, 12), size=96, mode="L")
    save(picture(2, 192).resize((96, 96), Image.Resampling.LANCZOS), "b/cat/smaller.png")

    compared = compare("--max-near", 1)

    assert compared.status == 0
    assert [(kind, a, b) for kind, a, b in compared.pairs] == [
        ("near", "cat/002.png", "cat/smaller.png")
    ]


def test_links_are_followed(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    Path("b/cat/link.png").symlink_to(Path("a/cat/002.png").resolve())
    Path("c").symlink_to("a")

    assert compare().pairs == [("bytes", "cat/002.png", "cat/link.png")]
    assert "was one dataset given twice?" in compare(b="c", format_="text").out


@pytest.mark.parametrize(
    ("limit", "status"),
    [("0", 1), ("1", 1), ("2", 0), ("0.19", 1), ("0.2", 0), ("2e-1", 0)],
)
def test_near_copies_are_allowed_up_to_a_count_or_a_fraction_of_b(compare, limit, status):
    fill("a", range(10))
    fill("b", range(20, 28))
    for seed in (2, 4):
        save(picture(seed), f"b/cat/again{seed}.jpg", quality=60)

    compared = compare("--max-near", limit)

    assert [pair[0] for pair in compared.pairs] == ["near", "near"]
    assert compared.status == status


def test_a_fraction_is_taken_as_it_is_written(compare):
    fill("a", range(2), size=32)
    fill("b", range(100), size=32)

    compared = compare("--max-near", "0.29", format_="text")

    assert "at most 29 near copies" in compared.out


@pytest.mark.parametrize("limit", ["-1", "1.0", "1.5", "nan", "inf", "few", ""])
def test_a_limit_that_is_no_limit_is_wrong_usage(compare, limit):
    fill("a", range(2))

    compared = compare("--max-near", limit, b="a")

    assert compared.status == 2
    assert "neither a count nor a fraction below 1" in compared.err
    assert compared.out == ""


def test_exact_only_finds_no_look_alikes_and_says_that_it_did_not_look(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    save(picture(2), "b/cat/again.jpg", quality=60)

    compared = compare("--exact-only")

    assert compared.status == 0
    assert "near" not in compared.document["counts"]
    assert "edited" not in compared.document["counts"]


def test_what_cannot_be_read_is_no_clean_bill(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    Path("b/cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    Path("b/dog/empty.png").write_bytes(b"")

    compared = compare()

    assert compared.status == 4
    assert compared.document["verdict"] == "error"
    assert compared.document["counts"]["images_b"] == 6
    assert "cat/broken.png" in compared.err
    assert "dog/empty.png: is empty (0 bytes)" in compared.err


def test_a_leak_fails_even_where_another_image_cannot_be_read(compare):
    fill("a", range(6))
    fill("b", [2, *range(6, 12)])
    Path("b/dog/empty.png").write_bytes(b"")

    assert compare().status == 1


def test_a_dataset_that_is_not_there_is_told(compare):
    fill("train", range(2))

    compared = compare(a="train", b="trian")

    assert compared.status == 4
    assert "trian: does not exist; did you mean" in compared.err
    assert compared.out == ""


def test_a_hostile_file_name_stays_text(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    save(picture(2), "b/cat/\x1b[31m.png")

    assert "\x1b" not in compare(format_="text").out


def test_twenty_thousand_copies_of_one_image_make_no_million_pairs(compare):
    one, _ = rows(1)
    many = np.repeat(one, 20_000, axis=0)
    np.savez("a.npz", images=many, labels=np.arange(20_000) % 2)
    np.savez("b.npz", images=many, labels=np.arange(20_000) % 2)

    compared = compare(a="a.npz", b="b.npz")

    assert compared.status == 1
    assert compared.document["counts"]["bytes"] == 20_000
    assert compared.document["counts"]["label_conflicts"] == 20_000
    assert len(compared.pairs) <= 40_000
