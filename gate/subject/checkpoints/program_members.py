"""Vet what else lies in an exported program: members that torch.export.load would run or unpickle.

The gate reads the raw weights alone. Whoever deploys the file loads all of it: pickled sample
inputs (tried with ``weights_only`` and, when that fails, without it), pickled weights and
constants, compiled libraries, and a graph whose texts become code. A file that carries any of it
is refused, though nothing of it would have run here.
"""

import re
from collections.abc import Iterator, Mapping

from gate.subject.checkpoints.budgets import Budget
from gate.subject.checkpoints.formats import refuse_script
from gate.subject.checkpoints.names import DTYPES
from gate.subject.checkpoints.pickles import Name, Opaque, Table, TensorRef
from gate.subject.checkpoints.program_graphs import RESAVE, check_graph, parse_graph
from gate.subject.checkpoints.recognising import Container, recognise
from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.subject.checkpoints.torch_files import TorchFile, read_legacy, read_zip
from gate.subject.checkpoints.zips import member_names, read_directory, read_members
from gate.wording import list_names, plain

MAX_TABLE = 16 << 20
LONGEST = 8  # members that are named
_CONFIG = re.compile(r"data/(weights|constants)/.+_(weights|constants)_config\.json")
_GRAPHS = "models/"
_SAMPLES = "data/sample_inputs/"
_LIBRARIES = "data/aotinductor/"
_CONSTANTS = "data/constants/"
# An object of C++ or Python, by the name of its member: torch unpickles it whatever the table says.
_OBJECTS = ("custom_obj_", "opaque_obj_")
# What older releases wrote in the place of tables and raw numbers.
_PICKLED = re.compile(r"data/(weights|constants)/[^/]+\.pt")
_RAW = re.compile(
    r"data/(weights|constants)/(weight|tensor)_\d+|archive_(format|version)|byteorder|version"
    r"|\.data/(version|serialization_id)|\.format_version|\.storage_alignment"
)
_KEY = re.compile(r"[\w .:/-]*")


def check_members(members: Mapping[str, memoryview], budget: Budget) -> tuple[str, ...]:
    """Return notes on members that are not read, after none was found that a loader would run.

    Raises RefusedError, as unsafe and with the names of the members.
    """
    inside = _inside_one_folder(members)
    libraries = [name for name in inside if name.startswith(_LIBRARIES)]
    if libraries:
        raise unsafe(f"it carries compiled programs: {list_names(libraries)}", RESAVE)
    pickles = sorted({*_pickles(inside), *_pickles_in_tables(inside, budget)})
    if pickles:
        raise unsafe(
            f"torch.export.load would unpickle what runs code: {list_names(pickles)}",
            RESAVE,
        )
    for name, content in inside.items():
        if name.startswith(_SAMPLES):
            _check_sample(name, content, budget)
        elif name.startswith(_GRAPHS):
            check_graph(name, content, budget)
    return tuple(_notes(inside))


def table_of(member: str, text: memoryview, budget: Budget) -> Mapping[str, object]:
    """Return the entries of a table of weights or constants by the names of the tensors.

    Raises RefusedError for a table that is larger than any, or not the JSON that torch writes.
    """
    table = parse_graph(member, text, MAX_TABLE, budget)
    entries = table.get("config") if isinstance(table, dict) else None
    if not isinstance(entries, dict):
        raise corrupt(f"{plain(member)} is not the JSON that torch writes")
    return entries


def _inside_one_folder(members: Mapping[str, memoryview]) -> Mapping[str, memoryview]:
    """Return the members by their names in the archive's one folder.

    Beside it could lie a second program, in the older format, which torch reads when the first
    one fails.
    """
    folders = {name.partition("/")[0] for name in members}
    outside = [name for name in members if "/" not in name]
    if len(folders) != 1 or outside:
        raise unsafe(
            f"its members lie in several folders: {list_names(sorted(folders))}",
            "save the program again with torch.export.save",
        )
    return {name.partition("/")[2]: content for name, content in members.items()}


def _pickles(inside: Mapping[str, memoryview]) -> Iterator[str]:
    for name in inside:
        constant = name.removeprefix(_CONSTANTS) if name.startswith(_CONSTANTS) else ""
        if _PICKLED.fullmatch(name) or constant.startswith(_OBJECTS):
            yield name


def _pickles_in_tables(inside: Mapping[str, memoryview], budget: Budget) -> Iterator[str]:
    """Yield the members that a table of weights or constants calls pickles."""
    for place, text in inside.items():
        if not _CONFIG.fullmatch(place):
            continue
        folder = place.rpartition("/")[0]
        for entry in table_of(place, text, budget).values():
            if not isinstance(entry, dict):
                raise corrupt(f"{plain(place)} is not the JSON that torch writes")
            if entry.get("use_pickle") is not False:
                yield f"{folder}/{entry.get('path_name')}"


def _check_sample(name: str, content: memoryview, budget: Budget) -> None:
    """Refuse sample inputs that are more than tensors, numbers and texts in plain containers."""
    if content.nbytes == 0:
        return
    try:
        strange = _strange(_saved(content, budget).value)
    except RefusedError as refused:
        strange = refused.fact
    if strange:
        raise unsafe(
            f"torch.export.load would unpickle {plain(name)}, which is more than plain tensors: "
            f"{strange}",
            RESAVE,
        )


def _saved(content: memoryview, budget: Budget) -> TorchFile:
    match recognise(content):
        case Container.ZIP:
            directory = read_directory(content, budget)
            refuse_script(member_names(directory.members))
            return read_zip(read_members(directory, budget), budget)
        case Container.LEGACY:
            return read_legacy(content, budget)
        case other:
            raise corrupt(f"it is {other}")


def _strange(value: object) -> str:
    """Return what is no plain value in sample inputs, each part looked at once; empty: nothing."""
    waiting: list[object] = [value]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple | Table) and id(part) in seen:
            continue
        seen.add(id(part))
        match part:
            case list() | tuple():
                waiting.extend(part)
            case Table(entries=entries, other_keys=others):
                # Guards are written with the keys of inputs in quotes.
                odd = [key for key in entries if not _KEY.fullmatch(key)]
                if odd or others:
                    return f"a dict with {list_names(odd) or 'keys that are no texts'}"
                waiting.extend(entries.values())
            case Opaque(kind=kind) if kind != "torch.device":
                return plain(kind)
            case Name(dotted=dotted) if dotted not in DTYPES:
                return plain(dotted)
            case None | bool() | int() | float() | str() | TensorRef() | Opaque() | Name():
                pass
            case _:
                return type(part).__name__
    return ""


def _notes(inside: Mapping[str, memoryview]) -> Iterator[str]:
    unread = [
        name
        for name in inside
        if not name.startswith((_GRAPHS, _SAMPLES))
        and not _CONFIG.fullmatch(name)
        and not _RAW.fullmatch(name)
    ]
    if unread:
        yield f"other members of the archive not read: {list_names(unread, limit=LONGEST)}"
