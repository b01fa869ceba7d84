"""Engines measure units of work; one is chosen by its name and loaded when it is needed."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.measure.choices import EngineName
from gate.measure.engines.engine import Engine
from gate.wording import quote, suggestion

if TYPE_CHECKING:
    from gate.plugins import Plugin

ENGINES: dict[EngineName, str] = {  # the module of each, whose ENGINE is the class
    "isolated": "isolated_process",
    "inline": "inline",
    "pool": "process_pool",
    "ray": "ray_tasks",
}
_FLAGS = ("local", "ray")  # what ``--engine`` takes beside the names of plugins


def choose_engine(flag: str, *, workers: int) -> EngineName | str:
    """Return the name of the engine that ``--engine`` and ``--workers`` mean.

    One local worker is a process of its own; where torch is in this process already, nothing is
    gained by another one that loads it, too. Raises UsageError for a name that nobody adds.
    """
    match flag:
        case "local" if workers > 1:
            return "pool"
        case "local":
            return "inline" if "torch" in sys.modules else "isolated"
        case "ray":
            return "ray"
        case _:
            return plugin_of(flag).name


def open_engine(name: EngineName | str, workers: int) -> Engine:
    """Return the engine of a name, shipped or of another package; nothing is started yet.

    Raises UsageError for a name that nobody adds, and for a plugin that is no engine.
    """
    for shipped, module in ENGINES.items():
        if name == shipped:
            engine: type[Engine] = import_module(f"{__name__}.{module}").ENGINE
            return engine(workers)
    from gate.measure.engines.plugin_engine import PluginEngine

    return PluginEngine(plugin_of(name), workers)


def packages_behind(name: EngineName | str) -> dict[str, str]:
    """Return the package, with its version, of the engine of a name; none for one that is shipped.

    Raises UsageError for a name that nobody adds.
    """
    if name in ENGINES:
        return {}
    plugin = plugin_of(name)
    return {plugin.package: plugin.version}


def plugin_of(name: str) -> "Plugin":
    """Return the plugin that adds an engine of this name, not loaded.

    Raises UsageError where no package adds it, or more than one.
    """
    from gate.plugins import find_plugin, plugin_names

    plugin = find_plugin("engines", name, shipped={"local", *ENGINES})
    if plugin is None:
        known = (*_FLAGS, *plugin_names("engines"))
        remedy = suggestion(name, known, what="engines")
        raise UsageError("--engine", f"{quote(name)} is no engine", remedy)
    return plugin
