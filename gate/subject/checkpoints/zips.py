"""Read the members of a zip archive, stored as torch does it or deflated, in one strict shape.

The archive is parsed here and not by the standard library, because two parsers that disagree about
an archive are how hostile files slip past one of them: here every member has one header, one place
and one name, and the central directory ends exactly where the end record begins.
"""

import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.inflating import (
    DEFLATED,
    REPACK,
    inflate,
    refuse_method,
)
from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.wording import plain, pluralize, quote

MAX_MEMBERS = 200_000
MAX_DIRECTORY = 64 << 20
MAX_NAME = 1024
MAX_FIELDS = 16  # extra fields of one member; zip programs write up to five

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNICODE_PATH = 0x7075  # the name again, for programs that know no UTF-8
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_FOLDER = 0x10  # of the attributes of DOS; torch's reader takes such a member for empty

_TRUNCATED = "it is a zip archive without its end; the copy was not finished"


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the central directory; sizes in bytes."""

    name: str
    flags: int
    method: int
    attributes: int
    crc: int
    packed: int
    size: int
    header: int  # where its local header begins

    @property
    def is_deflated(self) -> bool:
        """Return whether its bytes are packed."""
        return self.method == DEFLATED

    @property
    def is_folder(self) -> bool:
        """Return whether it stands for a folder: it has no bytes, and a name that ends in "/"."""
        return self.name.endswith("/") and self.size == 0


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The central directory of an archive, and the archive that it is of."""

    data: memoryview
    start: int  # where it begins
    members: tuple[Member, ...]  # by the place of their headers


def member_names(members: Iterable[Member]) -> frozenset[str]:
    """Return the names in a zip archive's directory; nothing else of it was looked at."""
    return frozenset(each.name for each in members)


def read_directory(data: memoryview, budget: Budget) -> Directory:
    """Return what the central directory of a zip archive lists, in the order of its headers.

    Raises RefusedError when the archive is truncated, its directory damaged, or longer than
    ``budget`` covers.
    """
    start, size, count = _directory(data)
    budget.list_members(count)
    members = sorted(_members(data[start : start + size], count), key=lambda each: each.header)
    return Directory(data, start, tuple(members))


def read_members(directory: Directory, budget: Budget) -> Mapping[str, memoryview]:
    """Return every member of a zip archive by name: views of its own bytes, or unpacked ones.

    Entries of folders, which zip programs write and which hold nothing, are left out. Raises
    RefusedError when the archive is packed with something else than deflate, or to more bytes than
    it may unpack to, is encrypted, lists a name twice, lets two members share bytes, or when the
    checksum of a member does not fit its bytes.
    """
    names: set[str] = set()
    places: list[tuple[Member, memoryview]] = []
    free_from = 0
    for member in directory.members:
        # torch's reader takes capitals for small letters, and other systems composed letters too.
        same = unicodedata.normalize("NFC", member.name).casefold()
        if same in names:
            raise unsafe(
                f"the archive lists {plain(member.name)} twice, in the same letters or in capitals "
                "and small ones, so readers can disagree about it",
                "save the file again with torch.save",
            )
        if member.header < free_from or (not names and member.header != 0):
            raise unsafe(
                f"{plain(member.name)} does not lie where an archive has it",
                "save the file again with torch.save",
            )
        names.add(same)
        _check_member(member)
        begin = _content_start(directory.data, member, directory.start)
        free_from = begin + member.packed
        if free_from > directory.start:
            raise corrupt(f"{plain(member.name)} reaches past the end of the archive's members")
        places.append((member, directory.data[begin:free_from]))
    budget.unpack(sum(each.size for each in directory.members if each.is_deflated), REPACK)
    return {
        member.name: _content(member, packed) for member, packed in places if not member.is_folder
    }


def _content(member: Member, packed: memoryview) -> memoryview:
    content = inflate(member.name, packed, member.size) if member.is_deflated else packed
    if zlib.crc32(content) != member.crc:
        raise corrupt(
            f"the checksum of {plain(member.name)} does not fit its bytes: they were changed",
            "copy the file again; if it was saved with compute_crc32 off, save it with it on",
        )
    return content


