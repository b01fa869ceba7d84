"""Gzipped files, unpacked in large pieces.

Python's own reader unpacks 10 KB at a time, and waits after each until other threads let it go on:
beside one that imports torch, 26 MB took three times as long, and beside a busy loop minutes.
"""

import zlib
from typing import BinaryIO

MAGIC = b"\x1f\x8b"

_PACKED = 1 << 22  # bytes of the file that are read, and unpacked, at once
_SMALL = 1 << 14  # of a second member and all after it: they are likely to be many and small
_GZIP = 16 + zlib.MAX_WBITS  # zlib's word for: with the head and the checksum of gzip


class GzipStream:
    """What a gzipped file unpacks to, read in order; several members count as one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(_GZIP)
        self._left = memoryview(b"")  # read from the file and not yet unpacked
        self._at_once = _PACKED

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer where the file ends.

        Nothing beyond them is unpacked. Raises EOFError where the file is cut off, zlib.error where
        it is damaged.
        """
        pieces = []
        while size and (piece := self._piece(size)):
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, most: int) -> bytes:
        """Return some bytes, at most so many; none at the end."""
        piece = b""
        while not piece:
            if self._member.eof and not self._next_member():
                return b""
            if not self._more():
                raise EOFError("it ends in the middle of the stream")
            given = self._left[: self._at_once]
            piece = self._member.decompress(given, most)
            ended = self._member.eof  # then what is unused may stand in the other one too
            rest = self._member.unused_data if ended else self._member.unconsumed_tail
            self._left = self._left[len(given) - len(rest) :]
        return piece

    def _next_member(self) -> bool:
        """Return whether another member follows; zeros between members mean nothing."""
        while self._more() and self._left[0] == 0:
            some = bytes(self._left[:_SMALL])
            self._left = self._left[len(some) - len(some.lstrip(b"\0")) :]
        if not self._left:
            return False
        self._member, self._at_once = zlib.decompressobj(_GZIP), _SMALL
        return True

    def _more(self) -> bool:
        """Return whether there is anything left to unpack."""
        if not self._left:
            self._left = memoryview(self._stream.read(_PACKED))
        return bool(self._left)
