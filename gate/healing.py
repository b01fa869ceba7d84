"""Errors that may pass on a second try, with nothing changed by hand, are told from others.

A full disk is emptied, a store comes back, another program ends and frees memory. A file that is
not there, or that nobody may read, stays so; and of what is not known to heal it is not said.
"""

import errno
from types import GetSetDescriptorType
from typing import cast

_PASSES = frozenset(
    number
    for name in (
        *("EAGAIN", "EBUSY", "EINTR", "EIO", "ENOLCK", "ETXTBSY"),  # another is at it
        *("ENOSPC", "EDQUOT", "ENOMEM", "ENOBUFS", "EMFILE", "ENFILE"),  # there is no room
        *("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "ENOTCONN", "EPIPE", "ETIMEDOUT"),
        *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETRESET", "ENETUNREACH"),
        *("ESTALE", "EREMOTEIO", "ESHUTDOWN"),  # of a share that went
    )
    if (number := getattr(errno, name, None)) is not None
)
_SQLITE = frozenset({5, 6, 7, 10, 13})  # busy, locked, no memory, an error of the disk, full
_HTTP = frozenset({408, 425, 429})  # too slow, too early, too often; and all from 500 on
_MOST = 10  # exceptions of a chain


class Deciding(Exception):  # noqa: N818 -- the errors are those that are made of it
    """An error of this program, which may say of itself whether it heals: ``retriable``."""


def advice(*, retriable: bool) -> str:
    """Return whether to run again, in one short line that scripts may look for."""
    return "may heal: run again" if retriable else "will not heal by running again"


def may_heal(error: BaseException | None) -> bool:
    """Return whether what an exception tells of, or what it came from, may heal by itself.

    An error of ours that says so of itself (``retriable``) is believed; one of the user's code is
    not, and whatever that does where it is asked changes nothing.
    """
    for _ in range(_MOST):
        if error is None:
            return False
        decided = getattr(error, "retriable", None) if _is_ours(error) else None
        if isinstance(decided, bool):
            return decided
        if _passes(error):
            return True
        error = origins(error)[0]
    return False


def origins(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Return the cause and the context of an exception, whatever its class says of them."""
    slots = (vars(BaseException)["__cause__"], vars(BaseException)["__context__"])
    cause, context = (cast("GetSetDescriptorType", each).__get__(error) for each in slots)
    return cause, context


def _passes(error: BaseException) -> bool:
    kind = type(error)
    if issubclass(kind, MemoryError | ConnectionError | TimeoutError):
        return True
    names = {_name(each) for each in vars(type)["__mro__"].__get__(kind)}
    if "OutOfMemoryError" in names:  # torch's, of a GPU; torch is not imported to ask
        return True
    if "gaierror" in names:  # its numbers are others than those of the system
        return _name_server_is_away(error)
    if issubclass(kind, OSError):
        return _number(error, "errno") in _PASSES
    answer, code = _number(error, "status"), _number(error, "sqlite_errorcode")
    if answer is not None:  # of a web server
        return answer in _HTTP or answer >= 500
    return code is not None and code & 0xFF in _SQLITE


def _is_ours(error: BaseException) -> bool:
    return issubclass(type(error), Deciding)


def _name(kind: type) -> str:
    name: str = vars(type)["__name__"].__get__(kind)
    return name


def _number(error: BaseException, name: str) -> int | None:
    """Return a number that an exception carries, None where it has none; it may raise instead."""
    try:
        value = getattr(error, name, None)
    except BaseException:
        return None
    number: int | None = int.__add__(value, 0) if issubclass(type(value), int) else None  # type: ignore[operator]  # it is one
    return number


def _name_server_is_away(error: BaseException) -> bool:
    import socket

    return isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
