import errno
import gc
import gzip
import os
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import DataError
from gate.subject.datasets import idx
from gate.subject.datasets.arrays import StoredRows
from gate.subject.datasets.gzipped import GzipStream
from gate.subject.datasets.records import Entry

FASHION = Path("/usr/share/datasets/fashion-mnist")
IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([0, 1, 1, 0], np.uint8)


def idx_bytes(array, kind=8):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return head + array.tobytes()


@pytest.fixture
def written(tmp_path):
    def write(images=None, labels=None, *, packed=False, names=("t-images-idx3", "t-labels-idx1")):
        stored = [
            idx_bytes(IMAGES) if images is None else images,
            idx_bytes(LABELS) if labels is None else labels,
        ]
        ending = ".gz" if packed else ""
        for name, content in zip(names, stored, strict=True):
            (tmp_path / f"{name}{ending}").write_bytes(
                gzip.compress(content) if packed else content
            )
        return {"images": f"{names[0]}{ending}", "labels": f"{names[1]}{ending}"}

    return write


@pytest.mark.parametrize("packed", [False, True])
def test_rows_come_out_as_they_were_written(written, opened, packed):
    data = opened(**written(packed=packed))

    assert data.format == "idx"
    assert data.classes == ("0", "1")
    assert np.array_equal(data.pixels[:], IMAGES)
    assert list(data.entries) == [Entry("0", 0), Entry("1", 1), Entry("2", 1), Entry("3", 0)]


def test_a_row_is_read_as_grey_pixels_and_their_bytes(written, opened):
    sample = opened(**written(packed=True)).read(2)

    assert sample.image.mode == "L"
    assert np.array_equal(np.asarray(sample.image), IMAGES[2])
    assert sample.stored == IMAGES[2].tobytes()
    assert sample.label == 1


def test_the_rows_of_a_plain_file_stay_in_it(written, opened, monkeypatch):
    data = opened(**written())
    taken = []
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: taken.append(args[1:]) or read(*args))

    rows = data.pixels[1:3]

    assert isinstance(data.pixels, StoredRows)
    assert np.array_equal(rows, IMAGES[1:3])
    assert taken == [(12, 16 + 6)]


def test_the_memory_of_rows_in_a_file_does_not_grow_with_their_number(written, opened, tmp_path):
    head = struct.pack(">BBBB3I", 0, 0, 8, 3, 200_000, 28, 28)
    keys = written(labels=idx_bytes(np.arange(200_000, dtype=np.uint8) % 2))
    with (tmp_path / keys["images"]).open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 200_000 * 28 * 28)

    tracemalloc.start()
    data = opened(**keys)
    for start in range(0, len(data.pixels), 20_000):
        data.pixels[start : start + 1024].sum()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 16_000_000  # of 157 MB of pixels


@given(st.slices(4))
def test_any_slice_of_stored_rows_is_that_of_the_array(some):
    class Bytes:
        size = IMAGES.size

        def read_at(self, offset, size):
            return IMAGES.tobytes()[offset : offset + size]

    rows = StoredRows(Bytes(), 0, IMAGES.shape)

    assert np.array_equal(rows[some], IMAGES[some])
    assert rows[some].dtype == rows.dtype


def test_a_large_gzipped_file_is_unpacked_into_a_file_that_leaves_no_trace(
    written, opened, monkeypatch, tmp_path
):
    monkeypatch.setattr(idx, "IN_MEMORY", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    data = opened(**written(packed=True))

    assert isinstance(data.pixels, StoredRows)
    assert np.array_equal(data.pixels[:], IMAGES)
    assert np.array_equal(data.pixels[-1], IMAGES[3])
    assert list((tmp_path / "tmp").iterdir()) == []


def test_no_room_to_unpack_is_told(written, opened, monkeypatch, says):
    monkeypatch.setattr(idx, "IN_MEMORY", 10)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)

    with says(DataError, where="t-images", fact="No space left", remedy="TMPDIR"):
        opened(**written(packed=True))


