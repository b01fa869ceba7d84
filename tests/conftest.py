"""What all tests share: golden files, rewritten with ``pytest --regenerate``."""

import gc
import os
import re
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

_THIRD_PARTY = Path(__file__).parent / "third_party"
_CORPUS = str(Path(__file__).parent / "evidence_corpus")
if _CORPUS not in sys.path:
    sys.path.append(_CORPUS)  # `measured`, `graphs` and `throwaway`, for tests of every folder

# As the command line does before torch is imported; here that happens while tests are collected.
# Threads that spin while they wait for each other take the cores from what they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Of the many processes that tests start, only the first compiles the gate.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A machine that others use too is slow at times; no test asserts on a time.
settings.register_profile("gate", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=200)  # beside the slow tests
settings.load_profile("gate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="rewrite generated and golden files")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to let many processes rewrite files that their tests share."""
    if config.getoption("--regenerate") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--regenerate rewrites files that tests share: leave out -n")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Take what is imported meanwhile, torch included, out of the sight of the garbage collector.

    It stays to the end, and to look through all of it again and again takes long. Cycles in what
    tests make are still collected, though not after each hundred objects.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        gc.enable()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty cache: no test sees what another measured, nor the user's own."""
    folder = tmp_path_factory.getbasetemp() / "caches" / uuid4().hex
    monkeypatch.setenv("VALIDATE_MODEL_CACHE", str(folder))
    return folder


@pytest.fixture
def add_package(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[..., Path], None, None]:
    """Return a function that puts a package with entry points onto the path, and its folder.

    It has one module, or several files below one, called as the package with underscores. Where
    a version is there already, the one that comes last is found.
    """

    def added(
        package: str,
        points: str,
        code: str | Mapping[str, str] = "THING = 7\n",
        version: str = "1.2",
    ) -> Path:
        folder = tmp_path_factory.mktemp("packages")
        module = package.replace("-", "_")
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        one = isinstance(code, str)
        files = {f"{module}.py": code} if one else {f"{module}/__init__.py": ""}
        files |= {} if one else {f"{module}/{name}": text for name, text in code.items()}
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(points)
        monkeypatch.syspath_prepend(str(folder))
        for name in [each for each in sys.modules if each.partition(".")[0] == module]:
            monkeypatch.delitem(sys.modules, name)
        forget_checks()
        return folder

    def forget_checks() -> None:
        if loaded := sys.modules.get("gate.checks.plugins"):
            loaded._load.cache_clear()

    yield added
    forget_checks()


@pytest.fixture
def vision_extras(add_package: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that installs the files of third_party as one package, and its folder.

    ``changed`` are files with other texts, by name.
    """

    def installed(version: str = "1.2", **changed: str) -> Path:
        points = (_THIRD_PARTY / "entry_points.txt").read_text()
        names = set(re.findall(r"vision_extras\.(\w+):", points))
        files = {f"{name}.py": (_THIRD_PARTY / f"{name}.py").read_text() for name in names}
        files |= {f"{name}.py": text for name, text in changed.items()}
        return add_package("vision-extras", points, files, version)

    return installed


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Return whether generated and golden files are rewritten instead of compared."""
    return bool(request.config.getoption("--regenerate"))


@pytest.fixture
def golden(regenerate: bool) -> Callable[[Path, str], None]:
    """Return a function that compares a text with a committed file, or rewrites the file."""

    def compare(path: Path, text: str) -> None:
        if regenerate:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def paint(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return what installs a package of somebody else's, which is installed already."""
    from throwaway import Installer

    installer = Installer(tmp_path_factory.mktemp("packages"), monkeypatch)
    installer.install()
    yield installer
    for package in ("paint-checks", "other-checks"):
        installer.remove(package)
