"""Command: inspect; it reads a file without running anything in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gate.cli.formats import text_or_json
from gate.cli.streams import say
from gate.healing import advice
from gate.masking import mask_argument
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.sources.looking import Look, look_at
from gate.subject.sources.statements import Stated
from gate.wording import bytes_in_words, plain, pluralize

_WIDEST_NAME = 48


@click.command("inspect")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--key", help="The set of weights to show, where the file holds several.")
@click.option("--source", metavar="NAME", help="The model source that reads it; else recognised.")
@text_or_json
@click.pass_context
def command(
    ctx: click.Context, checkpoint: Path, key: str | None, source: str | None, format_: str
) -> None:
    """Say what CHECKPOINT is, without loading it and without a factory.

    Nothing in the file runs. The exit status is 0 when it would be opened, 4 when it would be
    refused; the reason stands in the output, and whether trying again may help.
    """
    look = look_at(checkpoint, key=key, source=source)
    if format_ == "json":
        say(json.dumps(as_json(look), indent=2))
    else:
        say(as_text(look))
    ctx.exit(0 if look.refusal is None else look.refusal.exit_status)


def as_json(look: Look) -> dict[str, Any]:
    """Return a look at an artefact as plain JSON values, keys in a fixed order."""
    inspection, refusal = look.inspection, look.refusal
    return {
        "path": mask_argument(str(inspection.path)),
        "source": look.source,
        "format": inspection.identity.format,
        "sha256": inspection.identity.sha256,
        "size_bytes": inspection.identity.size_bytes,
        "refusal": refusal
        and {
            "kind": refusal.kind,
            "fact": refusal.fact,
            "remedy": refusal.remedy,
            "retriable": refusal.retriable,
        },
        "key": inspection.key or None,
        "prefix": inspection.prefix or None,
        "classes": inspection.classes,
        "channels": inspection.channels,
        "elements": inspection.elements,
        "dtypes": dict(inspection.dtypes),
        "tensors": [
            {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape), "bytes": spec.bytes}
            for spec in inspection.tensors
        ],
        "stated": {
            key: {"value": _value(stated), "source": stated.source}
            for key, stated in look.statements.given()
        },
        "notes": list(inspection.notes),
    }


def as_text(look: Look) -> str:
    """Return a look at an artefact as lines for a person; strings from the file are escaped."""
    inspection, refusal = look.inspection, look.refusal
    identity = inspection.identity
    size = None if identity.size_bytes is None else bytes_in_words(identity.size_bytes)
    lines = [
        plain(mask_argument(str(inspection.path))),
        f"  format    {identity.format or 'not recognised'}",
        f"  size      {size or 'not read'}",
        f"  sha256    {identity.sha256 or 'not read'}",
    ]
    if refusal is not None:
        lines += [f"  {refusal.kind}: {refusal.fact}", f"  to do     {refusal.remedy}"]
        return "\n".join([*lines, "", advice(retriable=refusal.retriable)])
    end = "a factory builds the model" if look.needs_factory else "it is run"
    fits = f"  would be opened; whether it fits is known when {end}"
    return "\n".join([*lines, *_stated(look), *_contents(inspection), "", fits])


def _stated(look: Look) -> Iterator[str]:
    for key, stated in look.statements.given():
        yield f"  {key:<8}  from {plain(stated.source)}: {plain(str(_value(stated)), 400)}"


def _value(stated: Stated[Any]) -> Any:  # noqa: ANN401 -- what JSON holds
    value = stated.value
    if isinstance(value, str | tuple):
        return list(value) if isinstance(value, tuple) else value
    return value.model_dump(mode="json", exclude_unset=True)


def _contents(inspection: Inspection) -> list[str]:
    if not inspection.tensors:
        return [f"  note      {note}" for note in inspection.notes]
    dtypes = ", ".join(f"{number:,} {dtype}" for dtype, number in inspection.dtypes.items())
    sizes = f"{pluralize(inspection.elements, 'number')}, {bytes_in_words(inspection.bytes)}"
    lines = [f"  tensors   {len(inspection.tensors):,} ({dtypes}), {sizes}"]
    if inspection.key:
        lines.append(f"  key       {plain(inspection.key)}")
    if inspection.prefix:
        lines.append(f"  prefix    {plain(inspection.prefix)}, taken off when the model lacks it")
    if inspection.head is not None:
        lines.append(f"  classes   {inspection.classes:,}, from {plain(inspection.head.name)}")
    if inspection.channels is not None:
        lines.append(f"  channels  {inspection.channels:,}, of the first convolution")
    lines += [f"  note      {note}" for note in inspection.notes]
    names = [plain(spec.name) for spec in inspection.tensors]
    width = min(max(map(len, names), default=0), _WIDEST_NAME)
    lines.append("")
    for name, spec in zip(names, inspection.tensors, strict=True):
        shape = " x ".join(str(length) for length in spec.shape) or "a single number"
        lines.append(f"  {name:<{width}}  {spec.dtype:<8}  {shape}")
    return lines
