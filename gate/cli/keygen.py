"""Command: keygen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from gate.cli.streams import say, tell


@click.command(name="keygen")
@click.argument("key", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Whose key it is: a person, or a job.")
@click.option(
    "--role",
    "roles",
    type=click.Choice(["runner", "approver"]),
    multiple=True,
    required=True,
    help="What it may sign: runner attests, approver approves; may repeat.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A policy that it may sign for; may repeat.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    default=365,
    show_default=True,
    help="How long it counts, from today.",
)
def command(
    key: Path, name: str, roles: tuple[str, ...], policies: tuple[str, ...], days: int
) -> int:
    """Write a new private KEY (mode 0600) and KEY.pub, and print the key's entry for a trust file.

    The entry belongs under `keys:` of a document of kind TrustRoot. No file is overwritten.
    """
    from gate.approval.keys import key_id, public_text, write_key_pair

    public = write_key_pair(key)
    today = datetime.now(UTC).date()
    say(f'  - id: "{key_id(public)}"')
    say(f"    name: {json.dumps(name)}")
    say(f"    roles: [{', '.join(dict.fromkeys(roles))}]")
    say(f"    public_key: {public_text(public)}")
    say(f"    not_before: {today}")
    say(f"    not_after: {today + timedelta(days=days - 1)}")
    say(f"    policies: [{', '.join(json.dumps(each) for each in dict.fromkeys(policies))}]")
    tell(f"wrote {key} (keep it secret) and {key}.pub; put what is printed under `keys:`")
    return 0
