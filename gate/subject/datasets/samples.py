"""Samples of a WebDataset archive: the members that share a key describe one image."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from gate.errors import DataError
from gate.keys import name_key
from gate.subject.datasets.places import Place
from gate.subject.datasets.tars import LARGEST_TEXT, Member, members
from gate.wording import list_names, plain, quote

_IMAGES = frozenset(
    {"jpg", "jpeg", "png", "ppm", "pgm", "pbm", "pnm", "bmp", "gif", "webp", "tif", "tiff", "jp2"}
    | {"j2k", "avif"}
)
_TEXTS = frozenset({"cls", "json"})
_JSON_LABELS = ("label", "cls")
_KEY = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)  # the path, the first dot, the rest
_HALVES = re.compile("[\ud800-\udfff]")


def samples(
    place: Place, shown: str, *, label: str | None, strange: Callable[[Member], None]
) -> Iterator["TarSample"]:
    """Yield the samples of a tar archive in its order; raises DataError.

    ``label`` is what the gate file says of labels. ``strange`` is called for each member whose name
    is none of a sample.
    """
    texts = _TEXTS | {extension_of(label)}

    def wanted(name: str) -> bool:
        found = _KEY.fullmatch(name)
        return found is not None and found[2].lower() in texts

    def named() -> Iterator[tuple[str, str, Member]]:
        for member in members(place, shown, wanted=wanted):
            found = _KEY.fullmatch(member.name)
            if found is None or _is_meta(member.name):
                strange(member)
            else:
                yield found[1].removeprefix("./"), found[2].lower(), member

    for key, together in groupby(named(), key=lambda each: each[0]):
        yield TarSample(shown, key, [(extension, member) for _, extension, member in together])


def _is_meta(name: str) -> bool:
    return "/" not in name and name.startswith("__") and name.endswith("__")


def extension_of(given: str | None) -> str:
    """Return an extension as the gate file says it, without a dot and in small letters."""
    return (given or "").removeprefix(".").lower()


@dataclass(frozen=True, slots=True)
class TarSample:
    """The members of one sample, and what its errors say."""

    shown: str
    key: str
    members: Sequence[tuple[str, Member]]

    @property
    def where(self) -> str:
        """The archive and the key, for messages."""
        return f"{self.shown}, sample {plain(self.key)}"

    @property
    def extensions(self) -> list[str]:
        """What the names of its members end with, in small letters."""
        return [extension for extension, _ in self.members]

    def image(self, declared: str | None) -> Member:
        """Return the one member that is the image; raises DataError."""
        known = {extension_of(declared)} if declared else _IMAGES
        found = [(extension, member) for extension, member in self.members if extension in known]
        if len(found) == 1:
            return found[0][1]
        if not found:
            raise DataError(
                self.where,
                f"has no image, only {list_names(self.extensions)}",
                "name the extension of its image with image, and keep the members of a sample "
                "beside each other (tar --sort=name)",
            )
        raise DataError(
            self.where,
            f"has {len(found)} images: {list_names([extension for extension, _ in found])}",
            "name the extension of the one that is judged with image",
        )

    def text(self, extension: str) -> bytes | None:
        """Return the bytes of a small member, None where there is none; raises DataError."""
        found = [member for each, member in self.members if each == extension]
        if not found:
            return None
        member = found[0]
        if len(found) > 1:
            fact, remedy = f"has {len(found)} members .{extension}", "keep one"
        elif member.odd:
            fact, remedy = f"its .{extension} {member.odd}", "store the text itself"
        elif member.content is None:
            fact = f"its .{extension} is longer than {LARGEST_TEXT:,} bytes"
            remedy = "check what writes it"
        else:
            return member.content
        raise DataError(self.where, plain(fact, 120), remedy)

    def json(self) -> dict[str, object]:
        """Return what the sample's JSON says, nothing where there is none; raises DataError."""
        stored = self.text("json")
        if stored is None:
            return {}
        try:
            said = json.loads(stored)
        except (ValueError, RecursionError) as error:  # a text that is no UTF-8 is a ValueError
            raise DataError(
                self.where, f"its .json cannot be read ({plain(error)})", "write it again"
            ) from error
        if not isinstance(said, dict):
            raise DataError(self.where, "its .json is no object", 'write {"label": ...}')
        return said

    def label(self, declared: str | None, said: Mapping[str, object]) -> tuple[str, str]:
        """Return the label, and what it comes from: an extension, or a key of JSON.

        Raises DataError.
        """
        extension = extension_of(declared) or "cls"
        stored = self.text(extension)
        if stored is not None and extension != "json":
            written = self._decoded(stored, extension)
            return self._plain_label(written, f".{extension}"), f".{extension}"
        keys = [key for key in ([declared] if declared else _JSON_LABELS) if key in said]
        if not keys:
            raise DataError(
                self.where,
                f"has no label, only {list_names(self.extensions)}",
                "write a member .cls or a label in .json beside the image (tar --sort=name keeps "
                "them together), or name the extension or JSON key with label",
            )
        if len(keys) > 1 and said[keys[0]] != said[keys[1]]:
            raise DataError(
                self.where, "its .json holds a label and another cls", "name one of them with label"
            )
        label = said[keys[0]]
        if isinstance(label, dict) and isinstance(label.get("name"), str):
            label = label["name"]  # as in {"index": 3, "name": "cat"}
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise self._no_value(label, keys[0], "write an integer or a class name")
        return self._plain_label(str(label), f"label {keys[0]}"), keys[0]

    def _decoded(self, stored: bytes, extension: str) -> str:
        try:
            return stored.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                self.where, f"its .{plain(extension)} is no UTF-8 text", "write a number or a name"
            ) from error

    def _plain_label(self, written: str, source: str) -> str:
        label = name_key(written)
        if not label or not label.isprintable():
            raise DataError(
                self.where,
                f"its {plain(source)} holds {quote(label)}",
                "write one class: its number or its name",
            )
        return label

    def column(self, key: str, said: Mapping[str, object]) -> str | None:
        """Return a value of JSON as text, None where it is empty, NaN or left out.

        Whole numbers are written without a fraction, as in a table. Raises DataError.
        """
        value = said.get(key)
        is_nan = isinstance(value, float) and math.isnan(value)
        if value is None or is_nan or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        # Half of a letter of two parts, which JSON can spell, is no text that can be written.
        if is_number or (isinstance(value, str) and _HALVES.search(value) is None):
            return str(value).strip()
        raise self._no_value(value, key, "write a text or a number")

    def _no_value(self, value: object, key: str, remedy: str) -> DataError:
        return DataError(
            self.where,
            f"its .json holds {type(value).__name__} {quote(value)} for {quote(key)}",
            remedy,
        )
