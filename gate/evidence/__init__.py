"""Evidence: frozen records of a measurement, without opinion."""
