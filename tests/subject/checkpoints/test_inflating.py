"""A checkpoint that a zip program packed again is read; a bomb is refused before it unpacks."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.archives import members_of, write_zip, zip_of
from checkpoint_corpus.good import GOOD
from checkpoint_corpus.models import SmallCnn, small_cnn, state
from checkpoint_corpus.mutants import deflated
from checkpoint_corpus.payloads import pickled

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.loading import build


def _saved(folder: Path) -> Path:
    torch.save(state(), folder / "good.pt")
    return folder / "good.pt"


def _refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


@pytest.mark.parametrize(
    "title", ["zip", "Lightning", "tensors that share a storage", "pickle protocol 5"]
)
def test_a_deflated_checkpoint_gives_the_weights_of_the_stored_one(
    title: str, tmp_path: Path
) -> None:
    stored = GOOD[title].make(tmp_path)

    plain = open_checkpoint(stored)
    packed = open_checkpoint(deflated(stored, tmp_path / "packed.pt"))

    assert packed.path.stat().st_size < stored.stat().st_size
    assert [spec.name for spec in packed.tensors] == [spec.name for spec in plain.tensors]
    for ours, theirs in zip(packed.tensors, plain.tensors, strict=True):
        assert torch.equal(build(ours), build(theirs))


def test_torch_reads_the_same_from_a_deflated_checkpoint(tmp_path: Path) -> None:
    path = deflated(_saved(tmp_path), tmp_path / "packed.pt")

    oracle = torch.load(path, weights_only=True)

    for spec in open_checkpoint(path).tensors:
        assert torch.equal(build(spec), oracle[spec.name])


@pytest.mark.slow  # torch exports a program
def test_a_deflated_exported_program_gives_its_weights(tmp_path: Path, model: SmallCnn) -> None:
    stored = GOOD["an exported program, for its weights"].make(tmp_path)

    load_into(open_checkpoint(deflated(stored, tmp_path / "packed.pt2")), model)

    assert torch.equal(model.fc.weight, state()["fc.weight"])


def test_entries_of_folders_as_zip_programs_write_them_are_passed_over(tmp_path: Path) -> None:
    parts = members_of(_saved(tmp_path))
    folders = dict.fromkeys(("good/", "good/data/"), b"")
    path = write_zip(tmp_path / "x.pt", folders | parts, method=zipfile.ZIP_DEFLATED)

    assert len(open_checkpoint(path).tensors) == 11


def test_a_folder_with_bytes_is_a_stranger(tmp_path: Path) -> None:
    parts = members_of(_saved(tmp_path)) | {"good/data/": b"bytes"}

    assert _refused(write_zip(tmp_path / "x.pt", parts)).refusal is Refusal.UNSAFE


@pytest.mark.parametrize(
    ("method", "named"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_another_packing_is_refused_with_the_command_that_stores_it(
    method: int, named: str, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "MODEL.pt", members_of(_saved(tmp_path)), method=method)

    error = _refused(path)

    assert error.refusal is Refusal.UNSAFE
    assert f"is packed with {named}, which is not read" in error.fact
    code = error.remedy.partition('python -c "')[2].rpartition('"')[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert len(open_checkpoint(tmp_path / "stored.pt").tensors) == 11


def test_zeros_that_shrink_a_thousandfold_are_read_where_they_are_small(tmp_path: Path) -> None:
    weights = state() | {"zeros": torch.zeros(4 << 20)}
    torch.save({"model": weights}, tmp_path / "x.pt")

    packed = open_checkpoint(deflated(tmp_path / "x.pt", tmp_path / "packed.pt"))

    assert packed.size_bytes < 1 << 18
    assert packed.tensors[-1].bytes == 16 << 20


def _archive(packed: bytes, size: int, crc: int, folder: Path) -> Path:
    """Write an archive whose data.pkl is deflated, and described as the arguments say."""
    buffer = io.BytesIO()
    write_zip(buffer, zip_of(pickled(b"}", 2)), method=zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    start = data.index(b"archive/byteorder") - 30
    name = b"archive/data.pkl"
    head = data[:14] + struct.pack("<3L", crc, len(packed), size) + data[26 : 30 + len(name)]
    shift = len(head) + len(packed) - start
    directory = bytearray(data[data.index(b"PK\x01\x02") :])
    directory[16:28] = struct.pack("<3L", crc, len(packed), size)
    at = directory.find(b"PK\x01\x02", 4)
    while at >= 0:
        (place,) = struct.unpack_from("<L", directory, at + 42)
        struct.pack_into("<L", directory, at + 42, place + shift)
        at = directory.find(b"PK\x01\x02", at + 4)
    end = len(directory) - 22
    (place,) = struct.unpack_from("<L", directory, end + 16)
    struct.pack_into("<L", directory, end + 16, place + shift)
    middle = data[start : data.index(b"PK\x01\x02")]
    (folder / "x.pt").write_bytes(head + packed + middle + bytes(directory))
    return folder / "x.pt"


def _deflate(content: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(content) + machine.flush()


CODE = pickled(b"}", 2)
SOUND = (_deflate(CODE), len(CODE), zlib.crc32(CODE))


def test_the_archive_that_the_lies_vary_is_itself_read_to_its_end(tmp_path: Path) -> None:
    assert "holds no weights" in _refused(_archive(*SOUND, tmp_path)).fact


@pytest.mark.parametrize(
    ("packed", "size", "crc"),
    [
        (SOUND[0], SOUND[1] - 1, SOUND[2]),  # unpacks to more than it says
        (SOUND[0], SOUND[1] + 1, SOUND[2]),  # to less
        (SOUND[0], 0, 0),
        (SOUND[0], SOUND[1], SOUND[2] ^ 1),
        (SOUND[0][:-1], SOUND[1], SOUND[2]),  # ends in the middle
        (SOUND[0] + b"more", SOUND[1], SOUND[2]),
        (b"\xff" * 20, 20, 0),
        (b"", SOUND[1], SOUND[2]),
        (_deflate(bytes(32 << 20)), 100, 0),  # a bomb that declares to be small
    ],
)
def test_a_deflated_member_that_lies_is_corrupt(
    packed: bytes, size: int, crc: int, tmp_path: Path
) -> None:
    assert _refused(_archive(packed, size, crc, tmp_path)).refusal is Refusal.CORRUPT


def test_a_bomb_is_refused_by_what_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _archive(SOUND[0], 1_700_000_000, 0, tmp_path)
    monkeypatch.setattr(zlib, "decompressobj", None)  # whoever unpacks it, fails

    error = _refused(path)

    assert error.refusal is Refusal.UNSAFE
    assert "unpack to 1,700,000,0" in error.fact
    assert "python -c" in error.remedy


def test_a_member_takes_no_more_memory_than_it_declares(tmp_path: Path) -> None:
    path = _archive(_deflate(bytes(32 << 20)), 100, 0, tmp_path)

    tracemalloc.start()
    try:
        _refused(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 4 << 20


def test_a_stored_member_with_two_sizes_is_refused(tmp_path: Path) -> None:
    data = bytearray(_saved(tmp_path).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24] ^= 1
    (tmp_path / "good.pt").write_bytes(data)

    assert "is stored with two sizes" in _refused(tmp_path / "good.pt").fact


def test_a_deflated_model_judges_as_the_stored_one(tmp_path: Path) -> None:
    stored, packed = small_cnn(), small_cnn()
    path = _saved(tmp_path)

    load_into(open_checkpoint(path), stored)
    load_into(open_checkpoint(deflated(path, tmp_path / "packed.pt")), packed)

    images = torch.rand(2, 1, 16, 16)
    assert torch.equal(stored(images), packed(images))
