"""User code may change the working folder of the process, which is then restored."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def in_this_folder() -> Iterator[None]:
    """Be in the current folder again after the block: paths of the command are meant from there."""
    try:
        here = os.getcwd()  # noqa: PTH109 -- as text, for the way back
    except OSError:  # it was deleted: there is no way back
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(here)
