"""No module of the gate is imported by what it imports itself, lazily or for types either."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def require_no_circle(package):
    """Raise CycleError, which names the modules, where a package has a circle of imports."""
    graph = grimp.build_graph(package, cache_dir=None)
    TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()


def test_the_gate_has_no_circle_of_imports():
    require_no_circle("gate")


@pytest.mark.parametrize(
    "importing",
    [
        "def lazily():\n    from circular import one\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from circular.one import THING\n",
    ],
    ids=["in a function", "for its types"],
)
def test_a_circle_is_found_wherever_the_import_stands(importing, tmp_path, monkeypatch):
    package = tmp_path / "circular"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from circular import two\nTHING = two\n")
    (package / "two.py").write_text(importing)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(CycleError, match=r"circular\.one.*circular\.two"):
        require_no_circle("circular")
