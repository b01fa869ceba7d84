"""The format of a manifest of JSON lines: one object an image."""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats.record import LISTING_KEYS, Classes, DataFormat, Remark
from gate.subject.datasets.places import Place

if TYPE_CHECKING:
    from gate.subject.datasets.files import FileDataset
    from gate.subject.datasets.spec import DataSpec


def _open(spec: "DataSpec", base: Path, classes: Classes) -> "FileDataset":
    from gate.subject.datasets.manifest import open_listed

    return open_listed(spec, base, classes, kind="jsonl")


def _matches(_: Place, head: bytes | None) -> bool:
    return head is not None and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _mistaken(_: Place, head: bytes) -> Remark | None:
    if not b"".join(head.split()).startswith((b"[{", b"[[")):
        return None
    return "is one JSON document", 'write one object a line: {"file_name": ..., "label": ...}'


FORMAT = DataFormat(
    name="jsonl", keys=LISTING_KEYS, open=_open, matches=_matches, mistaken=_mistaken
)
