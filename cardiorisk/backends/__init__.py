"""Where the computation runs."""
