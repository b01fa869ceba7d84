"""Command: run."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gate.cli.output import (
    color_option,
    delete_stale_outputs,
    deliver,
    detail_options,
    format_option,
    mode_option,
    no_images_option,
    output_option,
    parse_outputs,
)
from gate.cli.progress import Progress
from gate.cli.slips import refuse_slip
from gate.cli.streams import separate_streams, tell
from gate.cli.subject import (
    gatefile_path,
    inputs_of,
    means_options,
    settings_from_flags,
    subject_of,
    subject_options,
)
from gate.measure.choices import Backend, Device
from gate.measure.settings import MeasureSettings
from gate.report.renderings.registry import require_extra

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("gate-out"),
    show_default=True,
    help="Folder for report.json and the evidence.",
)


@click.command(name="run")
@click.argument("gatefile", required=False, type=click.Path(path_type=Path))
@subject_options
@means_options
@out_option
@output_option
@format_option
@mode_option
@no_images_option
@color_option
@detail_options
def command(
    gatefile: Path | None,
    device: Device,
    backend: Backend,
    engine: str,
    workers: int,
    max_images_in_memory: int | None,
    no_cache: bool,
    **flags: Any,  # noqa: ANN401 -- the flags above, by name
) -> int:
    """Measure a model, judge it, and write the report.

    GATEFILE says what is judged; by default gate.yaml, if it is there. Flags go before what it
    says, and can replace it altogether.
    """
    settings = settings_from_flags(
        device=device,
        backend=backend,
        engine=engine,
        workers=workers,
        max_images_in_memory=max_images_in_memory,
        no_cache=no_cache,
    )
    return run_gate(gatefile, settings, **flags)


def run_gate(
    gatefile: Path | None,
    settings: MeasureSettings,
    *,
    out: Path,
    outputs: tuple[str, ...],
    format_: str,
    mode: str,
    no_images: bool,
    color: str,
    detail: str | None,
    **flags: Any,  # noqa: ANN401 -- those that say what is judged, by name
) -> int:
    """Run the gate as the flags say, deliver its report, and return the exit status.

    Raises UsageError where the flags or the gate file are wrong, MissingExtraError where the format
    needs an extra that is not installed.
    """
    from gate.output_folder import REPORT_NAME, refuse_overwriting_baseline
    from gate.run import Settings, validate
    from gate.subject.overrides import Flags

    if gatefile is not None:
        refuse_slip("run", gatefile)
    path = gatefile_path(gatefile)
    subject = subject_of(path, Flags(**flags))
    refuse_overwriting_baseline(subject, out)
    targets = parse_outputs(outputs, inputs=inputs_of(path, subject))
    require_extra(format_)
    delete_stale_outputs(outputs)
    how = Settings(
        out=out,
        enforced=mode == "enforce",
        measure=replace(settings, images=not no_images),
        progress=Progress(),
        command=tuple(sys.argv[1:]),
    )
    with separate_streams():
        report = validate(subject, settings=how)
    # Imported while it measured, not before.
    from gate.evidence.store import FILE_NAME
    from gate.report.renderings import Beside

    beside = Beside(report=out / REPORT_NAME, evidence=out / FILE_NAME, images=not no_images)
    try:
        return deliver(
            report, format_=format_, outputs=targets, beside=beside, color=color, detail=detail
        )
    finally:  # it is there, whatever became of the other outputs
        tell(f"Report: {out / REPORT_NAME}")
