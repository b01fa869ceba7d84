"""Plugins are found by their names, loaded when they are named, and never take ours."""

import sys

import pytest

from gate.errors import UsageError
from gate.plugins import find_plugin, plugin_names, plugins_of

POINTS = "[validate_model.formats]\nsquares = {0}:THING\n"


def test_a_plugin_is_found_by_name_and_imported_only_when_it_is_loaded(add_package):
    add_package("their-squares", POINTS.format("their_squares"))

    found = find_plugin("formats", "squares", shipped=())

    assert (found.package, found.version) == ("their-squares", "1.2")
    assert "their_squares" not in sys.modules
    assert found.load() == 7


def test_a_name_that_is_shipped_is_never_looked_for_elsewhere(add_package):
    add_package("their-squares", POINTS.format("their_squares"))

    assert find_plugin("formats", "squares", shipped={"squares"}) is None
    with pytest.raises(UsageError, match="takes a name that validate-model ships: squares"):
        plugins_of("their-squares", "formats", shipped={"squares"})


def test_a_name_of_two_packages_is_refused(add_package):
    add_package("their-squares", POINTS.format("their_squares"))
    add_package("other-squares", POINTS.format("other_squares"))

    with pytest.raises(UsageError, match="more than one package: other-squares, their-squares"):
        find_plugin("formats", "squares", shipped=())


def test_a_package_is_named_as_pip_names_it(add_package):
    add_package("their-squares", POINTS.format("their_squares"))

    assert [each.name for each in plugins_of("Their_Squares", "formats", shipped=())] == ["squares"]
    assert plugin_names("formats") == ("squares",)


def test_a_package_that_is_not_there_is_told_with_its_remedy(add_package):
    with pytest.raises(UsageError, match="install it beside validate-model"):
        plugins_of("nobody", "checks", shipped=())


def test_a_plugin_that_cannot_be_imported_is_no_traceback(add_package):
    add_package("their-squares", POINTS.format("their_squares"), "import no_such_module_at_all\n")

    with pytest.raises(UsageError, match="cannot be loaded: ModuleNotFoundError"):
        find_plugin("formats", "squares", shipped=()).load()


@pytest.mark.parametrize("name", ["s\u0443uares", "squ\x1bares", "squares discs"])
def test_a_name_that_could_not_be_told_from_another_is_passed_over(name, add_package):
    add_package("their-discs", POINTS.format("their_discs").replace("squares", "discs"))
    add_package("their-squares", POINTS.format("their_squares").replace("squares", name))

    assert plugin_names("formats") == ("discs",)
    assert find_plugin("formats", name, shipped=()) is None


@pytest.mark.parametrize(
    ("package", "version"),
    [("their squares", "1.2"), ("their-\x1b[31msquares", "1.2"), ("squares", "1.2\u202e")],
)
def test_a_package_whose_name_a_report_cannot_show_is_refused(package, version, add_package):
    add_package(package, POINTS.format("their_squares"), version=version)

    with pytest.raises(UsageError, match="its metadata holds no name with a version") as told:
        find_plugin("formats", "squares", shipped=())

    assert str(told.value).isprintable()
