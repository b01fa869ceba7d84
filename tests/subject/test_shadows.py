"""Two modules of one name, and which was taken."""

import importlib
import sys

import pytest

from gate.subject.shadows import find_shadowed


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file beside the gate file, in gate/, or an installed one, in site/."""
    for name in ("gate", "site"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])

    def write(name, text=""):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        importlib.invalidate_caches()
        return tmp_path / "gate"

    return write


def test_modules_of_names_of_their_own_are_not_spoken_of(write):
    write("gate/layers.py")
    base = write("gate/nets.py", "import layers, json, torch\n")

    assert find_shadowed(["nets:build"], base) == ()


def test_a_factory_beside_the_gate_file_and_installed_is_told(write):
    write("site/nets.py")

    (said,) = find_shadowed(["nets:build"], write("gate/nets.py"))

    assert said == (
        "the module 'nets' beside the gate file is taken, not the installed one: rename one of them"
    )


def test_a_stray_file_with_the_name_of_an_installed_factory_is_told(write):
    write("site/vision/__init__.py")
    write("site/vision/models.py")

    (said,) = find_shadowed(["vision.models:resnet"], write("gate/vision.py"))

    assert said == (
        "the module 'vision' that is installed is taken, not the one beside the gate file: "
        "rename one of them"
    )


@pytest.mark.parametrize(
    "text",
    [
        "import layers\n",
        "from layers.deep import X\n",
        "def build():\n    import layers\n",
        "import helper\n",
    ],
)
def test_an_import_that_takes_the_installed_one_is_told(write, text):
    write("site/layers.py")
    write("gate/layers.py")
    write("gate/helper.py", "import layers\n")

    (said,) = find_shadowed(["nets:build"], write("gate/nets.py", text))

    assert said == (
        "import layers takes the installed module, not the one beside the gate file: rename that "
        "one, or move it into the factory's package and import it relatively"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from .layers import X\n",
        "import sys\nsys.path.insert(0, '.')\nimport layers\n",
        "def build(:\n",
        "\0",
    ],
)
def test_what_is_not_imported_by_name_alone_is_not_told(write, text):
    write("site/layers.py")
    write("gate/layers.py")
    write("gate/mine/layers.py")
    write("gate/mine/__init__.py")

    assert find_shadowed(["mine.nets:build"], write("gate/mine/nets.py", text)) == ()


def test_what_an_installed_factory_imports_is_not_told(write):
    write("site/layers.py")
    write("site/nets.py", "import layers\n")

    assert find_shadowed(["nets:build"], write("gate/layers.py")) == ()


def test_a_folder_without_code_is_no_module(write):
    write("site/data.py")
    write("gate/data/image.png")

    assert find_shadowed(["nets:build"], write("gate/nets.py", "import data\n")) == ()
