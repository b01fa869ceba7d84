"""A rendering: the verdict as one line."""

from gate.report.renderings import Mark, Rendering


def render(report, beside):
    return f"PAINT {report.verdict}"


RENDERING = Rendering(
    name="paint",
    about="a line for the paint shop",
    render=render,
    mark=Mark(r"PAINT (pass|fail|inconclusive|error)\n\Z"),
)
