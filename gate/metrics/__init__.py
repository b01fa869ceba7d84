"""Counts and arrays in, numbers and intervals out: pure, and without thresholds."""
