"""Documents: YAML read strictly, with the place of everything that it says."""
