"""Partial results: a plan cut into units of work, and what each unit gave, on disk too."""
