"""A subject is measured, and becomes evidence: one pass over each split, and what they share."""
