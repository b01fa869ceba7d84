"""Packages that took part in measuring stand in the evidence, and come back from the disk."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gate.errors import EvidenceError
from gate.evidence.store import load, save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.run import judge
from gate.subject.gatefile import read_gatefile
from gate.subject.plugins import measuring_plugins

PLUGINS = {"dicom-zip": "1.0", "timm-source": "0.3"}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "evidence.sqlite"
    save(replace(synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9)))), plugins=PLUGINS), path)
    return path


def test_they_come_back_as_they_were_saved(saved):
    assert load(saved).plugins == PLUGINS


def test_the_report_names_them_and_pins_them_by_a_digest(saved):
    with_them, without = (
        judge(evidence, read_policy("baseline")).configuration
        for evidence in (load(saved), replace(load(saved), plugins={}))
    )

    assert (with_them.plugins, without.plugins) == (PLUGINS, {})
    assert with_them.digests["plugins"] != without.digests["plugins"]


@pytest.mark.parametrize("value", ['{"dicom-zip": 1}', '{"a b": "1"}', '{"": "1"}', "[]"])
def test_what_names_no_packages_is_no_evidence(value, saved):
    with closing(sqlite3.connect(saved)) as database, database:
        database.execute("UPDATE about SET value = ? WHERE key = 'plugins'", (value,))

    with pytest.raises(EvidenceError, match="not evidence"):
        load(saved)


def test_a_gate_file_of_shipped_formats_names_none_and_one_of_a_package_names_it(tmp_path, paint):
    from throwaway import POINTS

    paint.install(
        points=POINTS + "[validate_model.formats]\npaint-zip = paint_checks.zips:FORMAT\n"
    )
    (tmp_path / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\npolicy: baseline\n"
        "data: {test: {path: images, format: folder}}\n"
    )
    plain = read_gatefile(tmp_path / "gate.yaml")
    test = plain.data.test.model_copy(update={"format": "paint-zip"})
    named = plain.model_copy(update={"data": plain.data.model_copy(update={"test": test})})

    assert measuring_plugins(plain, ()) == {}
    assert measuring_plugins(named, ()) == {"paint-checks": "1.2"}
    assert not paint.is_imported("paint_checks")
