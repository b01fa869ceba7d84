"""A policy or waiver that the gate file names and nobody finds is told at its line."""

import pytest


@pytest.mark.parametrize(
    ("key", "value", "fact"),
    [
        (
            "policy",
            "smok",
            "'smok': there is no such file or shipped policy; did you mean 'smoke'?",
        ),
        ("policy", "rules.yaml", "rules.yaml: no such file"),
        ("waivers", ["policy.yaml", "gone.yaml"], "this is a 'Policy'"),
        ("waivers", ["gone.yaml"], "gone.yaml: no such file"),
    ],
)
def test_what_the_gate_file_names_and_is_not_there_is_told_at_its_line(key, value, fact, project):
    ran = project.run(**{key: value})

    assert ran.status == 2
    assert fact in ran.err


@pytest.mark.parametrize(("key", "value"), [("policy", "smok"), ("waivers", ["gone.yaml"])])
def test_the_line_and_column_are_those_of_the_value(key, value, project):
    ran = project.run(**{key: value})

    lines = (project.folder / "gate.yaml").read_text().splitlines()
    name = value if isinstance(value, str) else value[0]
    line = next(n for n, text in enumerate(lines, 1) if f'"{name}"' in text)
    column = lines[line - 1].index(f'"{name}"') + 1
    assert ran.err.startswith(f"Error: gate.yaml:{line}:{column}: ")


def test_what_a_flag_names_is_not_told_at_a_line_of_the_gate_file(project):
    ran = project.run("--policy", "smok")

    assert ran.err.startswith("Error: 'smok': there is no such file or shipped policy")
