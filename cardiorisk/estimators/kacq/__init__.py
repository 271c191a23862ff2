"""KACQ-DCNN."""
