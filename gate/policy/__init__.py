"""The policy: read strictly, with the place of everything it says."""
