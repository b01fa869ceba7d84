"""The columns of a Parquet file: which hold images, and the names of integer labels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gate.errors import DataError, UsageError
from gate.keys import name_key
from gate.subject.datasets.classes import Classes
from gate.subject.datasets.spec import DataSpec
from gate.wording import list_names, plain, quote


@dataclass(frozen=True, slots=True)
class Features:
    """Columns by what they hold; ``names`` are those of a Hugging Face ClassLabel, by column."""

    shown: str
    columns: Sequence[str] = ()
    images: Sequence[str] = ()  # of bytes, or of a struct that holds bytes
    names: Mapping[str, Classes] = field(default_factory=dict)

    def image_of(self, spec: DataSpec) -> str | None:
        """Return the column of images; None where images are files that the table lists.

        Raises UsageError where it may be any of several.
        """
        if spec.image is not None:
            return spec.image if spec.image in self.images else None
        if not self.images or "image" in self.columns:
            return "image" if "image" in self.images else None
        return self._one_of(self.images, "image", "images")

    def label_of(self, spec: DataSpec) -> str:
        """Return the column of labels; raises UsageError where it may be any of several."""
        if spec.label is not None or "label" in self.columns or not self.names:
            return spec.label or "label"
        return self._one_of(list(self.names), "label", "labels")

    def _one_of(self, columns: Sequence[str], key: str, noun: str) -> str:
        if len(columns) == 1:
            return columns[0]
        raise UsageError(
            self.shown,
            f"several of its columns hold {noun}: {list_names(columns)}",
            f"say which under data: of the gate file: add {key}: {columns[0]}, say, to the split",
        )


def features_of(schema: Any, shown: str) -> Features:  # noqa: ANN401 - pyarrow ships no types
    """Return what a schema of Arrow says of its columns; raises DataError for faulty metadata."""
    columns = [name_key(each.name) for each in schema]
    images = [name_key(each.name) for each in schema if _holds_bytes(each.type)]
    return Features(shown, columns, images, _class_names(schema.metadata or {}, shown))


def _holds_bytes(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import types

    if not types.is_struct(kind):
        return bool(types.is_binary(kind) or types.is_large_binary(kind))
    return any(
        kind.field(at).name == "bytes" and _holds_bytes(kind.field(at).type)
        for at in range(kind.num_fields)
    )


def _class_names(metadata: Mapping[bytes, bytes], shown: str) -> dict[str, Classes]:
    stored = metadata.get(b"huggingface")
    if stored is None:
        return {}
    try:
        said = json.loads(stored)
        features = said["info"]["features"]
        labels = {
            name_key(column): feature.get("names")
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            shown,
            f"its metadata 'huggingface' does not describe its columns ({plain(error)})",
            "write it again with datasets, or without that metadata",
        ) from error
    found = {}
    for column, names in labels.items():
        if names is None:
            continue  # it counts classes and names none
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            fact = f"the names of its ClassLabel {quote(column)} are no list of texts"
            raise DataError(shown, fact, "write it again with datasets")
        found[column] = tuple(map(name_key, names))
    return found
