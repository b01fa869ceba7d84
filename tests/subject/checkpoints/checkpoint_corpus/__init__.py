"""Checkpoints of every family, generated: hostile, bombs, tricks, corrupt, misfits, good.

Payloads only ever touch a canary, a file in a folder of the test. Nothing binary is kept.
"""
