"""Walk a pickle without unpickling it: no name is imported, no callable is called.

A pickle is a program for a stack machine. The walk runs that machine over descriptions: a tensor
becomes a :class:`TensorRef`, a dictionary a :class:`Table`, everything harmless an
:class:`Opaque`. What torch.load would import, the walk looks up in a written list
(:mod:`.names`); a name that is not on it refuses the file. Values are never compared, hashed,
printed or walked into here, so cycles and deep nesting cost no more than their bytes; what a step
copies or looks at in turn is counted (:mod:`.budgets`), so a list that many steps name is, too.
"""

import io
import pickletools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.subject.checkpoints import names
from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.refusals import AS_IT_RUNS, RefusedError, corrupt, unsafe
from gate.subject.checkpoints.resaving import refuse_objects
from gate.subject.checkpoints.tensors import (
    ITEM_BYTES,
    MAX_AXES,
    MAX_NAME,
    check_view,
    too_many_axes,
)
from gate.wording import plain

MAX_PICKLE = 64 << 20  # bytes; the names and shapes of a ResNet-152 fill 200 KiB
MAX_STRING = 1 << 20
MAX_INTEGER_BITS = 128
LARGEST_INDEX = 1 << 62
MAX_FORBIDDEN = 1000  # names that a refusal collects before it is said
MAX_STORAGE_KEY = 200  # torch.save counts storages: "0", "1", ...

NUMPY_NUMBER = "numpy number"
_NUMBER = re.compile(r"[<>=|]?[biufc][0-9]{1,2}")  # types of numbers, as numpy writes them

_DAMAGED = "the pickle inside it is damaged"


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A name of the allow-list, not imported."""

    dotted: str


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A value that is not looked into; ``kind`` says what it would have been.

    Of a namespace, such as the arguments of a training script, ``attributes`` are its contents.
    """

    kind: str
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Table:
    """A dictionary: its entries under names, in order, and how many keys are no names.

    ``attributes`` are of the dictionary itself: a state_dict keeps the versions of its modules so.
    """

    entries: dict[str, object] = field(default_factory=dict)
    other_keys: int = 0
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class StorageRef:
    """Numbers that lie elsewhere in the file: ``elements`` of ``dtype``, from ``start``."""

    key: str
    dtype: str
    elements: int
    start: int = 0  # only in legacy files, where one storage can be a view of another
    root_elements: int = 0  # of the storage that lies in the file


