"""Command: shard."""

from pathlib import Path
from typing import Any

import click

from gate.cli.progress import Progress
from gate.cli.slips import refuse_slip
from gate.cli.streams import say, separate_streams, tell
from gate.cli.subject import (
    gatefile_path,
    means_options,
    settings_from_flags,
    subject_of,
    subject_options,
)
from gate.errors import UsageError
from gate.measure.choices import Backend, Device

SHARDS = Path("gate-shards")


@click.command(name="shard")
@click.argument("gatefile", required=False, type=click.Path(path_type=Path))
@click.option("--index", type=click.IntRange(min=0), required=True, help="Which share: from 0.")
@click.option("--of", type=click.IntRange(min=1), required=True, help="How many shares there are.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=SHARDS,
    show_default=True,
    help="Folder for the file of this shard.",
)
@subject_options
@means_options
def command(
    gatefile: Path | None,
    index: int,
    of: int,
    out: Path,
    device: Device,
    backend: Backend,
    engine: str,
    workers: int,
    max_images_in_memory: int | None,
    no_cache: bool,
    **flags: Any,  # noqa: ANN401 -- those that say what is judged, by name
) -> int:
    """Measure one share of the images, for `merge` to join.

    Every share may be measured by another machine, in any order: a Slurm array, an indexed Job of
    Kubernetes. The gate file and its flags are those of `run`. The names of its files are
    printed: one, or two where rules ask the model again about changed images.
    """
    from gate.sharding import measure_shard
    from gate.subject.overrides import Flags

    if index >= of:
        raise UsageError(
            "--index", f"{index} is not one of {of} shares", f"they count from 0 to {of - 1}"
        )
    if gatefile is not None:
        refuse_slip("run", gatefile)
    settings = settings_from_flags(
        device=device,
        backend=backend,
        engine=engine,
        workers=workers,
        max_images_in_memory=max_images_in_memory,
        no_cache=no_cache,
    )
    subject = subject_of(gatefile_path(gatefile), Flags(**flags))
    with separate_streams():
        written = measure_shard(
            subject, out, index=index, of=of, settings=settings, progress=Progress()
        )
    say(str(written.path))
    if written.again is not None:
        say(str(written.again))
    tell(
        f"{written.images:,} of {written.of_images:,} images; join all shares: validate-model merge"
    )
    return 0
