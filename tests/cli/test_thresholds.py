"""The command that shows what a threshold gives, and finds one."""

import csv
import json
import re
import shlex
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import yaml
from sklearn.metrics import precision_recall_curve, roc_curve

from gate.cli import main
from gate.evidence.store import load
from gate.metrics.proportions import Proportion

POLICY = """apiVersion: gate/v1
kind: Policy
metadata: {name: detector, version: "1"}
rules:
  - {check: recall, classes: "<b>&", min: 0.9}
"""
CLASSES = ("normal", "<b>&")


def written(path, n, seed):
    random = np.random.default_rng(seed)
    mine = random.random(n) < 0.3
    scores = 1 / (1 + np.exp(-random.normal(np.where(mine, 0.5, -3.0))))
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "label", *CLASSES])
        for index, (is_mine, score) in enumerate(zip(mine, scores, strict=True)):
            out.writerow([f"{path.stem}{index}", CLASSES[int(is_mine)], 1 - score, score])


@pytest.fixture
def measured(tmp_path, monkeypatch, capsys):
    """A folder whose gate-out has evidence with validation and test; a function that runs."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "test.csv", 2000, 1)
    written(tmp_path / "val.csv", 2000, 2)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")

    def run(more="", validation=True):
        data = {"test": {"predictions": "test.csv"}}
        if validation:
            data["validation"] = {"predictions": "val.csv"}
        head = {"apiVersion": "gate/v1", "kind": "Validation", "classes": list(CLASSES)}
        text = yaml.safe_dump({**head, "data": data, "policy": "policy.yaml"}) + more
        (tmp_path / "gate.yaml").write_text(text, encoding="utf-8")
        status = main(["run"])
        capsys.readouterr()
        return status

    run()
    run.folder = tmp_path
    return run


@pytest.fixture
def show(measured, capsys):
    def thresholds(*arguments, name="<b>&"):
        capsys.readouterr()
        status = main(["thresholds", "gate-out", "--class", name, *map(str, arguments)])
        return status, *capsys.readouterr()

    return thresholds


def test_the_lines_to_paste_make_the_detector_pass(measured, show):
    assert measured() == 1
    status, out, _ = show("--recall", 0.9)
    assert status == 0

    lines = out[out.index("operating_point:") :]

    assert measured(lines) == 0
    found = load(measured.folder / "gate-out").configuration.operating_point
    assert f"from {found.order[0].at_least!r} on" in out


def test_the_table_has_the_points_of_scikit_learns_curves(measured, show):
    _, out, _ = show("--format", "json")
    rows = next(
        each.rows
        for split, each in load(measured.folder / "gate-out").splits.items()
        if split == "validation"
    )
    truth, scores = rows.labels == 1, rows.scores[:, 1].astype(np.float64)
    precision, recall, cuts = precision_recall_curve(truth, scores)
    fpr, _, steps = roc_curve(truth, scores, drop_intermediate=False)

    shown = json.loads(out)["thresholds"]

    assert len(shown) == 8
    for each in shown:
        place = int(np.flatnonzero(cuts == each["threshold"])[0])
        step = int(np.flatnonzero(steps == each["threshold"])[0])
        assert each["recall"]["value"] == pytest.approx(recall[place])
        assert each["precision"]["value"] == pytest.approx(precision[place])
        assert each["false_positive_rate"]["value"] == pytest.approx(fpr[step])
        found = Proportion(round(recall[place] * truth.sum()), int(truth.sum()))
        assert each["recall"]["low"] == pytest.approx(found.lower(0.95))


def test_flagged_images_and_precision_are_those_of_the_prevalence_in_use(show):
    _, out, _ = show("--format", "json", "--prevalence", 0.01)

    for each in json.loads(out)["thresholds"]:
        right = 0.01 * each["recall"]["value"]
        flagged = right + 0.99 * each["false_positive_rate"]["value"]
        assert each["flagged_of_1000"]["value"] == pytest.approx(1000 * flagged)
        assert each["precision"]["value"] == pytest.approx(right / flagged)
        assert (
            each["flagged_of_1000"]["low"]
            < each["flagged_of_1000"]["value"]
            < each["flagged_of_1000"]["high"]
        )


def test_the_page_stands_alone_and_shows_names_as_text(measured, show):
    status, _, _ = show(
        "--recall", 0.9, "-o", "html=t.html", "-o", "svg=t.svg", "-o", "json=t.json"
    )

    assert status == 0
    page = (measured.folder / "t.html").read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    drawn = ET.parse(measured.folder / "t.svg").getroot()
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 3
    assert json.loads((measured.folder / "t.json").read_text())["paste"] in page.replace(
        "&quot;", '"'
    ).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_a_target_that_no_threshold_reaches_is_open_with_the_nearest(show):
    status, out, _ = show("--precision", 0.9999)

    assert status == 3
    assert "no threshold reaches precision 0.9999" in out
    assert "the nearest that one reaches is 0.97" in out
    assert "operating_point" not in out


def test_what_no_fit_reaches_names_the_images_that_one_takes(show):
    """The fewest images with which none is missed but for the chance of 0.002: ln 0.002 / ln g."""
    _, recall, _ = show("--recall", 0.999)
    _, alarms, _ = show("--fpr", 0.001)

    assert "6,212 of <b>& at the least, and" in recall
    assert "6,212 other than <b>& at the least, and" in alarms
    for said in (recall, alarms):
        assert "write at_least: with a threshold of the table" in " ".join(said.split())


def test_enough_images_are_not_asked_for(show):
    assert "at the least" not in show("--precision", 0.9999)[1]


def test_text_is_at_most_80_columns_wide(show):
    for arguments in ((), ("--recall", 0.9), ("--recall", 0.9999)):
        text = show(*arguments)[1].partition("to try it")[0]
        assert max(map(len, text.splitlines())) <= 80


def test_a_threshold_of_the_table_keeps_the_image_that_it_was_read_from(show):
    exact = [each["threshold"] for each in json.loads(show("--format", "json")[1])["thresholds"]]
    shown = [float(line.split()[0]) for line in show()[1].splitlines() if line.startswith(" 0.")]

    assert len(shown) == len(exact) == 8
    assert all(each <= there < each + 1e-6 for each, there in zip(shown, exact, strict=True))


def test_bounds_of_two_digits_are_no_narrower_than_the_exact_ones(show):
    exact = [each["recall"] for each in json.loads(show("--format", "json")[1])["thresholds"]]
    shown = re.findall(r"(?m)^ 0\.\d+ +[\d.]+ \(([\d.]+)-([\d.]+)\)", show()[1])

    assert len(shown) == len(exact)
    for (low, high), each in zip(shown, exact, strict=True):
        assert float(low) <= each["low"]
        assert float(high) >= each["high"]


def test_a_call_without_a_class_names_those_that_there_are(measured, capsys):
    capsys.readouterr()

    assert main(["thresholds", "gate-out"]) == 2
    assert "name the class to detect, of normal, <b>&" in capsys.readouterr().err


@pytest.mark.parametrize("percent", ["95", "95%"])
def test_percent_is_told_how_a_share_is_written(percent, show):
    assert "For 95 % write 0.95" in show("--recall", percent)[2]


def test_a_run_whose_threshold_cannot_be_fitted_names_the_command_that_says_why(measured, capsys):
    measured("""operating_point: {order: [{class: "<b>&", fit: {recall: 0.9999}}]}\n""")
    main(["render", "gate-out"])
    said = capsys.readouterr().out
    [command] = [line for line in said.splitlines() if line.startswith("next")]
    assert "answers <b>& from no score (none reaches recall 0.9999)" in said

    assert main(shlex.split(command)[2:]) == 3
    assert "no threshold reaches recall 0.9999" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (("--recall", 0.9, "--fpr", 0.1), "several targets"),
        (("--recall", 0.9, "--split", "test"), "would fit a threshold on test"),
        (("-o", "pdf=x"), "is not FORMAT=PATH"),
        (("-o", "html=gate-out/evidence.sqlite"), "is read by this command"),
        (("-o", "html=no/folder/x.html"), "cannot be written"),
        (("--recall", 1.5), "1.5"),
    ],
)
def test_a_faulty_call_says_so_and_writes_nothing(arguments, fact, show):
    status, out, err = show(*arguments)

    assert status == 2
    assert fact in " ".join(err.split())
    assert out == ""


def test_a_class_that_is_none_is_refused_with_those_that_are(show):
    status, _, err = show(name="norml")

    assert status == 2
    assert "did you mean" in err


def test_without_validation_nothing_is_fitted_and_test_can_be_looked_at(measured, show):
    measured(validation=False)

    status, _, err = show("--recall", 0.9)
    assert status == 2
    assert "has no validation split" in err

    status, out, _ = show("--split", "test")
    assert status == 0
    assert "operating_point" not in out


def test_whoever_looks_at_test_is_told_that_it_then_proves_nothing(show):
    said = "a threshold that is chosen by these numbers is not proven by them"

    assert said in show("--split", "test")[1]
    assert said not in show()[1]


def test_lines_that_were_written_alone_are_judged_without_a_gate_file(measured, show, capsys):
    status, out, _ = show("--recall", 0.9, "-o", "yaml=point.yaml")
    [command] = [line for line in out.splitlines() if line.startswith("validate-model judge")]

    judged = main(shlex.split(command.replace("NAME", "policy.yaml"))[1:])

    assert (status, judged) == (0, 0)
    capsys.readouterr()


def test_no_lines_are_written_where_there_is_none_to_write(measured, show):
    status, _, err = show("-o", "yaml=point.yaml")
    unreached, *_ = show("--recall", 0.9999, "-o", "yaml=point.yaml")

    assert (status, unreached) == (2, 3)
    assert "give --recall, --fpr or --precision" in err
    assert not (measured.folder / "point.yaml").exists()


def test_whoever_writes_the_lines_is_told_the_command_that_reads_them(show):
    _, out, err = show("--recall", 0.9, "-o", "yaml=here.yaml")

    assert "add -o yaml" not in out
    assert "--operating-point here.yaml" in out
    assert "Wrote here.yaml" in err
    assert (
        "Not written, for there is no threshold: no.yaml"
        in show("--recall", 0.9999, "-o", "yaml=no.yaml")[2]
    )


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("val.csv", "this is a table, and the evidence of a run is needed here; run it first"),
        ("gate.yaml", "this is a gate file, and the evidence of a run is needed here; run it"),
        ("gate-out/report.json", "this is a report, and the evidence of a run is needed here"),
    ],
)
def test_another_file_in_the_place_of_evidence_is_recognised(name, fact, measured, capsys):
    status = main(["thresholds", name, "--class", "normal"])

    assert status == 2
    assert fact in capsys.readouterr().err


def test_a_run_that_misses_a_class_it_ranks_well_names_the_command_that_helps(measured, capsys):
    main(["run"])
    [command] = [
        line.strip()
        for line in capsys.readouterr().out.splitlines()
        if line.strip().startswith("validate-model thresholds")
    ]

    assert main(shlex.split(command)[1:]) == 0
    assert "operating_point:" in capsys.readouterr().out
    point = """operating_point: {order: [{class: "<b>&", fit: {recall: 0.9}}]}\n"""
    measured(point)
    main(["render", "gate-out"])
    assert "validate-model thresholds" not in capsys.readouterr().out


@pytest.mark.parametrize("is_named", [True, False])
def test_a_recall_that_is_open_names_the_command_where_it_falls_short(is_named, measured, capsys):
    found = load(measured.folder / "gate-out").splits["test"].rows
    mine = found.labels == 1
    share = float((found.predictions[mine] == 1).mean())
    asked = share + 0.001 if is_named else share - 0.001
    (measured.folder / "policy.yaml").write_text(POLICY.replace("0.9", f"{asked:.6f}"))

    assert measured() == 3
    main(["render", "gate-out"])

    assert ("validate-model thresholds" in capsys.readouterr().out) is is_named


def test_without_validation_or_ranking_no_threshold_is_promised(measured, capsys):
    measured(validation=False)
    main(["render", "gate-out"])

    assert "validate-model thresholds" not in capsys.readouterr().out
