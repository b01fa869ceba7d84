"""The model sources by name: those shipped here, and those that other packages add.

A source is found once a run: what recognises an artefact, or what `model: {source: NAME}` names.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.masking import mask
from gate.plugins import Plugin, find_plugin, plugin_names
from gate.subject.sources.source import Artefact, ModelSource
from gate.wording import quote, suggestion

if TYPE_CHECKING:
    from gate.subject.gatefile import GateFile, ModelSpec

# Name -> the module that holds its SOURCE, in the order in which they are asked whether they
# recognise an artefact. The last one takes whatever is left, and says why it is no checkpoint.
SHIPPED: Mapping[str, str] = {
    "onnx": "gate.subject.sources.onnx",
    "transformers": "gate.subject.sources.transformers",
    "timm": "gate.subject.sources.timm_folder",
    "timm-train": "gate.subject.sources.timm_training",
    "torchvision-reference": "gate.subject.sources.torchvision_reference",
    "mlflow": "gate.subject.sources.mlflow",
    "monai": "gate.subject.sources.monai",
    "lightning": "gate.subject.sources.lightning",
    "exported-program": "gate.subject.sources.exported_program",
    "torch-checkpoint": "gate.subject.sources.torch_checkpoint",
}
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
FALLBACK = "torch-checkpoint"


def source_of(artefact: Artefact) -> ModelSource:
    """Return the source that the gate file names, or else the first that recognises the artefact.

    Raises UsageError for a name that nobody adds, for a plugin that cannot be loaded, and for an
    address in the place of an artefact.
    """
    _refuse_address(artefact)
    name = artefact.source
    if name is None:
        return recognise(artefact.path)
    if name in SHIPPED:
        return _import(name)
    from gate.subject.sources.plugin import PluginSource

    return PluginSource.of(_plugin(name))


def _refuse_address(artefact: Artefact) -> None:
    """Raise UsageError where the checkpoint is a URL: nothing is downloaded that is to be judged.

    A path that was read as one has lost a slash.
    """
    if (found := _ADDRESS.match(artefact.checkpoint)) and not artefact.path.exists():
        address = f"{found[1]}://{artefact.checkpoint[found.end() :]}"
        fact = "is an address, and a checkpoint is a file or folder of this machine"
        raise UsageError(mask(address), fact, "download it first, and give its path")


def recognise(path: Path) -> ModelSource:
    """Return the first shipped source that recognises what lies there; plugins are not asked."""
    sources = (_import(name) for name in SHIPPED)
    return next(source for source in sources if source.name == FALLBACK or source.matches(path))


def plugins_named_by(gatefile: "GateFile") -> tuple[Plugin, ...]:
    """Return the plugin whose source the gate file names, not loaded; none where it names none.

    Raises UsageError as :func:`source_of` does.
    """
    name = _name_of(gatefile.model)
    return () if name is None or name in SHIPPED else (_plugin(name),)


def _name_of(spec: "ModelSpec | None") -> str | None:
    return None if spec is None else spec.source


def _import(name: str) -> ModelSource:
    source: ModelSource = import_module(SHIPPED[name]).SOURCE
    return source


def _plugin(name: str) -> Plugin:
    plugin = find_plugin("model_sources", name, shipped=SHIPPED)
    if plugin is None:
        names = (*SHIPPED, *plugin_names("model_sources"))
        remedy = suggestion(name, names, what="the sources are")
        fact = f"{quote(name)} is no model source, and no installed package adds one of the name"
        raise UsageError("", fact, remedy)
    return plugin
