"""Where modules of user code are found: installed ones first, the named package beside."""

import importlib
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from gate.subject import importing
from gate.subject.importing import (
    import_user_module,
    locate,
    make_way,
    name_packages,
    resolves_otherwise,
)
from gate.subject.packages import package_of


@pytest.fixture
def two(tmp_path, tmp_path_factory, monkeypatch):
    """Write modules beside a gate file and installed ones; what is imported is forgotten again."""
    forget_modules_below(tmp_path_factory.getbasetemp())  # other tests have a nets.py of their own
    site, base = tmp_path / "site", tmp_path / "gate"
    site.mkdir()
    base.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(importing, "_base", None)
    monkeypatch.setattr(importing, "_named", {})
    monkeypatch.setattr(importing, "_came_from", {})

    class Two:
        pass

    def write(place, **files):
        for name, text in files.items():
            file = place / f"{name.replace('__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()

    two = Two()
    two.base, two.site = base, site
    two.beside = lambda **files: write(base, **files)
    two.installed = lambda **files: write(site, **files)
    two.load = lambda module, folder=base: (
        make_way(module, folder),
        import_user_module(module, folder),
    )[1]
    yield two
    forget_modules_below(tmp_path)


def forget_modules_below(folder):
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
        if any(each and Path(each).is_relative_to(folder) for each in places):
            sys.modules.pop(name, None)


def package(folder, name, **files):
    (folder / name).mkdir(exist_ok=True)
    for each, text in {"__init__": "", **files}.items():
        (folder / name / f"{each}.py").write_text(text)


BOTH = "X = 'beside'\n", "X = 'installed'\n"


def test_the_package_of_a_factory_comes_from_beside_the_gate_file(two):
    two.beside(nets=BOTH[0])
    two.installed(nets=BOTH[1])

    assert two.load("nets").X == "beside"
    assert locate("nets", two.base).passed_over.origin == str(two.site / "nets.py")


def test_what_it_imports_comes_from_what_is_installed(two):
    two.beside(nets="import layers\nX = layers.X\n", layers=BOTH[0])
    two.installed(layers=BOTH[1])

    assert two.load("nets").X == "installed"


def test_what_it_imports_and_is_not_installed_comes_from_beside_it(two):
    two.beside(nets="import layers\nX = layers.X\n", layers="import deeper\nX = 1\n", deeper="")

    assert two.load("nets").X == 1


def test_what_it_imports_relatively_is_its_own(two):
    package(two.base, "mine", nets="from .layers import X\n", layers=BOTH[0])
    package(two.site, "mine", layers=BOTH[1])
    two.installed(layers=BOTH[1])

    assert two.load("mine.nets").X == "beside"


def test_each_package_that_the_gate_file_names_is_its_own_whoever_imports_it_first(two):
    two.beside(nets="import mydata\nX = mydata.X\n", mydata=BOTH[0])
    two.installed(mydata=BOTH[1])
    name_packages(["mydata", "nets"], two.base)

    assert two.load("nets").X == "beside"
    assert two.load("mydata").X == "beside"


@pytest.mark.parametrize("name", ["colorsys", "statistics", "torch", "yaml", "gate", "json"])
def test_no_module_takes_the_name_of_one_of_pythons_or_our_own(two, name):
    two.beside(**{name: BOTH[0]})

    found = locate(name, two.base)

    assert not found.is_beside
    assert found.passed_over.origin == str(two.base / f"{name}.py")
    assert not hasattr(two.load(name), "X")


def test_a_stray_file_does_not_stand_for_a_package_that_it_is_not(two):
    two.beside(vision=BOTH[0])
    package(two.site, "vision", models=BOTH[1])

    assert two.load("vision.models").X == "installed"
    assert list(package_of("vision.models:x", base=two.base).files) == [
        "vision/__init__.py",
        "vision/models.py",
    ]


def test_a_folder_of_images_is_no_module_where_there_is_one(two):
    (two.base / "vision").mkdir()
    two.installed(vision=BOTH[1])

    assert two.load("vision").X == "installed"


def test_a_mere_folder_that_is_installed_hides_nothing(two):
    (two.site / "utils").mkdir()
    two.beside(nets="import utils\nX = utils.X\n", utils=BOTH[0])

    assert two.load("nets").X == "beside"


def test_a_package_without_an_init_file_may_lie_in_both_places(two):
    two.beside(company__nets="from company.tools import X\n")
    two.installed(company__tools=BOTH[1])

    assert two.load("company.nets").X == "installed"
    assert sorted(package_of("company.nets:build", base=two.base).files) == [
        "company/nets.py",
        "company/tools.py",
    ]


def test_a_package_that_is_installed_to_be_edited_comes_first_too(two, tmp_path):
    class Editable:
        def find_spec(self, name, path=None, target=None):
            if name == "layers":
                return importlib.util.spec_from_file_location(name, tmp_path / "src" / "layers.py")
            return None

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "layers.py").write_text(BOTH[1])
    sys.meta_path.append(Editable())
    two.beside(nets="import layers\nX = layers.X\n", layers=BOTH[0])

    assert two.load("nets").X == "installed"


