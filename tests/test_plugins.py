"""Plugins are found by their names, loaded when they are named, and never take ours."""

import sys

import pytest

from gate.errors import UsageError
from gate.plugins import find_plugin, plugin_names, plugins_of


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a package with entry points onto the path."""

    def installed(package, points, code="THING = 7\n"):
        folder = tmp_path / package
        module = package.replace("-", "_")
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(points)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return installed


POINTS = "[validate_model.formats]\nsquares = {0}:THING\n"


def test_a_plugin_is_found_by_name_and_imported_only_when_it_is_loaded(install):
    install("their-squares", POINTS.format("their_squares"))

    found = find_plugin("formats", "squares", shipped=())

    assert (found.package, found.version) == ("their-squares", "1.2")
    assert "their_squares" not in sys.modules
    assert found.load() == 7


def test_a_name_that_is_shipped_is_never_looked_for_elsewhere(install):
    install("their-squares", POINTS.format("their_squares"))

    assert find_plugin("formats", "squares", shipped={"squares"}) is None
    with pytest.raises(UsageError, match="takes a name that validate-model ships: squares"):
        plugins_of("their-squares", "formats", shipped={"squares"})


def test_a_name_of_two_packages_is_refused(install):
    install("their-squares", POINTS.format("their_squares"))
    install("other-squares", POINTS.format("other_squares"))

    with pytest.raises(UsageError, match="more than one package: other-squares, their-squares"):
        find_plugin("formats", "squares", shipped=())


def test_a_package_is_named_as_pip_names_it(install):
    install("their-squares", POINTS.format("their_squares"))

    assert [each.name for each in plugins_of("Their_Squares", "formats", shipped=())] == ["squares"]
    assert plugin_names("formats") == ("squares",)


def test_a_package_that_is_not_there_is_told_with_its_remedy(install):
    with pytest.raises(UsageError, match="install it beside validate-model"):
        plugins_of("nobody", "checks", shipped=())


def test_a_plugin_that_cannot_be_imported_is_no_traceback(install):
    install("their-squares", POINTS.format("their_squares"), "import no_such_module_at_all\n")

    with pytest.raises(UsageError, match="cannot be loaded: ModuleNotFoundError"):
        find_plugin("formats", "squares", shipped=()).load()
