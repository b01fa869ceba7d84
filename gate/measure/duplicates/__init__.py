"""Duplicates: images that two splits share, or that one split holds twice."""
