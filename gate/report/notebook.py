"""A report as a notebook shows it: its text."""

from gate.report.model import Report


class NotebookReport(Report):
    """What is built and read; a report that a cell of a notebook shows as its verdict."""

    def _repr_html_(self) -> str:
        """Return the text of the verdict as HTML, as Jupyter asks for it."""
        from html import escape

        from gate.report.renderings.text import text

        return f"<pre>{escape(text(self))}</pre>"
