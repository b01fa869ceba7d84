"""Command: judge."""

from pathlib import Path

import click

from gate.cli.output import (
    color_option,
    deliver,
    format_option,
    mode_option,
    output_option,
    parsed,
    require_extra,
    waivers_option,
    withdraw,
)
from gate.errors import GateError


@click.command(name="judge")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--policy", required=True, metavar="NAME|FILE", help="A shipped policy, or your own.")
@waivers_option
@output_option
@format_option
@mode_option
@color_option
def command(
    evidence: Path,
    policy: str,
    waivers: tuple[str, ...],
    outputs: tuple[str, ...],
    format_: str,
    mode: str,
    color: str,
) -> int:
    """Judge saved EVIDENCE again: a file, or the folder that a run left.

    Neither the model nor the data is needed, and torch is not loaded.
    """
    from gate.evidence.store import FILE_NAME
    from gate.report.renderings import Beside
    from gate.run import judge

    file = evidence / FILE_NAME if evidence.is_dir() else evidence
    targets = parsed(outputs, inputs=(file, Path(policy)))
    require_extra(format_)
    try:
        report = judge(evidence, policy, waivers=waivers, enforced=mode == "enforce")
    except GateError:
        withdraw(outputs)
        raise
    beside = Beside(evidence=file)
    return deliver(report, format_=format_, outputs=targets, beside=beside, color=color)
