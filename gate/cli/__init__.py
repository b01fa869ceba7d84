"""The command line: options in, exit status out.

Each command is a file of this folder with a click command called ``command``; it is imported when
it is asked for, so that ``--help`` and ``--version`` load nothing else.
"""

import io
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from gate.cli.streams import came_from_click, open_closed, silence, tell, unwritable
from gate.errors import GateError, PluginError, UsageError
from gate.healing import advice, may_heal, origins
from gate.masking import mask
from gate.measure.parallel.cpu_budget import quiet_libraries
from gate.version import __version__
from gate.wording import did_you_mean, printable

_COMMANDS = {
    "run": "measure a model, judge it, and write the report",
    "judge": "judge saved evidence again: no model, no data",
    "render": "a report in other formats",
    "init": "write a gate file and a policy that fit your data",
    "demo": "six small models on real digits: two good, four that must not ship",
    "explain": "the catalogue of checks, or one check in full",
    "thresholds": "what each threshold of a class gives, and the lines to paste",
    "plan": "how many test images a policy takes to prove",
    "policy": "lint, compare, try out and show policies",
    "overlap": "the leak check alone, on two datasets",
    "inspect": "what a checkpoint file is, without loading it",
    "shard": "measure one share of the images, on one of many machines",
    "merge": "join the shares, judge them, and write the report",
    "cache": "look after what was measured before",
    "attest": "judge a run's evidence again, and sign the verdict",
    "approve": "sign that you accept what was attested",
    "verify": "check a checkpoint, its attestation and approvals at deployment",
    "keygen": "a pair of keys, and what a trust file says of it",
}
INTERRUPTED = 130
UNREAD = 141
NOT_EVALUATED = 4
INTERNAL_ERROR = 70


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        found = import_module(f"gate.cli.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(f"{error.message} {close}".strip(), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Exit status: 0 pass, 1 fail, 2 wrong usage or policy, 3 inconclusive, 4 not evaluated, "
    "5 an attestation was refused, 6 policy diff or test found a problem, 70 internal error.",
)
@click.version_option(__version__, prog_name="validate-model")
def program() -> None:
    """Decide whether a trained PyTorch image classifier may ship."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    open_closed()
    quiet_libraries()
    try:
        status = program.main(args=argv, prog_name="validate-model", standalone_mode=False)
    except click.ClickException as error:
        _show(error)
        return _faulty(argv)
    except UsageError as error:
        tell(f"Error: {error}")
        return _faulty(argv)
    except GateError as error:
        return _end_refused(error)
    except (KeyboardInterrupt, click.Abort):
        return _end_interrupted()
    except (BrokenPipeError, SystemExit):
        # Who read the help has gone, and click exits with 1 then, which is our "fail". Commands
        # speak through `say`, and end with their own status.
        silence(sys.stdout)
        return UNREAD
    except Exception as error:
        if _came_of_ctrl_c(error):
            return _end_interrupted()
        if isinstance(error, OSError) and came_from_click(error):
            silence(sys.stdout)
            return _end_refused(unwritable(error))
        from gate.plugins import plugin_that_raised

        if (plugin := plugin_that_raised(error)) is not None:
            fact = f"raised {type(error).__name__}: {printable(str(error), 200)}"
            return _end_refused(
                PluginError(plugin.where, fact, f"ask the authors of {plugin.package}")
            )
        _report_crash(error)
        return INTERNAL_ERROR
    return status if isinstance(status, int) else 0


def _faulty(argv: Sequence[str] | None) -> int:
    """Keep the last run's results apart from this call, which gave none."""
    from gate.cli.faulty import keep_last

    keep_last(sys.argv[1:] if argv is None else argv, tuple(_COMMANDS))
    return UsageError.exit_status


def _end_interrupted() -> int:
    tell("Interrupted; no report was written.")
    return INTERRUPTED


def _came_of_ctrl_c(error: BaseException | None) -> bool:
    """Return whether an error was made while an interruption was on its way out: of a lock, say."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        cause, context = origins(error)
        error = context if cause is None else cause
    return error is not None


def _show(error: click.ClickException) -> None:
    said = io.StringIO()
    error.show(file=said)
    tell(said.getvalue(), nl=False)


def _end_refused(error: GateError) -> int:
    tell(f"Error: {error}")
    if error.exit_status == NOT_EVALUATED:
        tell(advice(retriable=error.retriable))  # no report says it
    return error.exit_status


def _report_crash(error: Exception) -> None:
    """Say that this is our fault, and leave the traceback in a file; where none can be, say it."""
    ours = f"Error: an internal error of validate-model ({type(error).__name__}); please report it"
    story = f"validate-model {__version__}, Python {sys.version}\n"
    story += mask("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="validate-model-crash-", suffix=".txt", delete=False, encoding="utf-8"
        ) as crash:
            crash.write(story)
    except OSError:
        tell(f"{ours} with this:\n{story}")
    else:
        tell(f"{ours} with {Path(crash.name)}")
    tell(advice(retriable=may_heal(error)))
