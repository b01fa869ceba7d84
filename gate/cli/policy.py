"""Command: policy; it loads neither numpy nor torch unless it must."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli.formats import text_or_json
from gate.cli.streams import say, tell
from gate.errors import DocumentError, UsageError
from gate.policy.reading import PolicyDocument, read_policy

if TYPE_CHECKING:
    from gate.checks.base import DataFacts
    from gate.errors import Fault
    from gate.policy.diff import Difference
    from gate.rehearsal import Rehearsal
    from gate.subject.census import Census
    from gate.subject.gatefile import GateFile

FOUND_A_PROBLEM = 6
_SCHEMAS = ("policy", "gatefile", "waivers", "fixtures", "trust")


@click.group("policy")
def command() -> None:
    """Check, compare, try out and show policies, without a model or data."""


@command.command()
@click.argument("policies", nargs=-1, required=True, metavar="POLICY...")
@click.option(
    "--gatefile",
    type=click.Path(path_type=Path),
    help="Also check against its classes, and what its test images can prove.",
)
def lint(policies: tuple[str, ...], gatefile: Path | None) -> None:
    """Say what is wrong with policies, all faults at once.

    POLICY is a file or the name of a shipped policy. Beside faults, limits that no model could fail
    and rules that another makes needless are refused. Told, and not refused, is what asks for less
    than guessing gives, and what no blocking rule watches: single classes, traps, leakage,
    generalisation.
    """
    from gate.documents.source_text import refuse
    from gate.policy.linting import advice, useless_rules

    subject, counted = _count(gatefile) if gatefile else (None, None)
    data = _facts(counted)
    errors: list[UsageError] = []
    for path_or_name in policies:
        try:
            document = read_policy(path_or_name)
            faults = [*_wrong_examples(document), *useless_rules(document, data)]
            if subject and counted:
                faults += _misfits(document, subject, counted)
            refuse(faults)
        except UsageError as error:
            errors.append(error)
            continue
        rules = document.policy.rules
        blocking = sum(rule.severity == "block" for rule in rules)
        say(f"{path_or_name}: ok, {len(rules)} rules, {blocking} block")
        for line in advice(document, data):
            say(f"  {line}")
    if errors:
        raise _together(errors)


@command.command(short_help="Print a policy as it is judged by.")
@click.argument("policy", metavar="POLICY")
@click.option("--resolved", is_flag=True, help="Say of each value which file and line it is from.")
@click.option(
    "--format", "format_", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def show(policy: str, resolved: bool, format_: str) -> None:
    """Print a policy as it is judged by: merged, and with every default filled in.

    POLICY is a file or the name of a shipped policy.
    """
    from gate.policy.showing import as_json, as_yaml, places, with_places

    document = read_policy(policy)
    if format_ == "yaml":
        say(with_places(document) if resolved else as_yaml(document.policy))
    elif resolved:
        whole = {"policy": document.policy.resolved(), "places": places(document)}
        say(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        say(as_json(document.policy))


@command.command(short_help="Say what NEW judges differently from OLD.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--forbid-loosening",
    is_flag=True,
    help="Exit 6 where NEW may accept what OLD refuses.",
)
@text_or_json
def diff(old: str, new: str, forbid_loosening: bool, format_: str) -> int:
    """Say what NEW judges differently from OLD, and which way it went.

    Both are files or names of shipped policies; an earlier revision is a file too:
    git show main:policy.yaml > old.yaml
    """
    from gate.policy.diff import diff as differences_of

    before, after = read_policy(old), read_policy(new)
    found = differences_of(before.policy, after.policy)
    if format_ == "json":
        say(_diff_as_json(before, after, found))
    else:
        say(_diff_as_text(found))
    may_loosen = any(each.kind.may_loosen for each in found)
    return FOUND_A_PROBLEM if forbid_loosening and may_loosen else 0


@command.command("test", short_help="Judge made-up measurements, as fixtures expect it.")
@click.argument("fixtures", nargs=-1, required=True, metavar="FIXTURES...")
@click.option(
    "--require-failing-fixture",
    is_flag=True,
    help="Exit 6 where no fixture shows a rule failing.",
)
def rehearse(fixtures: tuple[str, ...], require_failing_fixture: bool) -> int:
    """Judge made-up measurements, and compare what comes of them with what was expected.

    FIXTURES are documents of kind PolicyFixtures; each names its policy. A policy with a limit that
    no model could fail exits 6 too.
    """
    from gate.policy.fixtures import read_fixtures
    from gate.rehearsal import rehearse as rehearsed

    every = [read_fixtures(path) for path in fixtures]
    is_problem = False
    for cases in every:
        came = rehearsed(cases)
        for surprise in came.surprises:
            say(str(surprise))
        say("\n".join(_coverage(cases.file, came)))
        for fault in (vacuous := _vacuous(cases.policy)):
            say(str(fault))
        is_problem |= bool(came.surprises or vacuous)
        is_problem |= bool(require_failing_fixture and came.never_failing)
    return FOUND_A_PROBLEM if is_problem else 0


@command.command(short_help="Print the JSON Schema of a document, for editors.")
@click.argument("document", type=click.Choice(_SCHEMAS), default="policy")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="PACKAGE",
    help="Of a policy: with the checks of an installed package; may repeat.",
)
def schema(document: str, plugins: tuple[str, ...]) -> None:
    """Print the JSON Schema of a document, for editors: completion and hover text for every key."""
    if plugins and document != "policy":
        raise UsageError("--plugin", f"no check stands in a {document}", "leave it out")
    from gate.checks.plugins import packages_of, registry_with
    from gate.documents.json_schema import as_text, model_schema
    from gate.policy.schema import policy_schema

    if document == "policy":
        found = policy_schema(registry_with(packages_of(plugins)))
    elif document == "gatefile":
        from gate.subject.gatefile import gatefile_schema

        found = gatefile_schema()
    elif document == "waivers":
        from gate.policy.waivers import WaiverSet

        found = model_schema(WaiverSet, "Waivers of validate-model")
    elif document == "trust":
        from gate.approval.trust import TrustRoot

        found = model_schema(TrustRoot, "Trust root of validate-model")
    else:
        from gate.policy.fixtures import FixtureSet

        found = model_schema(FixtureSet, "Fixtures of a policy of validate-model")
    say(as_text(found), nl=False)


def _count(gatefile: Path) -> "tuple[GateFile, Census]":
    """Return a gate file, and the classes and images that its test split lists."""
    from gate.errors import SubjectError
    from gate.subject.census import Census, census
    from gate.subject.gatefile import read_gatefile

    subject = read_gatefile(gatefile)
    try:
        return subject, census(subject)
    except SubjectError as error:
        tell(f"Warning: {error}; only the classes of {gatefile} are checked")
        return subject, Census(subject.classes)


def _facts(counted: "Census | None") -> "DataFacts":
    from gate.checks.base import DataFacts

    if counted is None:
        return DataFacts()
    images = None if counted.per_class is None else sum(counted.per_class.values())
    return DataFacts(classes=len(counted.classes) or None, images=images)


def _misfits(document: PolicyDocument, subject: "GateFile", counted: "Census") -> "Sequence[Fault]":
    from gate.policy.linting import undeclared_slices, unprovable_bounds
    from gate.policy.reading import class_faults

    subject = subject.bound_by(document)
    declared = {split: spec.slices for split, spec in subject.data.given().items()}
    faults = list(undeclared_slices(document, declared))
    if not counted.classes:
        return faults
    faults += class_faults(document, counted.classes, subject.critical)
    if faults or counted.per_class is None:
        return faults
    return list(
        unprovable_bounds(
            document,
            counted.classes,
            subject.critical,
            counted.per_class,
            counted.groups,
        )
    )


def _diff_as_text(found: "Sequence[Difference]") -> str:
    if not found:
        return "no difference in what is judged"
    kinds = [each.kind for each in found]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return "\n".join([*map(str, found), f"{len(found)} differences: {counted}"])


def _diff_as_json(
    before: PolicyDocument, after: PolicyDocument, found: "Sequence[Difference]"
) -> str:
    from dataclasses import asdict

    sides = {
        side: {
            "name": document.policy.metadata.name,
            "version": document.policy.metadata.version,
            "resolved_sha256": document.resolved_sha256,
        }
        for side, document in (("old", before), ("new", after))
    }
    differences = [asdict(each) for each in found]
    may_loosen = any(each.kind.may_loosen for each in found)
    whole = {**sides, "may_loosen": may_loosen, "differences": differences}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _coverage(file: str, came: "Rehearsal") -> list[str]:
    rules = len(came.rules)
    passing, failing = rules - len(came.never_passing), rules - len(came.never_failing)
    shown = f"of {rules} rules {passing} are shown passing, {failing} failing"
    lines = [f"{file}: {came.fixtures} fixtures, {len(came.surprises)} surprises; {shown}"]
    if came.never_passing:
        lines.append(f"  never shown passing: {', '.join(came.never_passing)}")
    if came.never_failing:
        lines.append(f"  never shown failing: {', '.join(came.never_failing)}")
    return lines


def _vacuous(policy: PolicyDocument) -> "list[Fault]":
    from gate.checks.base import DataFacts
    from gate.policy.linting import vacuous_limits

    rules = policy.policy.rules
    return [fault for rule in rules for fault in vacuous_limits(policy, rule, DataFacts())]


def _wrong_examples(document: PolicyDocument) -> "Iterator[Fault]":
    """Yield a fault for each example of a plugin's check that does not come out as it says."""
    if not document.packages:
        return
    from gate.rehearsal import wrong_examples  # numpy: only who lists a plugin pays for it

    for package in document.packages:
        for name, check in package.checks.items():
            for fact in wrong_examples(check):
                where = f"the check {name} of {package.name} {package.version}"
                remedy = f"ask the authors of {package.name}, or use another version of it"
                yield document.header_origin("plugins").fault(f"{where}: {fact}", remedy)


def _together(errors: list[UsageError]) -> UsageError:
    """Return one error that says all."""
    if len(errors) == 1:
        return errors[0]
    documents = [error for error in errors if isinstance(error, DocumentError)]
    if len(documents) == len(errors):
        return DocumentError([fault for error in documents for fault in error.faults])
    return UsageError("", "\n".join(str(error) for error in errors))
