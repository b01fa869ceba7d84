"""The reference of the commands is their own help, and exit statuses are told alike everywhere."""

import re

import click
from click.testing import CliRunner
from pages import HIDDEN, README

from gate.cli import INTERNAL_ERROR, INTERRUPTED, NOT_EVALUATED, UNREAD, program

PAGE = HIDDEN / "COMMANDS.md"
HEAD = """\
# Commands

<!-- Written by `pytest --regenerate tests/cli/test_commands_page.py`. Do not edit it by hand. -->

## Exit statuses

| status | meaning | may CI retry |
|---|---|---|
| 0 | pass, or audit mode | |
| 1 | fail: a blocking rule failed | no |
| 2 | wrong usage, gate file or policy; nothing was measured | no |
| 3 | inconclusive: not enough evidence to decide a blocking rule | no |
| 4 | not evaluated: no checkpoint, no data, a rule crashed, a full disk | where it says so |
| 5 | an attestation was not given, or not accepted (`attest`, `approve`, `verify`) | no |
| 6 | `policy diff` found something loosened, or `policy test` something unexpected | no |
| 70 | internal error | where it says so |
| 130 | stopped with Ctrl-C | |
| 141 | whoever read the output has gone | |

Exit status 4 says whether running again may help: `may heal: run again` (a full disk, an
unreachable store, a killed worker, no memory) or `will not heal by running again` (wrong channels,
a misspelt label, a refused checkpoint, code that raises). In JSON that is `decision.retriable`, and
`retriable` of each of the `errors`. A call with exit status 2 keeps the results of the last run as
`report.previous.json`, `evidence.previous.sqlite` and so on, and says so.
"""


def helps(command, *below):
    """Yield (name, help) of a command of the program and of those below it."""
    command._help_option = None  # it keeps the one of its first call, perhaps of another test
    said = CliRunner().invoke(program, [*below, "--help"], prog_name="validate-model").output
    yield " ".join(["validate-model", *below]), said
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            yield from helps(command.get_command(context, each), *below, each)


def markdown():
    sections = (f"## {name}\n\n```\n{said}```\n" for name, said in helps(program))
    return "\n".join([HEAD, *sections])


def statuses(text):
    """Return the exit statuses that a text explains: '3 inconclusive'."""
    return [int(each) for each in re.findall(r"\b(\d+)(?= (?:`|[a-z]))", text)]


def test_the_committed_page_is_the_help_of_the_program(golden):
    golden(PAGE, markdown())


def test_readme_page_and_help_tell_the_same_exit_statuses():
    help_text = CliRunner().invoke(program, ["--help"]).output.partition("Exit status:")[2]
    readme = README.read_text("utf-8").partition("Exit status:")[2].partition("With 4 and 70")[0]
    page = [int(each) for each in re.findall(r"^\| (\d+) ", HEAD, re.MULTILINE)]

    assert statuses(readme) == statuses(help_text)
    assert page == [*statuses(help_text), INTERRUPTED, UNREAD]
    assert {NOT_EVALUATED, INTERNAL_ERROR} < set(page)


def test_no_command_is_told_in_half_a_sentence():
    lists = [said.partition("\nCommands:\n")[2] for _, said in helps(program)]

    assert any(lists)
    assert [line for each in lists for line in each.splitlines() if line.endswith("...")] == []
