"""Read what the columns of a table mean from a TOML file."""

import tomllib
from pathlib import Path
from typing import Any

from cardiorisk.exceptions import ReadError
from cardiorisk.records import Variable

__all__ = ["read_schema"]

_FIELDS = frozenset(Variable.__dataclass_fields__) - {"name"}


def _category_key(text: str) -> int | float | str:
    """TOML keys are text; a column of numbers needs numbers."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _variable(name: str, row: Any, path: Path) -> Variable:
    if not isinstance(row, dict):
        raise ReadError(f"{path}: expected a section [{name}], but got {name} = {row!r}.")
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        raise ReadError(
            f"{path}: [{name}] has {', '.join(unknown)}, but expected only "
            f"{', '.join(sorted(_FIELDS))}."
        )
    fields = dict(row)
    if "categories" in fields:
        fields["categories"] = {_category_key(k): v for k, v in fields["categories"].items()}
    if "normal_range" in fields:
        low, high = fields["normal_range"]
        fields["normal_range"] = (float(low), float(high))
    return Variable(name=name, **{"label": name, **fields})


def read_schema(path: str | Path) -> dict[str, Variable]:
    """Read a table's schema: one TOML section a column.

    Parameters
    ----------
    path : str or path
        A TOML file. The keys of a section are the fields of
        :class:`~cardiorisk.records.Variable`: ``label``, ``unit``, ``low``, ``high``,
        ``zero_is_missing``, ``categories``, ``definition``, ``normal_range``, ``source``.

    Returns
    -------
    dict of str to Variable

    Raises
    ------
    ReadError
        The file is not TOML, or a section has an unknown key.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "schema.toml")
    ...     _ = file.write_text('trestbps = {label = "resting pressure", unit = "mmHg"}')
    ...     read_schema(file)["trestbps"].unit
    'mmHg'
    """
    path = Path(path)
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} could not be read as TOML: {error}") from error
    return {name: _variable(name, row, path) for name, row in sections.items()}
