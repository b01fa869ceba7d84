"""Tar archives are read by their headers, and never unpacked.

The names of members are data. Python's reader takes a damaged header in the middle, or an archive
that is cut off between two members, for the end; here only the end that the format prescribes is
one: a block of zeros, and zeros after it.
"""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from gate.errors import DataError
from gate.subject.datasets.places import Place
from gate.subject.datasets.stored import head_of, open_place
from gate.wording import plain

LARGEST_TEXT = 1 << 20  # bytes of a label or of JSON

_LARGEST_HEADER = 1 << 20  # bytes; names and attributes that are longer than that are an attack
_BLOCK = 512
_TAIL = 1 << 20  # bytes that are looked at after the end

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_KINDS = {
    tarfile.LNKTYPE: "is a hard link in the tar, not a file",
    tarfile.SYMTYPE: "is a link in the tar, not a file",
    tarfile.CHRTYPE: "is a device in the tar, not a file",
    tarfile.BLKTYPE: "is a device in the tar, not a file",
    tarfile.FIFOTYPE: "is a pipe in the tar, not a file",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member that is no folder: its name as text, and where its bytes lie in the archive.

    ``odd`` says why it is no plain file, "" where it is one. ``content`` holds the bytes of those
    that were asked for and are no longer than LARGEST_TEXT.
    """

    name: str
    offset: int
    size: int
    odd: str
    content: bytes | None


def is_tar(head: bytes) -> bool:
    """Return whether a file that begins so is a tar archive, of the kind that says so or empty."""
    return head[257:262] == b"ustar" or (len(head) == _BLOCK and not any(head))


def compression_of(head: bytes) -> str | None:
    """Return the compression of a file that begins so, None where it has none that we know."""
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)


def members(place: Place, shown: str, *, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield what a tar archive holds, in its order; the content of those that are ``wanted``.

    Payloads are skipped. Raises DataError for what is no tar, compressed, damaged or cut off.
    """
    try:
        _require_tar(head_of(place, _BLOCK), shown)
        with open_place(place) as stream:
            yield from _members(_Headers(stream, shown), shown, wanted)
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror or error)}", "check its permissions"
        ) from error


def _members(stream: "_Headers", shown: str, wanted: Callable[[str], bool]) -> Iterator[Member]:
    place = 0
    try:
        with tarfile.TarFile(fileobj=cast("BinaryIO", stream), encoding="utf-8") as tar:
            while (found := tar.next()) is not None:
                # It would keep every header. (typeshed does not list this attribute.)
                tar.members.clear()  # type: ignore[attr-defined]
                if tar.offset <= place:
                    raise _damaged(shown, place)
                place = tar.offset
                if not found.isdir():
                    yield _member(found, stream, wanted)
            _require_end(stream, tar.offset, shown)
    # A damaged header can name any number, in any base, of any size.
    except (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError) as error:
        raise _damaged(shown, place) from error


def _member(found: tarfile.TarInfo, stream: "_Headers", wanted: Callable[[str], bool]) -> Member:
    odd = _KINDS.get(found.type, "")
    if found.issparse():
        odd = "is a sparse file in the tar"
    elif not odd and not found.isreg():
        odd = "is no file in the tar"
    name = found.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    content = None
    if not odd and found.size <= LARGEST_TEXT and wanted(name):
        stream.seek(found.offset_data)
        content = stream.read(found.size)
    return Member(name, found.offset_data, found.size, odd, content)


def _require_tar(head: bytes, shown: str) -> None:
    if not head:
        raise DataError(shown, "is empty (0 bytes)", "write or copy it again")
    packed = compression_of(head)
    if packed is not None:
        raise DataError(
            shown,
            f"is compressed with {packed}, and could only be read from its beginning",
            "store the tar uncompressed: images do not compress",
        )
    if not is_tar(head):
        raise DataError(shown, "is not a tar archive", "name WebDataset shards, or another format")


def _require_end(stream: "_Headers", offset: int, shown: str) -> None:
    stream.seek(offset)
    block = stream.read(_BLOCK)
    if len(block) < _BLOCK:
        raise DataError(
            shown, "ends without the mark of its end: it is cut off", "write or copy it again"
        )
    if any(block):
        raise _damaged(shown, offset)
    if any(stream.read(_TAIL)):
        raise DataError(
            shown,
            "holds data after its end, as archives have that were joined",
            "keep them apart, or join them with tar --concatenate",
        )


def _damaged(shown: str, offset: int) -> DataError:
    return DataError(
        shown, f"is damaged or cut off after byte {offset:,}", "write or copy it again"
    )


class _Headers:
    """A stream for a reader of headers, which may not ask for more than headers need."""

    def __init__(self, stream: BinaryIO, shown: str) -> None:
        self._stream = stream
        self._shown = shown

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise DataError(
                self._shown, f"holds a header of {size:,} bytes", "write it again with plain names"
            )
        return self._stream.read(size)

    def seek(self, offset: int) -> int:
        return self._stream.seek(offset)

    def tell(self) -> int:
        return self._stream.tell()
