"""Checkpoints, read without trusting them.

A file is sealed (:mod:`.sealing`), recognised by content (:mod:`.recognising`), vetted by the
reader of its format (:mod:`.zips`, :mod:`.pickles`, :mod:`.torch_files`, :mod:`.safetensors_files`,
:mod:`.exported_programs`, :mod:`.folders`), one set of weights is chosen (:mod:`.choosing`,
:mod:`.layouts`), compared with the model (:mod:`.comparing`) and built from its bytes
(:mod:`.loading`). No unpickler runs on the way, torch's included. What else lies in a file or a
folder is refused where another loader would run it (:mod:`.program_members`) or take it for the
weights, and named where none would (:mod:`.beside`).
"""

from gate.subject.checkpoints.inspection import Inspection, inspect
from gate.subject.checkpoints.loading import LoadReport, load_into
from gate.subject.checkpoints.opening import Checkpoint, open_checkpoint

__all__ = [
    "Checkpoint",
    "Inspection",
    "LoadReport",
    "inspect",
    "load_into",
    "open_checkpoint",
]
