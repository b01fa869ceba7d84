"""A library that is missing, or does not fit torch, is told with what to do."""

import sys

import pytest

from gate.errors import MissingExtraError, UsageError
from gate.subject.sources.libraries import import_library, release_of


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return a function that puts a library of one module onto the path."""

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-9.9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.fixture
def none_installed(monkeypatch):
    monkeypatch.setattr("gate.subject.sources.libraries.find_spec", lambda name: None)


def test_a_missing_library_is_told_with_its_extra(none_installed):
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[timm\]'"):
        import_library("timm", "model.pth")


def test_torchvision_is_told_with_the_build_of_torch_that_it_must_fit(none_installed, monkeypatch):
    monkeypatch.setattr("gate.subject.sources.libraries.version", lambda name: "2.13.0+cpu")

    with pytest.raises(UsageError) as error:
        import_library("torchvision", "model.pth")

    remedy = error.value.remedy
    assert "install the build of torchvision that belongs to torch 2.13.0+cpu" in remedy
    assert "add factory: package.module:function, or use --model" in remedy
    assert error.value.exit_status == 2


@pytest.mark.parametrize("name", ["torchvision", "timm"])
def test_a_torchvision_of_another_torch_is_told_in_words(name, library):
    library(name, "raise RuntimeError('operator torchvision::nms does not exist')")

    with pytest.raises(UsageError, match=r"torchvision.* was not built for torch .*nms") as error:
        import_library(name, "model.pth")

    assert "install the build of torchvision that belongs to it" in error.value.remedy


def test_a_library_that_cannot_be_imported_is_told_in_words(library):
    library("timm", "import no_such_part_of_it")

    with pytest.raises(UsageError, match=r"timm .* cannot be imported .*no_such_part_of_it"):
        import_library("timm", "model.pth")


def test_a_library_is_imported_offline_and_the_environment_is_as_before(library, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    library("sound_library", "import os\nWAS = os.environ.get('HF_HUB_OFFLINE')\n")

    found = import_library("sound_library", "model.pth")

    assert found.WAS == "1"
    assert "HF_HUB_OFFLINE" not in __import__("os").environ


def test_the_release_is_known_without_an_import(library):
    library("sound_library", "raise SystemExit")

    assert release_of("sound_library", "model.pth") == "9.9"
    with pytest.raises(UsageError, match="not installed"):
        release_of("no_such_library", "model.pth")