@dataclass(frozen=True, slots=True, eq=False)
class TensorRef:
    """A tensor: a view of a storage; shape, stride and offset in elements of ``dtype``."""

    storage: StorageRef
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What a pickle describes, the storages it needs, and where the pickle ends."""

    value: object
    storages: tuple[StorageRef, ...]
    end: int  # bytes from the start of the walk


def walk(data: bytes, budget: Budget, start: int = 0) -> Walked:
    """Return what the pickle at ``start`` describes; what it costs is taken from ``budget``.

    Raises RefusedError: unsafe for names outside the allow-list (all of them are listed), for
    claims of absurd size and for what the budget does not cover, corrupt for a pickle that no
    pickler writes.
    """
    machine = _Machine(budget)
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the standard library, about escapes in strings
            machine.run(stream)
    except RefusedError:
        machine.refuse_forbidden()  # says more than a fault behind it
        raise
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError):
        machine.refuse_forbidden()
        raise corrupt(_DAMAGED) from None
    machine.refuse_forbidden()
    return Walked(machine.result, tuple(machine.storages), stream.tell())


def kind_of(value: object) -> str:
    """Return what a person calls the kind of a walked value."""
    match value:
        case TensorRef():
            return "tensor"
        case Table():
            return "dict"
        case Opaque(kind=kind):
            return kind
        case Name(dotted=dotted):
            return dotted
        case _:
            return type(value).__name__


class _Machine:
    """The stack machine; one method for each thing a pickle can say."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.storages: list[StorageRef] = []
        self.views: dict[str, StorageRef] = {}  # by the names that an older stream gives them
        self.forbidden: dict[str, None] = {}  # in the order they were met
        self.result: object = None
        self.frame_end = 0  # in bytes, as the places of steps are

    def run(self, stream: io.BytesIO) -> None:
        steps, most = 0, self.budget.steps
        for opcode, argument, position in pickletools.genops(stream):
            steps += 1
            self.check_frame(opcode.name, argument, position or 0, stream.tell())
            if steps > most:
                raise self.budget.spent()
            step = _STEPS.get(opcode.name)
            if step is None:
                raise corrupt(
                    f"the pickle inside it uses {opcode.name}, which torch.save never writes"
                )
            step(self, argument)
        self.budget.steps -= steps
        if self.stack or self.marks:
            raise corrupt(_DAMAGED)

    def check_frame(self, opcode: str, argument: object, start: int, end: int) -> None:
        """Refuse a frame that ends inside a step or behind the last one.

        Python reads a frame as one piece, and goes on behind it whatever is left of it.
        """
        if opcode == "FRAME":
            if start < self.frame_end or not isinstance(argument, int):
                raise corrupt(_DAMAGED)
            self.frame_end = end + argument
        elif start < self.frame_end and (
            end > self.frame_end or (opcode == "STOP" and end != self.frame_end)
        ):
            raise corrupt("a frame of the pickle inside it does not end where a step of it does")

    def refuse_forbidden(self) -> None:
        if not self.forbidden:
            return
        if all(each in names.STRANGE_TENSORS for each in self.forbidden):
            kinds = {names.STRANGE_TENSORS[each] for each in self.forbidden}
            raise unsafe(
                f"it holds {' and '.join(sorted(kinds))}, which is not read",
                AS_IT_RUNS
                if kinds == {names.QUANTISED}
                else "save plain dense tensors, made with .to_dense()",
            )
        raise refuse_objects(self.forbidden)

    def push(self, literal: object) -> None:
        if isinstance(literal, str | bytes | bytearray) and len(literal) > MAX_STRING:
            raise unsafe(
                f"its pickle holds a string of {len(literal):,} characters",
                "save only the model's state_dict",
            )
        if isinstance(literal, int) and literal.bit_length() > MAX_INTEGER_BITS:
            raise unsafe("its pickle holds an absurdly large number", "save only the state_dict")
        self.stack.append(literal)

    def truth(self, literal: object) -> None:
        """Push True or False as protocol 1 writes them; Python reads such numbers as octal too."""
        if not isinstance(literal, bool):
            raise corrupt(_DAMAGED)
        self.stack.append(literal)

    def put(self, place: object) -> None:
        self.memo[_index(place)] = self.stack[-1]

    def get(self, place: object) -> None:
        self.stack.append(self.memo[_index(place)])

    def memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def mark(self, _: object) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self, _: object) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.marks.pop()

    def pop_mark(self, _: object) -> None:
        self._to_mark()

    def dup(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def stop(self, _: object) -> None:
        self.result = self.stack.pop()

    def nothing(self, _: object) -> None:
        """Pass over the protocol's number and the length of a frame."""

    def tuple_to_mark(self, _: object) -> None:
        items = self._to_mark()
        self.stack.append(tuple(items))

    def list_to_mark(self, _: object) -> None:
        items = self._to_mark()
        self.stack.append(items)

    def frozenset_to_mark(self, _: object) -> None:
        self._to_mark()
        self.stack.append(Opaque("frozenset"))

    def dict_to_mark(self, _: object) -> None:
        items = self._to_mark()
        self.stack.append(_filled(Table(), items))

    def append(self, _: object) -> None:
        item = self.stack.pop()
        _extend(self.stack[-1], [item])

    def appends(self, _: object) -> None:
        items = self._to_mark()
        _extend(self.stack[-1], items)

    def setitem(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _filled(self.stack[-1], [key, value])

    def setitems(self, _: object) -> None:
        items = self._to_mark()
        _filled(self.stack[-1], items)

    def additems(self, _: object) -> None:
        self._to_mark()
        if not isinstance(self.stack[-1], Opaque):
            raise corrupt(_DAMAGED)

    def name(self, spoken: object) -> None:
        module, _, name = str(spoken).partition(" ")
        self.stack.append(self._known(module, name))

    def stack_name(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise corrupt(_DAMAGED)
        self.stack.append(self._known(module, name))

    def call(self, _: object) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(function, arguments))

    def make(self, _: object) -> None:
        """Make an instance as ``cls.__new__`` does, which fills no dictionary."""
        arguments, made = self.stack[-1], self.stack[-2]
        if isinstance(made, Name) and (
            made.dotted in names.REBUILDERS or (made.dotted in names.DICTIONARIES and arguments)
        ):
            raise corrupt(_DAMAGED)
        self.call(None)

    def make_with_names(self, _: object) -> None:
        self.stack.pop()  # the keyword arguments
        self.make(None)

    def build(self, _: object) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        match target:
            case Opaque(kind=kind) if kind in names.NAMESPACES:
                if not isinstance(state, Table) or state.other_keys:
                    raise corrupt(_DAMAGED)
                self.budget.take(len(state.entries))
                target.attributes.update(state.entries)
            case Opaque():
                pass  # what it holds is not looked at
            case Table() if isinstance(state, Table) and not state.other_keys:
                self.budget.take(len(state.entries))
                target.attributes |= state.entries
            case TensorRef() | Table():
                raise _changed_later()
            case _:
                raise corrupt(_DAMAGED)

    def persistent(self, _: object) -> None:
        self.stack.append(self._storage(self.stack.pop()))

    def runs_code(self, spoken: object) -> None:
        named = ".".join(spoken.split(" ")) if isinstance(spoken, str) else "a class"
        self.forbidden[named] = None
        raise corrupt(_DAMAGED)

    def _to_mark(self) -> list[object]:
        items = self.stack
        self.stack = self.marks.pop()
        self.budget.take(len(items))
        return items

    def _known(self, module: str, name: str) -> Name:
        if len(module) + len(name) > MAX_NAME:
            raise unsafe(
                f"its pickle names something with {len(module) + len(name):,} characters, "
                f"{plain(module, limit=40)}",
                "do not load the file elsewhere; ask who made it",
            )
        dotted = names.modern(module, name)
        if dotted not in names.KNOWN and not names.PARTS_OF_TORCH.fullmatch(dotted):
            self.forbidden[dotted] = None
            if len(self.forbidden) >= MAX_FORBIDDEN:
                self.refuse_forbidden()
        return Name(dotted)

    def _called(self, function: object, arguments: object) -> object:
        """Return a description of what calling a name with these arguments would give."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise corrupt(_DAMAGED)
        dotted = function.dotted
        if dotted in names.DICTIONARIES:
            return self._dictionary(dotted, arguments)
        if dotted == names.RECONSTRUCTOR and _base(arguments) in names.DICTIONARIES:
            return self._dictionary(_base(arguments), arguments[2:])
        if dotted in names.REBUILDERS:
            return self._tensor(dotted, arguments)
        if dotted == names.SIZE:
            return tuple(arguments[0]) if arguments and isinstance(arguments[0], tuple) else ()
        if dotted in names.INERT or dotted in self.forbidden:
            return Opaque(_kind_made(dotted, arguments))
        raise unsafe(
            f"its pickle calls {plain(dotted)} as no library does",
            "do not load the file elsewhere; ask who made it",
        )

    def _tensor(self, dotted: str, arguments: tuple[object, ...]) -> object:
        if dotted in (names.PARAMETER, names.PARAMETER_WITH_STATE):
            if not isinstance(arguments[0], TensorRef):
                raise corrupt(_DAMAGED)
            if dotted == names.PARAMETER_WITH_STATE:
                _check_attributes(arguments[3])
            return arguments[0]
        if dotted == names.TYPED_TENSOR:
            return self._typed_tensor(arguments)
        storage, offset, shape, stride = arguments[:4]
        if not isinstance(storage, StorageRef):
            raise corrupt(_DAMAGED)
        dtype = storage.dtype
        flags: Sequence[object] = arguments[6:7]
        if dotted == names.TENSOR_V3:
            dtype = names.DTYPES[_dotted(arguments[6])]
            flags = arguments[7:8]
        if not all(each is None or _is_empty(each) for each in flags):
            raise unsafe(
                "a tensor in it is marked as negated or conjugated",
                "save the tensor with .resolve_neg().resolve_conj()",
            )
        return _view(storage, dtype, self._indices(shape), self._indices(stride), _index(offset))

    def _typed_tensor(self, arguments: tuple[object, ...]) -> object:
        function, kind, inner, state = arguments
        if _dotted(kind) not in names.TENSOR_CLASSES:
            self.forbidden[_dotted(kind)] = None
        if _dotted(function) == names.TYPED_TENSOR:  # no library wraps a tensor twice
            raise corrupt(_DAMAGED)
        _check_attributes(state)
        return self._called(function, inner)

    def _dictionary(self, dotted: str, arguments: tuple[object, ...]) -> Table:
        """Return the dictionary that ``cls(*arguments)`` makes; a list of pairs is Python 2's."""
        table = Table()
        for given in arguments:
            match given:
                case list() | tuple() if dotted != names.COUNTER:
                    self.budget.take(len(given))
                    for pair in given:
                        if not isinstance(pair, list | tuple) or len(pair) != 2:
                            raise corrupt(_DAMAGED)
                        _filled(table, list(pair))
                case Table():
                    self.budget.take(len(given.entries))
                    for entry in given.entries.items():
                        _filled(table, list(entry))
                    table.other_keys += given.other_keys
                case None | Name():
                    pass  # what a defaultdict makes
                case _:
                    raise corrupt(_DAMAGED)
        return table

    def _indices(self, value: object) -> tuple[int, ...]:
        if not isinstance(value, tuple | list):
            raise corrupt(_DAMAGED)
        if len(value) > MAX_AXES:
            raise too_many_axes("a tensor", len(value))
        self.budget.take(len(value))
        return tuple(_index(each) for each in value)

    def _storage(self, spoken: object) -> StorageRef:
        if not isinstance(spoken, tuple) or spoken[0] != "storage":
            self.forbidden["a pickled module with its source"] = None
            raise corrupt(_DAMAGED)
        if len(spoken) > 6:
            raise corrupt(_DAMAGED)
        _, kind, key, _, elements, *rest = spoken
        if not isinstance(key, str) or len(key) > MAX_STORAGE_KEY:
            raise corrupt(_DAMAGED)
        dtype = names.STORAGES[_dotted(kind)]
        count = _index(elements)
        self.views.setdefault(key, ref := StorageRef(key, dtype, count, 0, count))
        if self.views[key].key != key or self.views[key].elements != count:
            raise unsafe(
                f"a view of a storage, {plain(key)}, is described in two ways",
                "save the file again with torch.save",
            )
        if rest and rest[0] is not None:
            view = rest[0]
            if not isinstance(view, tuple) or len(view) != 3:
                raise corrupt(_DAMAGED)
            start, size = _index(view[1]), _index(view[2])
            if start + size > count:
                raise unsafe(
                    f"a view reaches element {start + size:,} of a storage that has {count:,}",
                    "do not load the file elsewhere; ask who made it",
                )
            ref = StorageRef(key, dtype, size, start, count)
            self._check_view_name(view[0], ref)
        self.storages.append(ref)
        return ref

    def _check_view_name(self, view: object, ref: StorageRef) -> None:
        """Refuse a name that torch would take for another part of the numbers, met before."""
        if not isinstance(view, str) or len(view) > MAX_STORAGE_KEY:
            raise corrupt(_DAMAGED)
        first = self.views.setdefault(view, ref)
        if (first.key, first.start, first.elements) != (ref.key, ref.start, ref.elements):
            raise unsafe(
                f"a view of a storage, {plain(view)}, is described in two ways",
                "save the file again with torch.save",
            )


def _view(
    storage: StorageRef,
    dtype: str,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    offset: int,
) -> TensorRef:
    item, stored = ITEM_BYTES[dtype], ITEM_BYTES[storage.dtype]
    check_view("a tensor", shape, stride, offset, storage.elements * stored // item)
    return TensorRef(storage, dtype, shape, stride, offset)


def _check_attributes(state: object) -> None:
    """Refuse attributes of a tensor that torch would take for its numbers."""
    parts = state if isinstance(state, tuple) else (state,)
    for part in parts:
        if part is None:
            continue
        if not isinstance(part, Table) or part.other_keys or names.NUMBERS & part.entries.keys():
            raise _changed_later()


def _changed_later() -> RefusedError:
    return unsafe(
        "its pickle changes a tensor or a dictionary after it was made, so readers can disagree "
        "about it",
        "save the file again with torch.save",
    )


def _is_empty(value: object) -> bool:
    return isinstance(value, Table) and not value.entries and not value.other_keys


def _base(arguments: tuple[object, ...]) -> str:
    """Return the built-in class that copyreg's reconstructor makes an instance of."""
    return _dotted(arguments[1])


def _kind_made(dotted: str, arguments: tuple[object, ...]) -> str:
    """Return the kind of what an inert name makes; of numpy's, whether it is a number."""
    first = arguments[0] if arguments else None
    if dotted == names.NUMPY_DTYPE and isinstance(first, str) and _NUMBER.fullmatch(first):
        return NUMPY_NUMBER
    if dotted in names.NUMPY_SCALARS and isinstance(first, Opaque) and first.kind == NUMPY_NUMBER:
        return NUMPY_NUMBER
    if dotted == names.RECONSTRUCTOR and _base(arguments) == "builtins.object":
        made = first.dotted if isinstance(first, Name) else ""
        return made if made in names.NAMESPACES else "builtins.object"
    return dotted


def _index(value: object) -> int:
    """Return a size, an offset or a place in the memo; a bool is none."""
    if type(value) is not int or not 0 <= value < LARGEST_INDEX:
        raise corrupt(_DAMAGED)
    return value


def _dotted(value: object) -> str:
    if not isinstance(value, Name):
        raise corrupt(_DAMAGED)
    return value.dotted


def _filled(target: object, items: list[object]) -> Table:
    """Return the dictionary ``target`` with keys and values, in turn, added to it."""
    if not isinstance(target, Table) or len(items) % 2:
        raise corrupt(_DAMAGED)
    for key, value in zip(items[::2], items[1::2], strict=True):
        if (
            isinstance(key, Opaque)
            and key.kind in names.TEXTS
            and isinstance(value, Table | TensorRef)
        ):
            raise unsafe(
                f"its pickle makes a name by calling {plain(key.kind)}, so readers can disagree "
                "about it",
                "save the file again with torch.save",
            )
        if not isinstance(key, str) or len(key) > MAX_NAME:
            target.other_keys += 1
        elif key in target.entries:
            raise unsafe(
                f"its pickle sets {plain(key)} twice, so readers can disagree about it",
                "save the file again with torch.save",
            )
        else:
            target.entries[key] = value
    return target


def _extend(target: object, items: list[object]) -> None:
    if not isinstance(target, list):
        raise corrupt(_DAMAGED)
    target.extend(items)


def _constant(value: object) -> Callable[[_Machine, object], None]:
    return lambda machine, _: machine.stack.append(value)


def _tuple_of(length: int) -> Callable[[_Machine, object], None]:
    def step(machine: _Machine, _: object) -> None:
        items = [machine.stack.pop() for _ in range(length)]
        machine.stack.append(tuple(reversed(items)))

    return step


_STEPS: Mapping[str, Callable[[_Machine, object], None]] = {
    "INT": _Machine.truth,
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _Machine.push),
    **dict.fromkeys(("LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _Machine.push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE"), _Machine.push),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _Machine.push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Machine.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "PUT"), _Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET", "GET"), _Machine.get),
    **dict.fromkeys(("INST", "OBJ", "EXT1", "EXT2", "EXT4"), _Machine.runs_code),
    **dict.fromkeys(("PROTO", "FRAME"), _Machine.nothing),
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.make,
    "NEWOBJ_EX": _Machine.make_with_names,
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append(Table()),
    "EMPTY_SET": _constant(Opaque("set")),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": _Machine.tuple_to_mark,
    "LIST": _Machine.list_to_mark,
    "FROZENSET": _Machine.frozenset_to_mark,
    "DICT": _Machine.dict_to_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "ADDITEMS": _Machine.additems,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.dup,
    "MEMOIZE": _Machine.memoize,
    "STOP": _Machine.stop,
}
