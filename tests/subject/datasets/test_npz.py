import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from gate.errors import DataError, UsageError
from gate.subject.datasets import npz, open_dataset
from gate.subject.datasets.arrays import StoredRows
from gate.subject.datasets.records import Entry
from gate.subject.datasets.spec import DataSpec

GREY = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
COLOUR = np.arange(4 * 3 * 2 * 3, dtype=np.uint8).reshape(4, 3, 2, 3)
LABELS = np.array([0, 1, 1, 0])


@pytest.fixture
def saved(tmp_path):
    def save(compressed=False, **arrays):
        writer = np.savez_compressed if compressed else np.savez
        writer(tmp_path / "d.npz", **arrays)

    return save


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y")])
def test_arrays_come_out_as_they_were_saved(saved, opened, compressed, names):
    saved(compressed, **dict(zip(names, (COLOUR, LABELS), strict=True)))

    data = opened(path="d.npz")

    assert data.format == "npz"
    assert data.classes == ("0", "1")
    assert np.array_equal(data.pixels[:], COLOUR)
    assert list(data.entries)[1] == Entry("1", 1)
    assert data.read(3).image.mode == "RGB"
    assert data.read(3).stored == COLOUR[3].tobytes()


def test_other_names_are_declared(saved, opened):
    saved(pictures=GREY, kinds=LABELS)

    assert len(opened(path="d.npz", images="pictures", labels="kinds").entries) == 4


def test_labels_in_a_column_are_labels(saved, opened):
    saved(images=GREY, labels=LABELS[:, None])

    assert opened(path="d.npz").labels.tolist() == LABELS.tolist()


def test_several_labels_an_image_are_refused(saved, opened, says):
    saved(images=GREY, labels=np.eye(4, dtype=np.uint8))

    with says(DataError, where="d.npz, array labels", fact=r"shape \(4, 4\)"):
        opened(path="d.npz")


@pytest.mark.parametrize(
    ("images", "labels"), [("{}_images", "{}_labels"), ("x_{}", "y_{}")], ids=["medmnist", "keras"]
)
@pytest.mark.parametrize(("split", "stem"), [("test", "test"), ("validation", "val")])
def test_of_a_file_with_several_splits_that_of_the_split_is_read(
    saved, tmp_path, images, labels, split, stem
):
    arrays = {}
    for shade, each in enumerate(("train", "val", "test")):
        arrays[images.format(each)] = np.full((4, 3, 2), shade, np.uint8)
        arrays[labels.format(each)] = LABELS[:, None]
    saved(**arrays)

    data = open_dataset(DataSpec(path="d.npz").of_split(split), base=tmp_path, classes=None)

    assert (data.pixels[:] == arrays[images.format(stem)]).all()


def test_arrays_of_training_are_never_read_for_test(saved, tmp_path, says):
    saved(train_images=GREY, train_labels=LABELS)

    with says(DataError, where="d.npz", fact="test_images", remedy="train_images"):
        open_dataset(DataSpec(path="d.npz").of_split("test"), base=tmp_path, classes=None)


def test_integers_that_may_be_names_or_positions_are_asked_for(saved, opened, says):
    saved(images=GREY, labels=LABELS)

    with says(UsageError, where="d.npz, array labels", remedy="integers: positions"):
        opened(path="d.npz", classes=("1", "0"))
    data = opened(path="d.npz", classes=("1", "0"), integers="positions")
    assert data.labels.tolist() == LABELS.tolist()


def test_text_that_names_classes_is_no_integer(saved, opened):
    saved(images=GREY, labels=LABELS.astype(str))

    assert opened(path="d.npz", classes=("1", "0")).labels.tolist() == [1, 0, 0, 1]


def test_one_channel_is_grey(saved, opened):
    saved(x=GREY[..., None], y=LABELS)

    data = opened(path="d.npz")

    assert np.array_equal(data.pixels[:], GREY)
    assert data.read(0).image.mode == "L"


def test_column_order_changes_nothing(saved, opened):
    saved(x=np.asfortranarray(COLOUR), y=LABELS)

    data = opened(path="d.npz")

    assert np.array_equal(data.pixels[:], COLOUR)
    assert data.read(1).stored == COLOUR[1].tobytes()


def test_labels_may_be_class_names(saved, opened):
    saved(x=GREY, y=np.array(["dog", "cat", "cat", "dog"]))

    data = opened(path="d.npz")

    assert data.classes == ("cat", "dog")
    assert [entry.label for entry in data.entries] == [1, 0, 0, 1]


