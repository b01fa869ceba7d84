"""MLflow's file store: a run is a folder, a metric a file of lines ``timestamp value step``."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.table import Table, table_of
from gate.subject.histories.text import list_names, read_text

MOST_POINTS = 1_000_000

Point = tuple[float, str, object, int]  # time, metric, value, step


def is_run(folder: Path) -> bool:
    """Return whether a folder is one run of MLflow's file store."""
    return (folder / "meta.yaml").is_file() and (folder / "metrics").is_dir()


def runs_below(folder: Path) -> list[Path]:
    """Return the runs of an experiment or of a whole store, sorted."""
    below = [*folder.glob("[!.]*/meta.yaml"), *folder.glob("[!.]*/*/meta.yaml")]
    return sorted(meta.parent for meta in below if is_run(meta.parent))


def read_run_folder(path: Path) -> Table:
    """Return the metrics of a run, or of the only run below ``path``, a row a step.

    HistoryError is raised when there are several runs, and for lines of another shape.
    """
    runs = [path] if is_run(path) else runs_below(path)
    if len(runs) > 1:
        names = list_names([str(run.relative_to(path)) for run in runs])
        raise HistoryError(str(path), f"holds {len(runs)} runs: {names}", "give one run's folder")
    return rows_of_points(runs[0], "mlflow-files", _points(runs[0]))


def rows_of_points(path: Path, format_name: str, points: Iterable[Point]) -> Table:
    """Return a table of single logged values: what was logged together is a row.

    The rows stand in the order of time, so that a training that was resumed can be seen.
    HistoryError is raised for more than MOST_POINTS.
    """
    logged = list(islice(points, MOST_POINTS + 1))
    if len(logged) > MOST_POINTS:
        fact = f"has more than {MOST_POINTS:,} logged values"
        raise HistoryError(str(path), fact, "log once an epoch")
    rows: list[dict[str, object]] = []
    for _, metric, value, step in sorted(logged, key=lambda point: (point[0], point[3])):
        if not rows or rows[-1]["step"] != step or metric in rows[-1]:
            rows.append({"step": step})
        rows[-1][metric] = value
    return table_of(path, format_name, ((f"step {row['step']}", row) for row in rows))


def _points(run: Path) -> Iterator[Point]:
    folder = run / "metrics"
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        metric = file.relative_to(folder).as_posix()
        for index, line in enumerate(read_text(file).splitlines()):
            match line.split():
                case [time, value, step, *_] if _is_integer(time) and _is_integer(step):
                    yield int(time), metric, value, int(step)
                case _:
                    fact = "is not 'timestamp value step'"
                    remedy = "give a run's folder as MLflow wrote it"
                    raise HistoryError(f"{file}:{index + 1}", fact, remedy)


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 19
