"""A first gate file and policy, drafted from the data and the checkpoint at hand."""
