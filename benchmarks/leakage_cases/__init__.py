"""Cases of the leakage guards: where each is needed, and tables without leakage."""
