"""Command: run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.numbers import numbers, size
from gate.cli.output import (
    color_option,
    deliver,
    format_option,
    mode_option,
    no_images_option,
    output_option,
    parsed,
    require_extra,
    waivers_option,
    withdraw,
)
from gate.cli.progress import Progress
from gate.cli.streams import tell
from gate.errors import UsageError
from gate.measure.progress import Device

if TYPE_CHECKING:
    from gate.subject.gatefile import GateFile
    from gate.subject.overrides import Flags

DEFAULT_GATEFILE = Path("gate.yaml")


@click.command(name="run")
@click.argument("gatefile", required=False, type=click.Path(path_type=Path))
@click.option("--checkpoint", metavar="FILE", help="The checkpoint to judge.")
@click.option("--model", metavar="PKG.MODULE:FUNCTION", help="Returns the nn.Module; your code.")
@click.option("--train", metavar="PATH", help="The images that the model learned from.")
@click.option("--test", metavar="PATH", help="The images that it has never seen.")
@click.option("--val", "validation", metavar="PATH", help="The images that it was chosen on.")
@click.option("--policy", metavar="NAME|FILE", help="A shipped policy, or your own.")
@click.option("--history", metavar="FILE", help="The losses of training.")
@click.option("--baseline", metavar="PATH", help="What the champion left on the same images.")
@waivers_option
@click.option("--size", type=size, metavar="HxW", help="Height and width of the model's input.")
@click.option("--channels", type=click.Choice(["L", "RGB"]), help="Grey or colour.")
@click.option("--mean", type=numbers, metavar="N[,N,N]", help="Subtracted after scaling to 0..1.")
@click.option("--std", type=numbers, metavar="N[,N,N]", help="Divided by after that.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the model runs.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("gate-out"),
    show_default=True,
    help="Folder for report.json and the evidence.",
)
@output_option
@format_option
@mode_option
@no_images_option
@color_option
def command(
    gatefile: Path | None,
    out: Path,
    outputs: tuple[str, ...],
    format_: str,
    mode: str,
    no_images: bool,
    color: str,
    device: Device,
    **flags: Any,  # noqa: ANN401 -- the flags above, by name
) -> int:
    """Measure a model, judge it, and write the report.

    GATEFILE says what is judged; by default gate.yaml, if it is there. Flags go before what it
    says, and can replace it altogether.
    """
    from gate.evidence.store import FILE_NAME
    from gate.report.renderings import Beside
    from gate.run import REPORT_NAME, Settings, spare_baseline, validate
    from gate.subject.overrides import Flags

    path = gatefile or (DEFAULT_GATEFILE if DEFAULT_GATEFILE.is_file() else None)
    try:
        subject = _subject(path, Flags(**flags))
    except UsageError:
        withdraw(outputs, out / REPORT_NAME)
        raise
    spare_baseline(subject, out)
    withdraw(outputs, out / REPORT_NAME)
    targets = parsed(outputs, inputs=_inputs(path, subject))
    require_extra(format_)
    settings = Settings(
        out=out,
        enforced=mode == "enforce",
        device=device,
        images=not no_images,
        progress=Progress(),
        command=tuple(sys.argv[1:]),
    )
    report = validate(subject, settings=settings)
    beside = Beside(report=out / REPORT_NAME, evidence=out / FILE_NAME, images=not no_images)
    try:
        return deliver(report, format_=format_, outputs=targets, beside=beside, color=color)
    finally:  # it is there, whatever became of the other outputs
        tell(f"Report: {out / REPORT_NAME}")


def _subject(path: Path | None, said: "Flags") -> "GateFile":
    """Return the gate file with the flags applied; raises UsageError where either is wrong."""
    from gate.subject.gatefile import GateFile, read_gatefile
    from gate.subject.overrides import override

    if path is None and not said.given():
        raise UsageError(
            "gate.yaml",
            "there is no such file, and no flags say what to judge",
            "write one, or see `validate-model run --help` and `validate-model demo`",
        )
    return override(read_gatefile(path) if path else GateFile(), said)


def _inputs(path: Path | None, subject: "GateFile") -> list[Path]:
    """Return the files that the run reads, which no output may replace."""
    named = [subject.policy, subject.baseline, *subject.waivers]
    named.append(subject.model.checkpoint if subject.model else None)
    files = [subject.base / name for name in named if name is not None]
    return [*files, *([] if path is None else [path])]
