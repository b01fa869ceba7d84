"""The metrics by the names that policies and reports use."""

from collections.abc import Callable, Mapping

from gate.evidence.records import Rows
from gate.metrics import calibration, losses, ranking, rates, skill
from gate.metrics.combined import Over
from gate.metrics.estimates import Estimate

Overall = Callable[[Rows, int, Over], Estimate]  # rows, number of classes, those averaged
OfClass = Callable[[Rows, int, int], Estimate]  # rows, class, number of classes


def _on_its_images(metric: Callable[[Rows], Estimate]) -> OfClass:
    """Return a metric of all rows as one of a class: that of the images of the class."""
    return lambda rows, of, classes: metric(rows.where(rows.labels == of))  # noqa: ARG005 -- OfClass


_OVERALL: Mapping[str, Overall] = {
    "accuracy": lambda rows, classes, over: rates.accuracy(rows),  # noqa: ARG005 -- Overall
    "balanced-accuracy": rates.balanced_accuracy,
    "macro-precision": rates.macro_precision,
    "macro-f1": rates.macro_f1,
    "mcc": skill.mcc,
    "kappa": skill.kappa,
    "brier": lambda rows, classes, over: losses.brier(rows, classes),  # noqa: ARG005
    "roc-auc": ranking.roc_auc,
    "average-precision": ranking.average_precision,
    "log-loss": lambda rows, classes, over: losses.log_loss(rows),  # noqa: ARG005
    "calibration-error": lambda rows, classes, over: calibration.calibration_error(rows),  # noqa: ARG005
}

_OF_CLASS: Mapping[str, OfClass] = {
    "recall": rates.recall,
    "precision": rates.precision,
    "f1": rates.f1,
    "specificity": rates.specificity,
    "false-positive-rate": rates.false_positive_rate,
    # What a metric of the whole means for a single class.
    "accuracy": _on_its_images(rates.accuracy),
    "balanced-accuracy": rates.recall,
    "macro-f1": rates.f1,
    "mcc": skill.mcc_of,
    "roc-auc": ranking.roc_auc_of,
    "average-precision": ranking.average_precision_of,
    "log-loss": _on_its_images(losses.log_loss),
    "calibration-error": _on_its_images(calibration.calibration_error),
}


def metric(name: str, rows: Rows, of: int | None, classes: int, over: Over = None) -> Estimate:
    """Return the metric ``name`` of all rows, or of the class with index ``of``.

    A metric of all rows that is a mean over classes, or needs images of each, looks at the classes
    ``over``: by default all that are declared.

    Raises KeyError for a metric of classes that is asked for all rows.
    """
    if of is None:
        return _OVERALL[name](rows, classes, over)
    return _OF_CLASS[name](rows, of, classes)


def is_per_class(name: str) -> bool:
    """Return whether the metric only exists class by class."""
    return name in _OF_CLASS and name not in _OVERALL
