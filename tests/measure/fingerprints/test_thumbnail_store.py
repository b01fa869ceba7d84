"""Thumbnails of a split are the same in memory and in a file; a file leaves no trace."""

import errno
import gc
import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest

from gate.evidence.records import PairKind
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_overlap
from gate.measure.duplicates.known_overlaps import load_or_compare
from gate.measure.fingerprints import thumbnail_store as room
from gate.measure.fingerprints.fingerprint import fingerprint_batch
from gate.measure.fingerprints.thumbnail_store import OnDisk, ThumbnailStore

RANDOM = np.random.default_rng(0)
PARTS = [RANDOM.integers(0, 256, (count, 64, 64), dtype=np.uint8) for count in (5, 1, 9)]


@pytest.fixture(params=["in memory", "on disk"])
def where(request, monkeypatch):
    """Thumbnails are kept in memory, or even the first one goes to a disk."""
    if request.param == "on disk":
        monkeypatch.setattr(room, "IN_MEMORY", 0)
    return request.param


def piled(parts, most=30):
    pile = ThumbnailStore(most)
    for part, count in parts:
        pile.add(part, count)
    return pile.thumbnails()


def test_what_was_put_there_comes_back_by_rows_and_by_slices(where):
    small = piled([(part, len(part)) for part in PARTS])

    whole = np.concatenate(PARTS)
    rows = np.array([14, 0, 6, 6])
    assert isinstance(small, OnDisk) == (where == "on disk")
    assert len(small) == 15
    assert np.array_equal(small[:], whole)
    assert np.array_equal(small[4:8], whole[4:8])
    assert np.array_equal(small[12:99], whole[12:])
    assert np.array_equal(small[20:], whole[:0])
    assert np.array_equal(small[rows], whole[rows])
    assert np.array_equal(small[rows[:0]], whole[:0])


@pytest.mark.usefixtures("where")
def test_images_without_a_thumbnail_have_a_black_one_where_others_have_one():
    small = piled([(None, 2), (PARTS[0], 5), (None, 3)])

    black = np.zeros((3, 64, 64), np.uint8)
    assert np.array_equal(small[:], np.concatenate([black[:2], PARTS[0], black]))


@pytest.mark.usefixtures("where")
def test_where_no_image_has_a_thumbnail_there_are_none():
    assert piled([(None, 4), (None, 2)]) is None
    assert piled([]) is None


def test_many_thumbnails_are_on_disk_and_few_in_memory():
    assert not isinstance(piled([(PARTS[0], 5)], most=room.IN_MEMORY), OnDisk)
    assert isinstance(piled([(PARTS[0], 5)], most=room.IN_MEMORY + 1), OnDisk)


def side(split, pictures, where, monkeypatch):
    prints = fingerprint_batch([each.tobytes() for each in pictures], pictures)
    monkeypatch.setattr(room, "IN_MEMORY", 0 if where == "on disk" else len(pictures))
    small = piled([(prints.thumbnails, len(pictures))], most=len(pictures))
    names = [f"{split}-{row:03}" for row in range(len(pictures))]
    labels = np.array(["a"] * len(pictures), object)
    return FingerprintedSplit(
        split, np.array(names, object), labels, replace(prints, thumbnails=small)
    )


def test_copies_are_found_on_disk_as_in_memory(monkeypatch):
    coarse = RANDOM.integers(0, 256, (140, 8, 8), dtype=np.uint8)
    train = coarse.repeat(12, axis=1).repeat(12, axis=2)
    test = train[:40].copy()
    test[:20, :24] = 255  # a caption
    test[20:30] = np.clip(test[20:30].astype(int) + 9, 0, 255)
    sides = {
        where: [side(*each, where, monkeypatch) for each in (("train", train), ("test", test))]
        for where in ("in memory", "on disk")
    }

    in_memory, on_disk = (find_overlap(*each) for each in sides.values())

    assert on_disk == in_memory
    assert {pair.kind for pair in in_memory.pairs} >= {PairKind.NEAR, PairKind.EDITED}


def test_an_overlap_that_was_found_in_memory_is_known_on_disk(monkeypatch, tmp_path):
    pictures = RANDOM.integers(0, 256, (8, 40, 40), dtype=np.uint8)
    in_memory, on_disk = (
        tuple(side(split, pictures, where, monkeypatch) for split in ("train", "test"))
        for where in ("in memory", "on disk")
    )

    found = load_or_compare(tmp_path, in_memory, lambda: find_overlap(*in_memory), pytest.fail)

    assert (
        load_or_compare(tmp_path, on_disk, lambda: pytest.fail("sought again"), pytest.fail)
        == found
    )


def test_the_file_has_no_name_and_goes_with_the_last_reader(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small = piled([(PARTS[0], 5)])

    descriptor = small.descriptor
    assert list(tmp_path.iterdir()) == []
    del small
    gc.collect()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_where_the_disk_is_full_memory_must_do(monkeypatch):
    monkeypatch.setattr(room, "IN_MEMORY", 0)
    write = os.pwrite

    def until_full(descriptor, some, offset):
        room_left = 7 * 64 * 64 + 100 - offset  # in the middle of a thumbnail
        if room_left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, some[:room_left], offset)

    monkeypatch.setattr(room.os, "pwrite", until_full)

    small = piled([(None, 1), *((part, len(part)) for part in PARTS), (None, 2)])

    black = np.zeros((2, 64, 64), np.uint8)
    assert isinstance(small, np.ndarray)
    assert np.array_equal(small, np.concatenate([black[:1], *PARTS, black]))


def test_without_a_folder_for_temporary_files_memory_must_do(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))

    small = piled([(PARTS[0], 5)])

    assert np.array_equal(small, PARTS[0])
