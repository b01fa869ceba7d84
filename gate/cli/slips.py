"""Natural slips: one file of the trade given in the place of another, with what was meant.

A file is looked at by its first bytes; what is not recognised is left to who reads it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gate.errors import UsageError

_HEAD = 4096  # bytes that are looked at
_MAGIC = {
    b"SQLite format 3\0": "evidence",
    b"PK\x03\x04": "checkpoint",  # torch.save writes a zip
    b"\x80\x02": "checkpoint",  # and once wrote a pickle
    b"\x89HDF": "checkpoint",
}
_DOCUMENTS = {"Validation": "gate file", "Policy": "policy", "WaiverSet": "waivers"}
_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".pt2", ".bin")
_TABLES = (".csv", ".tsv", ".parquet")

_MEANT: Mapping[str, Mapping[str, str]] = {
    "run": {
        "report": "to see it: validate-model render {file}",
        "evidence": "to judge it again: validate-model judge {file} --policy NAME",
        "checkpoint": "name it by a flag: validate-model run --checkpoint {file} --model "
        "PKG.MODULE:FUNCTION --test DATA --policy baseline; or have a gate file written: "
        "validate-model init DATA --checkpoint {file}",
        "policy": "name it by a flag: validate-model run GATEFILE --policy {file}",
        "waivers": "name them by a flag: validate-model run GATEFILE --waivers {file}",
        "table": "name it by a flag: --test {file} if it lists images, --predictions {file} if it "
        "holds saved predictions",
        "output of a run": "to see it: validate-model render {file}",
        "folder": "have a gate file written for it: validate-model init {file}",
    },
    "merge": {
        "gate file": "name it by a flag: validate-model merge --gatefile {file}",
        "policy": "name it by a flag: validate-model merge --policy {file}",
        "evidence": "to judge it again: validate-model judge {file} --policy NAME",
        "report": "to see it: validate-model render {file}",
    },
    "thresholds": {
        "gate file": "run it first, and name what it left: validate-model thresholds gate-out "
        "--class NAME",
        "table": "run it first, with one of validation: validate-model run --predictions TEST "
        "--val-predictions {file} --policy baseline; then validate-model thresholds gate-out "
        "--class NAME",
        "report": "give the evidence beside it, or the folder: validate-model thresholds {folder} "
        "--class NAME",
        "checkpoint": "run it first: validate-model run --checkpoint {file} ...",
    },
    "judge": {
        "gate file": "to measure and judge: validate-model run {file}; to judge again what a run "
        "left: validate-model judge gate-out --policy NAME",
        "policy": "name it by a flag: validate-model judge gate-out --policy {file}",
        "report": "give the evidence beside it, or the folder: validate-model judge {folder} "
        "--policy NAME",
        "checkpoint": "to measure and judge: validate-model run --checkpoint {file} ...",
        "table": "run it first: validate-model run --predictions {file} --policy NAME",
    },
    "render": {
        "gate file": "to have the report: validate-model run {file} -o html=report.html",
        "policy": "to see it: validate-model policy show {file}",
        "evidence": "give the report beside it, or the folder: validate-model render {folder}",
        "checkpoint": "to see what it is: validate-model inspect {file}",
    },
}
_NEEDED = {
    "run": "a gate file",
    "merge": "what `validate-model shard` left",
    "judge": "the evidence of a run",
    "thresholds": "the evidence of a run",
    "render": "a report",
}


def refuse_slip(command: str, path: Path) -> None:
    """Raise UsageError with what was meant, where a command was given another kind of file."""
    kind = kind_of(path)
    meant = _MEANT[command].get(kind)
    if meant is None:
        return
    article = "an" if kind[:1] in "aeio" else "a"
    named = kind if kind == "waivers" else f"{article} {kind}"
    fact = f"this is {named}, and {_NEEDED[command]} is needed here"
    raise UsageError(str(path), fact, meant.format(file=path, folder=path.parent))


def kind_of(path: Path) -> str:
    """Return what a file or folder is; nothing where it is not there, or not recognised."""
    try:
        if path.is_dir():
            return "output of a run" if (path / "report.json").exists() else "folder"
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except (OSError, ValueError):
        return ""
    known = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    text = head.decode("utf-8", errors="replace")
    if stated := re.search(r"^kind:\s*[\"']?(\w+)", text, re.MULTILINE):
        known = _DOCUMENTS.get(stated[1], "")
    elif text.lstrip().startswith("{") and '"schema_version"' in text:
        known = "report"
    if known:
        return known
    suffix = path.suffix.lower()
    return "checkpoint" if suffix in _CHECKPOINTS else "table" if suffix in _TABLES else ""
