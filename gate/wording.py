"""How a document's own words are said back to its author."""

from collections.abc import Iterable

from gate.masking import masked

_LONGEST = 60  # of a word that is repeated in a message


def quoted(text: str) -> str:
    """Return text in quotes, clipped, with everything that a terminal would obey escaped.

    >>> quoted("recal")
    "'recal'"
    """
    text = masked(text)
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def listed(words: Iterable[str]) -> str:
    """Return words as a list in a sentence.

    >>> listed(["block", "warn"])
    'block, warn'
    """
    return ", ".join(words)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'min'?", or nothing where no known word is near.

    >>> did_you_mean("mim", ["max", "min"])
    "did you mean 'min'?"
    """
    import difflib  # only a fault pays for it

    plain = {_plain(name): name for name in known}
    if len(word) > _LONGEST:  # the distance is quadratic, and nothing of ours is that long
        return ""
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    near = near or [name for name in plain if len(word) > 2 and name.startswith(_plain(word))]
    return f"did you mean {quoted(plain[near[0]])}?" if near else ""


def suggestion(word: str, known: Iterable[str], *, what: str) -> str:
    """Return what could stand in place of an unknown word: the nearest one, or all of them."""
    known = list(known)
    every = f"{what}: {listed(known)}" if known else ""
    return did_you_mean(word, known) or every


def _plain(word: str) -> str:
    return word.lower().replace("_", "-").replace(" ", "-")
