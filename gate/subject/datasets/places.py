"""Places where data lies: paths of this machine, and URLs that fsspec reads.

A local place is a plain :class:`~pathlib.Path`. A remote one answers to the same few names, so
that a reader of a format need not know which it was given.
"""

import posixpath
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from gate.errors import DataError, MissingExtraError, UsageError
from gate.healing import may_heal
from gate.masking import mask, without_query
from gate.subject.datasets.urls import LOCAL, WEB, is_url, local_path, read_url, shown
from gate.wording import did_you_mean, plain, quote

T = TypeVar("T")

WAITS = (0.5, 2.0)  # seconds before another attempt; the clients of most stores have made theirs

_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "adlfs"),
    **dict.fromkeys(("http", "https"), "aiohttp"),
    "hf": "huggingface_hub",
    "sftp": "paramiko",
    "smb": "smbprotocol",
    "webdav": "webdav4",
}
_DENIED = re.compile(r"40[13]\b|forbidden|unauthori[sz]ed|access denied|credential", re.IGNORECASE)


def place_of(base: Path, written: str) -> "Place":
    """Return what a path of the gate file names: below ``base``, or where its URL says.

    Raises DataError for a URL that carries a credential or cannot be read by its form, UsageError
    where a package for its scheme is missing.
    """
    if not is_url(written):
        return base / written
    url = read_url(written)
    if url.scheme in LOCAL:
        return local_path(url)
    return RemotePath(url.text, *_opened(url.text, url.scheme))


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file or folder that fsspec reads; its text is its URL without secrets, as messages show it.

    What cannot be fetched after a few attempts is a DataError that names the URL, and never an
    unreadable image: a connection that drops says nothing about the data. Only what the store says
    is not there raises FileNotFoundError, as on a disk.
    """

    url: str
    system: Any  # an fsspec filesystem, safe to use from many threads
    key: str  # the path in it

    def __truediv__(self, below: str) -> "RemotePath":
        place, key = self.url, self.key
        if self.is_web:  # a query is of that file alone, and may hold slashes
            place, key = (re.split("[?#]", each, maxsplit=1)[0] for each in (place, key))
        url = _joined(place, below)
        if ".." in unquote(below).split("/") and _store_of(url) != _store_of(self.url):
            raise DataError(
                shown(self.url),
                f"the path {quote(below)} leads out of its store",
                "write paths that stay in the same bucket, or on the same host",
            )
        return RemotePath(url, self.system, _joined(key, below))

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def store(self) -> tuple[str, ...]:
        """What chooses the store that it lies in: equal for two places of one store alone."""
        return read_url(self.url).store

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.key.rstrip("/"))

    @property
    def suffix(self) -> str:
        """What follows the last dot of the name, with the dot."""
        return posixpath.splitext(self.name)[1]

    @property
    def parent(self) -> "RemotePath":
        """The folder that it lies in."""
        return self / ".."

    def with_name(self, name: str) -> "RemotePath":
        """Return the place beside it that is called so."""
        return self.parent / name

    def is_dir(self) -> bool:
        """Return whether it is a folder; nothing on a web server is one."""
        return self._info().get("type") == "directory" and not self.is_web

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return self._info().get("type") == "file"

    def size(self) -> int:
        """Return the length of the file in bytes; raises DataError, FileNotFoundError."""
        size = self.fetched(lambda: self.system.info(self.key)).get("size")
        if not isinstance(size, int):
            raise DataError(str(self), "its server does not tell its size", "download it first")
        return size

    def iterdir(self) -> "list[RemotePath]":
        """Return what lies in the folder."""
        return [self / each.name for each in self.listed("")]

    def listed(self, below: str) -> "list[RemoteItem]":
        """Return what lies in the folder ``below`` it, in no order; raises DataError."""
        folder = (self / below).key if below else self.key
        if self.is_web:
            return []
        found = self.fetched(lambda: self.system.ls(folder, detail=True))
        items = []
        for each in found:
            # A store without folders may hold an empty object under the name of one.
            if each["name"].strip("/") != folder.strip("/"):
                name = posixpath.basename(each["name"].rstrip("/"))
                path = f"{below}/{name}" if below else name
                items.append(RemoteItem(name, path, each["type"] == "directory"))
        return items

    def read_bytes(self) -> bytes:
        """Return the whole file; raises DataError, FileNotFoundError."""
        return bytes(self.fetched(lambda: self.system.cat_file(self.key)))

    def read_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes of the file from ``offset`` on; raises DataError."""

        def ranged() -> bytes:
            got = self.system.cat_file(self.key, start=offset, end=offset + size)
            if len(got) > size:
                raise DataError(
                    str(self),
                    "its server sends whole files and no parts of them",
                    "download it first",
                )
            if len(got) != size:
                raise ConnectionError(f"{len(got):,} bytes came of {size:,} that were asked for")
            return bytes(got)

        return self.fetched(ranged)

    def fetched(self, fetch: Callable[[], T]) -> T:
        """Return what ``fetch`` returns, tried again where the network may be at fault."""
        for wait in (*WAITS, None):
            try:
                return fetch()
            except (DataError, IsADirectoryError):
                raise
            except Exception as raised:  # each store's client raises errors of its own
                error = self._reason(raised)
                if isinstance(error, FileNotFoundError):
                    raise
                if _is_denied(error):
                    raise DataError(
                        str(self),
                        f"access is denied ({type(error).__name__}: {_said(error, self.url)})",
                        "give this process the right to read it: credentials come from the "
                        "environment of the storage's own tool, never from the gate file",
                    ) from error
                if wait is None:
                    raise DataError(
                        str(self),
                        f"cannot be fetched ({type(error).__name__}: {_said(error, self.url)})",
                        "check the connection and run again: nothing is judged on a part of "
                        "the data",
                        retriable=_may_pass(error),
                    ) from error
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _reason(self, error: Exception) -> Exception:
        """Return what a file is not found for: on the web, fsspec says so of any failure."""
        cause = error.__cause__
        if self.is_web and isinstance(cause, Exception) and getattr(cause, "status", 0) != 404:
            return cause
        return error

    @property
    def is_web(self) -> bool:
        """Whether a web server holds it, which has files and no folders."""
        return self.url.partition("://")[0] in WEB

    def _info(self) -> dict[str, Any]:
        try:
            return dict(self.fetched(lambda: self.system.info(self.key)))
        except FileNotFoundError:
            return {}


