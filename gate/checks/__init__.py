"""The catalogue of checks: one file each, and the list of them all.

The list is written by hand, so that it can be read; a test catches what was forgotten.
"""

from collections.abc import Mapping

from gate.checks.abstention import Abstention
from gate.checks.accuracy import Accuracy
from gate.checks.accuracy_paradox import AccuracyParadox
from gate.checks.average_precision import AveragePrecision
from gate.checks.balanced_accuracy import BalancedAccuracy
from gate.checks.base import Rule
from gate.checks.budget import Budget
from gate.checks.calibration_error import CalibrationError
from gate.checks.class_order import ClassOrder
from gate.checks.confusion_rate import ConfusionRate
from gate.checks.data_requirements import DataRequirements
from gate.checks.dataset_integrity import DatasetIntegrity
from gate.checks.deployment_precision import DeploymentPrecision
from gate.checks.duplicate_images import DuplicateImages
from gate.checks.equalised_odds import EqualisedOdds
from gate.checks.expected_cost import ExpectedCost
from gate.checks.f1 import F1
from gate.checks.false_positive_rate import FalsePositiveRate
from gate.checks.fragility import Fragility
from gate.checks.group_overlap import GroupOverlap
from gate.checks.input_contract import InputContract
from gate.checks.log_loss import LogLoss
from gate.checks.loss_curve import LossCurve
from gate.checks.macro_f1 import MacroF1
from gate.checks.mcc import Mcc
from gate.checks.model_integrity import ModelIntegrity
from gate.checks.negative_flips import NegativeFlips
from gate.checks.no_skill import NoSkill
from gate.checks.parent_recall import ParentRecall
from gate.checks.parity import Parity
from gate.checks.patch_shuffle import PatchShuffle
from gate.checks.precision import Precision
from gate.checks.prediction_collapse import PredictionCollapse
from gate.checks.property_label import PropertyLabel
from gate.checks.recall import Recall
from gate.checks.recall_at_fpr import RecallAtFpr
from gate.checks.region_evidence import RegionEvidence
from gate.checks.regression import Regression
from gate.checks.repeatable import Repeatable
from gate.checks.roc_auc import RocAuc
from gate.checks.severe_error import SevereError
from gate.checks.shift import Shift
from gate.checks.slice_gap import SliceGap
from gate.checks.specificity import Specificity
from gate.checks.stability import Stability
from gate.checks.top_k_accuracy import TopKAccuracy
from gate.checks.train_test_gap import TrainTestGap
from gate.checks.train_test_overlap import TrainTestOverlap
from gate.checks.unknown_accepted import UnknownAccepted
from gate.checks.weak_slice import WeakSlice
from gate.checks.weighted_kappa import WeightedKappa

_ALL: tuple[type[Rule], ...] = (
    # classification
    Accuracy,
    BalancedAccuracy,
    Recall,
    Precision,
    F1,
    MacroF1,
    Specificity,
    FalsePositiveRate,
    Mcc,
    RocAuc,
    AveragePrecision,
    TopKAccuracy,
    LogLoss,
    ConfusionRate,
    ExpectedCost,
    RecallAtFpr,
    Abstention,
    UnknownAccepted,
    # order
    SevereError,
    WeightedKappa,
    ParentRecall,
    # groups
    SliceGap,
    EqualisedOdds,
    WeakSlice,
    # traps
    AccuracyParadox,
    PredictionCollapse,
    NoSkill,
    # data
    TrainTestOverlap,
    GroupOverlap,
    DuplicateImages,
    DatasetIntegrity,
    DataRequirements,
    Fragility,
    PropertyLabel,
    # generalisation
    TrainTestGap,
    # baseline
    Regression,
    NegativeFlips,
    # calibration
    CalibrationError,
    # behaviour
    RegionEvidence,
    Stability,
    Shift,
    PatchShuffle,
    Parity,
    # deployment
    DeploymentPrecision,
    Budget,
    # training
    LossCurve,
    # model
    ModelIntegrity,
    InputContract,
    Repeatable,
    ClassOrder,
)

REGISTRY: Mapping[str, type[Rule]] = {rule.model_fields["check"].default: rule for rule in _ALL}
