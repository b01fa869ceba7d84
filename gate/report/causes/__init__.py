"""Likely causes: what probably lies behind several results at once, with the evidence for it.

They are words. No verdict, no outcome and no exit status depends on them.
"""
