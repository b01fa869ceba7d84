"""validate-model policy: static work on policies; loads neither numpy nor torch."""

import click

from gate.errors import DocumentError, UsageError
from gate.policy.reading import read_policy


@click.group("policy")
def command() -> None:
    """Check and show policies, without a model or data."""


@command.command()
@click.argument("policies", nargs=-1, required=True, metavar="POLICY...")
def lint(policies: tuple[str, ...]) -> None:
    """Read policies strictly and say what is wrong with them, all faults at once.

    POLICY is a file or the name of a shipped policy.
    """
    errors: list[UsageError] = []
    for path_or_name in policies:
        try:
            policy = read_policy(path_or_name).policy
        except UsageError as error:
            errors.append(error)
            continue
        blocking = sum(rule.severity == "block" for rule in policy.rules)
        click.echo(f"{path_or_name}: ok, {len(policy.rules)} rules, {blocking} block")
    if errors:
        raise _together(errors)


@command.command()
@click.argument("policy", metavar="POLICY")
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def show(policy: str, form: str) -> None:
    """Print a policy as it is judged by, with every default filled in.

    POLICY is a file or the name of a shipped policy.
    """
    from gate.policy.showing import as_json, as_yaml

    document = read_policy(policy)
    click.echo(as_yaml(document.policy) if form == "yaml" else as_json(document.policy))


def _together(errors: list[UsageError]) -> UsageError:
    """Return one error that says all."""
    if len(errors) == 1:
        return errors[0]
    documents = [error for error in errors if isinstance(error, DocumentError)]
    if len(documents) == len(errors):
        return DocumentError([fault for error in documents for fault in error.faults])
    return UsageError("", "\n".join(str(error) for error in errors))
