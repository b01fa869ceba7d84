"""Every message of a faulty policy, as a person sees it: golden files, one policy each."""

from pathlib import Path

import pytest

from gate.errors import DocumentError
from gate.policy.reading import check_classes, read_policy
from gate.policy.waivers import read_waivers

GOLDEN = Path(__file__).parent / "golden"
POLICIES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("name", POLICIES)
def test_faulty_policies_say_place_fact_and_remedy(name, golden, monkeypatch):
    monkeypatch.chdir(GOLDEN)

    with pytest.raises(DocumentError) as error:
        check_classes(read_policy(f"{name}.yaml"), ["healthy", "tumour"])

    golden(GOLDEN / f"{name}.txt", f"{error.value}\n")


WAIVERS = sorted(path.stem for path in (GOLDEN / "waivers").glob("*.yaml"))


@pytest.mark.parametrize("name", WAIVERS)
def test_faulty_waivers_say_place_fact_and_remedy(name, golden, monkeypatch):
    monkeypatch.chdir(GOLDEN / "waivers")

    with pytest.raises(DocumentError) as error:
        read_waivers([f"{name}.yaml"])

    golden(GOLDEN / "waivers" / f"{name}.txt", f"{error.value}\n")
