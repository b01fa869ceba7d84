"""From a subject to evidence: one pass over each split, and what the splits share."""
