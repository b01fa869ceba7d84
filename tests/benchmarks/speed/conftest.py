"""Keep pytest away: the files beside this one are programs, started by ``python .../speed``."""

collect_ignore_glob = ["*.py"]
