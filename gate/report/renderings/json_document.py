"""JSON: the report itself, which other tools read."""

from gate.report.renderings import Mark, Rendering

RENDERING = Rendering(
    name="json",
    about="the report itself, for other programs",
    render=lambda report, _: report.to_json(),
    mark=Mark(r'\{\s*"schema_version": "[^"]*",\s*"tool": \{\s*"name": "validate-model"'),
)
