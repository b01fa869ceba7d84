"""Training histories: one file per tracker's format, one record that they all give.

A file or folder is recognised by its content, its rows become a table, the table's columns get
their roles (train loss, validation loss, accuracies), and its rows become epochs: a
:class:`~gate.evidence.records.History`.
"""

from gate.subject.histories.read import FORMATS, read_history

__all__ = ["FORMATS", "read_history"]
