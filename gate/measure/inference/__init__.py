"""Inference: a model is opened, runs on batches, and gives scores."""
