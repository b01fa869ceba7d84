"""Command: demo."""

import sys
from pathlib import Path

import click

from gate.cli import INTERNAL_ERROR
from gate.cli.progress import Progress
from gate.cli.streams import say, tell, visible


@click.command(name="demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("validate-model-demo"),
    show_default=True,
    help="Folder to write; new, empty, or an earlier demo that nobody edited.",
)
def command(out: Path) -> int:
    """Judge six small models on real digits: two good, four that must not ship.

    Everything that is judged is left in a folder, to be looked at, edited and run again.
    """
    from gate.demo.cases import CASES
    from gate.demo.folder import prepare
    from gate.demo.story import block, next_steps

    tell(f"Writing gate files, checkpoints and images to {str(out)!r}")
    prepare(out)
    from gate.output_folder import REPORT_NAME
    from gate.run import Settings, validate

    reports = {}
    for case in CASES:
        folder = out / case.name
        settings = Settings(
            out=folder / "gate-out", progress=Progress(), command=tuple(sys.argv[1:])
        )
        report = validate(folder / "gate.yaml", settings=settings)
        say(visible(f"{block(case, report)}\n"))
        reports[case.name] = report
    say(visible(f"Reports: {out / '*' / 'gate-out' / REPORT_NAME}\n\n{next_steps(out)}"))
    surprises = [case for case in CASES if reports[case.name].verdict != case.expected]
    for case in surprises:
        tell(
            f"Error: the verdict on {case.name} should be {case.expected}; this is a fault of "
            "validate-model or of a library it uses, please report it"
        )
    return INTERNAL_ERROR if surprises else 0
