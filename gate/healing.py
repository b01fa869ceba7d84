"""Whether what went wrong may be over when the same is tried again, nothing changed by hand.

A full disk is emptied, a store comes back, another program ends and frees memory. A file that is
not there, or that nobody may read, stays so; and of what is not known to heal it is not said.
"""

import errno

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


def advice(*, retriable: bool) -> str:
    """Return whether to run again, in one short line that scripts may look for."""
    return "may heal: run again" if retriable else "will not heal by running again"


def may_heal(error: BaseException | None) -> bool:
    """Return whether what an exception tells of, or what it came from, may heal by itself.

    An error that says so of itself (``retriable``) is believed.
    """
    for _ in range(_MOST):
        if error is None:
            return False
        decided = getattr(error, "retriable", None)
        if isinstance(decided, bool):
            return decided
        if _passes(error):
            return True
        error = error.__cause__
    return False


def _passes(error: BaseException) -> bool:
    if isinstance(error, MemoryError | ConnectionError | TimeoutError):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    if "OutOfMemoryError" in names:  # torch's, of a GPU; torch is not imported to ask
        return True
    if "gaierror" in names:  # its numbers are others than those of the system
        return _name_server_is_away(error)
    if isinstance(error, OSError):
        return error.errno in _PASSES
    answer, code = getattr(error, "status", None), getattr(error, "sqlite_errorcode", None)
    if isinstance(answer, int):  # of a web server
        return answer in _HTTP or answer >= 500
    return isinstance(code, int) and code & 0xFF in _SQLITE


def _name_server_is_away(error: BaseException) -> bool:
    import socket

    return isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
