"""The policies that come with the package."""

import os
from pathlib import Path

from gate.errors import UsageError
from gate.wording import list_names, quote, suggestion

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder() -> Path:
    """Return the folder of the shipped policies: in a wheel inside the package, else beside it."""
    inside = _PACKAGE / "policies"
    return inside if inside.is_dir() else _PACKAGE.parent / "policies"


def shipped_names() -> list[str]:
    """Return the names of the shipped policies in alphabetical order."""
    return sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def find_policy(path_or_name: str, base: Path | None = None) -> tuple[Path, str]:
    """Return where a policy lies and how messages and reports call it.

    What has a separator or ends like a YAML file is a path, relative to ``base``. A shipped name is
    the shipped policy, whatever files lie about: `./release` is a file of that name. A shipped
    policy is called by its place in the package, so that reports are the same on every machine.
    Raises UsageError for a name that nothing has.
    """
    path = (base or Path()) / path_or_name
    looks_like_a_path = path_or_name.endswith((".yaml", ".yml")) or any(
        separator in path_or_name for separator in "/\\"
    )
    names = shipped_names()
    if looks_like_a_path or (path_or_name not in names and _is_file(path)):
        return path, os.path.normpath(path)
    if path_or_name in names:
        return shipped_folder() / f"{path_or_name}.yaml", f"gate/policies/{path_or_name}.yaml"
    remedy = suggestion(path_or_name, names, what="the shipped policies are")
    if list_names(names, len(names)) not in remedy:
        remedy = f"{remedy} The shipped policies are: {list_names(names, len(names))}"
    raise UsageError(quote(path_or_name), "there is no such file or shipped policy", remedy)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for the file system, or no path at all
        return False
