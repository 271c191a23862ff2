"""Import a heavy or optional package at the moment it is needed."""

import importlib
from types import ModuleType

from cardiorisk.exceptions import OptionalDependencyError

__all__ = ["require"]


def require(module: str, *, extra: str | None = None) -> ModuleType:
    """Import ``module``, or say which extra brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module, for example ``"neurokit2"``.
    extra : str, optional
        The extra of cardiorisk that installs it, for example ``"ecg"``. None for a core
        dependency that is only imported late because it is heavy.

    Returns
    -------
    module : types.ModuleType

    Raises
    ------
    OptionalDependencyError
        The package is not installed.

    Examples
    --------
    >>> require("json").dumps({"heart_rate": 60})
    '{"heart_rate": 60}'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        target = f"cardiorisk[{extra}]" if extra else package
        raise OptionalDependencyError(
            f"This needs the package {package!r}, which could not be imported ({error}). "
            f"Install it with: pip install '{target}'"
        ) from error