def test_groups_and_slices_are_arrays_of_the_file(saved, opened):
    saved(x=GREY, y=LABELS, patient=np.array([7, 7, 8, 9]), site=np.array(["a", "", "b", "b"]))

    data = opened(path="d.npz", group="patient", slices=["site"])

    assert (data.group_column, data.slice_columns) == ("patient", ("site",))
    assert list(data.entries) == [
        Entry("0", 0, "7", ("a",)),
        Entry("1", 1, "7", (None,)),
        Entry("2", 1, "8", ("b",)),
        Entry("3", 0, "9", ("b",)),
    ]


@pytest.mark.parametrize(
    ("array", "groups"),
    [
        (np.array([1000.0, np.nan, 7.5, 1000]), ["1000", None, "7.5", "1000"]),
        (np.array([2**53 + 1, 2**53, 1, 1]), ["9007199254740993", "9007199254740992", "1", "1"]),
        (np.array([0.1, 0.1, 2, np.nan], np.float32), ["0.1", "0.1", "2", None]),
        (np.array([b"a", "K\xf6ln".encode(), b"none", b""]), ["a", "K\xf6ln", None, None]),
        (np.array([True, False, True, True]), ["True", "False", "True", "True"]),
        (
            np.array(["2026-01-05", "NaT", "2026-01-06", "2026-01-05"], "datetime64[D]"),
            ["2026-01-05", None, "2026-01-06", "2026-01-05"],
        ),
        (np.array(["a\u200b", " a", "NaN", "b"]), ["a", "a", None, "b"]),
    ],
)
def test_groups_of_any_type_are_what_they_are_in_a_table(saved, opened, array, groups):
    saved(x=GREY, y=LABELS, patient=array)

    assert [entry.group for entry in opened(path="d.npz", group="patient").entries] == groups


def test_missing_numbers_are_slices_without_a_value(saved, opened):
    saved(
        x=GREY,
        y=LABELS,
        age=np.array([40.0, np.nan, 41, 40]),
        site=np.array(["a", "b", "n", "nan"]),
    )

    data = opened(path="d.npz", slices=["age", "site"])

    assert [each.slices for each in data.entries] == [
        ("40", "a"),
        (None, "b"),
        ("41", "n"),
        ("40", "nan"),
    ]


def test_bytes_that_are_no_text_are_refused(saved, opened, says):
    saved(x=GREY, y=LABELS, patient=np.array([b"\xff", b"a", b"b", b"c"]))

    with says(DataError, where="array patient", fact="no UTF-8", remedy="save text"):
        opened(path="d.npz", group="patient")


@pytest.mark.parametrize(
    ("arrays", "where", "fact", "remedy"),
    [
        ({"x": GREY / 255, "y": LABELS}, "array x", "float64, not uint8", "uint8"),
        ({"x": GREY.astype(np.int64), "y": LABELS}, "array x", "int64, not uint8", "uint8"),
        ({"x": GREY.reshape(4, 6), "y": LABELS}, "array x", r"shape \(4, 6\)", "reshape"),
        ({"x": COLOUR.transpose(0, 3, 1, 2), "y": LABELS}, "array x", "shape", "transpose"),
        ({"x": np.zeros((4, 5, 6, 4), np.uint8), "y": LABELS}, "array x", "shape", "reshape"),
        ({"x": GREY[:0], "y": LABELS[:0]}, "array x", "holds nothing", "again"),
        ({"x": GREY, "y": LABELS[:3]}, "d.npz", "4 images but 3 labels", "one dataset"),
        ({"x": GREY, "y": LABELS.astype(float)}, "array y", "labels are float64", "integer"),
        ({"x": GREY, "y": np.eye(4, dtype=int)}, "array y", r"shape \(4, 4\)", "integer"),
        ({"x": GREY, "y": LABELS - 1}, "row 0", "-1 is not a class number", "from 0"),
        ({"x": GREY, "y": LABELS * 10**9}, "row 1", "1000000000 is not a class", "from 0"),
        ({"pictures": GREY, "y": LABELS}, "d.npz", "no arrays images", "pictures, y"),
    ],
)
def test_arrays_of_another_kind_are_refused(saved, opened, says, arrays, where, fact, remedy):
    saved(**arrays)

    with says(DataError, where=where, fact=fact, remedy=remedy):
        opened(path="d.npz")


def test_a_declared_name_that_is_missing_is_told_with_what_was_meant(saved, opened, says):
    saved(pictures=GREY, kinds=LABELS)

    with says(DataError, where="d.npz", fact="no array 'picture'", remedy="'pictures'"):
        opened(path="d.npz", images="picture", labels="kinds")


def test_the_labels_too_are_told_when_their_name_is_missing(saved, opened, says):
    saved(pictures=GREY, kinds=LABELS)

    with says(DataError, where="d.npz", fact="no array 'kind'", remedy="'kinds'"):
        opened(path="d.npz", images="pictures", labels="kind")


