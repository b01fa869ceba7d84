"""The mutants' own modules are imported by their names, here as in the process that reads them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
