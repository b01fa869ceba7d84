"""Command: judge."""

from pathlib import Path

import click

from gate.cli.output import (
    color_option,
    delete_stale_outputs,
    deliver,
    detail_options,
    format_option,
    mode_option,
    output_option,
    parse_outputs,
    waivers_option,
)
from gate.cli.slips import refuse_slip
from gate.errors import SubjectError
from gate.report.renderings.registry import require_extra


@click.command(name="judge")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--policy", required=True, metavar="NAME|FILE", help="A shipped policy, or your own.")
@waivers_option
@click.option(
    "--operating-point",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A gate file whose operating_point takes the place of the evidence's own.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for report.json, the evidence and what it was judged by, as `attest` needs them.",
)
@output_option
@format_option
@mode_option
@color_option
@detail_options
def command(
    evidence: Path,
    policy: str,
    waivers: tuple[str, ...],
    operating_point: Path | None,
    out: Path | None,
    outputs: tuple[str, ...],
    format_: str,
    mode: str,
    color: str,
    detail: str | None,
) -> int:
    """Judge saved EVIDENCE again: a file, or the folder that a run left.

    Neither the model nor the data is needed, and torch is not loaded.
    """
    from gate.evidence.store import FILE_NAME
    from gate.output_folder import REPORT_NAME
    from gate.report.renderings import Beside
    from gate.run import judge

    refuse_slip("judge", evidence)
    file = evidence / FILE_NAME if evidence.is_dir() else evidence
    read = (file, Path(policy), *([operating_point] if operating_point else ()))
    targets = parse_outputs(outputs, inputs=read)
    require_extra(format_)
    try:
        report = judge(
            evidence,
            policy,
            waivers=waivers,
            enforced=mode == "enforce",
            out=out,
            operating_point=operating_point,
        )
    except SubjectError:
        delete_stale_outputs(outputs, None if out is None else out / REPORT_NAME)
        raise
    beside = Beside(report=None if out is None else out / REPORT_NAME, evidence=file)
    return deliver(
        report, format_=format_, outputs=targets, beside=beside, color=color, detail=detail
    )