def test_a_package_finds_nothing_beside_the_gate_file_that_it_only_tries_to_import(two):
    two.beside(nets="import tool\nX = tool.X\n", optional="raise SystemExit('it ran')\n")
    two.installed(tool="try:\n    import optional\nexcept ImportError:\n    X = 'without'\n")

    assert two.load("nets").X == "without"


def test_a_factory_that_is_installed_finds_nothing_beside_the_gate_file(two):
    two.installed(nets="try:\n    import optional\nexcept ImportError:\n    X = 'without'\n")
    two.beside(optional="raise SystemExit('it ran')\n")

    assert two.load("nets").X == "without"


def test_our_own_code_finds_nothing_beside_the_gate_file(two):
    two.beside(nets="", layers=BOTH[0])
    two.load("nets")

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("layers")


def test_code_beside_the_gate_file_may_import_by_name(two):
    two.beside(
        nets="import importlib, pkgutil\nX = importlib.import_module('layers').X\n"
        "Y = pkgutil.resolve_name('other:X')\nexec('import third')\n",
        layers="X = 1\n",
        other="X = 2\n",
        third="",
    )

    found = two.load("nets")

    assert (found.X, found.Y) == (1, 2)


def test_packages_installed_below_the_folder_are_not_code_of_the_folder(two):
    site = two.base / ".venv" / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "tool.py").write_text("try:\n    import optional\nexcept ImportError:\n    X = 0\n")
    sys.path.append(str(site))
    two.beside(nets="import tool\nX = tool.X\n", optional="raise SystemExit('it ran')\n")

    assert two.load("nets").X == 0


def test_a_module_of_the_name_that_was_loaded_from_elsewhere_is_not_taken(two):
    two.installed(nets=BOTH[1])
    importlib.import_module("nets")
    two.beside(nets=BOTH[0])

    assert two.load("nets").X == "beside"


def test_a_module_that_was_loaded_from_the_folder_already_is_kept(two):
    two.beside(nets=BOTH[0])
    sys.path.append(str(two.base))
    mine = importlib.import_module("nets")

    assert two.load("nets") is mine
    assert locate("nets", two.base).passed_over is None


def test_two_gate_files_have_each_their_own_modules_however_they_find_them(two, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        package(tmp_path / name, "lib", deep=f"X = {name!r}\n")
        (tmp_path / name / "nets.py").write_text(
            "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent))\n"
            "import helper, lib.deep\nX = helper.X + lib.deep.X\n"
        )
        (tmp_path / name / "helper.py").write_text(f"X = {name!r}\n")

    found = [two.load("nets", tmp_path / name).X for name in ("one", "two", "one")]

    assert found == ["oneone", "twotwo", "oneone"]


def test_what_was_installed_or_put_beside_since_is_noticed(two):
    two.beside(nets="import layers\n", layers="")
    name_packages(["nets"], two.base)
    used = ["nets.py", "layers.py", "data.json", "/site-packages/tool/__init__.py"]
    assert not resolves_otherwise(used, two.base)

    two.installed(layers="")

    assert resolves_otherwise(used, two.base)
    assert not resolves_otherwise(["nets.py"], two.base)


def test_a_package_that_was_put_beside_an_installed_one_is_noticed(two):
    two.installed(nets="")
    name_packages(["nets"], two.base)
    used = [str(two.site / "nets.py")]
    assert not resolves_otherwise(used, two.base)

    two.beside(nets="")

    assert resolves_otherwise(used, two.base)


@pytest.mark.parametrize("name", ["nets", "mine.nets", "vision.models", "company.nets", "absent"])
def test_what_is_digested_is_what_is_imported(two, name):
    two.beside(nets=BOTH[0], vision=BOTH[0], company__nets=BOTH[0])
    two.installed(nets=BOTH[1], company__tools="")
    package(two.base, "mine", nets=BOTH[0])
    package(two.site, "vision", models=BOTH[1])

    digested = package_of(f"{name}:build", base=two.base).files
    try:
        file = Path(two.load(name).__file__)
    except ModuleNotFoundError:
        assert not digested
        return
    folder = two.base if file.is_relative_to(two.base) else two.site
    assert digested[file.relative_to(folder).as_posix()] == sha256(file.read_bytes()).hexdigest()
    assert all((folder / each).is_file() for each in digested) or name == "company.nets"


def test_our_own_code_finds_nothing_where_it_lies_beside_the_gate_file_itself(two):
    """As in a checkout of this program: what it would only try to import is not taken there."""
    base = two.base
    (base / "nets.py").write_text("")
    (base / "tried_by_foes.py").write_text("")
    make_way("nets", base)
    code = compile("import tried_by_foes", str(base / "gate" / "lazy.py"), "exec")

    with pytest.raises(ModuleNotFoundError):
        exec(code, {"__name__": "gate.lazy"})

    exec(code, {"__name__": "mine.lazy"})
    assert sys.modules["tried_by_foes"]
