"""Measuring a subject: predictions, fingerprints, probes."""
