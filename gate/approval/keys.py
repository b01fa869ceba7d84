"""Keys: ed25519, read from a file, standard input or the environment, never from a flag's value."""

import base64
import binascii
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from gate.errors import MissingExtraError, UsageError
from gate.wording import printable

Role = Literal["runner", "approver"]

_LARGEST = 64 * 1024  # bytes of a PEM file
# What X.509 writes before the 32 bytes of an ed25519 key: RFC 8410, sections 3 and 4.
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_RAW = 32
_REMEDY = "make one with `validate-model keygen`"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that is held in memory; ``sign`` gives the signature of bytes."""

    public: bytes  # 32 bytes
    sign: Callable[[bytes], bytes] = field(repr=False)

    @property
    def id(self) -> str:
        """Return the id of the key, in 64 hexadecimal digits."""
        return key_id(self.public)


def key_id(public: bytes) -> str:
    """Return the id of an ed25519 public key of 32 bytes, as in-toto and TUF compute it.

    The SHA-256 of the key as canonical JSON, so that their tools find the key by the same id.
    """
    key = {"keytype": "ed25519", "keyval": {"public": public.hex()}, "scheme": "ed25519"}
    text = json.dumps(key, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def public_text(public: bytes) -> str:
    """Return a public key as a trust file has it: what a PEM file has between its dashes."""
    return base64.b64encode(_SPKI_PREFIX + public).decode("ascii")


def public_bytes(text: str) -> bytes:
    """Return the 32 bytes of a public key; raise ValueError for what is no ed25519 key."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    is_key = data.startswith(_SPKI_PREFIX) and len(data) == len(_SPKI_PREFIX) + _RAW
    if not is_key or base64.b64encode(data).decode("ascii") != text:
        raise ValueError(
            "this is no ed25519 public key; copy it as `validate-model keygen` printed it"
        )
    return data[len(_SPKI_PREFIX) :]


def is_signature(public: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether a signature of bytes was made by the private half of a public key.

    Raises MissingExtraError.
    """
    require_extra()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def require_extra() -> None:
    """Raise MissingExtraError where the package that signs and checks is not installed."""
    if not find_spec("cryptography"):
        raise MissingExtraError("keys", "signing, and checking signatures,", "sign")


def read_signing_key(source: str) -> SigningKey:
    """Return the private key in a PEM file, in standard input (``-``) or in ``env:NAME``.

    Raises UsageError where there is none, or it is encrypted or of another kind; messages never
    repeat what a key could be.
    """
    require_extra()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data, where = _pem(source)
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError:
        raise UsageError(
            where, "the key is encrypted", "decrypt it: `openssl pkey -in KEY`, and pipe it to `-`"
        ) from None
    except Exception as error:
        # The library's own errors are many and change; none of their words is repeated.
        raise UsageError(where, "this is no private key in PEM", _REMEDY) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(where, "the key is not ed25519", _REMEDY)
    return SigningKey(key.public_key().public_bytes_raw(), key.sign)


def _pem(source: str) -> tuple[bytes, str]:
    """Return the bytes of a PEM and how messages call their place."""
    if "-----" in source or "\n" in source or len(source) > 1024:
        # Whoever can list processes could read it; so could whoever reads a log of this message.
        raise UsageError(
            "--key",
            "the value is a key, and every process of the machine can see it",
            "replace that key; then give a file, `-` for standard input, or env:NAME",
        )
    if source == "-":
        return sys.stdin.buffer.read(_LARGEST), "standard input"
    if source.startswith("env:"):
        name = source.removeprefix("env:")
        value = os.environ.get(name)
        if not value:
            raise UsageError(
                f"--key env:{printable(name, 60)}",
                "the environment has no such variable, or it is empty",
                "set it to the PEM of the key",
            )
        return value.encode("utf-8", "surrogateescape"), f"env:{printable(name, 60)}"
    try:
        with Path(source).open("rb") as stream:
            return stream.read(_LARGEST), printable(source, 200)
    except (OSError, ValueError) as error:
        # What is no path may be a key, so that it is not repeated either.
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError("--key", f"the file cannot be read ({reason})", _REMEDY) from error


def write_key_pair(path: Path) -> bytes:
    """Write a new private key (mode 0600) and ``path``.pub; return the public key, 32 bytes.

    Raises UsageError where one of them exists, or cannot be written: no key is ever overwritten.
    """
    require_extra()
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = key.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    beside = path.with_name(f"{path.name}.pub")
    _create(beside, public, mode=0o644)
    try:
        _create(path, private, mode=0o600)
    except UsageError:
        beside.unlink()
        raise
    return key.public_key().public_bytes_raw()


def _create(path: Path, data: bytes, *, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # neither overwrites nor follows a link
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as stream:
            stream.write(data)
    except FileExistsError:
        raise UsageError(
            printable(str(path)), "the file exists, and a key is never overwritten", "name another"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError(
            printable(str(path)), f"cannot be written ({reason})", "name another"
        ) from error
