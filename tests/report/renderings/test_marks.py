"""A rendering is known as ours, whatever it says; anything else is somebody else's."""

import pytest

from gate.report.renderings.marks import is_ours
from gate.report.renderings.registry import FORMATS

FOREIGN = {
    "text": "FAIL   of mine, by policy mine\nFAIL\n",
    "json": '{"schema_version": "1.0", "tool": {"name": "another"}}\n',
    "markdown": "## ❌ FAIL: my notes\n\n| policy | mine |\n",
    "html": "<!DOCTYPE html>\n<title>PASS: about validate-model</title>\n",
    "junit": '<?xml version="1.0"?>\n<testsuites><testsuite name="pytest"/></testsuites>\n',
    "sarif": '{"runs": [{"tool": {"driver": {"name": "ruff"}}}]}\n',
    "github": "::group::mine\n",
    "openmetrics": "# TYPE other gauge\n# EOF\n",
    "gitlab-codequality": '[{"description": "x", "check_name": "rubocop"}]\n',
    "model-card": "---\npipeline_tag: image-classification\n---\n# Mine\n",
    "intoto": '{"_type": "https://in-toto.io/Statement/v1", "predicate": {"buildType": "mine"}}\n',
}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("verdict", ["pass", "everything", "error"])
def test_every_rendering_is_known_as_ours(verdict, format_, rendered, tmp_path):
    path = tmp_path / "out"
    path.write_text(rendered(verdict, format_), encoding="utf-8")

    assert is_ours(path, format_)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_of_another_program_is_not(format_, tmp_path):
    path = tmp_path / "out"
    path.write_text(FOREIGN[format_], encoding="utf-8")

    assert not is_ours(path, format_)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_rendering_in_another_format_than_was_asked_for_is_not(format_, rendered, tmp_path):
    for other in set(FORMATS) - {format_}:
        path = tmp_path / other
        path.write_text(rendered("everything", other), encoding="utf-8")

        assert not is_ours(path, format_)


def test_a_link_to_a_rendering_is_not(rendered, tmp_path):
    (tmp_path / "out").write_text(rendered("pass", "json"), encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "out")

    assert not is_ours(tmp_path / "link", "json")
