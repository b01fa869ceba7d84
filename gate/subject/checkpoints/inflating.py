"""Unpack what other tools deflated, never to more bytes than an archive declares.

torch stores its members as they are. People who pack a checkpoint again with a zip program get
deflated members, which mean the same weights; other methods of packing are refused by name.
"""

import zlib

from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.wording import plain

STORED, DEFLATED = 0, 8
_PART = 1 << 20
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
REPACK = (
    'store its members as they are, which runs nothing of it: python -c "import zipfile as z; '
    "a = z.ZipFile('MODEL.pt'); b = z.ZipFile('stored.pt', 'w'); "
    '[b.writestr(n, a.read(n)) for n in a.namelist()]; b.close()"'
)

MAPPED = (
    "torch.load(mmap=True), by which transformers loads a folder, takes the packed bytes for "
    "numbers and says nothing"
)


def refuse_method(name: str, method: int) -> None:
    """Refuse a member that is packed in another way than by deflate."""
    if method not in (STORED, DEFLATED):
        how = _METHODS.get(method, f"method {method}")
        raise unsafe(
            f"{plain(name)} in the archive is packed with {how}, which is not read", REPACK
        )


def inflate(name: str, packed: memoryview, size: int) -> memoryview:
    """Return the ``size`` bytes that a member's deflated bytes unpack to.

    Raises RefusedError, as corrupt, when they unpack to more or fewer, or have bytes behind them.
    """
    content = bytearray(size)
    filled = 0
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    waiting = packed
    while True:
        try:
            part = machine.decompress(waiting[:_PART], min(_PART, size - filled + 1))
        except zlib.error:
            raise _damaged(name) from None
        left = len(machine.unconsumed_tail) + len(machine.unused_data)
        waiting = waiting[min(_PART, len(waiting)) - left :]
        if filled + len(part) > size:
            raise _damaged(name)
        content[filled : filled + len(part)] = part
        filled += len(part)
        if machine.eof or not (part or waiting):
            break
    if not machine.eof or filled != size or waiting:
        raise _damaged(name)
    return memoryview(content)  # writable: torch shares its memory and warns of any other


def _damaged(name: str) -> RefusedError:
    return corrupt(f"{plain(name)} does not unpack to the bytes that the archive declares")
