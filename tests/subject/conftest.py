"""Make the fuzzer importable for the tests of every kind of file."""

import sys
from pathlib import Path

_FUZZER = str(Path(__file__).parent / "fuzzer")
if _FUZZER not in sys.path:
    sys.path.append(_FUZZER)
