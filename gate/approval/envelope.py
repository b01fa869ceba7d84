"""The envelope of a signed payload: DSSE 1.0, in one form of bytes.

DSSE (https://github.com/secure-systems-lab/dsse) signs the type and the payload, not the JSON
around them. Here that JSON has one form too, a line without spaces, so that no byte of a file can
change without a refusal.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gate.approval.strict_json import AmbiguousError, parse
from gate.errors import AttestationError, RefusalCode, UsageError
from gate.wording import printable

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LARGEST = 16 << 20  # bytes: a statement on 10,000 results has some five million

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload that claims to be signed; nothing in it is to be believed before it is checked."""

    payload: bytes
    payload_type: str
    key_id: str
    signature: bytes

    @property
    def signed(self) -> bytes:
        """Return the bytes that the signature is of."""
        return pre_authentication_encoding(self.payload_type, self.payload)

    def to_bytes(self) -> bytes:
        """Return the envelope as a line of JSON, in the only form that is read."""
        document = {
            "payload": _encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": self.key_id, "sig": _encode(self.signature)}],
        }
        return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return PAE(type, payload) of DSSE 1.0: no two pairs have the same encoding.

    >>> pre_authentication_encoding("text", b"hello world")
    b'DSSEv1 4 text 11 hello world'
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, *, key_id: str, sign: Sign) -> Envelope:
    """Return a payload of in-toto's type in its envelope; ``sign`` gives the signature of bytes."""
    signature = sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return Envelope(payload, PAYLOAD_TYPE, key_id, signature)


def read_envelope(data: bytes, where: str) -> Envelope:
    """Return the envelope in the bytes of a file; its payload stays bytes.

    Raises AttestationError for everything but one line as :meth:`Envelope.to_bytes` writes it:
    other spaces, other keys, keys that stand twice, several signatures or none, other base64.
    """
    try:
        envelope = _envelope(parse(data))
    except (AmbiguousError, _ShapeError) as error:
        raise _malformed(where, str(error)) from None
    if envelope.to_bytes() != data:
        raise _malformed(where, "it is not written in the one form that is read")
    return envelope


def read_file(path: Path) -> bytes:
    """Return the bytes of a file of at most 16 MiB; raise UsageError where it cannot be read."""
    where = printable(str(path))
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError(where, f"the file cannot be read ({reason})", "check its path") from error
    if len(data) > LARGEST:
        raise UsageError(where, f"the file is larger than {LARGEST >> 20} MiB", "check its path")
    return data


def check_payload_type(envelope: Envelope, where: str) -> None:
    """Raise AttestationError for a payload that is no in-toto statement."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise AttestationError(
            where,
            RefusalCode.PAYLOAD_TYPE,
            f"the payload is of type '{printable(envelope.payload_type, 120)}'",
            f"it must be {PAYLOAD_TYPE}",
        )


class _ShapeError(Exception):
    """The JSON is no envelope; says why, in a clause."""


def _envelope(document: object) -> Envelope:
    outer = _object(document, "the envelope", "payload", "payloadType", "signatures")
    signatures = outer["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        count = len(signatures) if isinstance(signatures, list) else "no list of"
        raise _ShapeError(f"it holds {count} signatures, and one is needed")
    inner = _object(signatures[0], "the signature", "keyid", "sig")
    return Envelope(
        payload=_decode(outer["payload"], "payload"),
        payload_type=_text(outer["payloadType"], "payloadType"),
        key_id=_text(inner["keyid"], "keyid"),
        signature=_decode(inner["sig"], "sig"),
    )


def _object(value: object, name: str, *keys: str) -> dict[str, object]:
    if not isinstance(value, dict) or sorted(value) != sorted(keys):
        raise _ShapeError(f"{name} must be an object with the keys {', '.join(keys)}, and no other")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise _ShapeError(f"'{key}' must be text")
    return value


def _decode(value: object, key: str) -> bytes:
    try:
        return base64.b64decode(_text(value, key), validate=True)
    except (binascii.Error, ValueError):
        raise _ShapeError(f"'{key}' is not base64") from None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _malformed(where: str, why: str) -> AttestationError:
    return AttestationError(
        where,
        RefusalCode.ENVELOPE_MALFORMED,
        f"this is no envelope of an attestation: {why}",
        "give the file as `attest` or `approve` wrote it, byte for byte",
    )
