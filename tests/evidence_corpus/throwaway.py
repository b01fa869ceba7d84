"""A package that is none of ours: a check and a rendering, installed by metadata on the path."""

import contextlib
import importlib
import shutil
import sys

from gate.checks import plugins as checks

CHECK = '''\
"""Checks of the paint shop."""

from typing import ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.estimates import Count


class MinImages(Rule):
    """Require a number of test images.

    Fewer tell nothing of paint.

    To fix a failure: take more pictures of paint.
    """

    family: ClassVar = "data"
    formula: ClassVar = "images of test"
    interval: ClassVar = "none: it is counted"

    check: Literal["min-images"] = "min-images"
    min: int = Field(ge=1, description="The fewest images that pass.")

    examples: ClassVar = (
        Example("as many", {"min": 100}, SyntheticRun(test=((50, 0), (0, 50))), Outcome.PASSED),
        Example("too few", {"min": 101}, SyntheticRun(test=((50, 0), (0, 50))), Outcome.FAILED),
    )

    def evaluate(self, evidence):
        # HERE
        rows = evidence.splits["test"].rows
        return [
            Comparison("images", Count(len(rows)), ">=", float(self.min), Scope(split="test"))
        ]

    def vacuous(self, data):
        if self.min == 1:
            yield ("min",), "every test set has an image", "require more"
'''
RENDERING = '''\
"""A rendering of the paint shop."""

from gate.report.renderings import Mark, Rendering


def render(report, beside):
    # HERE
    return f"PAINT {report.verdict}"


RENDERING = Rendering(
    name="paint",
    about="a line for the paint shop",
    render=render,
    mark=Mark(r"PAINT (pass|fail|inconclusive|error)\\n\\Z"),
)
'''
POINTS = """\
[validate_model.checks]
min-images = paint_checks.min_images:MinImages
[validate_model.renderings]
paint = paint_checks.paint:RENDERING
"""
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: release, version: '1'}
plugins: [paint-checks]
rules:
  - {id: accuracy, check: accuracy, min: 0.85}
  - {id: recall, check: recall, min: 0.9}
  - {id: enough, check: min-images, min: 100}
"""


class Installer:
    """Installs the package below a folder, takes it away, or puts another version in its place."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch

    def install(
        self, package="paint-checks", *, version="1.2", points=POINTS, check=CHECK,
        rendering=RENDERING,
    ):  # fmt: skip
        module = package.replace("-", "_")
        place = self.folder / f"site-{package}"
        self.remove(package)
        (place / module).mkdir(parents=True)
        (place / module / "__init__.py").write_text("")
        (place / module / "min_images.py").write_text(check)
        (place / module / "paint.py").write_text(rendering)
        info = place / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(points.replace("paint_checks", module))
        self.monkeypatch.syspath_prepend(str(place))
        self._forget()

    def remove(self, package="paint-checks"):
        place = self.folder / f"site-{package}"
        shutil.rmtree(place, ignore_errors=True)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(place))
        self._forget()

    @staticmethod
    def is_imported(module):
        return module in sys.modules

    @staticmethod
    def _forget():
        for name in [each for each in sys.modules if each.partition(".")[0].endswith("_checks")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        checks._load.cache_clear()


def code(text, line):
    """Return the source of the package with a line where it says HERE."""
    assert "# HERE" in text
    return text.replace("# HERE", line)
