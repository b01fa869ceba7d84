"""Command: approve."""

from datetime import UTC, datetime
from pathlib import Path

import click

from gate.cli.output import check_target
from gate.cli.signing import check_not_read, key_option
from gate.cli.streams import say


@click.command(name="approve")
@click.argument("attestation", type=click.Path(path_type=Path))
@key_option(required=True)
@click.option("--reason", required=True, help="Why this may ship, in a line; it is signed too.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="Where the approval goes, such as model.approval.jsonl.",
)
def command(attestation: Path, key: str, reason: str, output: Path) -> int:
    """Sign that you accept an ATTESTATION, with the key of another identity than signed it.

    The approval is bound to the bytes of the attestation. Whether the attestation's own signature
    is to be trusted, `verify` says. Exit status 5: not approved.
    """
    from gate.approval.approve import approve
    from gate.approval.keys import read_signing_key
    from gate.evidence.files import write_text
    from gate.wording import printable

    check_target(output, f"-o {output}")
    check_not_read(output, [attestation, Path(key)])
    made = approve(attestation, read_signing_key(key), reason=reason, now=datetime.now(UTC))
    write_text(output, made.envelope.to_bytes().decode("ascii"))
    predicate, said = made.approved.predicate, made.approved.said
    counts = f"{len(predicate.passed)} passed, {len(predicate.warned)} warned"
    say(f"approves {predicate.result} of {said.judged_at}: {counts}")
    for name, digest in made.approved.files.items():
        say(f"of      {printable(name, 60)}, sha256 {digest}")
    for waiver in said.waivers:
        ticket = printable(waiver.ticket, 80)
        say(f"waived  {printable(waiver.result, 80)}: {ticket}, until {waiver.expires}")
    say(f"signed  {output}, by the key {made.envelope.key_id}")
    return 0
