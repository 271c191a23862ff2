"""The same verbs from a shell."""

from cardiorisk.cli.main import main

__all__ = ["main"]
