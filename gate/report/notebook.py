"""The report as the gate gives it; in a notebook its text is shown."""

from gate.report import model


class Report(model.Report):
    """What a run gives and what is read back; a cell of a notebook shows its verdict."""

    def _repr_html_(self) -> str:
        """Return the text of the verdict as HTML, as Jupyter asks for it."""
        from html import escape

        from gate.report.renderings.text import text

        return f"<pre>{escape(text(self))}</pre>"
