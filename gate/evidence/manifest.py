"""The digest that binds a report to its data, computed anew wherever evidence is read.

Each image or row is one JSON array, and the arrays are lines that are sorted: the order of images
and of columns changes nothing. An array of an image, of an unreadable one and of a saved prediction
have different forms, so that none of them stands for another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows, Strings, Unreadable

_AT_ONCE = 4096  # lines
_text: Callable[[str], str] = encode_basestring_ascii
_repeated = lru_cache(maxsize=_AT_ONCE)(json.JSONEncoder().encode)  # what many images share


def digest_of_images(
    rows: Rows,
    files: NDArray[np.uint8],
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label, group and slices of every image.

    ``files``, (n, 32), are the SHA-256 of the stored bytes. A line is ``[id, sha256, label, group,
    {slice: value}]``, the label null where there is none, and that of an unreadable image ``[id,
    null, label, reason]``.
    """
    labels = [*map(_text, classes), "null"]  # -1, without a label, is the last

    def lines(part: list[int]) -> list[str]:
        digests = files[part].tobytes().hex()
        return [
            f'[{name}, "{digests[at : at + 64]}", {labels[label]}, {group}, {slices}]'
            for name, at, label, group, slices in zip(
                map(_text, rows.ids[part].tolist()),
                range(0, len(digests), 64),
                rows.labels[part].tolist(),
                _groups(rows, part),
                _slices(rows.slices, part),
                strict=True,
            )
        ]

    lost = [json.dumps([each.id, None, each.label, each.reason]) for each in unreadable]
    return _digest([*rows.ids.tolist(), *(each.id for each in unreadable)], lines, lost)


def digest_of_predictions(rows: Rows, classes: tuple[str, ...]) -> str:
    """Return the SHA-256 over id, label, group, slices and scores of every saved prediction.

    A line is ``[id, label, group, {slice: value}, scores]``, the scores as the hexadecimal bytes of
    little-endian float32.
    """
    assert rows.scores is not None, "a table has scores"
    scores = rows.scores.astype("<f4", copy=False)
    labels = [*map(_text, classes), "null"]

    def lines(part: list[int]) -> list[str]:
        return [
            f'[{name}, {labels[label]}, {group}, {slices}, "{each.tobytes().hex()}"]'
            for name, label, group, slices, each in zip(
                map(_text, rows.ids[part].tolist()),
                rows.labels[part].tolist(),
                _groups(rows, part),
                _slices(rows.slices, part),
                scores[part],
                strict=True,
            )
        ]

    return _digest(rows.ids.tolist(), lines, [])


def _digest(
    ids: Sequence[str], lines: Callable[[list[int]], list[str]], lost: Sequence[str]
) -> str:
    """Return the digest of sorted lines, some at a time: a million take much memory.

    ``lines`` gives those of the first rows; ``lost`` are those of the last. Unique ids in their
    quotes sort as the lines that start with them do.
    """
    known = len(ids) - len(lost)
    order = sorted(range(len(ids)), key=list(map(_text, ids)).__getitem__)
    digest = sha256()
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        made = lines([row for row in part if row < known] if lost else part)
        if len(made) < len(part):
            readable = iter(made)
            made = [next(readable) if row < known else lost[row - known] for row in part]
        text = "\n".join(made)
        digest.update(f"\n{text}".encode() if start else text.encode())
    return digest.hexdigest()


def _groups(rows: Rows, part: list[int]) -> list[str]:
    if rows.groups is None:
        return ["null"] * len(part)
    return list(map(_repeated, rows.groups[part].tolist()))


def _slices(slices: Mapping[str, Strings], part: list[int]) -> list[str]:
    """Return the slices of rows as JSON, sorted by their names."""
    if not slices:
        return ["{}"] * len(part)
    columns = [
        [f"{_text(name)}: {_repeated(value)}" for value in slices[name][part].tolist()]
        for name in sorted(slices)
    ]
    return [f"{{{', '.join(values)}}}" for values in zip(*columns, strict=True)]
