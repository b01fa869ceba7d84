"""The demo, run once for all claims about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gate.cli import main


@dataclass(frozen=True)
class Demo:
    """What one run of the demo printed and left behind."""

    folder: Path
    status: int
    out: str
    err: str

    def report(self, case: str) -> Mapping[str, Any]:
        return json.loads((self.folder / case / "gate-out" / "report.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Return the demo as run in an empty folder, with the default ``--out``."""
    here = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(here)
        status, out, err = _captured(["demo"])
    return Demo(here / "validate-model-demo", status, out, err)


def _captured(argv: list[str]) -> tuple[int, str, str]:
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(argv)
    return status, out.getvalue(), err.getvalue()
