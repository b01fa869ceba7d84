"""A bundle of MONAI: configs/metadata.json names the classes, models/model.pt holds the weights.

The configurations of a bundle are programs: a text that begins with `$` is a Python expression,
and `_target_` names what is imported and called. None of it is evaluated here; the network is asked
for, with what the bundle itself says of it as lines to paste.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gate.evidence.contract import Disagreement
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.checkpoints.refusals import RefusedError, corrupt
from gate.subject.checkpoints.sealing import Sealed
from gate.subject.sources.contract import WEIGHTS, contradiction
from gate.subject.sources.proposals import CLASSES, as_names, input_question
from gate.subject.sources.source import Artefact
from gate.subject.sources.statements import Ask, Stated, Statements
from gate.subject.sources.weights_inside import (
    Inside,
    WeightsInside,
    has_file,
    only_file,
    read_inside,
)
from gate.wording import plain

_DOCUMENT = "configs/metadata.json"
_NAMES = f"{_DOCUMENT}: network_data_format.outputs.channel_def"
_PROGRAM = "configs/inference.json"
_NETWORKS = "monai.networks.nets"  # what is elsewhere is not proposed
_FETCHES = re.compile(r"pretrained|path|url|file|download")  # of an argument of a network
_LONGEST = 400  # characters of a network that is proposed


class Monai(WeightsInside):
    """A folder in the layout of a MONAI bundle."""

    name = "monai"

    def matches(self, path: Path) -> bool:
        """Return whether the folder has the metadata of a bundle."""
        return has_file(path, _DOCUMENT)

    def look(self, path: Path) -> Inside:
        """Return the metadata, and the weights; raises RefusedError."""
        document = read_inside(path, _DOCUMENT)
        content = _read(_DOCUMENT, document)
        remedy = "put the state_dict of the network there: torch.save(net.state_dict(), PATH)"
        weights = only_file(path, "models", ("model.pt",), remedy=remedy)
        left = (_PROGRAM,) if (path / _PROGRAM).is_file() else ()
        return Inside({_DOCUMENT: document}, weights, content, left)

    def states(self, artefact: Artefact) -> Statements:
        """Return the classes that the metadata names, and what is not known.

        Raises CheckpointError where the weights are refused, RefusedError where its document cannot
        be read.
        """
        inside = self.seen(artefact)
        found = self.inspect(artefact)
        if found.refusal is not None:
            raise found.refusal
        formats = inside.content.get("network_data_format")
        image, output = (_only(formats, "inputs"), _only(formats, "outputs"))
        names = as_names(output.get("channel_def"))
        checks: tuple[Disagreement, ...] = ()
        if names is not None and found.classes not in (None, len(names)):
            checks = (
                contradiction("the number of outputs", len(names), _NAMES, found.classes, WEIGHTS),
            )
            names = None
        asks = [_factory_question(artefact.path), _input_question(image, found)]
        if artefact.factory is None and names is None:
            asks.append(CLASSES)
        classes = None if names is None else Stated(names, _NAMES)
        read = {_DOCUMENT: inside.documents[_DOCUMENT].sha256}
        return Statements(classes=classes, asks=tuple(asks), read=read, checks=checks)


def _read(name: str, document: Sealed) -> Mapping[str, Any]:
    """Return the JSON object of a document; raises RefusedError where it is none."""
    try:
        content = json.loads(bytes(document.data))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise corrupt(f"{name} is not the JSON of a MONAI bundle")
    return content


def _only(formats: object, side: str) -> Mapping[str, Any]:
    """Return what the bundle says of its only input or output; empty where it has several."""
    each = formats.get(side) if isinstance(formats, dict) else None
    values = list(each.values()) if isinstance(each, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else {}


def _factory_question(path: Path) -> Ask:
    fact = "a MONAI bundle builds its network by a program, which is never run here"
    remedy = "under model: add factory: package.module:function, or use --model"
    if network := _network(path):
        remedy = (
            f"if {_PROGRAM} tells the truth, add model: {network}; else name your own factory "
            "there, or use --model"
        )
    return Ask("factory", f"{fact}: nothing says how the model is built", remedy)


def _network(path: Path) -> str:
    """Return the lines that build network_def by plain values; empty where it is more than that.

    The name in `_target_` is shown and not looked up.
    """
    try:
        program = _read(_PROGRAM, read_inside(path, _PROGRAM))
    except RefusedError:
        return ""
    network = program.get("network_def")
    if not isinstance(network, dict) or not _is_constant(network):
        return ""
    kwargs = {name: value for name, value in network.items() if name != "_target_"}
    target = str(network.get("_target_"))
    module, _, name = target.rpartition(".")
    known = name.isidentifier() and module in ("", _NETWORKS) and all(map(str.isidentifier, kwargs))
    if any(_FETCHES.search(each) and kwargs[each] for each in kwargs):
        return ""
    shown = json.dumps(kwargs, ensure_ascii=True)
    if not known or len(shown) > _LONGEST:
        return ""
    return f"{{factory: '{_NETWORKS}:{plain(name)}', kwargs: {shown}}}"


def _is_constant(value: object) -> bool:
    """Whether JSON holds neither expressions nor references, both of which begin with a sign."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as found:
                waiting += [*found, *found.values()]
            case list() as found:
                waiting += found
            case str() as text if text.startswith(("$", "@", "%")) or "\n" in text:
                return False
    return True


def _input_question(image: Mapping[str, Any], found: Inspection) -> Ask:
    count = image.get("num_channels")
    channels = count if type(count) is int else found.channels
    fact = (
        f"{_PROGRAM} prepares images by transforms, which are not run: nothing else says how "
        "images are prepared"
    )
    return input_question(fact, {"size": image.get("spatial_shape")}, channels=channels)


SOURCE = Monai()
