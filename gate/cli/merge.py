"""Command: merge."""

from pathlib import Path
from typing import Any

import click

from gate.cli.output import (
    color_option,
    detail_options,
    format_option,
    mode_option,
    no_images_option,
    output_option,
)
from gate.cli.run import out_option, run_gate
from gate.cli.shard import SHARDS
from gate.cli.slips import refuse_slip
from gate.cli.subject import subject_options
from gate.errors import UsageError
from gate.measure.choices import Backend, Device
from gate.measure.settings import MeasureSettings


@click.command(name="merge")
@click.argument("shards", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--gatefile",
    type=click.Path(path_type=Path),
    help="What is judged; by default gate.yaml, if it is there.",
)
@subject_options
@out_option
@output_option
@format_option
@mode_option
@no_images_option
@color_option
@detail_options
def command(
    shards: tuple[Path, ...],
    gatefile: Path | None,
    device: Device,
    backend: Backend,
    **flags: Any,  # noqa: ANN401 -- the flags of run, by name
) -> int:
    """Join the shares that `shard` measured, judge them, and write the report.

    SHARDS are files, or folders of them; by default gate-shards. All else is as in `run`, and so
    is the report. Every image must be there exactly once, measured by the same plan.
    """
    from gate.measure.partials.shard_files import SUFFIX

    files: list[Path] = []
    for named in shards or (SHARDS,):
        refuse_slip("merge", named)
        found = sorted(named.glob(f"*{SUFFIX}")) if named.is_dir() else [named]
        if not found or not named.exists():
            fact = f"holds no {SUFFIX} files" if named.is_dir() else "does not exist"
            raise UsageError(str(named), fact, "name the files that `validate-model shard` printed")
        files += found
    return run_gate(
        gatefile, MeasureSettings(device=device, backend=backend, shards=tuple(files)), **flags
    )
