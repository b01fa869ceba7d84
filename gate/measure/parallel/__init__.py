"""Parallel work: how many cores there are, and results in their order."""