def _may_pass(error: Exception) -> bool:
    """Return whether a store may answer another time: always, unless it or the system says no."""
    says_no = isinstance(getattr(error, "status", None), int)
    says_no = says_no or (isinstance(error, OSError) and error.errno is not None)
    return may_heal(error) or not says_no


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """What a listing says of a file or folder; ``path`` is relative to where the listing began."""

    name: str
    path: str
    folder: bool

    def is_dir(self) -> bool:
        """Return whether it is a folder."""
        return self.folder


Place = Path | RemotePath


def _joined(place: str, below: str) -> str:
    """Return a URL or key with a relative path after it, its dots resolved.

    >>> _joined("s3://bucket/set/a.csv", "../img/1.png")
    's3://bucket/set/img/1.png'
    """
    scheme, mark, path = place.partition("://")
    if not mark:
        return posixpath.normpath(posixpath.join(place, below))
    return scheme + mark + posixpath.normpath(posixpath.join(path, below))


def _said(error: Exception, url: str) -> str:
    """Return the words of a store's client, which like to repeat the address."""
    return plain(mask(without_query(str(error), url)))


def _store_of(url: str) -> tuple[str, ...]:
    """Return what chooses the store; nothing where dots ate the host."""
    try:
        return read_url(url).store
    except DataError:
        return ()


def _opened(url: str, scheme: str) -> tuple[Any, str]:
    """Return the filesystem for a URL and the path in it; raises UsageError, DataError."""
    where = shown(url)
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError(where, "reading data from a URL", "remote") from error
    try:
        system, key = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        raise UsageError(
            where,
            f"reading {scheme}:// needs a package that is not installed",
            f"run: pip install {package}" if package else f"fsspec says: {plain(mask(str(error)))}",
        ) from error
    except Exception as error:  # each filesystem checks its URL and its settings in its own way
        known = fsspec.available_protocols()
        if scheme not in known:
            raise DataError(
                where,
                f"fsspec reads no {quote(scheme)}",
                did_you_mean(scheme, known) or "s3, gs, az, https and hf are among those it reads",
            ) from error
        raise DataError(
            where,
            f"its storage cannot be used ({type(error).__name__}: {_said(error, url)})",
            "check the URL, and the settings in the environment of the storage's own tool",
        ) from error
    return system, str(key)


def _is_denied(error: Exception) -> bool:
    if isinstance(error, PermissionError) or "Credential" in type(error).__name__:
        return True
    status = getattr(error, "status", getattr(error, "code", None))
    return str(status) in {"401", "403"} or bool(_DENIED.search(str(error)))
