import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gate.cli import main
from gate.cli.policy import command
from gate.errors import DocumentError, UsageError
from gate.policy.fixtures import read_fixtures

FAULTY = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: a, version: '1'}\nrules: []\n"


SMOKE = (
    "smoke: ok, 14 rules, 6 block\n"
    "  no rule that blocks watches per-class metrics, leakage, generalisation\n"
)


def _run(*arguments):
    return CliRunner().invoke(command, arguments)


def test_lint_says_how_many_rules_there_are_and_how_many_block():
    result = _run("lint", "smoke", "baseline")

    assert result.output == f"{SMOKE}baseline: ok, 13 rules, 12 block\n"
    assert result.exit_code == 0


def test_lint_goes_on_after_a_faulty_policy_and_tells_all_faults(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(FAULTY)
    second.write_text(FAULTY.replace("Policy", "Polizei"))

    result = _run("lint", str(first), "smoke", str(second))

    assert result.output == SMOKE
    assert isinstance(result.exception, DocumentError)
    assert result.exception.exit_status == 2
    assert [(fault.file, fault.line) for fault in result.exception.faults] == [
        (str(first), 4),
        (str(second), 2),
    ]


def test_lint_tells_missing_and_faulty_policies_together(tmp_path):
    faulty = tmp_path / "a.yaml"
    faulty.write_text(FAULTY)

    error = _run("lint", "nothing.yaml", str(faulty)).exception

    assert isinstance(error, UsageError)
    assert "nothing.yaml: no such file" in str(error)
    assert f"{faulty}:4:1: the policy has no rules" in str(error)


def test_lint_of_nothing_is_wrong_usage():
    assert _run("lint").exit_code == 2


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_show_prints_one_document(form):
    output = _run("show", "smoke", "--format", form).output

    assert "one_sided_confidence" in output
    if form == "json":
        assert json.loads(output)["metadata"]["name"] == "smoke"


def test_linting_loads_nothing_heavy():
    program = (
        "import sys; from gate.cli.policy import command;"
        "command(['lint', 'baseline'], standalone_mode=False);"
        "print(sorted({'numpy', 'scipy', 'torch', 'PIL', 'sklearn'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: a, version: '1'}\n"


@pytest.fixture
def policies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(f"{HEAD}rules: [{{check: recall, min: 0.9}}]\n")
    (tmp_path / "new.yaml").write_text(f"{HEAD}rules: [{{check: recall, min: 0.8}}]\n")
    return tmp_path


def _status(*arguments):
    return main(["policy", *arguments])


def test_diff_says_what_became_of_each_key(policies, capsys):
    assert _status("diff", "old.yaml", "new.yaml") == 0
    assert capsys.readouterr().out == (
        "loosened  recall: min: 0.9 -> 0.8\n1 differences: 1 loosened\n"
    )


def test_diff_exits_6_where_loosening_is_forbidden_and_0_where_it_tightens(policies, capsys):
    assert _status("diff", "old.yaml", "new.yaml", "--forbid-loosening") == 6
    assert _status("diff", "new.yaml", "old.yaml", "--forbid-loosening") == 0
    assert _status("diff", "new.yaml", "new.yaml", "--forbid-loosening") == 0
    assert capsys.readouterr().out.endswith("no difference in what is judged\n")


def test_diff_as_json_tells_the_same(policies, capsys):
    _status("diff", "old.yaml", "new.yaml", "--format", "json")

    found = json.loads(capsys.readouterr().out)
    assert found["may_loosen"] is True
    assert found["differences"] == [
        {"kind": "loosened", "rule": "recall", "key": "min", "old": 0.9, "new": 0.8}
    ]
    assert found["old"]["resolved_sha256"] != found["new"]["resolved_sha256"]


FIXTURES = """\
apiVersion: gate/v1
kind: PolicyFixtures
policy: old.yaml
measured: {test: [[490, 10], [10, 490]]}
fixtures:
  - {name: sound, verdict: pass, expect: {recall: passed}}
"""


def test_fixtures_that_come_out_as_expected_exit_0(policies, capsys):
    (policies / "fixtures.yaml").write_text(FIXTURES)

    assert _status("test", "fixtures.yaml") == 0
    assert capsys.readouterr().out == (
        "fixtures.yaml: 1 fixtures, 0 surprises; of 1 rules 1 are shown passing, 0 failing\n"
        "  never shown failing: recall\n"
    )


def test_a_rule_that_no_fixture_shows_failing_exits_6_where_one_is_required(policies):
    (policies / "fixtures.yaml").write_text(FIXTURES)
    failing = (
        "  - {name: dogs are missed, measured: {test: [[490, 10], [400, 100]]},"
        " expect: {'recall[class=dog]': failed}}\n"
    )

    assert _status("test", "fixtures.yaml", "--require-failing-fixture") == 6
    (policies / "fixtures.yaml").write_text(FIXTURES + failing)
    assert _status("test", "fixtures.yaml", "--require-failing-fixture") == 0


def test_a_limit_that_no_model_could_fail_exits_6_whatever_its_fixtures_show(policies, capsys):
    (policies / "old.yaml").write_text(f"{HEAD}rules: [{{check: recall, min: 0}}]\n")
    (policies / "fixtures.yaml").write_text(FIXTURES)

    assert _status("test", "fixtures.yaml") == 6
    assert "old.yaml:4:30: the rule 'recall' asks for nothing by min" in capsys.readouterr().out


def test_lint_refuses_a_limit_that_no_model_could_fail(policies, capsys):
    (policies / "old.yaml").write_text(f"{HEAD}rules: [{{check: train-test-gap, max: 0.999}}]\n")

    assert _status("lint", "old.yaml") == 2
    assert "old.yaml:4:38: the rule 'train-test-gap' asks for nothing" in capsys.readouterr().err


def test_a_surprise_is_told_at_its_place_and_exits_6(policies, capsys):
    (policies / "fixtures.yaml").write_text(FIXTURES.replace("verdict: pass", "verdict: fail"))

    assert _status("test", "fixtures.yaml") == 6
    assert "fixtures.yaml:6: sound: the verdict is pass, expected fail\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("numbers", "fact"),
    [
        ("test: [[1, 2]]", "test must have 2 rows of 2 counts"),
        ("test: [[1, 2], [3, -4]]", "must be 0 or more"),
        ("test: [[9000000, 2], [3, 4]]", "1,000,000 together at most"),
        ("classes: [cat, cat]", "two or more different names"),
        ("critical: [owl]", "none of the classes"),
        ("copies: 1, conflicts: 2", "conflicts are some of the copies"),
        ("near_copies: 1", "copies says that the splits were compared"),
        ("copies: 0, validation_copies: 1", "validation_copies need a validation split"),
        ("broken: 1, same_champion: true", "a champion that is the model itself has broken: 0"),
        ("probe: odd", "probe must be one of"),
        ("confidence: [0.5, 1.5]", "two numbers from 0 to 1"),
    ],
)
def test_numbers_that_no_run_can_measure_are_refused_at_their_place(numbers, fact, policies):
    text = FIXTURES.replace("verdict: pass", f"measured: {{{numbers}}}, verdict: pass")
    (policies / "fixtures.yaml").write_text(text)

    with pytest.raises(DocumentError, match=fact) as error:
        read_fixtures("fixtures.yaml")

    assert error.value.faults[0].line == 6


@pytest.mark.parametrize("document", ["policy", "gatefile", "waivers", "fixtures"])
def test_the_schema_of_each_document_is_printed(document, capsys):
    assert _status("schema", document) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_show_resolved_says_where_each_value_comes_from(capsys):
    assert _status("show", "release", "--resolved") == 0

    lines = capsys.readouterr().out.splitlines()
    assert any("min_support: 19" in line and "release.yaml:" in line for line in lines)
    assert any("min: 0.85" in line and "baseline.yaml:" in line for line in lines)


def test_lint_against_a_gate_file_finds_classes_that_it_lacks(policies, capsys):
    (policies / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\nclasses: [cat, dog]\n"
    )
    (policies / "owls.yaml").write_text(
        f"{HEAD}rules: [{{check: recall, min: 0.9, classes: [owl]}}]\n"
    )

    assert _status("lint", "old.yaml", "--gatefile", "gate.yaml") == 0
    assert _status("lint", "owls.yaml", "--gatefile", "gate.yaml") == 2
    assert "the model has no class 'owl'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("slices", "remedy"),
    [
        ("", "add slices: [scanner] to data: test: in the gate file"),
        (", slices: [scaner]", "did you mean 'scaner'?"),
        (", slices: [ward]", "its slices are: ward"),
    ],
    ids=["none", "misspelt", "another"],
)
@pytest.mark.parametrize(
    "rule",
    [
        "{check: recall, min: 0.9, by: scanner}",
        "{check: weak-slice, min_recall: 0.8, search: [scanner]}",
    ],
)
def test_lint_finds_a_slice_column_that_the_gate_file_does_not_declare(
    rule, slices, remedy, policies, capsys
):
    (policies / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\nclasses: [cat, dog]\n"
        f"data: {{test: {{path: nowhere.csv{slices}}}}}\n"
    )
    (policies / "by.yaml").write_text(f"{HEAD}rules: [{rule}]\n")

    assert _status("lint", "by.yaml", "--gatefile", "gate.yaml") == 2
    err = capsys.readouterr().err
    assert "the gate file's test declares no slice column 'scanner'" in err
    assert remedy in err


