"""The two streams of a command: standard output for its document, standard error for people."""

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import click

from gate.errors import OutputError
from gate.masking import mask
from gate.utf8 import as_utf8
from gate.wording import escape


def say(text: str, *, nl: bool = True, colour: bool | None = None) -> None:
    """Write to standard output: the document that was asked for.

    Who reads it may have had enough, as in ``| head -1``: the command then goes on without a word,
    and ends with its own exit status. Raises OutputError where it cannot be written: a full disk.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name must not break a terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        click.echo(as_utf8(text), nl=nl, color=colour)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise unwritable(error) from error


def unwritable(error: OSError) -> OutputError:
    """Return what to say where standard output takes nothing more."""
    remedy = "make room, or send it elsewhere; files that were already written are whole"
    return OutputError("standard output", error, remedy)


def tell(text: str, *, nl: bool = True, moves_cursor: bool = False) -> None:
    """Write to standard error; that nobody can read it changes nothing.

    What URLs keep secret is masked, and what a terminal would obey is spelled out, unless the text
    is ours and ``moves_cursor``.
    """
    text = text if moves_cursor else visible(mask(text))
    try:
        click.echo(text, nl=nl, err=True)
    except OSError:
        silence(sys.stderr)


def visible(text: str) -> str:
    r"""Return ``text`` with what a terminal would obey spelled out; its lines stay lines.

    >>> visible("a\x1b[2J\nb")
    'a\\x1b[2J\nb'
    """
    return escape(text, keep="\n")


def open_closed() -> None:
    """Give a stream that the shell closed (``>&-``) a place where nothing is kept.

    Else the next file that is opened would take its number, and with it whatever is said.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- kept


@contextmanager
def separate_streams() -> Iterator[None]:
    """Send to standard error what others write to standard output meanwhile, past Python too.

    Compiled code and processes of the user's do; standard output carries one document.
    """
    try:
        kept = os.dup(1)
    except OSError:  # there is none
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def came_from_click(error: BaseException) -> bool:
    """Return whether click itself could not write: the help, the version."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == click.utils.__file__


def silence(stream: IO[str] | None) -> None:
    """Send what a stream still holds, and whatever else comes, to nowhere.

    Python writes what is left when it ends, and turns a failure of that into an exit status of its
    own.
    """
    if stream is None:
        return
    with suppress(io.UnsupportedOperation):  # no file behind it: nothing is left to be written
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
