"""File names become text that can be written anywhere; not every name is UTF-8."""


def as_utf8(text: str) -> str:
    r"""Return ``text`` with bytes of a file name that are no UTF-8 spelled out, as a shell would.

    >>> as_utf8("scan\udc80.png")
    'scan\\x80.png'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character that no file name held
        return text.encode("utf-8", "backslashreplace").decode()
