"""What was measured: frozen records without opinion."""
