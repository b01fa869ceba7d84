"""CONTRIBUTING's table "to add, copy, register": each row is tried from a package of one's own."""

import re
from pathlib import Path

import numpy as np
import pytest
from graphs import graph

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github/CONTRIBUTING.md").read_text()
FILE = r"`([\w./]+\.py)`"
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: copies, version: 1.0.0}
plugins: [my-package]
rules:
  - {check: accuracy, min: 0.80}
  - {check: mine, RULE}
"""
# Row -> the door, and what the entry point names: a name, or the class that matches.
DOORS = {
    "a check": ("checks", r"^class (\w+)\(Rule\)"),
    "a check of a metric": ("checks", r"^class (\w+)\(ClassMetric\)"),
    "a check with its own measurement": ("checks", r"^class (\w+)\(Rule\)"),
    "a data format": ("formats", r"^(FORMAT)\b"),
    "a model source": ("model_sources", r"^(SOURCE)\b"),
    "a rendering": ("renderings", r"^(RENDERING)\b"),
    "an engine": ("engines", r"^class (\w+)\(Engine\)"),
}


def rows():
    """Return the cells of the table by those of its first column."""
    table = TEXT[TEXT.index("| to add |") :].partition("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return {first: rest for first, *rest in cells}


def files(cell):
    """Return the files that a cell names; one without a folder lies beside the first."""
    found = [Path(name) for name in re.findall(FILE, cell)]
    return [each if len(each.parts) > 1 else found[0].parent / each for each in found]


TRIED = [(row, file) for row, cells in rows().items() for file in files(cells[0])]


def renamed(text, name):
    """Return the source with the name that policies, gate files and flags know it by changed."""
    check = rf'check: Literal["{name}"] = "{name}"'
    text, checks = re.subn(r'check: Literal\["[\w-]+"\] = "[\w-]+"', check, text)
    return text if checks else re.sub(r'\bname ?= ?"[\w-]+"', f'name="{name}"', text, count=1)


@pytest.fixture
def adopt(add_package):
    """Return a function that copies a file into a package that adds it under the name mine."""

    def adopted(row, file, more=""):
        door, named = DOORS[row]
        text = renamed((ROOT / file).read_text(), "mine") + more
        thing = re.search(named, text, re.MULTILINE)[1]
        points = f"[validate_model.{door}]\nmine = my_package.copied:{thing}\n"
        return add_package("my-package", points, {"copied.py": text})

    return adopted


def try_check(project, *rule):
    project.write("policy.yaml", POLICY.replace("RULE", *rule))
    ran = project.run("--no-cache")
    explained = project.command("explain", "mine", "--plugin", "my-package")
    lint = project.command("policy", "lint", "policy.yaml")
    assert (ran.status, explained.status, lint.status) == (0, 0, 0), ran.out + ran.err + lint.err
    assert {"mine"} < {each["rule"] for each in ran.report["results"]}


def try_engine(project):
    honest = project.run("--no-cache")
    ran = project.run("--no-cache", "--engine", "mine", "--workers", 2)
    assert (ran.status, ran.digest) == (0, honest.digest), ran.errors
    assert ran.report["run"]["engines"] == {"my-package": "1.2"}


def try_rendering(project):
    ran = project.run("--format", "mine", "-o", "mine=out")
    assert ran.status == 0, ran.err
    assert ran.out == (project.folder / "out").read_text() != ""


def try_format(project):
    names = {"train": "train.npz", "test": "test.npz"}
    ran = project.run(data={key: {"path": each, "format": "mine"} for key, each in names.items()})
    assert ran.status == 0, ran.errors
    assert ran.report["configuration"]["plugins"] == {"my-package": "1.2"}


def try_source(project, file):
    model = {"checkpoint": "model.pt", "factory": "nets:build", "source": "mine"}
    if file.stem == "onnx":
        pytest.importorskip("onnx", reason="builds the graph")
        pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
        graph(project.folder / "model.onnx")
        model = {"checkpoint": "model.onnx", "source": "mine"}
    if file.stem == "npz_linear":
        arrays = {"weight": np.ones((2, 64), "f4") * [[4], [21]], "bias": np.float32([-20, -553])}
        np.savez(project.folder / "linear.npz", **arrays)
        model = {"checkpoint": "linear.npz", "source": "mine"}
    ran = project.run(model=model)
    assert ran.status == 0, ran.errors
    assert ran.report["configuration"]["plugins"] == {"my-package": "1.2"}


METRIC = '''
    def estimate(self, rows, label, evidence):
        """Return the recall of a class."""
        from gate.metrics.rates import recall

        return recall(rows, label, len(evidence.classes))
'''


@pytest.mark.parametrize(("row", "file"), TRIED, ids=lambda each: getattr(each, "stem", each))
def test_a_copy_under_another_name_works_from_a_package(row, file, adopt, project):
    adopt(row, file, METRIC if row == "a check of a metric" else "")

    match DOORS[row][0]:
        case "checks":
            try_check(project, "min: 0.7" if "collapse" not in file.stem else "split: test")
        case "formats":
            try_format(project)
        case "model_sources":
            try_source(project, file)
        case "renderings":
            try_rendering(project)
        case "engines":
            try_engine(project)


def test_the_table_has_a_row_for_every_door_and_each_row_names_a_file():
    assert set(rows()) == set(DOORS)
    assert {row for row, _ in TRIED} == set(DOORS)


def test_files_lists_and_groups_that_the_text_names_are_there():
    section = TEXT[TEXT.index("## Adding a check") :]
    beside = {file.parent for _, file in TRIED}
    for name in set(re.findall(FILE, section)):
        assert any((folder / name).is_file() for folder in (ROOT, *(ROOT / e for e in beside))), (
            name
        )
    for row, (_, register, own) in rows().items():
        assert row.startswith("a check ") or f"`validate_model.{DOORS[row][0]}`" in own
        for name in re.findall(r"`([A-Z]+)`", register):
            (where,) = files(register)
            assert re.search(rf"^{name}\b", (ROOT / where).read_text(), re.MULTILINE)
