"""The demo: four small models on real digits, one good and three that must not ship."""
