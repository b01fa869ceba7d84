"""Recognise a file by its first bytes, never by its suffix."""

import tarfile
from enum import StrEnum
from pathlib import Path

from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.subject.checkpoints.resaving import KERAS

# torch.save's magic number as pickles of every protocol carry it.
_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LARGEST_HEADER = 100_000_000  # what the safetensors format allows

_TAR_REMEDY = (
    "where it was made and is trusted, load it with torch 0.1 to 2.5 and save the weights: "
    'torch.save(model.state_dict(), "weights.pt")'
)
_PICKLE_REMEDY = 'save the weights alone: torch.save(model.state_dict(), "weights.pt")'

# What a file is that is no checkpoint, by how it begins.
_STRANGERS = (
    (b"version https://git-lfs", "a Git LFS pointer", "run: git lfs pull"),
    (b"\x1f\x8b", "compressed with gzip", "decompress it: gunzip FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the file inside"),
    (b"BZh", "compressed with bzip2", "decompress it: bunzip2 FILE"),
    (b"\xfd7zXZ\x00", "compressed with xz", "decompress it: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it: unzstd FILE"),
    (b"Rar!", "a RAR archive", "unpack it and give the file inside"),
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"%PDF", "a PDF document", ""),
    (b"\x7fELF", "a compiled program", ""),
    (b"\x89HDF\r\n", "an HDF5 file (Keras?)", KERAS),
    (b"\x93NUMPY", "a NumPy array", ""),
    (b"GGUF", "a GGUF file of a language model", ""),
)


class Container(StrEnum):
    """How a file packs its weights."""

    ZIP = "zip"
    LEGACY = "legacy"
    SAFETENSORS = "safetensors"
    ONNX = "onnx"


def recognise(data: memoryview) -> Container:
    """Return how the bytes of a file pack its weights, from its first bytes.

    Raises RefusedError for a file that is nothing of the kind, named where it can be named.
    """
    head = bytes(data[:512])
    if head.startswith(b"PK\x03\x04"):
        return Container.ZIP
    if head[:1] == b"\x80" and _LEGACY_MAGIC in head[:64]:
        if _is_tar(head):
            raise unsafe("it is a tar archive too, which torch reads in another way", _TAR_REMEDY)
        return Container.LEGACY
    if _may_be_safetensors(head):
        return Container.SAFETENSORS
    if _may_be_onnx(head):
        return Container.ONNX
    raise _stranger(head, bytes(data[-1:]))


def is_onnx(path: Path) -> bool:
    """Return whether a file is an ONNX model, which brings its own graph; False if unreadable."""
    if not path.is_file():  # opening a pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            return recognise(memoryview(file.read(512))) is Container.ONNX
    except (OSError, RefusedError):
        return False


def _is_tar(head: bytes) -> bool:
    """Return whether a file begins with the header of a tar archive, which torch looks for first.

    It has no magic number either: a checksum over its 512 bytes is what makes it one.
    """
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, IndexError):
        return False
    return True


def _may_be_safetensors(head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= _LARGEST_HEADER


def _may_be_onnx(head: bytes) -> bool:
    # Protobuf has no magic number: field 1 (ir_version, 3 to 31), then a length-delimited field
    # (producer, domain, graph), an opset (8), or a varint of the model's version (5).
    version, following = head[1:2], head[2:3]
    starts = head[:1] == b"\x08" and b"\x03" <= version <= b"\x1f"
    return starts and following != b"" and following in b"\x12\x1a\x22\x28\x32\x3a\x42"


def _stranger(head: bytes, last: bytes) -> RefusedError:
    for start, what, remedy in _STRANGERS:
        if head.startswith(start):
            return corrupt(f"it is {what}, not a checkpoint", remedy or "give a checkpoint")
    if head[257:262] == b"ustar":
        return unsafe(
            "it is in the tar format of torch 0.1, which cannot be read safely", _TAR_REMEDY
        )
    if (head[:1] == b"\x80" and head[1:2] <= b"\x05") or (head[:1] in b"(c]}" and last == b"."):
        return unsafe("it is a bare pickle, which runs code when it is loaded", _PICKLE_REMEDY)
    if not head.strip(b"\x00"):
        return corrupt("it begins with nothing but zeros; the copy was not finished")
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return corrupt(
            "it is a web page, not a checkpoint", "download the file again, with your credentials"
        )
    if text[:1] in (b"{", b"["):
        return corrupt("it is JSON text, not a checkpoint", "give the file with the weights")
    if sum(32 <= byte < 127 or byte in b"\t\n\r" for byte in head) > 0.9 * len(head):
        return corrupt("it is text, not a checkpoint", "give the file that torch.save wrote")
    return corrupt(
        "it is no checkpoint format that is known here",
        'give what torch.save(model.state_dict(), "weights.pt") writes, or a safetensors file',
    )