@pytest.mark.parametrize(
    "data", ["test: {path: x.csv, slices: [scanner, ward]}", "train: {path: x.csv}"]
)
def test_lint_accepts_a_declared_slice_column_and_says_nothing_of_a_split_not_given(data, policies):
    (policies / "gate.yaml").write_text(
        f"apiVersion: gate/v1\nkind: Validation\nclasses: [cat, dog]\ndata: {{{data}}}\n"
    )
    (policies / "by.yaml").write_text(
        f"{HEAD}rules: [{{check: recall, min: 0.9, by: [scanner, ward]}}]\n"
    )

    assert _status("lint", "by.yaml", "--gatefile", "gate.yaml") == 0


def test_lint_counts_the_test_images_of_a_gate_file(policies, capsys):
    rows = ["id,label,cat,dog", *(f"{n},{'cat' if n % 2 else 'dog'},0.5,0.5" for n in range(20))]
    (policies / "test.csv").write_text("\n".join(rows) + "\n")
    (policies / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\nclasses: [cat, dog]\n"
        "data: {test: {predictions: test.csv}}\n"
    )

    assert _status("lint", "old.yaml", "--gatefile", "gate.yaml") == 2
    assert "the test split has 10 images of cat, and" in capsys.readouterr().err


def test_explain_shows_a_rule_as_its_policy_asks_it(capsys):
    assert main(["explain", "critical-recall", "--policy", "recall-first"]) == 0

    out = capsys.readouterr().out
    assert "min: 0.95  (gate/policies/recall-first.yaml:" in out
    assert "on_inconclusive: block" in out
    assert main(["explain", "critical-recal", "--policy", "recall-first"]) == 2
    assert "did you mean 'critical-recall'?" in capsys.readouterr().err


def test_a_failure_that_no_fixture_expects_shows_nothing(policies, capsys):
    surprising = FIXTURES.replace("[[490, 10], [10, 490]]", "[[490, 10], [400, 100]]")
    (policies / "fixtures.yaml").write_text(surprising)

    assert _status("test", "fixtures.yaml") == 6
    assert "of 1 rules 0 are shown passing, 0 failing" in capsys.readouterr().out


def test_a_key_that_was_not_there_before_is_not_set_and_not_nothing(policies, capsys):
    (policies / "some.yaml").write_text(
        f"{HEAD}rules: [{{check: recall, min: 0.9, classes: [hexagon]}}]\n"
    )
    (policies / "all.yaml").write_text(f"{HEAD}rules: [{{check: recall, min: 0.9}}]\n")

    _status("diff", "all.yaml", "some.yaml")

    assert "classes: not set -> [hexagon]" in capsys.readouterr().out
