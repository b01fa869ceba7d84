"""Documents: YAML is read strictly, and every key and value keeps its place."""
