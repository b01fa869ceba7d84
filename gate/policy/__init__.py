"""The policy is read strictly, and everything in it keeps its place."""
