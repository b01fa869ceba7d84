"""Texts lose the secrets that URLs carry: users, passwords, queries and fragments.

Whoever has a signed URL has the data, and nobody knows by which name the next store signs; so the
whole query goes, whatever it says. Paths and hosts stay, for they say which place is meant.
"""

import os
import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

HIDDEN = "***"
_SECRET = 4  # characters of a value; a shorter one, such as v=1, stands in many words

# A path that was a URL has one slash: "https:/host/a". One letter is a drive of Windows.
_MARKS = (":/", ":\\/", "%3a", "%253a", "url: /")
_URL = re.compile(
    r"""(?P<scheme>\b[A-Za-z][A-Za-z0-9+._-]+:/{1,3})
    (?P<authority>[^/?\#\s"'<>]*)
    (?P<path>[^?\#\s"'<>]*(?:[^?\#\r\n"'<>]*(?=[?\#][^\s"'<>]))?)  # blanks, if a query follows
    (?P<query>\?(?:[^\#\s"'<>]|'(?=[\w%&=]))*)?
    (?P<fragment>\#(?:[^\s"'<>]|'(?=[\w%&=]))*)?""",
    re.VERBOSE,
)
_ENCODED = re.compile(
    r"(?P<before>[A-Za-z][A-Za-z0-9+._-]+%(?:25)*3a(?:%(?:25)*2f){1,3})(?P<rest>[^\s\"'<>]*)",
    re.IGNORECASE,
)
_ENCODED_QUERY = re.compile(r"(?:%(?:25)*(?:3f|23)|[?#]).*", re.IGNORECASE)
_ENCODED_USER = re.compile(r"^(?:(?!%(?:25)*2f).)*?%(?:25)*40", re.IGNORECASE)
_ESCAPED = re.compile(r"""[A-Za-z][A-Za-z0-9+._-]+:\\/[^\s"'<>]*""")
# A question mark that was taken for a part of the path, with a name and a value behind it.
_QUERY_IN_PATH = re.compile(
    r"""(?P<before>:/{1,3}[^\s"'<>?\#]*?%(?:25)*3f)[^\s"'<>/]*?(?:=|%(?:25)*3d)[^\s"'<>]*""",
    re.IGNORECASE,
)
# What urllib3 says of an address: its path and query alone.
_RELATIVE = re.compile(r"(?P<before>\burl: /[^\s?]*\?)[^\s\"'<>]+")
# What stands before the host is a container or a login there, unless a password follows.
_NAMED_BEFORE_HOST = re.compile(r"(abfss?|az|wasbs?|oci|sftp|ssh):", re.IGNORECASE)
# What follows a colon and is no port, nor a part of an IPv6 address, nor the stop of a sentence.
_PASSWORD = re.compile(r"^[^\[\]]*:(?![0-9]*$)[^\[\]]+$")
_LOCAL = ("file:", "local:")  # what follows is a path
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+:/")


def mask(text: str) -> str:
    """Return ``text`` with three stars for what each URL in it says beside host and path.

    >>> mask("got 403 of https://me:pw@host/a.csv?sig=4e7#top")
    'got 403 of https://***@host/a.csv?***#***'
    """
    small = text.lower()
    if not any(mark in small for mark in _MARKS):
        return text
    if ":\\/" in text:  # as JSON may write slashes
        text = _ESCAPED.sub(lambda found: found.group().replace("\\/", "/"), text)
    text = _URL.sub(_without_secrets, text)
    text = _QUERY_IN_PATH.sub(rf"\g<before>{HIDDEN}", text)
    text = _RELATIVE.sub(rf"\g<before>{HIDDEN}", text)
    return _ENCODED.sub(_without_encoded_secrets, text)


def mask_url(url: str) -> str:
    """Return a URL, all of it, without its secrets: here blanks and quotes do not end its query."""
    place, mark, rest = _split(url)
    return _mask_place(place) + (mark + HIDDEN if rest else "")


def mask_name(url: str) -> str:
    """Return a URL as the name of an image: two that differ in their queries stay two names.

    A digest stands for the query, 12 digits of its sha256.

    >>> mask_name("https://host/tile?x=1&y=2")
    'https://host/tile?***dd41ca6a05a5'
    """
    place, mark, rest = _split(url)
    if not rest:
        return _mask_place(place)
    digest = sha256(rest.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{_mask_place(place)}{mark}{HIDDEN}{digest}"


def mask_argument(argument: str) -> str:
    """Return what was given to a command, without the secrets of a URL in it: ``html=s3://...``."""
    found = _ADDRESS.search(argument)
    if found is None:
        return argument
    return argument[: found.start()] + mask_url(argument[found.start() :])


def is_address(path: str | Path) -> bool:
    """Return whether a path, where files are to lie, is a URL that was taken for one.

    A folder that is called so, ``run:`` say, makes it a path.
    """
    found = _ADDRESS.match(str(path))
    return found is not None and not os.path.lexists(found.group().rstrip("/"))


def without_query(text: str, url: str) -> str:
    """Return ``text`` with stars for what the query and fragment of ``url`` say, whole or in parts.

    A client that fails may repeat them without the host before, decoded or encoded.
    """
    _, _, rest = _split(url)
    if not rest:
        return text
    values = [value for pair in re.split(r"[&#;]", rest) for value in (pair.partition("=")[2],)]
    secrets = {rest, *(value for value in values if len(value) >= _SECRET)}
    forms = {form for each in secrets for form in (each, unquote(each), quote(each, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _mask_place(place: str) -> str:
    """Return a URL without query; a host with blanks or quotes is none, and may be a password."""
    odd = re.match(r"([A-Za-z][A-Za-z0-9+._-]+:/{1,3})[^/]*[\s\"'<>][^/]*", place)
    return odd[1] + HIDDEN + mask(place[odd.end() :]) if odd else mask(place)


def _split(url: str) -> tuple[str, str, str]:
    """Return a URL up to its query or fragment, the mark that begins it, and what it says."""
    found = re.search(r"[?#]", url)
    if found is None:
        return url, "", ""
    return url[: found.start()], found.group(), url[found.end() :]


def _without_secrets(found: re.Match[str]) -> str:
    scheme, authority, path = found["scheme"], found["authority"], found["path"]
    user, at, host = authority.rpartition("@")
    if scheme.lower().startswith(_LOCAL):
        pass
    elif at and (":" in user or not _NAMED_BEFORE_HOST.match(scheme)):
        authority = f"{HIDDEN}@{host}"
    elif _PASSWORD.search(host):  # with a slash in it, or cut before the host
        authority = HIDDEN
        path = path[path.rfind("@") :] if "@" in path else path
    query = f"?{HIDDEN}" if found["query"] else ""
    fragment = f"#{HIDDEN}" if found["fragment"] else ""
    return f"{scheme}{authority}{path}{query}{fragment}"


def _without_encoded_secrets(found: re.Match[str]) -> str:
    rest = _ENCODED_QUERY.sub(HIDDEN, found["rest"])
    return found["before"] + _ENCODED_USER.sub(f"{HIDDEN}@", rest)
