import string
import unicodedata

from gate.lookalikes import LETTERS, as_ascii_looks


def test_every_letter_stands_for_one_letter_of_ascii():
    others = "".join(LETTERS.values())

    assert set(LETTERS) <= set(string.ascii_letters)
    assert len(set(others)) == len(others)
    assert all(unicodedata.category(each)[0] == "L" and not each.isascii() for each in others)


def test_ascii_is_not_joined_with_itself():
    assert as_ascii_looks(string.printable) == string.printable


def test_the_letters_that_keyboards_have_are_there():
    assert (
        as_ascii_looks("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455")
        == "aeopcyxijs"
    )
    assert as_ascii_looks("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425") == (
        "ABEKMHOPCTX"
    )
    assert (
        as_ascii_looks("\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f")
        == "ABEZHIKMNO"
    )
    assert as_ascii_looks("\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd\u03b1\u03c1") == "PTYXovap"


def test_other_letters_stay():
    assert as_ascii_looks("\u0436\u05d0\u4e2d") == "\u0436\u05d0\u4e2d"
