"""What an NPZ file may make the gate hold beside its images."""

import io
import zipfile

import numpy as np
import pytest

from gate.errors import DataError
from gate.subject.datasets import npz
from gate.subject.datasets.npz import open_npz
from gate.subject.datasets.spec import DataSpec

IMAGES = np.zeros((4, 2, 2), np.uint8)


@pytest.fixture
def opened(tmp_path):
    def write(labels, *, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "t.npz"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, stored in (("images", as_npy(IMAGES)), ("labels", labels)):
                archive.writestr(f"{name}.npy", stored)
        return open_npz(path, DataSpec(path="t.npz"), shown="t.npz", classes=None)

    return write


def as_npy(array):
    stored = io.BytesIO()
    np.save(stored, array)
    return stored.getvalue()


def with_header(header):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def test_labels_that_unpack_to_much_are_not_unpacked(opened, says, monkeypatch):
    monkeypatch.setattr(npz, "IN_MEMORY", 1 << 16)

    with says(DataError, where="array labels", fact="holds 8,000,128 bytes in .* at most"):
        opened(as_npy(np.zeros(1_000_000)))


def test_labels_that_pack_well_are_read(opened, monkeypatch):
    monkeypatch.setattr(npz, "IN_MEMORY", 1 << 10)

    assert opened(as_npy(np.array(["cat", "dog"] * 2))).classes == ("cat", "dog")


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<i8', 'fortran_order': False, 'shape': " + b"(" * 5000,
        b"{'descr': " + b"[" * 4000 + b"]" * 4000 + b"}",
        b"-" * 9000 + b"1",
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,",
        b"{1: 2}",
        b"{'descr': '<i9999999999', 'fortran_order': False, 'shape': (4,)}",
        b"{'descr': [('a', '<i8', (9999999999, 9999999999))], 'fortran_order': False, 'shape': ()}",
        b"\xff\xfe",
    ],
)
def test_a_header_of_anything_is_refused_in_words(opened, says, header):
    with says(DataError, where="array labels"):
        opened(with_header(header))
