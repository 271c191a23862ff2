"""The errors and warnings of the package, in one hierarchy."""

__all__ = [
    "AdditivityError",
    "CardioRiskError",
    "CardioRiskWarning",
    "CoverageWarning",
    "DataNotFoundError",
    "DeviceError",
    "LeakageWarning",
    "OptionalDependencyError",
    "ReadError",
    "RefitWarning",
    "SignalError",
    "SignalWarning",
    "TableError",
    "TableWarning",
    "UntrustedFileError",
    "VersionWarning",
]


class CardioRiskError(Exception):
    """Parent of every error that the package raises on purpose."""


class SignalError(CardioRiskError, ValueError):
    """An ECG is not what the contract asks for: shape, unit, sampling rate or leads."""


class TableError(CardioRiskError, ValueError):
    """A clinical table holds a column or a value that cannot be what it claims to be."""


class ReadError(CardioRiskError, OSError):
    """A file exists but could not be read as the format that it claims to be."""


class DataNotFoundError(CardioRiskError, FileNotFoundError):
    """A data set is neither on this machine nor could it be downloaded."""


class DeviceError(CardioRiskError, RuntimeError):
    """The requested device does not exist on this machine."""


class OptionalDependencyError(CardioRiskError, ImportError):
    """A package of an optional extra is needed and not installed."""


class UntrustedFileError(CardioRiskError, ValueError):
    """A model file holds a type that is not on the allow-list, or was changed after saving."""


class AdditivityError(CardioRiskError, RuntimeError):
    """The contributions of an explanation do not add up to what the model predicts."""


class CardioRiskWarning(UserWarning):
    """Parent of every warning of the package."""


class SignalWarning(CardioRiskWarning):
    """Some ECGs of a batch could not be used, or are used with reservations."""


class TableWarning(CardioRiskWarning):
    """Some values of a clinical table were set to missing, or look doubtful."""


class CoverageWarning(CardioRiskWarning):
    """Too few calibration rows for the asked coverage: some sets hold every class."""


class LeakageWarning(CardioRiskWarning):
    """Test rows may have been known before the test; the message tells how and what to do."""


class RefitWarning(CardioRiskWarning):
    """A model that came fitted was fitted anew in folds, which may not be what was meant."""


class VersionWarning(CardioRiskWarning):
    """A model file was written with other versions of the packages that read it."""
