"""The source files of user code, found where an import would find them and never imported."""

import sys

import pytest

from gate.subject.packages import package_of


@pytest.fixture
def folder(tmp_path):
    for name in ("tumour/__init__.py", "tumour/nets.py", "tumour/parts/blocks.py", "other.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"raise SystemExit('{name} was imported')\n")
    return tmp_path


def digest(folder, factory="tumour.nets:build"):
    return package_of(factory, base=folder).sha256


def test_all_source_files_of_the_package_count_and_no_others(folder):
    (folder / "tumour" / "weights.bin").write_bytes(b"x")
    (folder / "tumour" / ".hidden").mkdir()
    (folder / "tumour" / ".hidden" / "x.py").write_text("")

    before = set(sys.modules)

    found = package_of("tumour.nets:build", base=folder)

    assert sorted(found.files) == [
        "tumour/__init__.py", "tumour/nets.py", "tumour/parts/blocks.py",
    ]  # fmt: skip
    assert set(sys.modules) == before


def test_a_module_is_its_one_file(folder):
    assert list(package_of("other:build", base=folder).files) == ["other.py"]


@pytest.mark.parametrize("name", ["tumour/nets.py", "tumour/parts/blocks.py"])
def test_the_digest_changes_with_each_byte_and_each_name(name, folder):
    before = digest(folder)

    (folder / name).write_text("x = 1\n")
    edited = digest(folder)
    (folder / name).rename((folder / name).with_name("renamed.py"))

    assert len({before, edited, digest(folder)}) == 3


def test_the_digest_is_the_same_wherever_the_folder_lies(folder, tmp_path):
    before = digest(folder)

    (tmp_path / "elsewhere").mkdir()
    (folder / "tumour").rename(tmp_path / "elsewhere" / "tumour")

    assert digest(tmp_path / "elsewhere") == before


def test_installed_packages_are_found_too(folder):
    assert package_of("yaml:load", base=folder).files["yaml/__init__.py"]


@pytest.mark.parametrize("factory", ["nowhere:build", "sys:exit", "builtins:print"])
def test_what_has_no_source_files_has_no_digest(factory, folder):
    assert package_of(factory, base=folder).sha256 is None


def test_a_file_that_ran_elsewhere_is_held_against_the_one_here(folder):
    found = package_of("tumour.nets:build", base=folder)
    ran = dict(found.files)

    assert (
        found.differing({**ran, "/data/x.bin": "ab", "other.py": "ab", "tumour/x.txt": "ab"})
        is None
    )
    assert found.differing({**ran, "tumour/nets.py": "ab"}) == "tumour/nets.py"
    assert found.differing({**ran, "tumour/gone.py": "ab"}) == "tumour/gone.py"
    installed = "/x/site-packages/tumour/nets.py"
    assert found.differing({installed: "ab"}) == "tumour/nets.py"
    assert found.differing({installed: ran["tumour/nets.py"]}) is None
