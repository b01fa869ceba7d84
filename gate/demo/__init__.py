"""The demo: five small models on real digits, one good and four that must not ship."""
