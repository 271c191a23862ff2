"""Populations with known truths, and the intervals that are judged on cohorts of them."""
