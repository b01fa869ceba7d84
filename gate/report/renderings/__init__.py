"""One decision, many renderings: all of them say the same verdict, none of them alters it.

A rendering reads the report, and for pictures the evidence that lies beside it. Each is a file of
this folder with a ``RENDERING``, and one line of :mod:`.registry`. Other packages add theirs by
entry points of the group ``validate_model.renderings``.
"""

from gate.report.renderings.rendering import Beside, Extra, Mark, Rendering

__all__ = ["Beside", "Extra", "Mark", "Rendering"]
