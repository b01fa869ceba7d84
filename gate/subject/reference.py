"""The reference of the gate file, written from its models: ``.github/GATEFILE.md``."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gate.subject.flags import EVERY, FLAGS
from gate.subject.gatefile import gatefile_schema

_HEAD = """\
# The gate file

<!-- Written by `pytest --regenerate tests/subject/test_reference.py`. Do not edit it by hand. -->

A gate file says what is judged; the policy, which says how, is another document. A key that is left
out has its default, or is taken from the artefact or the data, and the report says which. Paths are
relative to the file. A key that is misspelt, doubled or of another type is refused with line and
column. The flag, where there is one, says the same and goes before the file ([FLAGS](FLAGS.md)).
`validate-model init` writes a gate file; `validate-model policy schema gatefile` is its JSON
Schema, for completion in editors.
"""

_SIGNS = re.compile(r": |[#\\[\]{},&*!|>\"%@`]")  # of YAML's own

# The section, the definition in the JSON Schema, and what it is about; "" is the top.
_SECTIONS = (
    ("", "", "The top of the file"),
    ("model", "ModelSpec", "The checkpoint, and the code that builds its module"),
    ("input", "InputSpec", "How an image becomes the input; what is left out is not done"),
    ("output", "OutputSpec", "Which part of the model's answer is the scores"),
    ("operating_point", "OperatingPointSpec", "How scores become answers"),
    ("operating_point.order", "ThresholdSpec", "One class of the order, with its threshold"),
    ("operating_point.order.fit", "FitSpec", "What a threshold has to reach; one of these"),
    ("operating_point.order.fit.cost", "CostsSpec", "What answers cost"),
    ("data", "DataSpecs", "The splits"),
    ("data.test", "DataSpec", "One split: `data.train`, `data.validation` or `data.test`"),
    ("history", "HistorySpec", "A history whose columns have to be named"),
    ("leakage", "LeakageSpec", "How thoroughly copies are looked for"),
)  # fmt: skip

EXAMPLES: Mapping[str, Any] = {
    "apiVersion": "gate/v1",
    "kind": "Validation",
    "model": {"checkpoint": "runs/best.pt", "factory": "nets:build"},
    "classes": ["background", "tumour"],
    "input": {"size": [224, 224], "channels": "RGB"},
    "output": "logit",
    "operating_point": {"order": [{"class": "tumour", "at_least": 0.3}]},
    "data": {"test": {"path": "data/test"}},
    "artefacts": {"int8": "dist/model.int8.onnx"},
    "critical": ["tumour"],
    "history": "runs/metrics.csv",
    "leakage": {"descriptor": "copies.onnx", "size": [288, 288]},
    "baseline": "champion/gate-out",
    "policy": "recall-first",
    "waivers": ["waivers.yaml"],
    "model.checkpoint": "runs/best.pt",
    "model.factory": "tumour.nets:build",
    "model.kwargs": {"num_classes": 2},
    "model.key": "ema_model",
    "model.sha256": "3f" * 32,
    "model.source": "lightning",
    "input.size": [224, 224],
    "input.channels": "RGB",
    "input.orientation": "exif",
    "input.resize": "shorter-side",
    "input.crop_ratio": 0.875,
    "input.rounding": "round",
    "input.interpolation": "bicubic",
    "input.resizer": "tensor",
    "input.pad": 114,
    "input.crop": "center",
    "input.scale": 1.0,
    "input.offset": -1.0,
    "input.mean": [0.485, 0.456, 0.406],
    "input.std": [0.229, 0.224, 0.225],
    "input.factory": "tumour.images:prepare",
    "output.values": "probability",
    "output.select": "logits",
    "operating_point.order": [{"class": "tumour", "at_least": 0.3}],
    "operating_point.otherwise": "abstain",
    "operating_point.order.class": "tumour",
    "operating_point.order.at_least": 0.3,
    "operating_point.order.fit": {"recall": 0.98},
    "operating_point.order.fit.recall": 0.98,
    "operating_point.order.fit.fpr": 0.02,
    "operating_point.order.fit.precision": 0.9,
    "operating_point.order.fit.cost": {"false_positive": 1, "false_negative": 20},
    "operating_point.order.fit.cost.false_positive": 1,
    "operating_point.order.fit.cost.false_negative": 20,
    "operating_point.order.fit.cost.true_positive": 0.5,
    "operating_point.order.fit.cost.true_negative": -0.1,
    "operating_point.order.fit.cost.calibrated": True,
    "data.train": {"path": "data/train"},
    "data.validation": {"path": "data/val"},
    "data.test": {"path": "data/test"},
    "data.unknown": {"path": "data/other"},
    "data.test.path": "data/test.csv",
    "data.test.format": "csv",
    "data.test.images": "t10k-images-idx3-ubyte",
    "data.test.labels": "t10k-labels-idx1-ubyte",
    "data.test.image": "file",
    "data.test.label": "diagnosis",
    "data.test.integers": "positions",
    "data.test.where": {"split": "test"},
    "data.test.folder": "images",
    "data.test.extension": ".png",
    "data.test.id": "scan",
    "data.test.group": "patient_id",
    "data.test.group_pattern": "(patient\\d+)_",
    "data.test.slices": ["scanner"],
    "data.test.factory": "tumour.data:test_set",
    "data.test.kwargs": {"fold": 3},
    "data.test.options": {"table": "scans"},
    "data.test.predictions": "test.csv",
    "history.path": "runs/metrics.csv",
    "history.format": "lightning-csv",
    "history.train_loss": "loss/train",
    "history.validation": ["loss/clinic-a", "loss/clinic-b"],
    "history.checkpoint_epoch": 40,
    "leakage.thorough": True,
    "leakage.descriptor": "copies.onnx",
    "leakage.size": [288, 288],
    "leakage.mean": [0.485, 0.456, 0.406],
    "leakage.std": [0.229, 0.224, 0.225],
}  # fmt: skip


def markdown() -> str:
    """Return the reference of the gate file as Markdown, with a final line break."""
    return "\n".join([_HEAD, *(line for each in _SECTIONS for line in _section(*each))])


def keys() -> Iterator[str]:
    """Yield each key of a gate file by its path: ``data.test.label``."""
    for section, definition, _ in _SECTIONS:
        yield from (_path(section, key) for key in _definition(definition)["properties"])


def _section(section: str, definition: str, about: str) -> Iterator[str]:
    yield f"## {f'`{section}`' if section else 'Top'}\n"
    yield f"{about}.\n"
    yield "| key | type | default | example | flag | what it says |"
    yield "|---|---|---|---|---|---|"
    found = _definition(definition)
    for key, schema in found["properties"].items():
        path = _path(section, key)
        required = key in found.get("required", ())
        default = "required" if required else _default(schema)
        cells = (f"`{key}`", _type(schema), default, _code(f"{key}: {_flow(EXAMPLES[path])}"),
                 _flag(path), schema["description"])  # fmt: skip
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _definition(name: str) -> Mapping[str, Any]:
    schema = gatefile_schema()
    found: Mapping[str, Any] = schema["$defs"][name] if name else schema
    return found


def _path(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _flag(path: str) -> str:
    """Return the flag that says the same; nothing where there is none."""
    for flag in FLAGS:
        if ".".join(flag.key).replace(EVERY, "test") == path:
            return _code(flag.option)
    return ""


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default in (None, [], {}) or isinstance(default, dict) else _code(_flow(default))


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in words, bounds included."""
    if "anyOf" in schema:
        return ", or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(_code(str(each)) for each in schema["enum"])
    if "const" in schema:
        return _code(schema["const"])
    if "$ref" in schema:
        return "mapping"
    match schema.get("type"):
        case "boolean":
            return "`true`, `false`"
        case "array":
            return _list(schema)
        case "object":
            return "mapping"
        case "integer" | "number" as kind:
            return f"{kind}{_bounds(schema)}"
    return "text"


def _list(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        items = schema["prefixItems"]
        return f"list of {len(items)} ({_type(items[0])})"
    return f"list ({_type(schema['items'])})" if "items" in schema else "list"


def _bounds(schema: Mapping[str, Any]) -> str:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    found = [f"{sign} {schema[key]:,.15g}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(found)}" if found else ""


def _code(text: str) -> str:
    return f"`{text}`"


def _flow(value: Any) -> str:  # noqa: ANN401 -- whatever YAML holds
    """Return a value as YAML in one line, plain where that is read as the same."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    return f"'{value}'" if value.isdigit() or _SIGNS.search(value) else value


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 -- a tool, not the product's output
