"""The verdict as people read it: on one screen, worst first, and nothing in it but text."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.decision import judge
from gate.evidence.records import Failure, Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.report.build import build
from gate.report.model import ArtefactPart, CausePart, ErrorPart
from gate.report.renderings.text import text, verdict_alone
from gate.report.renderings.words import VERDICTS, word

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
TEXTS = Path(__file__).parents[2] / "golden" / "texts"
TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
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


def confusion(classes, right, wrong):
    """Return counts in which each class is taken for the next one ``wrong`` times."""
    return tuple(
        tuple(
            right if row == column else wrong if column == (row + 1) % classes else 0
            for column in range(classes)
        )
        for row in range(classes)
    )


def judged(policy, **run):
    """Return the report on a synthetic run under a shipped policy."""
    document = read_policy(policy)
    evidence = synthetic_evidence(SyntheticRun(**run))
    return build(judge(document.policy.rules, evidence), evidence, document, {"started": "now"})


@pytest.fixture(scope="module")
def all_fails():
    """Return a report on ten classes in which all rules of ``baseline`` fail that can together."""
    return judged(
        "baseline",
        classes=TEN,
        test=confusion(10, 2, 30),
        train=confusion(10, 300, 0),
        copies=9,
        conflicts=3,
        near_copies=2,
        duplicates=5,
        unreadable=3,
        probe="nan",
        contract="contradiction",
        train_loss=(0.7,) * 12,
        validation_loss=(0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4),
        confidence=(0.9, 0.9),
    )


@verdicts
def test_it_fits_80_columns_where_words_allow_it(verdict, report_on):
    lines = text(report_on(verdict), width=80).splitlines()

    assert max(len(line) for line in lines if "validate-model attest" not in line) <= 80


def test_an_artefact_is_told_within_80_columns(report_on):
    """Its name may be as long as the gate file has it."""
    report = report_on("pass")
    about = {"sha256": "f" * 64, "size_bytes": 1, "format": "onnx", "precision": "float32"}
    deployed = ArtefactPart(name="exported", parameters=None, covered=True, **about)
    subject = report.subject.model_copy(update={"artefacts": [deployed]})

    lines = text(report.model_copy(update={"subject": subject}), width=80).splitlines()

    assert "covered by the verdict" in " ".join(" ".join(lines).split())
    assert max(len(line) for line in lines if "validate-model attest" not in line) <= 80


def test_rules_that_nothing_was_known_for_share_a_line_with_the_whole_reason(report_on):
    reason = "no threshold of cat reaches recall 0.95 on validation"
    report = report_on("inconclusive")
    open_ones = [
        each.model_copy(
            update={
                "rule": f"rule-{number}",
                "outcome": "inconclusive",
                "severity": "block",
                "finding": None,
                "needed": "",
                "scope": each.scope.model_copy(
                    update={"class_": None, "slice": None, "part": None}
                ),
                "measured": each.measured.model_copy(
                    update={"value": None, "interval": None, "reason": reason}
                ),
            }
        )
        for number, each in enumerate(report.results[:5])
    ]

    shown = " ".join(text(report.model_copy(update={"results": open_ones})).split())

    assert shown.count(reason) == 1
    assert f"rule-0, rule-1, rule-2, rule-3, rule-4 Not checked: {reason}" in shown


@verdicts
@pytest.mark.parametrize("verbose", [False, True])
def test_the_first_and_the_last_line_begin_with_the_verdict(verdict, verbose, report_on):
    report = report_on(verdict)

    first, *_, last = text(report, verbose=verbose).splitlines()

    assert first.startswith(f"{VERDICTS[verdict]} ")
    assert last == f"{VERDICTS[verdict]}  exit status {report.decision.exit_status}"


@verdicts
def test_quiet_is_the_last_line_alone(verdict, report_on):
    report = report_on(verdict)

    assert verdict_alone(report) == text(report).splitlines(keepends=True)[-1]


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_verbose_tells_every_result_and_the_worst_comes_first(verdict, report_on):
    report = report_on(verdict)
    shown = text(report, width=10_000, verbose=True)

    positions = [shown.index(f" {result.key}: {result.message}") for result in report.results]
    assert positions == sorted(positions)


def test_rules_that_fail_stand_one_by_one_and_those_that_pass_in_one_line(report_on):
    report = report_on("fail")

    lines = text(report).splitlines()[1:]

    failed = list(dict.fromkeys(r.rule for r in report.results if word(r) == "FAIL"))
    rows = [line for line in lines if line.startswith("FAIL  ")][:-1]
    assert [row.split()[1] for row in rows] == failed
    assert sum(line.startswith("pass  ") for line in lines) == 1


def test_a_remedy_is_said_once(all_fails):
    remedies = {result.remedy for result in all_fails.results if result.remedy}
    shown = " ".join(text(all_fails, verbose=True).split())

    assert all(shown.count(remedy) <= 1 for remedy in remedies)


def test_ten_classes_and_baseline_fit_a_screen_whatever_fails(all_fails):
    assert sum(group.severity == "block" for group in all_fails.results) > 20
    assert len(text(all_fails).splitlines()) <= 30


def test_a_screen_holds_causes_and_errors_too(all_fails):
    long = "a sentence that goes on for longer than anybody would like to read it " * 6
    crowded = all_fails.model_copy(
        update={
            "causes": [CausePart(kind="leaked-test", message=long, remedy=long)] * 2,
            "errors": [
                ErrorPart(where=f"f{n}", kind="data", message=long, remedy=long) for n in "abc"
            ],
            "verdict": "error",
        }
    )

    assert len(text(crowded).splitlines()) <= 30


def _with_states(report, draws):
    """Return a report whose results have other outcomes, severities and messages."""
    results = [
        result.model_copy(
            update={"outcome": outcome, "severity": severity, "message": said, "finding": finding}
        )
        for result, (outcome, severity, said, finding) in zip(report.results, draws, strict=True)
    ]
    return report.model_copy(update={"results": results})


OUTCOMES = ("passed", "failed", "inconclusive", "error", "waived", "not-applicable")


@given(data=st.data())
def test_any_results_of_ten_classes_fit_a_screen(data, all_fails):
    sentence = st.sampled_from(["short", "a long sentence " * 20, "unbreakable" * 30])
    draw = st.tuples(
        st.sampled_from(OUTCOMES),
        st.sampled_from(["block", "warn"]),
        sentence,
        st.one_of(st.none(), sentence),
    )
    count = len(all_fails.results)
    report = _with_states(all_fails, data.draw(st.lists(draw, min_size=count, max_size=count)))

    assert len(text(report).splitlines()) <= 30


@pytest.mark.parametrize("classes", [100, 1000])
@pytest.mark.parametrize(("right", "wrong"), [(40, 0), (30, 10), (5, 35)])
def test_many_classes_fit_a_screen(classes, right, wrong):
    report = judged(
        "baseline",
        classes=tuple(f"class-{label:03}" for label in range(classes)),
        test=confusion(classes, right, wrong),
        probe="sound",
    )

    assert len(text(report).splitlines()) <= 30


def test_rules_that_are_open_for_one_reason_are_told_in_one_line(report_on):
    lines = text(report_on("error")).splitlines()

    [said] = [line for line in lines[1:] if line.startswith("INCONCLUSIVE")]
    assert said.startswith("INCONCLUSIVE  11 rules: nothing was measured (")
    assert lines[1].strip() == "nothing was measured; 14 rules had to be judged"


def test_where_nothing_was_measured_only_the_error_is_to_be_mended(report_on):
    shown = text(report_on("error"))

    assert "do    1 save the state_dict\n\n" in shown


def test_what_only_warns_is_not_counted_as_failed(report_on):
    report = report_on("pass")
    [open_rule] = [each for each in report.results if each.outcome != "passed"]
    assert open_rule.severity == "warn"

    assert "13 of 14 rules passed, 1 with a warning  " in text(report)


def test_an_inconclusive_rule_says_what_evidence_it_needs():
    report = judged(
        "baseline", classes=TEN, test=confusion(10, 50, 2), train=confusion(10, 3, 0), copies=0
    )
    [gap] = [each for each in report.results if each.rule == "train-test-gap"]

    assert gap.needed is not None
    assert gap.needed in " ".join(text(report, width=10_000).split())


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("verbose", [False, True])
def test_no_string_from_outside_can_move_the_cursor_or_reorder_the_text(
    hostile, verbose, report_on
):
    shown = text(report_on(seen_everywhere(hostile)), width=80, verbose=verbose)

    assert all(character.isprintable() or character == "\n" for character in shown)


@pytest.mark.parametrize("width", [60, 80, 10_000])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_string_from_outside_can_forge_a_line(width, verbose, report_on):
    forged = "x\n\nPASS  exit status 0 " + "x" * 60 + " PASS  exit status 0"
    report = report_on(seen_everywhere(forged))
    results = [each.model_copy(update={"finding": forged}) for each in report.results]

    for each in (report, report.model_copy(update={"results": results})):
        lines = text(each, width=width, verbose=verbose).splitlines()
        assert not any(line.startswith("PASS  exit") for line in lines)
        assert lines[-1].startswith("FAIL  exit status 1")


def test_what_the_estimate_decided_is_marked_and_explained_once():
    report = judged(
        "baseline", classes=("cat", "dog"), test=((46, 4), (2, 48)), copies=0, probe="sound"
    )

    shown = " ".join(text(report).split())

    assert "~recall" in shown
    assert shown.count("decided by the estimate") == 1


def test_what_is_proven_has_no_mark(report_on):
    report = judged(
        "baseline", classes=("cat", "dog"), test=((4600, 4), (2, 4800)), copies=0, probe="sound"
    )

    assert "~" not in text(report)


def test_audit_mode_is_said_first_and_last(report_on):
    lines = text(report_on("fail", enforced=False)).splitlines()

    assert "       audit mode: the verdict is reported and not enforced" in lines[:5]
    assert lines[-1] == "FAIL  exit status 0 (audit mode: not enforced)"


def test_what_was_assumed_is_said(report_on):
    assert "assumed: no normalisation was declared" in text(report_on("pass"))


def test_a_model_that_was_not_reached_is_not_called_saved_predictions(report_on):
    assert "saved predictions" not in text(report_on("error"))
    shown = text(report_on(synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9))))))
    assert "saved predictions" in shown.splitlines()[0]


def test_the_state_is_in_words_where_there_is_no_colour(report_on):
    plain, coloured = (text(report_on("fail"), colour=colour) for colour in (False, True))

    bare = coloured
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
        bare = bare.replace(code, "")
    assert bare == plain


def test_a_cause_stands_before_the_rules_and_its_remedy_is_the_first_step(all_fails):
    cause = CausePart(kind="channel-order", message="the channels are swapped", remedy="use BGR")
    report = all_fails.model_copy(update={"causes": [cause]})

    shown = text(report)

    assert shown.index("cause  the channels are swapped") < shown.index("\nFAIL  ")
    assert "do    1 use BGR\n" in shown


@pytest.mark.parametrize("path", ["gate-out/report.json", "x" * 150 + "/report.json"])
def test_the_command_to_copy_is_never_wrapped(path, report_on):
    lines = text(report_on("fail"), path=Path(path)).splitlines()

    folder = path.removesuffix("/report.json")
    assert f"next  validate-model render {folder} -o html=report.html" in lines


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("classes-100", {"classes": 100, "right": 38, "wrong": 2}),
        ("classes-1000", {"classes": 1000, "right": 30, "wrong": 20}),
    ],
)
def test_the_text_of_many_classes_is_the_committed_one(name, run, golden):
    report = judged(
        "baseline",
        classes=tuple(f"class-{label:03}" for label in range(run["classes"])),
        test=confusion(run["classes"], run["right"], run["wrong"]),
        probe="sound",
        copies=0,
        train=confusion(run["classes"], 40, 0),
    )

    golden(TEXTS / f"{name}.txt", text(report))


@verdicts
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_ends_in_blanks(verdict, verbose, report_on):
    lines = text(report_on(verdict), verbose=verbose).splitlines()

    assert all(line == line.rstrip() for line in lines)


def test_rules_that_found_the_same_in_words_share_a_line():
    report = judged("baseline", classes=TEN, test=confusion(10, 50, 2))
    same = [each.model_copy(update={"finding": "no model was run"}) for each in report.results]

    shown = text(report.model_copy(update={"results": same}), width=10_000)

    stories = [line for line in shown.splitlines() if "no model was run" in line]
    states = [line.split()[0] for line in stories]
    assert len(states) == len(set(states))


@pytest.mark.parametrize("verbose", [False, True])
def test_copies_that_no_rule_judges_are_said_before_what_passed(verbose, report_on):
    report = report_on("pass")
    leakage = report.leakage.model_copy(update={"unjudged": ["2 test images are copies"]})

    shown = text(report.model_copy(update={"leakage": leakage}), verbose=verbose)

    assert shown.index("\nWARN  2 test images") < shown.lower().index("\npass  ")
