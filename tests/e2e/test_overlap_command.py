"""``validate-model overlap``: the leak check alone, on two datasets as people have them."""

import csv
import hashlib
import io
import json
import struct
import tarfile
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
    assert list(compared.document) == ["verdict", "pairs", "counts", "turned", "review", "assumed"]
    assert compared.document["verdict"] == "pass"
    assert compared.document["pairs"] == []
    assert list(compared.document["counts"]) == [
        *KINDS,
        "label_conflicts",
        "featureless",
        "look_alikes",
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
    assert f"(cat), once {orientation}\n" in compare(format_="text").out


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


def manifest(name, seeds, head=("file", "diagnosis", "uid", "patient")):
    """List pictures of ``fill``; three following seeds are of one patient."""
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for seed in seeds:
            label = ("cat", "dog")[seed % 2]
            path = f"pictures/{label}/{seed:03}.png"
            writer.writerow([path, label, f"image {seed}", f"p{seed // 3}"])


def test_columns_are_named_as_in_a_gate_file(compare):
    fill("pictures", range(8))
    manifest("a.csv", (0, 1, 2, 3))
    manifest("b.csv", (3, 4, 5))

    compared = compare(
        "--image", "file", "--label", "diagnosis", "--id", "uid", a="a.csv", b="b.csv"
    )

    assert compared.pairs == [("bytes", "image 3", "image 3")]


def test_columns_are_those_of_the_side_that_has_any(compare):
    fill("pictures", range(8))
    fill("b", [3, 20, 21])
    manifest("a.csv", (0, 1, 2, 3))

    compared = compare("--image", "file", "--label", "diagnosis", a="a.csv")

    assert compared.pairs == [("bytes", "pictures/dog/003.png", "dog/003.png")]


def test_a_column_that_is_not_there_is_asked_for_by_its_option(compare):
    fill("pictures", range(4))
    manifest("a.csv", range(4), head=("file", "diagnosis", "uid", "age"))

    compared = compare(a="a.csv", b="a.csv")

    assert compared.status == 4
    assert "has no column 'image'; name it by --image" in compared.err
    assert "file, diagnosis, uid, age" in compared.err
    assert "did you mean" not in compared.err


def test_arrays_are_named_as_in_a_gate_file(compare):
    pixels, labels = rows(6)
    np.savez("a.npz", pictures=pixels, truth=labels)

    compared = compare("--images", "pictures", "--labels", "truth", a="a.npz", b="a.npz")

    assert compared.document["counts"]["bytes"] == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--image", "file"], "--image: neither A (folder) nor B (folder) has such a key"),
        (["--group-pattern", "x"], "needs one"),
        (["--size", "32x32"], "--size: is of a descriptor, and none is named"),
        (["--descriptor", "n.onnx"], "give --size"),
        (["--descriptor", "n.onnx", "--size", "9", "--mean", "0"], "three numbers each"),
        (["--descriptor", "n.onnx", "--size", "9", "--exact-only"], "leave out --exact-only"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(compare, arguments, words):
    fill("a", range(2))
    fill("b", range(2))

    compared = compare(*arguments)

    assert compared.status == 2
    assert words in compared.err
    assert compared.out == ""


def test_a_patient_in_both_fails_and_is_named(compare):
    fill("pictures", range(9))
    manifest("a.csv", (0, 1, 2, 3))
    manifest("b.csv", (4, 5, 6))
    columns = ("--image", "file", "--label", "diagnosis", "--group", "patient")

    shared = compare(*columns, a="a.csv", b="b.csv")
    text = compare(*columns, a="a.csv", b="b.csv", format_="text")

    assert shared.status == 1
    assert shared.document["shared_groups"] == ["p1"]
    counts = shared.document["counts"]
    assert [counts[key] for key in ("groups_a", "groups_b", "shared_groups")] == [2, 2, 1]
    assert "1  groups shared, none allowed (2 groups in A, 2 in B)" in text.out


def test_groups_are_found_in_names_and_images_without_one_match_nothing(compare):
    for folder, names in (("a", ("p1_x", "p2_x", "scan")), ("b", ("p3_y", "p4_y", "other"))):
        for seed, name in enumerate(names):
            save(
                picture(seed + 50 * (folder == "b")),
                f"{folder}/{('cat', 'dog')[seed % 2]}/{name}.png",
            )

    compared = compare("--group-pattern", r"(p\d+)_", format_="text")

    assert compared.status == 0
    assert "0  groups shared" in compared.out
    assert "2  images without a group" in compared.out


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

    assert "near copies, allowed: 29)" in compared.out


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


@pytest.mark.parametrize(("size", "looked"), [(96, True), (63, False)])
def test_tools_read_whether_turned_copies_were_looked_for(compare, size, looked):
    fill("a", range(5), size)
    fill("b", range(5, 10), size)

    assert compare().document["turned"] is looked
    assert compare("--exact-only").document["turned"] is False


def test_images_that_cannot_be_read_do_not_heal_and_a_clean_bill_does_not_speak_of_it(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    clean = compare()
    Path("b/cat/broken.png").write_bytes(b"")

    assert (clean.status, "heal" in clean.err) == (0, False)
    assert compare().err.endswith("\nwill not heal by running again\n")


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


def test_nothing_is_relative_to_a_gate_file_where_there_is_none(compare):
    compared = compare(a="nope", b="other")

    assert compared.status == 4
    assert "nope: does not exist; paths are relative to the current folder" in compared.err


def test_pairs_for_people_are_shown_in_both_formats_and_do_not_count(compare, monkeypatch):
    monkeypatch.setattr("gate.measure.duplicates.edited_copies.COPY", 1.01)  # nothing is sure
    monkeypatch.setattr("gate.measure.duplicates.visual_copies._SURE", -0.01)
    monkeypatch.setattr("gate.measure.duplicates.aligned_copies.EVIDENCE", 1e9)
    fill("a", range(6), size=192)
    fill("b", range(6, 12), size=192)
    save(picture(2, 192).crop((9, 12, 175, 180)).resize((192, 192)), "b/cat/crop.png")

    compared, text = compare(), compare(format_="text")

    assert compared.status == text.status == 0
    assert compared.pairs == []
    (pair,) = compared.document["review"]
    assert (pair["kind"], pair["a"], pair["b"]) == ("edited", "cat/002.png", "cat/crop.png")
    assert "1 pair may be copies; look, they do not count:" in text.out
    assert "edited    B cat/crop.png = A cat/002.png" in text.out


def test_a_descriptor_finds_what_no_hash_does_and_is_named(compare):
    onnx = pytest.importorskip("onnx", reason="builds the graph")
    pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("AveragePool", ["x"], ["parts"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Sub", ["parts", "mean"], ["differences"]),
        helper.make_node("Flatten", ["differences"], ["y"]),
    ]
    shapes = {"x": ["N", 3, 32, 32], "y": ["N", 48]}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), "copies.onnx")
    fill("a", range(6), size=32)
    fill("b", range(6, 12), size=32)
    noise = np.random.default_rng(9).integers(-60, 61, (32, 32, 3))
    noisy = (np.asarray(picture(2, 32)).astype(int) + noise).clip(0, 255).astype(np.uint8)
    save(Image.fromarray(noisy), "b/cat/noisy.png")
    options = ("--descriptor", "copies.onnx", "--size", "32", "--mean", "0.5,0.5,0.5")

    without = compare()
    compared = compare(*options, "--std", "0.5,0.5,0.5")
    text = compare(*options, "--std", "0.5,0.5,0.5", format_="text")

    assert without.status == 0
    assert compared.status == 1
    assert compared.pairs == [("near", "cat/002.png", "cat/noisy.png")]
    (said,) = compared.document["assumed"]
    digest = hashlib.sha256(Path("copies.onnx").read_bytes()).hexdigest()
    assert said.startswith(f"compared also by the descriptor copies.onnx (sha256 {digest})")
    assert said in text.out


def test_a_hostile_file_name_stays_text(compare):
    fill("a", range(6))
    fill("b", range(6, 12))
    save(picture(2), "b/cat/\x1b[31m.png")

    assert "\x1b" not in compare(format_="text").out


@pytest.mark.slow
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


def test_folders_without_class_folders_are_compared_and_labels_are_not_told(compare):
    for seed in range(4):
        save(picture(seed), f"a/{seed}.png")
        save(picture(seed + 3), f"b/{'cat' if seed % 2 else 'dog'}/{seed}.png")
    save(picture(3), "a/twin.png")
    Path("a/notes.txt").write_text("no image")

    flat_a, people, flat_b = compare(), compare(format_="text"), compare(a="b", b="a")

    assert (flat_a.status, flat_b.status) == (1, 1)
    assert flat_a.pairs == [("bytes", "3.png", "dog/0.png")]
    assert flat_b.pairs == [("bytes", "dog/0.png", "3.png"), ("bytes", "dog/0.png", "twin.png")]
    assert "label_conflicts" not in flat_a.document["counts"]
    assert flat_a.document["assumed"] == [
        "A: 1 file not read: notes.txt",
        "A has no class folders: its labels are unknown, and no conflict of labels is told",
    ]
    assert "B dog/0.png = A 3.png\n" in people.out
    assert "with another label" not in people.out


def test_flat_folders_that_share_nothing_pass(compare):
    for seed in range(4):
        save(picture(seed), f"a/{seed}.png")
        save(picture(seed + 4), f"b/{seed}.png")

    assert compare().status == 0


def test_a_flat_folder_and_tars_are_compared(compare):
    save(picture(1), "a/1.png")
    with tarfile.open("b.tar", "w") as archive:
        archive.add("a/1.png", "7.png")
        label = tarfile.TarInfo("7.cls")
        label.size = 1
        archive.addfile(label, io.BytesIO(b"0"))

    assert compare(b="b.tar").pairs == [("bytes", "1.png", "7")]


def test_datasets_of_one_class_are_compared(compare):
    for seed in range(3):
        save(picture(seed), f"a/cat/{seed}.png")
        save(picture(seed + 2), f"b/dog/{seed + 2}.png")

    compared = compare()

    assert compared.pairs == [("bytes", "cat/2.png", "dog/2.png")]
    assert compared.document["counts"]["label_conflicts"] == 1


def test_the_folder_above_the_splits_is_still_no_dataset(compare):
    save(picture(1), "a/train/cat/1.png")
    save(picture(2), "b/2.png")

    compared = compare()

    assert compared.status == 4
    assert "splits, not classes" in compared.err


def test_two_splits_of_one_npz_are_compared(compare, tmp_path):
    pixels, labels = rows(12)
    np.savez(
        tmp_path / "all.npz",
        train_images=pixels[:8],
        train_labels=labels[:8, None],
        test_images=pixels[6:],
        test_labels=labels[6:, None],
    )

    found = compare("--split-a", "train", "--split-b", "test", a="all.npz", b="all.npz")

    assert found.status == 1
    assert [pair[1:] for pair in found.pairs] == [("6", "0"), ("7", "1")]


def test_rows_of_one_manifest_are_compared(compare, tmp_path):
    fill("im", range(6))
    names = sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.png"))
    lines = [
        f"{name},{Path(name).parent.name},{'ab'[place % 2]}" for place, name in enumerate(names)
    ]
    Path("all.csv").write_text("\n".join(["image,label,part", *lines]))

    found = compare("--where-a", "part=b", "--where-b", "part=b", a="all.csv", b="all.csv")

    assert found.status == 1
    assert {pair[1] for pair in found.pairs} == set(names[1::2])


@pytest.mark.parametrize("given", ["part", "=b"])
def test_rows_that_are_chosen_by_no_column_are_a_fault_of_the_call(compare, tmp_path, given):
    fill("im", range(2))
    Path("all.csv").write_text("image,label\nim/cat/000.png,cat\nim/dog/001.png,dog\n")

    found = compare("--where-b", given, a="all.csv", b="all.csv")

    assert found.status == 2
    assert "--where-b" in found.err


def test_an_image_folder_with_metadata_is_compared_without_labels_too(compare):
    for name in ("a", "b"):
        save(picture(1), f"{name}/1.png")
        Path(name, "metadata.jsonl").write_text('{"file_name": "1.png", "note": "x"}\n')

    assert [pair[0] for pair in compare().pairs] == ["bytes"]
