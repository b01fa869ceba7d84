"""Strings from outside, made harmless: one line, printable, and no longer than a page bears."""

from hashlib import sha256


def plain(text: str, limit: int = 600) -> str:
    """Return ``text`` as one printable line of about ``limit`` characters at most.

    Control characters, escape sequences, marks that turn the direction of writing and line breaks
    are spelled out, so nothing can move a cursor, reorder a sentence or begin a line. What is too
    long loses its middle and gets a digest there: two long names never come out as one.
    """
    spelled = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )
    if len(spelled) <= limit:
        return spelled
    digest = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    kept = limit // 2
    cut = len(spelled) - 2 * kept
    return f"{spelled[:kept]}[... {cut} more, sha256 {digest} ...]{spelled[-kept:]}"
