"""Command: render."""

from pathlib import Path

import click

from gate.cli.output import (
    color_option,
    delete_stale_outputs,
    detail_options,
    echo,
    format_option,
    no_images_option,
    output_option,
    outputs_of_step,
    parse_outputs,
    write,
)
from gate.cli.slips import refuse_slip
from gate.errors import GateError
from gate.report.renderings.registry import require_extra


@click.command(name="render")
@click.argument("report", type=click.Path(path_type=Path))
@output_option
@format_option
@no_images_option
@color_option
@detail_options
def command(
    report: Path,
    outputs: tuple[str, ...],
    format_: str,
    no_images: bool,
    color: str,
    detail: str | None,
) -> int:
    """Write a REPORT in other formats; a file, or the folder that a run left.

    Reads the report, and the evidence beside it for the plots and pictures of html. Decides
    nothing: the exit status is 0 when everything was written. Without -o the report goes to
    standard output.
    """
    from gate.report.reading import FILE_NAME, read_report
    from gate.report.renderings import Beside

    refuse_slip("render", report)
    file = report / FILE_NAME if report.is_dir() else report
    evidence = _evidence_beside(file)
    targets = parse_outputs(outputs, inputs=[each for each in (file, evidence) if each is not None])
    require_extra(format_)
    try:
        found = read_report(report)
    except GateError:
        delete_stale_outputs(outputs)
        raise
    beside = Beside(report=file, evidence=evidence, images=not no_images)
    write(found, targets, beside)
    outputs_of_step(found, [*targets.values(), format_], file)
    if not targets:
        echo(found, format_, beside, color, detail)
    return 0


def _evidence_beside(report: Path) -> Path | None:
    from gate.evidence.files import previous
    from gate.evidence.store import FILE_NAME

    measured = report.with_name(FILE_NAME)
    # Of a report that was put aside the evidence was, too.
    evidence = previous(measured) if ".previous" in report.suffixes else measured
    return evidence if evidence.is_file() else None
