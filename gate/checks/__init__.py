"""The catalogue of checks: one file each, and the list of them all.

The list is written by hand, so that it can be read; a test catches what was forgotten.
"""

from collections.abc import Mapping

from gate.checks.accuracy import Accuracy
from gate.checks.accuracy_paradox import AccuracyParadox
from gate.checks.balanced_accuracy import BalancedAccuracy
from gate.checks.base import Rule
from gate.checks.dataset_integrity import DatasetIntegrity
from gate.checks.f1 import F1
from gate.checks.group_overlap import GroupOverlap
from gate.checks.loss_curve import LossCurve
from gate.checks.macro_f1 import MacroF1
from gate.checks.model_integrity import ModelIntegrity
from gate.checks.no_skill import NoSkill
from gate.checks.precision import Precision
from gate.checks.prediction_collapse import PredictionCollapse
from gate.checks.recall import Recall
from gate.checks.train_test_gap import TrainTestGap
from gate.checks.train_test_overlap import TrainTestOverlap

_ALL: tuple[type[Rule], ...] = (
    # classification
    Accuracy,
    BalancedAccuracy,
    Recall,
    Precision,
    F1,
    MacroF1,
    # traps
    AccuracyParadox,
    PredictionCollapse,
    NoSkill,
    # data
    TrainTestOverlap,
    GroupOverlap,
    DatasetIntegrity,
    # generalisation
    TrainTestGap,
    # training
    LossCurve,
    # model
    ModelIntegrity,
)

REGISTRY: Mapping[str, type[Rule]] = {rule.model_fields["check"].default: rule for rule in _ALL}
