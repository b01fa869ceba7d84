"""The catalogue of checks in a terminal, from the checks' own words."""

import re

import pytest

from gate.checks import REGISTRY
from gate.cli import main


def explained(capsys, *arguments):
    status = main(["explain", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_catalogue_lists_every_check_under_its_family(capsys):
    status, out, _ = explained(capsys)

    assert status == 0
    section = ""
    found = {}
    for line in out.splitlines():
        if line and not line.startswith(" "):
            section = line.partition(":")[0]
        elif line.startswith("  ") and not line.startswith("   "):
            found[line.split()[0]] = section
    assert found == {name: rule.family for name, rule in REGISTRY.items()}


@pytest.mark.parametrize("check", REGISTRY)
def test_a_check_is_explained_in_full(check, capsys):
    status, out, _ = explained(capsys, check)
    words = " ".join(out.split())
    rule = REGISTRY[check]

    assert status == 0
    assert out.startswith(f"{check} ({rule.family})\n")
    for text in (rule.formula, rule.interval, *(example.title for example in rule.examples)):
        assert " ".join(text.split()) in words
    for name, field in rule.model_fields.items():
        if name != "check":
            assert f" {field.alias or name}: " in out
            assert " ".join(field.description.split()) in words


@pytest.mark.parametrize("check", [None, *REGISTRY])
def test_it_fits_80_columns_where_words_allow_it(check, capsys):
    _, out, _ = explained(capsys, *([check] if check else []))

    for line in out.splitlines():
        assert len(line) <= 80 or " " not in line.strip()


@pytest.mark.parametrize(("wrong", "meant"), [("recal", "recall"), ("No-Skill", "no-skill")])
def test_an_unknown_check_is_told_with_the_one_that_was_meant(wrong, meant, capsys):
    status, out, err = explained(capsys, wrong)

    assert status == 2
    assert out == ""
    assert err == f"Error: explain: there is no check '{wrong}'; did you mean '{meant}'?\n"


def test_a_check_that_is_like_no_other_is_told_with_all_of_them(capsys):
    status, _, err = explained(capsys, "xyz")

    assert status == 2
    assert all(check in err for check in REGISTRY)


def test_a_hostile_name_is_quoted(capsys):
    _, _, err = explained(capsys, "\x1b[31m")

    assert "\x1b" not in err


@pytest.mark.parametrize("check", REGISTRY)
def test_a_check_says_how_to_mend_a_failure_and_where_its_formula_is_from(check, capsys):
    _, out, _ = explained(capsys, check)
    words = " ".join(out.split())
    rule = REGISTRY[check]

    assert re.search(r"\nto fix    \S", out)
    # What is counted, or defined by its own words, has no author.
    own = rule.interval.startswith("none") or rule.family == "traps"
    assert own or re.search(r"\b(18|19|20)\d\d\b", words.partition(" to fix ")[0])


def test_examples_say_what_their_rows_are(capsys):
    main(["explain", "recall"])

    assert "examples (of a matrix the rows are the truth," in capsys.readouterr().out


def test_a_parameter_with_keys_of_its_own_is_a_mapping(capsys):
    _, out, _ = explained(capsys, "region-evidence")

    assert "  frame: mapping; default not set\n" in out


@pytest.mark.parametrize("check", REGISTRY)
def test_every_parameter_has_a_type(check, capsys):
    _, out, _ = explained(capsys, check)

    assert ": None;" not in out
