"""The remedy for an unreadable file of another library: the command that saves it anew."""

from collections.abc import Iterable

from gate.subject.checkpoints.refusals import RefusedError, unsafe
from gate.wording import list_names

_TRUSTED = "where it was made and is trusted, run:"

FASTAI = (
    f'{_TRUSTED} python -c "import torch; from fastai.learner import load_learner; '
    "learn = load_learner('export.pkl'); torch.save(learn.model.state_dict(), 'weights.pt'); "
    'print(list(learn.dls.vocab))", and give weights.pt with a factory, and what is printed as '
    "classes"
)
ULTRALYTICS = (
    f"{_TRUSTED} yolo export model=best.pt format=onnx, and give best.onnx, which holds the names "
    "of its classes"
)
KERAS = (
    f"{_TRUSTED} python -c \"import keras; model = keras.saving.load_model('MODEL.keras'); "
    "model(keras.ops.zeros((1, *model.input_shape[1:]))); "
    "model.export('model.onnx', format='onnx')\", and give model.onnx"
)
_STATE = (
    "save the weights alone, where the model was trained: "
    'torch.save(model.state_dict(), "weights.pt")'
)

# Who wrote a pickle, by the package of a class in it, and what it is.
_WRITERS = (
    ("fastai.", "it is a whole fastai Learner, as learn.export writes it", FASTAI),
    ("ultralytics.", "it is a whole model of Ultralytics", ULTRALYTICS),
)


def refuse_objects(names: Iterable[str]) -> RefusedError:
    """Return the refusal of a pickle that needs these dotted names, with what to do instead."""
    every = list(names)
    loading = f"loading it would run or import {list_names(every, 20)}"
    for package, what, remedy in _WRITERS:
        if any(each.startswith(package) for each in every):
            return unsafe(f"{what}: {loading}", remedy)
    return unsafe(loading, _STATE)
