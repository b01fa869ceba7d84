"""Numbers, lists of names and other values on the command line."""

import contextlib
import json
from typing import Any

import click


class Share(click.FloatRange):
    """A share on the command line; what looks like percent is told how it is written."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 -- as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 -- as click has it
        """Return the share; raises click.BadParameter for anything outside of its range."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            with contextlib.suppress(ValueError):
                if 1 < (percent := float(str(value).strip().removesuffix("%"))) < 100:
                    said = f"{error.message} For {percent:g} % write {percent / 100:g}."
                    raise click.BadParameter(said, ctx, param) from None
            raise


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


def number(text: str) -> float:
    """Return the number that a text is."""
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number") from None


def names(text: str) -> tuple[str, ...]:
    """Return the names of a text like cat,dog; with commas in them: of a list in JSON."""
    if text.startswith("["):
        with contextlib.suppress(ValueError):
            listed = json.loads(text)
            if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
                return tuple(listed)
        fact = f'{text!r} is no list of names, for example ["a, b", "c"]'
        raise click.BadParameter(fact)
    return tuple(name.strip() for name in text.split(","))


def resize(text: str) -> str | int | tuple[int, int]:
    """Return a way to resize, a length in pixels, or (height, width)."""
    if text.isdecimal():
        return int(text)
    if text[:1].isdecimal():
        return size(text)
    return text


def pad(text: str) -> str | int | tuple[int, ...]:
    """Return ``mean``, one level or a level for each channel."""
    if text == "mean":
        return text
    levels = text.split(",")
    if not all(each.isdecimal() for each in levels):
        raise click.BadParameter(f"{text!r} is neither mean nor levels in 0..255, such as 114")
    return int(text) if len(levels) == 1 else tuple(map(int, levels))


def mapping(text: str) -> dict[str, Any]:
    """Return the mapping that a text in JSON is."""
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    raise click.BadParameter(f'{text!r} is no mapping in JSON, for example {{"num_classes": 2}}')
