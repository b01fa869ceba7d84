"""Words for messages: quoting, lists, counts, escapes, and guesses of what was meant.

Most of these words come from outside: from documents, files, paths and the user's code.
"""

from collections.abc import Iterable
from hashlib import sha256
from itertools import islice

from gate.masking import mask

LONGEST = 120  # characters of a string from outside that a message repeats
MOST_LISTED = 5  # names before "and 7 more"
# A misspelt name is compared with known ones: a file may hold millions, of any length, and the
# distance of two names grows with the product of their lengths.
_MOST_COMPARED = 5000
_LONGEST_COMPARED = 200
_MOST_SUGGESTED = 50
_SHORT = 2  # seconds: less is not worth a number
_MANY = 120  # of a unit: more are told in the next one
_LONGEST_READ = 10_000  # characters; what is cut later is not looked through for secrets


def escape(text: str, *, keep: str = "") -> str:
    r"""Return text with all that a terminal would obey spelled out, but for the letters to keep.

    Control characters, line breaks and marks that turn the direction of writing are spelled as
    Python spells them.

    >>> escape("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text
    )


def plain(text: object, limit: int = LONGEST) -> str:
    r"""Return text on one line, escaped, cut after ``limit`` characters.

    What URLs in it keep secret is gone before it is cut.

    >>> plain("a\x1b[31m\nb"), plain("abcdef", 3)
    ('a\\x1b[31m\\nb', 'abc...')
    """
    line = escape(mask(str(text)[:_LONGEST_READ])[: limit + 1])
    return line if len(line) <= limit else f"{line[:limit]}..."


def printable(text: str, limit: int = 600) -> str:
    """Return text of a report as one printable line of about ``limit`` characters at most.

    Nothing in it can move a cursor, reorder a sentence or begin a line. What is too long loses its
    middle and gets a digest there: two long names never come out as one.
    """
    spelled = escape(text)
    if len(spelled) <= limit:
        return spelled
    digest = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    kept = limit // 2
    cut = len(spelled) - 2 * kept
    return f"{spelled[:kept]}[... {cut} more, sha256 {digest} ...]{spelled[-kept:]}"


def quote(text: object, limit: int = LONGEST) -> str:
    r"""Return text in quotes on one line: masked, cut after ``limit`` characters, escaped.

    >>> quote("recal"), quote("it's")
    ("'recal'", '"it\'s"')
    """
    line = mask(str(text)[:_LONGEST_READ])
    return repr(line if len(line) <= limit else f"{line[:limit]}...")


def list_names(names: Iterable[object], limit: int = MOST_LISTED) -> str:
    """Return the first ``limit`` names, separated by commas, and how many more there are.

    >>> list_names(["a", "b", "c"]), list_names(["a", "b", "c"], limit=2)
    ('a, b, c', 'a, b and 1 more')
    """
    every = list(names)
    head = ", ".join(plain(each) for each in every[:limit])
    rest = len(every) - limit
    return f"{head} and {rest:,} more" if rest > 0 else head


def say_duration(seconds: float) -> str:
    """Return about how long something takes, in the unit that people would use.

    >>> say_duration(0.4), say_duration(95), say_duration(430), say_duration(360_000)
    ('less than 2 seconds', 'about 95 seconds', 'about 7 minutes', 'about 100 hours')
    """
    if seconds < _SHORT:
        return f"less than {_SHORT} seconds"
    for unit, length in (("seconds", 1), ("minutes", 60), ("hours", 3600)):
        if seconds < _MANY * length or unit == "hours":
            return f"about {seconds / length:,.0f} {unit}"
    raise AssertionError("the last unit takes all")


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> pluralize(1, "tensor"), pluralize(2000, "tensor")
    ('1 tensor', '2,000 tensors')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def bytes_in_words(size: int) -> str:
    """Return a number of bytes as a person reads it.

    >>> bytes_in_words(864), bytes_in_words(47185920)
    ('864 bytes', '45.0 MiB')
    """
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{size:,} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"


def number_in_words(number: float) -> str:
    """Return a number in few digits; of an integer beyond any float, how long it is.

    >>> number_in_words(10**9), number_in_words(10**400)
    ('1e+09', 'an integer of 1,329 bits')
    """
    try:
        return f"{number:g}"
    except OverflowError:  # JSON sets integers no bound
        return f"an integer of {int(number).bit_length():,} bits"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'min'?", or nothing where no known word is near.

    Case, blanks, hyphens and underscores make no difference; a beginning is near.

    >>> did_you_mean("mim", ["max", "min"])
    "did you mean 'min'?"
    """
    import difflib  # only a fault pays for it

    if len(word) > _LONGEST_COMPARED:
        return ""
    names = [each for each in islice(known, _MOST_COMPARED) if len(each) <= _LONGEST_COMPARED]
    alike = {_fold(name): name for name in names}
    near = difflib.get_close_matches(_fold(word), alike, n=1)
    near = near or [name for name in alike if len(word) > 2 and name.startswith(_fold(word))]
    return f"did you mean {quote(alike[near[0]])}?" if near else ""


def suggestion(word: str, known: Iterable[str], *, what: str) -> str:
    """Return what could stand in place of an unknown word: the nearest one, or all of them."""
    known = list(known)
    every = f"{what}: {list_names(known, _MOST_SUGGESTED)}" if known else ""
    return did_you_mean(word, known) or every


def _fold(word: str) -> str:
    return word.lower().replace("_", "-").replace(" ", "-")
