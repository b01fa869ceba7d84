"""Numbers on the command line."""

import contextlib

import click


def size(text: str) -> tuple[int, int]:
    """Return (height, width) of a text like 28x28; one number stands for both."""
    height, _, width = text.lower().partition("x")
    width = width or height
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise click.BadParameter(f"{text!r} is not HEIGHTxWIDTH, for example 28x28")
    return int(height), int(width)


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a text like 0.485,0.456,0.406, one a channel."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        fact = f"{text!r} is not a number, or numbers with commas between"
        raise click.BadParameter(fact) from None


def limit(text: str) -> int | float:
    """Return a count such as 3, or a fraction such as 0.005."""
    with contextlib.suppress(ValueError):
        if text.isdecimal():
            return int(text)
        value = float(text)
        if 0 <= value < 1:
            return value
    raise click.BadParameter(f"{text!r} is neither a count nor a fraction below 1")
