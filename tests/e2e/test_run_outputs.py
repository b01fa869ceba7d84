"""An output never takes the place of an input, a link or another output."""

import pytest


@pytest.mark.parametrize("name", ["gate.yaml", "model.pt", "policy.yaml"])
def test_an_output_does_not_replace_what_the_run_reads(name, project):
    before = (project.folder / name).read_bytes() if name != "gate.yaml" else None

    ran = project.run("-o", f"json={name}")

    assert ran.status == 2
    assert f"-o json={name}: is read by this command" in ran.err
    assert before is None or (project.folder / name).read_bytes() == before


def test_two_outputs_have_two_names(project):
    ran = project.run("-o", "json=out.txt", "-o", "text=out.txt")

    assert ran.status == 2
    assert "is named twice" in ran.err


def test_an_output_does_not_replace_a_link(project):
    (project.folder / "link.json").symlink_to(project.folder / "elsewhere.json")

    ran = project.run("-o", "json=link.json")

    assert ran.status == 2
    assert "is no regular file" in ran.err
    assert (project.folder / "link.json").is_symlink()
