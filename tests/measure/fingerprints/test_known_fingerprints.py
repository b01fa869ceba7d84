"""Fingerprints by the digest of the bytes: found again, never believed when damaged."""

import sqlite3
import threading
from dataclasses import fields
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gate.evidence.records import Fingerprints, Split
from gate.measure.duplicates.fingerprint_dataset import fingerprint_dataset
from gate.measure.fingerprints.fingerprint import fingerprint
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.measure.progress import Silent
from gate.subject.datasets import files, open_dataset
from gate.subject.datasets.spec import DataSpec


def picture(seed, size=80):
    stream = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def printed(stored):
    return fingerprint(stored, Image.open(BytesIO(stored)))


def same(one, other):
    thumbnails = (one.thumbnail, other.thumbnail)
    if any(each is None for each in thumbnails):
        return thumbnails == (None, None)
    return np.array_equal(*thumbnails) and all(
        getattr(one, name) == getattr(other, name)
        for name in ("file", "pixels", "oriented", "near", "featureless")
    )


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        path = tmp_path / "data" / ("cat", "dog")[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(index) if index else b"no picture")
    return tmp_path


def side_of(folder, known):
    dataset = open_dataset(DataSpec(path="data"), base=folder, classes=None)
    return fingerprint_dataset(Split.TEST, dataset, Silent(), known)


@pytest.mark.parametrize("size", [8, 80])
def test_what_was_added_is_found_by_the_digest_of_the_bytes(size, tmp_path):
    one = printed(picture(1, size))
    KnownPrints(tmp_path).add([one])

    assert same(KnownPrints(tmp_path).of(one.file), one)
    assert KnownPrints(tmp_path).of(printed(picture(2, size)).file) is None


def test_a_folder_that_was_seen_is_read_and_not_decoded(folder, tmp_path, monkeypatch):
    known = KnownPrints(tmp_path / "cache")
    first = side_of(folder, known)
    decoded = []
    monkeypatch.setattr(files, "decode", lambda stored: decoded.append(stored) or 1 / 0)
    (folder / "data" / "cat" / "0.png").unlink()

    again = side_of(folder, known)

    assert decoded == []
    assert again.side.ids.tolist() == first.side.ids.tolist()
    for each in fields(Fingerprints):
        kept, made = (getattr(side.side.fingerprints, each.name) for side in (again, first))
        assert np.array_equal(kept, made)


def test_changed_bytes_are_decoded_again(folder, tmp_path):
    known = KnownPrints(tmp_path / "cache")
    side_of(folder, known)
    (folder / "data" / "dog" / "1.png").write_bytes(picture(99))

    side = side_of(folder, known).side

    row = side.ids.tolist().index("dog/1.png")
    assert side.fingerprints.near[row].tobytes() == printed(picture(99)).near


def test_a_changed_entry_is_not_believed(tmp_path):
    one = printed(picture(1))
    KnownPrints(tmp_path).add([one])
    (file,) = (tmp_path / "fingerprints").glob("*.sqlite")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE prints SET near = ?", (bytes(32),))

    assert KnownPrints(tmp_path).of(one.file) is None


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, but long enough to be looked at" * 99]
)
def test_a_file_that_is_no_cache_is_an_empty_one(content, folder, tmp_path):
    KnownPrints(tmp_path / "cache").add([printed(picture(1))])
    for file in (tmp_path / "cache" / "fingerprints").iterdir():
        file.write_bytes(content)

    assert len(side_of(folder, KnownPrints(tmp_path / "cache")).side) == 11


def test_a_cache_that_cannot_be_made_is_an_empty_one(folder, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")

    assert len(side_of(folder, KnownPrints(tmp_path / "cache")).side) == 11


def test_many_threads_may_use_one_cache(tmp_path):
    known = KnownPrints(tmp_path)
    prints = [printed(picture(seed, 8)) for seed in range(20)]
    threads = [threading.Thread(target=known.add, args=([each],)) for each in prints]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(known.of(each.file) is not None for each in prints)