@pytest.mark.parametrize("key", ["x", "y"])
def test_object_arrays_are_refused_and_never_unpickled(saved, opened, says, tmp_path, key):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    arrays = {"x": GREY, "y": LABELS, key: np.array([Trap()] * 4, dtype=object)}
    saved(**arrays)

    with says(DataError, where=f"array {key}", fact="Python objects", remedy="numbers"):
        opened(path="d.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_in_place_of_an_array_is_refused(opened, says, tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps([1, 2]))
        archive.writestr("y.npy", b"")

    with says(DataError, where="array x", fact="not a NumPy array"):
        opened(path="d.npz")


def npy_bytes(shape, data):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return stream.getvalue() + data


def test_a_header_that_promises_more_than_the_archive_holds_is_refused(opened, says, tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes((10**6, 10**6), b"abc"))
        archive.writestr("y.npy", b"")

    with says(DataError, where="array x", fact="promises 1,000,000,000,000 bytes, it holds 3"):
        opened(path="d.npz")


def test_a_compressed_bomb_is_refused_before_unpacking(saved, opened, says, monkeypatch):
    monkeypatch.setattr(npz, "LARGEST_UNPACKED", 100)
    saved(True, x=GREY, y=LABELS)

    with says(DataError, where="array x", fact="unpacks to", remedy="uncompressed"):
        opened(path="d.npz")


def test_an_uncompressed_file_may_be_of_any_size(saved, opened, monkeypatch):
    monkeypatch.setattr(npz, "LARGEST_UNPACKED", 100)
    saved(x=GREY, y=LABELS)

    assert len(opened(path="d.npz").entries) == 4


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_an_archive_that_is_cut_off_is_refused(saved, opened, says, tmp_path, part):
    saved(x=GREY, y=LABELS)
    file = tmp_path / "d.npz"
    stored = file.read_bytes()
    file.write_bytes(stored[: int(len(stored) * part)])

    with says(DataError, where="d.npz", fact="archive is damaged"):
        opened(path="d.npz")


def test_damaged_data_is_refused_by_its_checksum(saved, opened, says, tmp_path):
    saved(x=GREY, y=LABELS)
    file = tmp_path / "d.npz"
    file.write_bytes(file.read_bytes().replace(GREY.tobytes(), GREY.tobytes()[::-1]))

    with says(DataError, where="d.npz", fact="archive is damaged"):
        opened(path="d.npz")


def test_a_zip_without_arrays_is_told_so(opened, says, tmp_path):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("data/a.png", b"x")

    with says(DataError, where="d.npz", fact="without arrays", remedy="savez"):
        opened(path="d.npz")


@pytest.mark.parametrize("shape", [(-1, -3, 1), (0, 2**70)])
def test_a_shape_that_cannot_be_is_refused(opened, says, tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes(shape, b"abc"))
        archive.writestr("y.npy", b"")

    with says(DataError, where="array x", fact="holds nothing"):
        opened(path="d.npz")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("point", [0xD800, 0x110000, 0x7FFFFFFF])
def test_text_that_is_no_unicode_is_refused(saved, opened, says, point, order):
    saved(x=GREY, y=np.array([0x61, 0x61, 0x62, point], f"{order}u4").view(f"{order}U1"))

    with says(DataError, where="array y", fact="not Unicode"):
        opened(path="d.npz")


def test_long_class_names_with_one_beginning_stay_apart(saved, opened):
    saved(x=GREY, y=np.array(["x" * 100 + "a", "x" * 100 + "b"] * 2))

    assert len(opened(path="d.npz").classes) == 2


def test_uncompressed_images_stay_in_the_file(saved, opened):
    saved(x=COLOUR, y=LABELS)

    data = opened(path="d.npz")

    assert isinstance(data.pixels, StoredRows)
    assert data.pixels.shape == COLOUR.shape
    assert np.array_equal(data.pixels[1:4], COLOUR[1:4])


def test_a_large_compressed_array_is_unpacked_into_a_file(saved, opened, monkeypatch):
    monkeypatch.setattr(npz, "IN_MEMORY", 10)
    saved(compressed=True, x=COLOUR, y=LABELS)

    data = opened(path="d.npz")

    assert isinstance(data.pixels, StoredRows)
    assert np.array_equal(data.pixels[:], COLOUR)


def test_a_changed_byte_of_uncompressed_images_is_found_before_they_are_read(
    saved, opened, tmp_path, says
):
    saved(x=COLOUR, y=LABELS)
    file = tmp_path / "d.npz"
    stored = bytearray(file.read_bytes())
    stored[stored.index(COLOUR.tobytes()) + 5] ^= 1
    file.write_bytes(stored)

    with says(DataError, where="d.npz", fact="damaged"):
        opened(path="d.npz")
