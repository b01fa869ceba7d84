"""A list of values for each series, as Keras's ``History.history`` is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gate.errors import HistoryError
from gate.subject.histories.columns import is_held_out
from gate.subject.histories.text import list_names
from gate.wording import quote

Rows = Iterator[tuple[str, Mapping[str, object]]]
Series = Mapping[str, list[object]]

_REMEDY = "give one value an epoch in each series, null where nothing was logged"


def rows_of_lists(path: Path, series: Series) -> Rows:
    """Yield a row an epoch.

    With ``validation_freq=k`` Keras appends to the series of the validation (``val_loss`` beside
    ``loss``) after every k-th epoch, so that these are shorter. HistoryError is raised for other
    shorter series, and where more than one k gives their number of values.
    """
    epochs = max(map(len, series.values()))
    steps = {name: _step(path, name, series, epochs) for name in series}
    for epoch in range(epochs):
        yield (
            f"epoch {epoch}",
            {
                name: values[epoch // steps[name]]
                for name, values in series.items()
                if (epoch + 1) % steps[name] == 0
            },
        )


def _step(path: Path, name: str, series: Series, epochs: int) -> int:
    """Return the k of a series that has a value every k-th epoch; more than the epochs for none."""
    values = len(series[name])
    if values == epochs:
        return 1
    if not is_held_out(name):
        lengths = [f"{each}: {len(found)}" for each, found in series.items()]
        fact = f"its series differ in length: {list_names(lengths)}"
        raise HistoryError(str(path), fact, _REMEDY)
    if not values:
        return epochs + 1
    few = f"series {quote(name)} has {_count(values)} for {epochs} epochs"
    if not (name.startswith("val_") and name.removeprefix("val_") in series):
        fact = f"{few}: logged after every k-th of them, before it, or in another rhythm?"
        raise HistoryError(str(path), fact, _REMEDY)
    # Every k with epochs // k == values.
    least, most = epochs // (values + 1) + 1, epochs // values
    if least > most:
        fact = f"{few}: no validation_freq gives so many"
        raise HistoryError(str(path), fact, _REMEDY)
    if least < most:
        between = ", or one between" if most > least + 1 else ""
        fact = f"{few}: validation_freq={least} or {most}{between}?"
        raise HistoryError(str(path), fact, _REMEDY)
    return least


def _count(values: int) -> str:
    return "1 value" if values == 1 else f"{values} values"
