"""URLs as they are read here: what their scheme is, which store they name, what they must not say.

One reading for all questions: a scheme in capitals is the same scheme, and two URLs are of one
store only where every part that chooses a host or bucket is equal letter by letter.
"""

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from gate.errors import DataError
from gate.masking import HIDDEN, mask_url
from gate.wording import plain, quote

# One letter is a drive of Windows. What stands before a second colon is a chain of file systems.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+._-]+(?:::[A-Za-z0-9+.:_-]*)?)://")
_LOCAL_PATH = re.compile(r"\s*(file|local|asynclocal):", re.IGNORECASE)
LOCAL = frozenset({"file", "local", "asynclocal"})  # names of this machine's disk
WEB = frozenset({"http", "https"})
# File systems that read through another, or from this machine, whatever their URL looks like.
_WRAPPED = frozenset(
    {
        *("zip", "tar", "libarchive", "dir", "reference", "generic", "data", "git", "dvc"),
        *("simplecache", "filecache", "blockcache", "cached", "asyncwrapper", "async_wrapper"),
    }
)
# Without hosts: what stands in their place is the first part of the path.
_PATHS_ALONE = frozenset({"memory", "dbfs", "gdrive", "dropbox"})
_HOST_LEFT_OUT = _PATHS_ALONE | {"hdfs", "arrow_hdfs"}  # the cluster of this machine's settings
_SAME = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "ssh": "sftp"}
_PORTS = {"http": 80, "https": 443, "ftp": 21, "sftp": 22, "smb": 445}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NO_HOST = re.compile(r"""[\s\\%<>"'`]""")
# Parts of a query that are a password by another name: whoever has the URL has the data.
_SECRETS = re.compile(
    r"(.*[-_])?(sig|signature|token|credential|password|secret|key)|.*accesskeyid", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that carries no credential; ``text`` is what fsspec is asked for, scheme in small."""

    text: str
    scheme: str  # in small letters
    host: str  # with its port, or the bucket; as written
    path: str

    @property
    def store(self) -> tuple[str, ...]:
        """What chooses the store: two URLs reach the same files only where it is equal."""
        scheme = _SAME.get(self.scheme, self.scheme)
        if scheme in _PATHS_ALONE:
            return (scheme,)
        user, at, host = self.host.rpartition("@")
        host = host.lower().removesuffix(f":{_PORTS.get(scheme)}")
        if scheme == "hf":  # a hub is no store, each repository is; a revision is part of it
            parts = _resolved(host, self.path).split("/")
            owner = parts[: 3 if host in {"datasets", "spaces", "buckets"} else 2]
            return (scheme, *(part.partition("@")[0] for part in owner))
        return (scheme, user + at + host)


def is_url(written: str) -> bool:
    """Return whether a path of the gate file is the address of something on another machine."""
    return _URL.match(written) is not None


def names_this_machine(written: str) -> bool:
    """Return whether a path of a manifest, URL or not, is one of this machine's disk."""
    return posixpath.isabs(written) or _LOCAL_PATH.match(written) is not None


def read_url(written: str) -> Url:
    """Return the parts of a URL.

    Raises DataError, without the secret, where it carries one, where it is a chain of file systems,
    and where two programs could read it as two addresses.
    """
    found = _URL.match(written)
    assert found is not None, "is_url was asked"
    scheme = found[1].lower()
    _refuse_chain(scheme, written)
    _refuse_ambiguous(scheme, written)
    try:
        parts = urlsplit(written)
        _ = parts.port  # a password with a slash in it ends in no number
    except ValueError as error:
        raise DataError(f"{plain(scheme)}://...", "is not a URL", "check its host") from error
    _refuse_secrets(scheme, parts, written)
    if scheme in LOCAL:
        return Url(written, scheme, parts.netloc, written[found.end() + len(parts.netloc) :])
    if not parts.netloc and scheme not in _HOST_LEFT_OUT:
        raise DataError(shown(written), "names no host and no bucket", f"write {scheme}://HOST/...")
    _refuse_climbing(scheme, parts, written)
    return Url(scheme + written[len(found[1]) :], scheme, parts.netloc, parts.path)


def local_path(url: Url) -> Path:
    """Return the path that a URL of this machine names; raises DataError for another machine's."""
    if url.host.lower() not in {"", "localhost"}:
        raise DataError(
            shown(url.text),
            f"names the machine {quote(url.host)}, and {url.scheme}:// reads from this one",
            f"write {url.scheme}:///PATH, or the path alone",
        )
    return Path(unquote(url.path))


def shown(written: str) -> str:
    """Return a path or URL for messages: without secrets, on one line, about 200 characters."""
    return plain(mask_url(written) if is_url(written) else written, 200)


def _refuse_chain(scheme: str, written: str) -> None:
    if "::" not in written and scheme not in _WRAPPED:
        return
    where = f"{plain(scheme)}://..."
    if "::" in written:
        raise DataError(where, "is a chain of file systems", "give the last URL alone")
    raise DataError(
        where,
        f"{quote(scheme)} reads through another file system",
        "unpack or copy the data, and give its path or its URL",
    )


def _refuse_ambiguous(scheme: str, written: str) -> None:
    """Refuse what one program skips, and another takes for the end of the host."""
    if _CONTROLS.search(written):
        raise DataError(
            f"{plain(scheme)}://...", "holds control characters", "write them as %09, or rename"
        )
    if scheme not in _PATHS_ALONE and _NO_HOST.search(
        written.partition("://")[2].partition("/")[0]
    ):
        raise DataError(
            f"{plain(scheme)}://...",
            "has blanks, backslashes, quotes or percent signs in its host",
            "write the host as its store is called",
        )


def _resolved(host: str, path: str) -> str:
    """Return host and path with dots resolved, as clients do; they decode them first."""
    return posixpath.normpath(f"{host}{unquote(path)}")


def _refuse_climbing(scheme: str, parts: SplitResult, written: str) -> None:
    """Refuse dots that lead above the host or the bucket: some stores then read of another."""
    if scheme in _PATHS_ALONE or ".." not in unquote(parts.path):
        return
    if _resolved(parts.netloc or ".", parts.path).split("/")[0] != (parts.netloc or "."):
        raise DataError(
            shown(written), "its dots lead out of its store", "write the path without dots"
        )


def _refuse_secrets(scheme: str, parts: SplitResult, written: str) -> None:
    user, at, host = parts.netloc.rpartition("@")
    # abfs://container@account names a place; on the web, what stands there is a token.
    if at and (":" in user or scheme in WEB):
        raise DataError(
            f"{plain(scheme)}://{HIDDEN}@{plain(host)}{plain(parts.path)}",
            "the URL carries a user and password",
            "leave them out: credentials come from the environment of the storage's own tool",
        )
    secret = [name for name, _ in parse_qsl(parts.query) if _SECRETS.fullmatch(name)]
    if secret:
        raise DataError(
            shown(written),
            f"the URL carries a credential, {quote(secret[0])}",
            "give the plain address: credentials come from the environment of the storage's tool",
        )
