"""Pages for people: their blocks are what the program says, or are run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
HIDDEN = ROOT / ".github"


class Page:
    """A Markdown page with named blocks.

    A block is the fence after ``<!-- NAME -->``, or else all up to ``<!-- end of NAME -->``.
    """

    def __init__(self, path):
        self.path = path

    @property
    def text(self):
        return self.path.read_text(encoding="utf-8")

    def block(self, name):
        """Return what a block holds, without the fence around it."""
        found = self._pattern(name).search(self.text)
        assert found, f"{self.path.name} has no block {name}"
        return found[2]

    def agrees(self, name, fresh, regenerate):
        """Compare a block with what was made just now, or write that into the page."""
        if regenerate:
            text = self._pattern(name).sub(lambda found: found[1] + fresh + found[3], self.text)
            self.path.write_text(text, encoding="utf-8")
        assert self.block(name) == fresh

    @staticmethod
    def _pattern(name):
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        return re.compile(
            rf"({start}```[a-z]*\n|{start}(?!```))(.*?)(^```$|{end})", re.DOTALL | re.MULTILINE
        )


def as_user(commands, folder):
    """Run lines of a shell in a folder, where ``validate-model`` and ``python`` are these here."""
    programs = folder / ".programs"
    if not programs.exists():
        programs.mkdir(parents=True)
        ours = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom gate.cli import main\n"
        _write(programs / "validate-model", f"#!{sys.executable}\n{ours}sys.exit(main())\n")
        _write(programs / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    return subprocess.run(
        ["bash", "-c", f"PATH={shlex.quote(str(programs))}:$PATH\n{commands}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
