"""Command: attest."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from gate.cli.output import check_target
from gate.cli.signing import check_not_read, key_option
from gate.cli.streams import say, tell
from gate.errors import UsageError


@click.command(name="attest")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    required=True,
    help="The file or model folder that was judged; its digest is computed again.",
)
@key_option(required=False)
@click.option(
    "--unsigned",
    is_flag=True,
    help="Instead of --key: write the bare statement, for a platform that signs it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="Where the attestation goes, such as model.intoto.jsonl.",
)
@click.option("--allow-audit", is_flag=True, help="Attest a run in audit mode, as FAILED.")
def command(
    folder: Path,
    checkpoint: Path,
    key: str | None,
    unsigned: bool,
    output: Path,
    allow_audit: bool,
) -> int:
    """Sign the verdict on a checkpoint, from the FOLDER that `run` or `judge --out` left.

    The evidence is judged again: a report that says otherwise is not attested. Writes an in-toto
    Statement v1 with a test result in a DSSE envelope. A verdict other than a pass is attested as
    FAILED, which `verify` refuses. Exit status 5: not attested.
    """
    from gate.approval.attest import attest
    from gate.approval.keys import read_signing_key
    from gate.evidence.files import write_text
    from gate.evidence.store import FILE_NAME as EVIDENCE
    from gate.report.judgement import FILE_NAME as JUDGED
    from gate.report.reading import FILE_NAME as REPORT

    if unsigned == (key is not None):
        raise UsageError("attest", "needs --key or --unsigned, one of them", "give one")
    check_target(output, f"-o {output}")
    files = [folder / name for name in (REPORT, JUDGED, EVIDENCE)]
    check_not_read(output, [folder, *files, checkpoint, *([] if key is None else [Path(key)])])
    signing = None if key is None else read_signing_key(key)
    made = attest(folder, checkpoint, now=datetime.now(UTC), allow_audit=allow_audit)
    if signing is None:
        write_text(output, json.dumps(made.statement, indent=2) + "\n")
    else:
        write_text(output, made.signed(signing).to_bytes().decode("ascii"))
    predicate = made.statement["predicate"]
    passed, warned, failed = (
        len(predicate[f"{name}Tests"]) for name in ("passed", "warned", "failed")
    )
    say(f"{made.result}: {passed} passed, {warned} warned, {failed} not passed")
    say(f"signed  {output}, by the key {signing.id}" if signing else f"written {output}, unsigned")
    for note in made.notes:
        tell(f"Warning: {note}")
    return 0
