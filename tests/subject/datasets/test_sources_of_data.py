import gzip
import struct

import numpy as np
import pytest


@pytest.fixture
def idx(tmp_path):
    def write(name, array):
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (tmp_path / name).write_bytes(gzip.compress(head + array.tobytes()))

    return write


def test_the_sources_of_a_folder_are_its_images_in_their_order(pets, opened):
    data = opened(path="pets")

    assert list(data.sources()) == [pets / entry.id for entry in data.entries]


def test_the_sources_of_a_manifest_are_the_table_and_its_images_even_the_missing(
    pets, opened, tmp_path
):
    (tmp_path / "t.csv").write_text("image,label\npets/cat/1.png,cat\npets/gone.png,dog\n")

    sources = opened(path="t.csv").sources()

    assert list(sources) == [tmp_path / "t.csv", pets / "cat/1.png", pets / "gone.png"]
    assert sources[1:] == [pets / "cat/1.png", pets / "gone.png"]
    assert sources[-1] == pets / "gone.png"


def test_the_sources_of_idx_are_images_and_labels(idx, opened, tmp_path):
    idx("t-images", np.zeros((2, 3, 3), np.uint8))
    idx("t-labels", np.array([0, 1], np.uint8))

    assert opened(path="t-images").sources() == (tmp_path / "t-images", tmp_path / "t-labels")


def test_the_source_of_npz_is_the_archive(opened, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.zeros((2, 3, 3), np.uint8), y=[0, 1])

    assert opened(path="t.npz").sources() == (tmp_path / "t.npz",)


def test_only_the_user_knows_what_a_factory_reads(opened, tmp_path):
    (tmp_path / "own_sources.py").write_text(
        "class Data(list):\n    classes = ('a', 'b')\n\n"
        "def test_set():\n    return Data([(None, 0)])\n"
    )

    assert opened(factory="own_sources:test_set").sources() is None