def _directory(data: memoryview) -> tuple[int, int, int]:
    """Return where the central directory begins, its size in bytes and its number of entries."""
    end = data.nbytes - _END.size
    if end < 0 or bytes(data[end : end + 4]) != b"PK\x05\x06":
        raise corrupt(_TRUNCATED)
    _, disk, first_disk, here, count, size, start, _ = _END.unpack(data[end:])
    locator = end - _END64_LOCATOR.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        _, disk, end, _ = _END64_LOCATOR.unpack(data[locator : locator + _END64_LOCATOR.size])
        if end + _END64.size != locator or bytes(data[end : end + 4]) != b"PK\x06\x06":
            raise corrupt("the end of the zip archive is damaged")
        record = _END64.unpack(data[end : end + _END64.size])
        _, _, _, _, disk, first_disk, here, count, size, start = record
    if disk != 0 or first_disk != 0 or here != count or start + size != end:
        raise corrupt("the end of the zip archive does not fit its directory")
    if count > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise unsafe(
            f"the archive has {pluralize(count, 'member')}, more than any checkpoint",
            "save the file again with torch.save",
        )
    return start, size, count


def _members(directory: memoryview, count: int) -> Iterator[Member]:
    position = 0
    for _ in range(count):
        fixed = directory[position : position + _ENTRY.size]
        if fixed.nbytes < _ENTRY.size or bytes(fixed[:4]) != b"PK\x01\x02":
            raise corrupt("the directory of the zip archive is damaged")
        fields = _ENTRY.unpack(fixed)
        flags, method = fields[3:5]
        crc, packed, size, name_bytes, extra_bytes, comment_bytes = fields[7:13]
        attributes, header = fields[15:17]
        position += _ENTRY.size
        name = _name(bytes(directory[position : position + name_bytes]))
        position += name_bytes
        extra = bytes(directory[position : position + extra_bytes])
        _check_other_name(extra, name)
        size, packed, header = _widened(extra, size, packed, header)
        position += extra_bytes + comment_bytes
        yield Member(name, flags, method, attributes, crc, packed, size, header)
    if position != directory.nbytes:
        raise corrupt("the directory of the zip archive is damaged")


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise corrupt("a name in the zip archive is not UTF-8") from None
    parts = name.removesuffix("/").split("/")
    odd = "\\" in name or not name.isprintable() or len(name) > MAX_NAME
    if odd or any(part in ("", ".", "..") for part in parts):
        raise unsafe(
            f"the archive has a member with the name {quote(name)}",
            "save the file again with torch.save",
        )
    return name


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the extra fields of a member, by their kinds."""
    position = 0
    for _ in range(MAX_FIELDS):
        if position + 4 > len(extra):
            return
        kind, length = struct.unpack_from("<2H", extra, position)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length
    if position + 4 <= len(extra):
        raise corrupt(f"a member of the zip archive has more than {MAX_FIELDS} extra fields")


def _check_other_name(extra: bytes, name: str) -> None:
    """Refuse an extra field that gives a member another name, which some readers prefer."""
    for kind, content in _fields(extra):
        if kind == _UNICODE_PATH and content[5:] != name.encode():
            raise unsafe(
                f"the archive gives {plain(name)} a second name, so readers can disagree about it",
                "save the file again with torch.save",
            )


def _widened(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Return the sizes and the place of a member, from its zip64 field where 32 bits are full."""
    values = [size, packed, header]
    wide = next((content for kind, content in _fields(extra) if kind == 1), None)
    for index, value in enumerate(values):
        if wide is not None and value == 0xFFFFFFFF:
            if len(wide) < 8:
                raise corrupt("a large member of the zip archive has no size")
            values[index] = int.from_bytes(wide[:8], "little")
            wide = wide[8:]
    return values[0], values[1], values[2]


def _check_member(member: Member) -> None:
    if member.flags & _ENCRYPTED:
        raise _repacked(member, "is encrypted")
    if member.attributes & _FOLDER and member.size:
        raise _repacked(member, "is marked as a folder, so readers can disagree about its bytes")
    refuse_method(member.name, member.method)
    if not member.is_deflated and member.packed != member.size:
        raise _repacked(member, "is stored with two sizes, so readers can disagree about it")


def _content_start(data: memoryview, member: Member, directory: int) -> int:
    """Return where the bytes of a member begin, after a local header that says the same."""
    after = member.header + _LOCAL.size
    if after > directory or bytes(data[member.header : member.header + 4]) != b"PK\x03\x04":
        raise corrupt(f"{plain(member.name)} is not where the directory of the archive says")
    fields = _LOCAL.unpack(data[member.header : after])
    flags, method = fields[2:4]
    name_bytes, extra_bytes = fields[9:11]
    name = bytes(data[after : after + name_bytes])
    if name != member.name.encode() or flags & _ENCRYPTED or method != member.method:
        raise unsafe(
            f"{plain(member.name)} is described in two ways, so readers can disagree about it",
            "save the file again with torch.save",
        )
    return int(after + name_bytes + extra_bytes)


def _repacked(member: Member, what: str) -> RefusedError:
    return unsafe(
        f"{plain(member.name)} in the archive {what}", "save the file again with torch.save"
    )
