"""Interpretable cardiac risk modelling on clinical tables and ECG signals.

Files become nouns (:mod:`cardiorisk.io`, :mod:`cardiorisk.records`), nouns become numbers
(:mod:`cardiorisk.features`), numbers become risk (:mod:`cardiorisk.estimators`), and risk becomes
reasons (:mod:`cardiorisk.evaluation`, :mod:`cardiorisk.explain`).
"""

from cardiorisk.persistence import TRUSTED_TYPES, load, save

__version__ = "0.1.0"

__all__ = ["TRUSTED_TYPES", "__version__", "load", "save"]
