"""The study of ``benchmarks/heart_models.py``, a module a question."""
