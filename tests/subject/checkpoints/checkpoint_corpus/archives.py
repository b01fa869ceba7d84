"""Write zip archives and legacy streams by hand, sound or not."""

import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4}}


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(
    path: Path, members: Mapping[str, bytes], *, method: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zip_of(pickled: bytes, storages: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the members of an archive as torch.save names them."""
    parts = {"archive/data.pkl": pickled, "archive/byteorder": b"little", "archive/version": b"3\n"}
    return parts | {f"archive/data/{key}": data for key, data in (storages or {}).items()}


def legacy_of(pickled: bytes, storages: Mapping[str, tuple[int, bytes]] | None = None) -> bytes:
    """Return a legacy stream around a pickle; storages are (elements, bytes)."""
    every = storages or {}
    heads = [pickle.dumps(each, 2) for each in (MAGIC, 1001, SYSTEM)]
    tail = b"".join(struct.pack("<q", number) + data for number, data in every.values())
    return b"".join([*heads, pickled, pickle.dumps(list(every), 2), tail])


def rewritten(
    source: Path, target: Path, change: Callable[[dict[str, bytes]], Mapping[str, bytes]]
) -> Path:
    """Write the archive again with changed members, with right checksums."""
    return write_zip(target, change(members_of(source)))


def patched(path: Path, offset: int, content: bytes) -> Path:
    """Overwrite bytes of a file in place."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    return path
