"""The verdict as people read it: complete, narrow, and nothing in it but text."""

from dataclasses import replace

import pytest

from gate.evidence.records import Failure, Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.renderings.text import text

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "back\rto the start",
    "\x1b]0;title\x07",
    "\u202egnp.exe",
    "\u2066inside\u2069",
    "bell\x07",
    "null\x00",
    "a\u2028b",
    "\x9b31m",
)
verdicts = pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "error"])


def seen_everywhere(word):
    """Return evidence in which a word stands wherever a string from outside can stand."""
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("background", word),
            critical=(word,),
            train=((50, 0), (0, 50)),
            test=((45, 5), (3, 47)),
            copies=2,
            unreadable=1,
            groups=1,
            probe="nan",
        )
    )
    splits = {
        name: replace(
            split,
            path=word,
            format=word,
            unreadable=tuple(replace(image, id=word, reason=word) for image in split.unreadable),
        )
        for name, split in evidence.splits.items()
    }
    pairs = tuple(replace(pair, a=word, b=word) for pair in evidence.overlaps[0].pairs)
    return replace(
        evidence,
        splits=splits,
        overlaps=(replace(evidence.overlaps[0], pairs=pairs),),
        probe=replace(evidence.probe, nonfinite_tensors=(word,)),
        subject=Subject("ab" * 32, 1, word, word, 1),
        failures=(Failure(word, "data", word, word),),
        assumed=(word,),
        environment={"python": word},
    )


@verdicts
def test_it_fits_80_columns_where_words_allow_it(verdict, report_on):
    lines = text(report_on(verdict), width=80).splitlines()

    assert max(map(len, lines)) <= 80


@verdicts
def test_it_ends_in_the_verdict_and_the_exit_status(verdict, report_on):
    report = report_on(verdict)

    last = " ".join(text(report, width=200).splitlines()[-1:])

    assert last.endswith(f"(exit status {report.decision.exit_status})")


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_every_failure_is_told_and_the_worst_comes_first(verdict, report_on):
    report = report_on(verdict)
    shown = text(report, width=10_000)

    positions = [shown.index(f" {result.key}: {result.message}") for result in report.results]
    assert positions == sorted(positions)


def test_rules_that_are_open_for_one_reason_are_told_in_one_line(report_on):
    report = report_on("error")

    shown = text(report, width=10_000).splitlines()

    rules = ", ".join(dict.fromkeys(result.rule for result in report.results))
    said = f"nothing was measured for 14 rules because of this error: {rules}"
    assert [line[8:] for line in shown if line.startswith("OPEN")] == [said]


def test_what_only_warns_is_not_counted_as_failed(report_on):
    report = report_on("pass")
    [open_rule] = [each for each in report.results if each.outcome != "passed"]
    assert open_rule.severity == "warn"

    shown = text(report)

    assert "14 rules, 28 results: 27 passed, 1 warning\n" in shown


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_string_from_outside_can_move_the_cursor_or_reorder_the_text(hostile, report_on):
    shown = text(report_on(seen_everywhere(hostile)), width=80)

    assert all(character.isprintable() or character == "\n" for character in shown)


def test_no_string_from_outside_can_forge_a_line(report_on):
    forged = "x\n\nPASS (exit status 0)"

    lines = text(report_on(seen_everywhere(forged)), width=10_000).splitlines()

    assert not any(line.startswith("PASS") for line in lines)


def test_a_policy_of_a_thousand_classes_shows_thirty_passes_and_counts_the_rest(report_on):
    classes = tuple(f"c{label}" for label in range(60))
    matrix = tuple(tuple(200 if row == column else 0 for column in range(60)) for row in range(60))
    evidence = synthetic_evidence(
        SyntheticRun(classes=classes, critical=("c1",), test=matrix, probe="sound")
    )

    lines = text(report_on(evidence)).splitlines()

    assert 30 <= sum(line.startswith("pass") for line in lines) <= 31
    assert any("more, in the report" in line for line in lines)


def test_what_is_not_proven_is_counted_in_words(report_on):
    evidence = replace(
        synthetic_evidence(
            SyntheticRun(
                classes=("background", "tumour"),
                critical=("tumour",),
                train=((97, 3), (3, 97)),
                test=((46, 4), (2, 48)),
                probe="sound",
                copies=0,
            )
        ),
    )

    assert "passed on the estimate alone, not proven" in text(report_on(evidence))


def test_audit_mode_is_said_beside_the_verdict(report_on):
    assert "FAIL (audit mode: not enforced) (exit status 0)" in text(
        report_on("fail", enforced=False)
    )


def test_what_was_assumed_is_said(report_on):
    assert "assumed: no normalisation was declared" in text(report_on("pass"))


def test_a_model_that_was_not_reached_is_not_called_saved_predictions(report_on):
    assert "saved predictions" not in text(report_on("error"))
    assert "model   saved predictions" in text(
        report_on(synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9)))))
    )
