"""Letters of other alphabets that look like those of ASCII.

From Unicode's confusables.txt (UTS #39; (c) Unicode, Inc., under the Unicode License v3): the
Latin, Greek, Cyrillic, Armenian, Cherokee and Coptic letters whose prototype is one ASCII letter,
and a few small letters that look like their capitals; and the dashes. ASCII letters and digits are
not joined with each other, for ids are made of all of them. See .github/decisions/0007.
"""

import unicodedata

LETTERS = {
    "A": "\u0391\u0410\u13aa",
    "a": "\u0251\u03b1\u0430",
    "B": "\u0392\u0412\u13f4\ua7b4",
    "b": "\u0184\u042c\u0432\u13cf",
    "C": "\u0421\u13df\u2ca4",
    "c": "\u0441\u1d04\u2ca5\uabaf",
    "D": "\u13a0",
    "d": "\u0501\u13e7",
    "E": "\u0395\u0415\u13ac",
    "e": "\u03b5\u0435\u04bd\uab32",
    "F": "\u03dc\ua798",
    "f": "\u0584\u1e9d\ua799\uab35",
    "G": "\u050c\u13c0\u13f3",
    "g": "\u018d\u0261\u0581\u1d83",
    "H": "\u0397\u041d\u13bb\u2c8e",
    "h": "\u043d\u04bb\u0570\u13c2",
    "I": "\u0196\u0399\u0406\u04c0\u2c92",
    "i": "\u0131\u0269\u026a\u03b9\u0456\u04cf\u13a5\ua647\uab75",
    "J": "\u037f\u0408\u13ab\ua7b2",
    "j": "\u03f3\u0458",
    "K": "\u039a\u041a\u13e6\u2c94",
    "k": "\u03ba\u043a",
    "L": "\u13de\u2cd0",
    "M": "\u039c\u03fa\u041c\u13b7\u2c98",
    "m": "\u043c",
    "N": "\u039d\u2c9a",
    "n": "\u0578\u057c",
    "O": "\u039f\u041e\u0555\u2c9e",
    "o": "\u03bf\u03c3\u043e\u0585\u1d0f\u1d11\u2c9f\uab3d",
    "P": "\u03a1\u0420\u13e2\u2ca2",
    "p": "\u03c1\u0440\u2ca3",
    "q": "\u051b\u0563\u0566",
    "R": "\u01a6\u13a1\u13d2",
    "r": "\u0433\u1d26\u2c85\uab47\uab48\uab81",
    "S": "\u0405\u054f\u13d5\u13da",
    "s": "\u01bd\u0455\ua731\uabaa",
    "T": "\u03a4\u0422\u13a2\u2ca6",
    "t": "\u03c4\u0442",
    "U": "\u054d",
    "u": "\u028b\u03c5\u057d\u1d1c\ua79f\uab4e\uab52",
    "V": "\u0474\u13d9",
    "v": "\u03bd\u0475\u1d20\uaba9",
    "W": "\u051c\u13b3\u13d4",
    "w": "\u026f\u0461\u051d\u0561\u1d21\uab83",
    "X": "\u03a7\u0425\u2cac\ua7b3",
    "x": "\u03c7\u0445",
    "Y": "\u03a5\u0423\u04ae\u13a9\u13bd\u2ca8",
    "y": "\u0263\u028f\u03b3\u0443\u04af\u1d8c\u1eff\uab5a",
    "Z": "\u0396\u13c3",
    "z": "\u1d22\uab93",
}
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2043\u2212\ufe58"  # what editors make of a minus
_LIKE_ASCII = {ord(each): letter for letter, others in LETTERS.items() for each in others}
_LIKE_ASCII |= {ord(each): "-" for each in _DASHES}


def as_ascii_looks(text: str) -> str:
    """Return ``text`` with ASCII letters in place of those that look like them.

    Accents stay. Digits of other scripts become those of the same value.
    """
    apart = unicodedata.normalize("NFKD", text).translate(_LIKE_ASCII)
    digits = (_digit(letter) for letter in apart)
    return unicodedata.normalize("NFKC", "".join(digits))


def _digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)
