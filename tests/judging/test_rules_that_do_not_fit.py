"""What a policy cannot ask of these classes is refused at its place; nothing is measured."""

import pytest

CASES = {
    "a cost matrix for three classes": (
        {"check": "expected-cost", "costs": [[0, 1, 1], [1, 0, 1], [1, 1, 0]], "unit": "EUR",
         "max": 1},
        "costs is 3 x 3 and there are 2 classes; give 2 rows of 2 costs",
    ),
    "a cost matrix that is not square": (
        {"check": "expected-cost", "costs": [[0, 1], [1]], "unit": "EUR", "max": 1},
        "costs must be square: one row and one column a class",
    ),
    "costs without a unit": (
        {"check": "expected-cost", "costs": [[0, 1], [1, 0]], "max": 1},
        "the key 'unit' is missing",
    ),
    "a k that every answer meets": (
        {"check": "top-k-accuracy", "k": 2, "min": 0.9},
        "of 2 classes the truth is always among the 2 highest; state a smaller k",
    ),
    "a prevalence of 0": (
        {"check": "deployment-precision", "prevalence": {"dog": 0}, "min": 0.5},
        "the prevalence of dog is 0, which is not in (0, 1)",
    ),
    "a prevalence of 1": (
        {"check": "deployment-precision", "prevalence": {"dog": 1}, "min": 0.5},
        "the prevalence of dog is 1, which is not in (0, 1)",
    ),
    "a prevalence in percent": (
        {"check": "deployment-precision", "prevalence": {"dog": 5}, "min": 0.5},
        "the prevalence of dog is 5, which is not in (0, 1)",
    ),
    "prevalences of more than 1": (
        {"check": "deployment-precision", "prevalence": {"dog": 0.7, "cat": 0.6}, "min": 0.5},
        "the prevalences add up to 1.3, more than 1",
    ),
    "prevalences of all classes that are less than 1": (
        {"check": "deployment-precision", "prevalence": {"dog": 0.2, "cat": 0.6}, "min": 0.5},
        "the prevalences of all classes add up to 0.8",
    ),
    "a prevalence of an unknown class": (
        {"check": "deployment-precision", "prevalence": {"dgo": 0.2}, "min": 0.5},
        "the model has no class 'dgo'; did you mean 'dog'?",
    ),
    "a requirement of an unknown class": (
        {"check": "recall", "min": 0.5, "per_class": {"tumour": 0.9}},
        "the model has no class 'tumour'",
    ),
    "a confusion with an unknown class": (
        {"check": "confusion-rate", "from": "dog", "to": "wolf", "max": 0.1},
        "the model has no class 'wolf'",
    ),
    "a critical class where none is declared": (
        {"check": "recall", "classes": "$critical", "min": 0.5},
        "no class is said to be critical",
    ),
    "slices without their column": (
        {"check": "recall", "slices": ["A"], "min": 0.5},
        "slices are given without by",
    ),
    "no requirement at all": ({"check": "recall"}, "nothing is required"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_line_and_column_and_nothing_is_written(folder, case):
    rule, said = CASES[case]
    folder.table("test.csv", folder.rows([[90, 10], [10, 90]]))
    folder.policy(rule)

    ran = folder.run()

    assert ran.status == 2
    assert said in ran.err
    assert "Error: policy.yaml:1" in ran.err  # lines 10 to 19: inside the rule
    assert ran.out == ""
    assert ran.report is None


def test_the_same_is_refused_when_evidence_is_judged_again(folder):
    folder.table("test.csv", folder.rows([[90, 10], [10, 90]]))
    folder.policy({"check": "accuracy", "min": 0.5})
    folder.run()
    folder.policy(CASES["a cost matrix for three classes"][0])

    ran = folder.command("judge", "gate-out", "--policy", "policy.yaml")

    assert ran.status == 2
    assert "costs is 3 x 3 and there are 2 classes" in ran.err


def test_prevalences_that_add_up_to_1_are_taken(folder):
    folder.table("test.csv", folder.rows([[990, 10], [10, 990]]))
    folder.policy(
        {"check": "deployment-precision", "prevalence": {"dog": 0.3, "cat": 0.7}, "min": 0.9}
    )

    ran = folder.run()

    assert ran.status == 0
    assert set(ran.outcomes) == {
        "deployment-precision[class=cat]",
        "deployment-precision[class=dog]",
    }


def test_a_precision_of_095_here_is_016_where_one_image_in_a_hundred_is_positive(folder):
    folder.table("test.csv", folder.rows([[95, 5], [5, 95]]))
    folder.policy(
        {
            "check": "deployment-precision",
            "prevalence": {"dog": 0.01},
            "classes": ["dog"],
            "min": 0.5,
        }
    )

    ran = folder.run()

    assert ran.status == 1
    assert "deployment precision of dog on test is 0.161 (at most 0.33" in ran.words
