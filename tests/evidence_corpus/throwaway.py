"""A package that is none of ours: a check and a rendering, installed by metadata on the path."""

import contextlib
import importlib
import re
import shutil
import sys
from pathlib import Path

from gate.checks import plugins as checks

THIRD_PARTY = Path(__file__).parents[1] / "third_party"
CHECK = (THIRD_PARTY / "min_images.py").read_text()
RENDERING = (THIRD_PARTY / "paint.py").read_text()
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
    """Return the source of the package with a line where its hook begins."""
    begins = r"^( *)def (evaluate|render)\(.*\):\n"
    changed, count = re.subn(begins, rf"\g<0>\1    {line}\n", text, flags=re.MULTILINE)
    assert count == 1
    return changed