def test_a_descriptor_of_an_unpacked_file_goes_with_its_rows(written, opened, monkeypatch):
    monkeypatch.setattr(idx, "IN_MEMORY", 10)
    data = opened(**written(packed=True))
    descriptor = data.pixels.file.descriptor

    del data
    gc.collect()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_that_changes_while_it_is_read_is_told(written, opened, tmp_path, says):
    keys = written()
    data = opened(**keys)
    other = tmp_path / "other"
    other.write_bytes((tmp_path / keys["images"]).read_bytes())
    other.rename(tmp_path / keys["images"])

    with says(DataError, where="t-images", fact="changed or replaced while it was read"):
        data.read(0)


def test_a_file_that_vanishes_while_it_is_read_is_told(written, opened, tmp_path, says):
    keys = written()
    data = opened(**keys)
    (tmp_path / keys["images"]).unlink()

    with says(DataError, where="t-images", fact="does not exist, or no longer"):
        data.pixels[0:2]


def test_labels_beside_the_images_are_found_by_their_name(written, opened):
    written(packed=True)

    assert len(opened(path="t-images-idx3.gz").entries) == 4


def test_packed_labels_are_found_beside_unpacked_images(written, opened, tmp_path):
    written()
    (tmp_path / "t-labels-idx1.gz").write_bytes(gzip.compress(idx_bytes(LABELS)))
    (tmp_path / "t-labels-idx1").unlink()

    assert len(opened(path="t-images-idx3").entries) == 4


def test_images_without_labels_beside_them_are_refused(written, opened, tmp_path, says):
    written()
    (tmp_path / "t-labels-idx1").rename(tmp_path / "other")

    with says(DataError, where="t-images-idx3", fact="looked for 't-labels-idx1'", remedy="images"):
        opened(path="t-images-idx3")


def test_the_file_of_labels_is_not_taken_for_its_own_labels(written, opened, says):
    written()

    with says(DataError, where="t-labels-idx1", fact="no file of labels"):
        opened(path="t-labels-idx1")


def test_declared_classes_name_the_numbers_and_this_is_said(written, opened):
    data = opened(**written(), classes=("shirt", "shoe"))

    assert data.classes == ("shirt", "shoe")
    assert data.assumed == ("labels are read as positions in classes: 0 = shirt, 1 = shoe",)


def test_numbers_without_images_are_classes_too(written, opened):
    data = opened(**written(labels=idx_bytes(np.array([0, 3, 3, 0], np.uint8))))

    assert data.classes == ("0", "1", "2", "3")
    assert [entry.label for entry in data.entries] == [0, 3, 3, 0]


def test_colour_images_have_four_axes(written, opened):
    colours = np.arange(4 * 3 * 2 * 3, dtype=np.uint8).reshape(4, 3, 2, 3)

    data = opened(**written(images=idx_bytes(colours)))

    assert data.read(1).image.mode == "RGB"
    assert np.array_equal(np.asarray(data.read(1).image), colours[1])


def test_a_label_outside_the_classes_is_named_with_its_row(written, opened, says):
    keys = written(labels=idx_bytes(np.array([0, 1, 2, 0], np.uint8)))

    with says(DataError, where="t-labels-idx1, row 2", fact="label 2 is not one of the 2"):
        opened(**keys, classes=("shirt", "shoe"))


def test_images_and_labels_exchanged_are_told_so(written, opened, says):
    keys = written()

    with says(DataError, fact="are swapped", remedy="exchange"):
        opened(images=keys["labels"], labels=keys["images"])


def test_labels_with_axes_of_images_are_refused(written, opened, says):
    keys = written()

    with says(DataError, where="t-images", fact="labels have one axis, this file has 3"):
        opened(images=keys["images"], labels=keys["images"])


