"""The names that a pickle may use, and the stand-in for each.

The list is shorter than torch's own allow-list. Nothing on it is ever imported or called: a name
either describes a tensor, a dictionary, or a harmless thing that lies beside the weights and is
put aside unread.
"""

import re
from collections.abc import Mapping

from gate.subject.checkpoints.tensors import ITEM_BYTES

# Storage classes: what torch.save writes in the persistent id of a storage.
STORAGES: Mapping[str, str] = {
    f"{module}.{name}Storage": dtype
    for module in ("torch", "torch.cuda")
    for name, dtype in {
        "Float": "float32",
        "Double": "float64",
        "Half": "float16",
        "BFloat16": "bfloat16",
        "Long": "int64",
        "Int": "int32",
        "Short": "int16",
        "Char": "int8",
        "Byte": "uint8",
        "Bool": "bool",
        "ComplexFloat": "complex64",
        "ComplexDouble": "complex128",
    }.items()
} | {
    "torch.storage.UntypedStorage": "uint8",
    "torch.storage._UntypedStorage": "uint8",
    "torch.UntypedStorage": "uint8",
}

DTYPES: Mapping[str, str] = {f"torch.{dtype}": dtype for dtype in ITEM_BYTES}

DICTIONARIES = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.Counter",
        "builtins.dict",
        "lightning.fabric.utilities.data.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
        "pytorch_lightning.utilities.parsing.AttributeDict",
    }
)

TENSOR_CLASSES = frozenset(
    {
        "torch.Tensor",
        "torch._tensor.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
    }
)

# Objects that are nothing but their attributes, which are kept: the arguments of training scripts.
NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})

# Classes of torch that configurations name, as `functools.partial(torch.optim.AdamW, lr=0.1)` does;
# nothing in a pickle may call one.
PARTS_OF_TORCH = re.compile(
    r"torch\.(optim\.(lr_scheduler|[a-z]+)|nn\.modules\.(activation|batchnorm|loss|normalization))"
    r"\.[A-Z][A-Za-z0-9]{0,40}"
)

_OMEGACONF = frozenset(
    {f"omegaconf.base.{name}" for name in ("ContainerMetadata", "Metadata")}
    | {f"omegaconf.{name}" for name in ("dictconfig.DictConfig", "listconfig.ListConfig")}
    | {
        f"omegaconf.nodes.{name}Node"
        for name in ("Any", "Boolean", "Bytes", "Float", "Integer", "Path", "String")
    }
    | {"typing.Any"}
)

# What people keep beside the weights: arguments, paths, dates, best scores, callbacks as keys.
INERT = (
    NAMESPACES
    | _OMEGACONF
    | frozenset(
        {
            "functools.partial",
            "pathlib.Path",
            "pathlib.PosixPath",
            "pathlib.WindowsPath",
            "pathlib.PurePosixPath",
            "pathlib.PureWindowsPath",
            "pathlib._local.PosixPath",
            "pathlib._local.WindowsPath",
            "datetime.datetime",
            "datetime.date",
            "datetime.time",
            "datetime.timedelta",
            "datetime.timezone",
            "builtins.set",
            "builtins.frozenset",
            "builtins.complex",
            "builtins.list",
            "builtins.tuple",
            "builtins.int",
            "builtins.float",
            "builtins.str",
            "builtins.bool",
            "builtins.object",
            "_codecs.encode",
            "copyreg._reconstructor",
            "torch.device",
            "torch.serialization._get_layout",
            "numpy.dtype",
            "numpy.ndarray",
            "numpy.core.multiarray.scalar",
            "numpy.core.multiarray._reconstruct",
            "numpy._core.multiarray.scalar",
            "numpy._core.multiarray._reconstruct",
            "numpy._core.numeric._frombuffer",
            "numpy.core.numeric._frombuffer",
            "numpy.float64",
            "numpy.float32",
            "numpy.int64",
            "numpy.int32",
            "numpy.bool_",
            "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
            "lightning.pytorch.callbacks.early_stopping.EarlyStopping",
            "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
            "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
            "fastcore.foundation.L",  # of the optimiser that fastai's learn.save keeps
        }
    )
)

# What a quantised module keeps beside its packed weights.
QUANTISED_DTYPES = frozenset(f"torch.{name}" for name in ("qint8", "quint8", "qint32"))
SIZE = "torch.Size"
COUNTER = "collections.Counter"
RECONSTRUCTOR = "copyreg._reconstructor"
NUMPY_DTYPE = "numpy.dtype"
NUMPY_SCALARS = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
# What may give a text when it is called, which would be the key of an entry that is not seen here.
TEXTS = frozenset({"builtins.str", "_codecs.encode", RECONSTRUCTOR}) | NUMPY_SCALARS
# Attributes of a tensor that are its numbers, or that decide how they are read.
NUMBERS = frozenset({"data", "real", "imag", "__class__", "__dict__"})
PARAMETER = "torch._utils._rebuild_parameter"
PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state"
TENSOR = "torch._utils._rebuild_tensor"
TENSOR_V2 = "torch._utils._rebuild_tensor_v2"
TENSOR_V3 = "torch._utils._rebuild_tensor_v3"
TYPED_TENSOR = "torch._tensor._rebuild_from_type_v2"
REBUILDERS = frozenset(
    {PARAMETER, PARAMETER_WITH_STATE, TENSOR, TENSOR_V2, TENSOR_V3, TYPED_TENSOR}
)

KNOWN = (
    frozenset({SIZE, *STORAGES, *DTYPES, *QUANTISED_DTYPES})
    | DICTIONARIES
    | TENSOR_CLASSES
    | INERT
    | REBUILDERS
)

QUANTISED = "a quantised tensor"
# Tensors that are data and that are not read: their invariants are checked nowhere in torch 2.13.
STRANGE_TENSORS: Mapping[str, str] = {
    "torch._utils._rebuild_qtensor": QUANTISED,
    **{
        f"torch.{kind}Storage": QUANTISED
        for kind in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")
    },
    "torch.per_tensor_affine": QUANTISED,
    "torch.per_channel_affine": QUANTISED,
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_sparse_csr_tensor": "a sparse tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_wrapper_subclass": "a tensor subclass",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without data (meta device)",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of a foreign device (XLA, ...)",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of a foreign device",
}

_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"}


def modern(module: str, name: str) -> str:
    """Return a dotted name with the modules of Python 2 under their present names."""
    return f"{_PYTHON_2.get(module, module)}.{name}"
