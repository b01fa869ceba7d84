"""The report: one JSON document, and its renderings."""
