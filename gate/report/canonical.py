"""JSON in one form of bytes: what is hashed and signed."""

import json


def canonical(document: object) -> bytes:
    """Return JSON in ASCII with sorted keys and without spaces; raises ValueError for NaN."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")
