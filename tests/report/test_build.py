"""The JSON that other tools read."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from measured import as_measured

from gate.decision import judge
from gate.documents.json_schema import as_text
from gate.evidence.records import Evidence, Failure
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.shipped import shipped_folder
from gate.report.model import ConfusionPart, report_schema
from gate.report.notebook import Report

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = jsonschema.Draft202012Validator(report_schema())

# As the product describes it: the tools of other people stand on these names and their order.
KEYS = {
    "": "schema_version tool verdict passed decision subject baseline policy configuration "
    "operating_point contract data measurements causes results searches metrics confusion leakage "
    "history waivers errors environment run",
    "tool": "name version",
    "decision": "exit_status retriable enforced reasons counts rules_evaluated",
    "subject": "file sha256 size_bytes format factory parameters classes artefacts",
    "policy": "name version sha256 resolved_sha256 sources plugins",
    "configuration": "classes critical input output operating_point weights slices groups code "
    "champion plugins digests",
    "configuration.digests": "input output weights operating_point slices groups code plugins",
    "data.test": "path format images per_class groups manifest_sha256 unreadable",
    "results.0": "key rule check severity outcome proven scope measured required margin message "
    "finding needed remedy rows readings waiver location",
    "results.0.scope": "split class slice part",
    "results.0.measured": "value numerator denominator interval reason",
    "results.0.required": "operator value",
    "results.0.location": "file line column",
    "metrics.0": "name split class slice value interval support",
    "metrics.0.interval": "low high one_sided_confidence method",
    "confusion.test": "classes counts abstained",
    "leakage": "compared pairs counts featureless inflation unjudged",
    "leakage.pairs.0": "a b split_a split_b label_a label_b kind distance orientation "
    "change alignment",
    "waivers": "applied expired unused rejected",
}

verdicts = pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error"])


def document(report):
    def refuse(word):
        raise AssertionError(f"JSON has no {word}")

    return json.loads(report.to_json(), parse_constant=refuse)


def at(value, path):
    for part in filter(None, path.split(".")):
        value = value[int(part)] if part.isdecimal() else value[part]
    return value


def test_the_committed_schema_is_what_the_models_say(golden):
    golden(shipped_folder() / "report.schema.json", as_text(report_schema()))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(report_schema())


@verdicts
def test_every_report_meets_the_schema(verdict, report_on):
    assert list(SCHEMA.iter_errors(document(report_on(verdict)))) == []


@pytest.mark.parametrize(("path", "keys"), KEYS.items())
def test_the_keys_are_those_of_the_product_in_that_order(path, keys, report_on):
    assert list(at(document(report_on("fail")), path)) == keys.split()


def test_the_report_reads_back_as_itself(report_on):
    report = report_on("fail")

    assert Report.model_validate_json(report.to_json()) == report


@verdicts
def test_two_runs_differ_only_under_run(verdict, report_on):
    first = document(report_on(verdict))
    second = document(report_on(verdict, run={"started": "later", "seconds": 9.9, "command": []}))

    assert first.pop("run") != second.pop("run")
    assert json.dumps(first) == json.dumps(second)


@verdicts
def test_saved_evidence_is_judged_as_the_measured_one(
    verdict, golden_evidence, report_on, tmp_path
):
    evidence = as_measured(golden_evidence[verdict], golden_evidence[verdict].subject)
    save(evidence, tmp_path / "evidence.sqlite")

    assert report_on(load(tmp_path)).to_json() == report_on(evidence).to_json()


def test_there_is_no_nan_even_where_everything_is_nan(report_on):
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("background", "tumour"),
            critical=("tumour",),
            test=((5, 0), (0, 0)),
            train_loss=(math.nan, math.inf, -math.inf),
        )
    )

    history = document(report_on(evidence))["history"]

    assert history["series"]["train_loss"] == ["nan", "inf", "-inf"]


@verdicts
def test_what_has_no_value_has_a_reason(verdict, report_on):
    for result in document(report_on(verdict))["results"]:
        assert result["measured"]["value"] is not None or result["measured"]["reason"]


def test_passed_is_true_only_for_pass(report_on):
    assert [report_on(verdict).passed for verdict in ("pass", "fail", "inconclusive", "error")] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("verdict", "status"), [("pass", 0), ("fail", 1), ("inconclusive", 3), ("error", 4)]
)
def test_the_exit_status_stands_in_the_report(verdict, status, report_on):
    assert report_on(verdict).decision.exit_status == status


def test_audit_mode_stands_in_the_report(report_on):
    audited = report_on("fail", enforced=False)

    assert (audited.verdict, audited.passed) == ("fail", False)
    assert (audited.decision.exit_status, audited.decision.enforced) == (0, False)


@verdicts
def test_the_reasons_are_keys_of_results_and_the_counts_add_up(verdict, report_on):
    report = report_on(verdict)
    keys = [result.key for result in report.results]

    assert set(report.decision.reasons) <= set(keys)
    assert len(keys) == len(set(keys))
    assert sum(report.decision.counts.model_dump().values()) == len(keys)


@verdicts
def test_every_result_says_a_finding_or_a_number_with_its_requirement(verdict, report_on):
    for result in report_on(verdict).results:
        if result.finding is not None:
            assert result.message.startswith(result.finding)
        elif result.measured.value is None:
            assert "was not checked: " in result.message
        else:
            assert re.search(r"\b(required|allowed|warns)\b", result.message), result.message
        assert not result.message.endswith(".")
        assert "\n" not in result.message


def test_a_number_has_one_interval_and_a_stricter_bound_names_its_confidence(report_on):
    report = report_on("fail")
    result = next(each for each in report.results if each.key == "recall[class=tumour]")
    metric = next(
        each
        for each in report.metrics
        if (each.name, each.split, each.class_, each.slice) == ("recall", "test", "tumour", None)
    )

    assert result.measured.interval == metric.interval
    assert metric.interval.one_sided_confidence == 0.95
    assert "at most 0.262 with 98.75 % confidence" in result.message
    assert metric.interval.high < 0.262


@verdicts
def test_what_did_not_pass_says_how_to_mend_it(verdict, report_on):
    for result in report_on(verdict).results:
        assert bool(result.remedy) == (result.outcome not in ("passed", "waived"))


def test_every_result_names_the_line_of_its_rule(report_on):
    lines = (GOLDEN / "policy.yaml").read_text().splitlines()

    for result in report_on("pass").results:
        assert result.location.file == "policy.yaml"
        assert result.check in lines[result.location.line - 1]


def test_an_open_question_says_how_many_more_images_would_answer_it(report_on):
    messages = {result.key: result.message for result in report_on("inconclusive").results}

    assert re.search(
        r"About \d+ more tumour images would decide it", messages["proven-recall[class=tumour]"]
    )


@pytest.mark.parametrize("classes", [("background", "tumour"), ('"counts": []\n', "\u2028é"), ()])
def test_each_row_of_a_matrix_stands_on_one_line_and_nothing_else_changes(classes, report_on):
    matrix = ConfusionPart(classes=list(classes), counts=[[2] * len(classes) for _ in classes])
    report = report_on("fail").model_copy(update={"confusion": {"train": matrix, "test": matrix}})

    shown = report.to_json()

    assert json.loads(shown) == json.loads(report.model_dump_json(by_alias=True))
    assert list(json.loads(shown)) == list(json.loads(report.model_dump_json(by_alias=True)))
    assert shown.count("\n        [2, 2]") == 2 * len(classes)


def test_a_report_without_matrices_is_written_too(report_on):
    report = report_on("error")

    assert json.loads(report.to_json()) == json.loads(report.model_dump_json(by_alias=True))


def test_where_the_order_of_the_classes_explains_the_errors_the_remedy_says_so(report_on):
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("background", "tumour"), train=((97, 3), (3, 97)), test=((10, 490), (485, 15))
        )
    )

    remedies = {result.key: result.remedy for result in report_on(evidence).results}

    expected = (
        "check the order of `classes`, which explains 97 % of the wrong answers: the output called "
        "tumour seems to be background, the output called background seems to be tumour"
    )
    assert remedies["recall[class=tumour]"] == expected
    assert remedies["no-skill"] == expected
    assert "order of `classes`" not in remedies["train-test-gap"]


def test_where_the_model_is_wrong_the_remedy_is_that_of_the_check(report_on):
    evidence = synthetic_evidence(
        SyntheticRun(classes=("background", "tumour"), test=((490, 10), (400, 100)))
    )

    remedies = {result.key: result.remedy for result in report_on(evidence).results}

    assert remedies["recall[class=tumour]"].startswith("collect more images of the named class")


@pytest.mark.parametrize(
    ("test", "rules", "is_said"),
    [
        (((90, 10), (10, 90)), ("precision",), True),
        (((90, 10), (10, 140)), ("precision",), False),  # no balanced test, so a mix of its own
        (((90, 10), (10, 90)), ("recall",), False),
        (((90, 10), (10, 90)), ("precision", "deployment-precision"), False),
        (((90, 10), (0, 0)), ("precision",), False),
    ],
)
def test_precision_on_a_balanced_test_says_what_it_rests_on(test, rules, is_said, policy):
    from gate.checks import REGISTRY
    from gate.report.build import build

    evidence = synthetic_evidence(SyntheticRun(test=test))
    prevalence = {"prevalence": {"cat": 0.9, "dog": 0.1}}
    asked = [
        REGISTRY[name](id=name, min=0.5, **(prevalence if name.startswith("deployment") else {}))
        for name in rules
    ]

    asked = [rule.model_copy(update={"id": "recall"}) for rule in asked]  # one that has a place
    report = build(judge(asked, evidence), evidence, policy, {})

    assumed = [
        each for each in report.environment["assumed"] if "precision assumes the class mix" in each
    ]
    assert bool(assumed) is is_said


def test_where_the_classes_are_not_known_there_is_a_report_all_the_same(report_on):
    failure = Failure("data/test", "data", "does not exist", "check the path")

    report = report_on(Evidence(classes=(), critical=(), failures=(failure,)))

    assert report.decision.exit_status == 4


def test_a_rule_that_crashed_is_among_the_errors(policy):
    from gate.checks.base import Rule
    from gate.report.build import build

    class Crashing(Rule):
        """Crash."""

        id: str = "recall"
        check: str = "recall"

        def evaluate(self, evidence):
            raise ValueError("what")

    evidence = synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9))))
    report = build(judge([Crashing()], evidence), evidence, policy, {})

    assert [error.kind for error in report.errors] == ["rule-crashed"]
    assert "ValueError: what" in report.errors[0].message
    assert report.decision.exit_status == 4


def test_the_copies_are_listed_counted_and_taken_out_of_the_metrics(report_on):
    report = document(report_on("fail"))
    accuracy = next(each for each in report["metrics"] if each["split"] == "test")

    assert [pair["kind"] for pair in report["leakage"]["pairs"]] == ["bytes"] * 3
    assert report["leakage"]["counts"]["bytes"] == 3
    assert accuracy["support"] == 997
    assert sum(map(sum, report["confusion"]["test"]["counts"])) == 1000


def test_a_thousand_pairs_are_listed_and_all_are_counted(report_on):
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("background", "tumour"),
            critical=("tumour",),
            train=((1500, 0), (0, 5)),
            test=((1500, 0), (0, 5)),
            copies=1200,
        )
    )

    leakage = document(report_on(evidence))["leakage"]

    assert len(leakage["pairs"]) == 1000
    assert leakage["counts"]["bytes"] == 1200


def test_a_notebook_shows_the_verdict_as_text_and_not_as_markup(report_on, golden_evidence):
    failure = Failure("<script>alert(1)</script>", "data", "<b>bold</b>", "")
    evidence = replace(golden_evidence["pass"], failures=(failure,))

    shown = report_on(evidence)._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
