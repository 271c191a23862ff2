"""The items of a reporting list, read from its file."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

__all__ = ["load_items"]


@cache
def load_items(name: str) -> Mapping[str, Any]:
    """Read the items of ``"tripod_ai"`` or ``"probast_ai"``, by number."""
    path = files("cardiorisk.evaluation.checklist") / f"{name}.toml"
    return MappingProxyType(tomllib.loads(path.read_text(encoding="utf-8")))
