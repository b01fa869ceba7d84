"""Command: attest."""

from pathlib import Path

import click

from gate.cli.output import check_target
from gate.cli.signing import check_not_read, key_option
from gate.cli.streams import say


@click.command(name="attest")
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    required=True,
    help="The file or model folder that was judged; its digest is computed again.",
)
@key_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="Where the attestation goes, such as model.intoto.jsonl.",
)
@click.option("--allow-audit", is_flag=True, help="Attest a run in audit mode, as FAILED.")
def command(report: Path, checkpoint: Path, key: str, output: Path, allow_audit: bool) -> int:
    """Sign the verdict of a REPORT on a checkpoint: a file, or the folder that a run left.

    Writes an in-toto Statement v1 with a test result in a DSSE envelope. A verdict other than a
    pass is attested as FAILED, which `verify` refuses. Exit status 5: not attested.
    """
    from gate.approval.attest import attest
    from gate.approval.keys import read_signing_key
    from gate.evidence.files import write_text
    from gate.report.reading import FILE_NAME

    check_target(output, f"-o {output}")
    check_not_read(output, [report, report / FILE_NAME, checkpoint, Path(key)])
    made = attest(report, checkpoint, read_signing_key(key), allow_audit=allow_audit)
    write_text(output, made.envelope.to_bytes().decode("ascii"))
    predicate = made.statement["predicate"]
    passed, warned, failed = (
        len(predicate[f"{name}Tests"]) for name in ("passed", "warned", "failed")
    )
    say(f"{made.result}: {passed} passed, {warned} warned, {failed} failed")
    say(f"signed  {output}, by the key {made.envelope.key_id}")
    return 0
