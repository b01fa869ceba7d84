"""The data formats: one light file each; and the record that a plugin fills to add another.

:mod:`.names` lists them, :mod:`.registry` imports the one that is named.
"""

from gate.subject.datasets.formats.record import DataFormat

__all__ = ["DataFormat"]