def test_another_number_of_labels_is_refused(written, opened, says):
    with says(DataError, fact="4 images but 3 labels"):
        opened(**written(labels=idx_bytes(LABELS[:3])))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("images", "fact"),
    [
        (b"", "not an IDX file"),
        (b"\0\0", "not an IDX file"),
        (b"hello, world", "not an IDX file"),
        (b"\0\0\x08\x09" + bytes(80), "not an IDX file"),
        (b"\0\0\x08\x03\0\0", "ends inside the IDX header"),
        (idx_bytes(IMAGES, kind=0x0D), "IDX type 0x0d, not unsigned bytes"),
        (idx_bytes(IMAGES)[:-1], "promises 4 x 3 x 2 bytes, the file holds only 23"),
        (idx_bytes(IMAGES) + b"x", "promises 4 x 3 x 2 bytes, the file holds more"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 0, 28, 28), "holds no items"),
        (struct.pack(">BBBB4I", 0, 0, 8, 4, 0, *[2**32 - 1] * 3), "holds no items"),
        (struct.pack(">BBBB2I", 0, 0, 8, 2, 1, 1) + b"x", r"the shape \(1, 1\)"),
    ],
)
def test_a_damaged_file_is_refused(written, opened, says, images, fact, packed):
    with says(DataError, where="t-images", fact=fact):
        opened(**written(images=images, packed=packed))


@pytest.mark.parametrize("part", [3, 12, 30])
def test_a_gzip_stream_that_is_cut_off_is_refused(written, opened, says, tmp_path, part):
    keys = written(packed=True)
    file = tmp_path / keys["images"]
    file.write_bytes(file.read_bytes()[:part])

    with says(DataError, where="t-images", fact="gzip stream is damaged or cut off"):
        opened(**keys)


def test_a_gzip_stream_with_a_wrong_checksum_is_refused(written, opened, says, tmp_path):
    keys = written(packed=True)
    file = tmp_path / keys["images"]
    stored = bytearray(file.read_bytes())
    stored[-8] ^= 1
    file.write_bytes(stored)

    with says(DataError, where="t-images", fact="gzip stream is damaged"):
        opened(**keys)


def test_a_header_that_promises_too_much_is_refused_before_unpacking(
    written, opened, says, monkeypatch
):
    monkeypatch.setattr(idx, "LARGEST_UNPACKED", 10)

    with says(DataError, where="t-images", fact="unpacks to 24 bytes", remedy="gunzip"):
        opened(**written(packed=True))


def test_a_gzip_bomb_is_not_unpacked_beyond_its_header(written, opened, says, monkeypatch):
    taken = []
    read = GzipStream.read

    def counting(self, size):
        taken.append(len(found := read(self, size)))
        return found

    monkeypatch.setattr(GzipStream, "read", counting)
    bomb = idx_bytes(IMAGES) + bytes(50_000_000)

    with says(DataError, where="t-images", fact="holds more"):
        opened(**written(images=bomb, packed=True))
    assert max(taken) == IMAGES.size + 1


def test_a_huge_promise_of_a_small_plain_file_takes_no_memory(written, opened, says):
    head = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)

    with says(DataError, where="t-images", fact="promises 4294967295 x"):
        opened(**written(images=head))


def test_a_missing_file_is_told_with_its_neighbour(written, opened, says):
    keys = written()

    with says(DataError, where="t-image-idx3", fact="does not exist", remedy="'t-images-idx3'"):
        opened(images="t-image-idx3", labels=keys["labels"])


@pytest.mark.skipif(not FASHION.is_dir(), reason="the package dataset-fashion-mnist is absent")
def test_fashion_mnist_has_six_thousand_images_of_each_class(opened):
    data = opened(path=str(FASHION / "train-images-idx3-ubyte.gz"))

    assert data.pixels.shape == (60_000, 28, 28)
    assert data.classes == tuple("0123456789")
    assert np.bincount(data.labels).tolist() == [6_000] * 10
    assert [entry.label for entry in data.entries[:3]] == [9, 0, 0]
