"""The four-centre UCI heart-disease table."""

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from cardiorisk.records import Variable

__all__ = ["SCHEMA", "SITES", "load_heart_disease"]

SITES = ("cleveland", "hungary", "switzerland", "va")
"""The centres, in the order of the table."""

_SOURCE = "10.24432/C52P4X"

SCHEMA: dict[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable("age", "age", "years", low=18, high=120, source=_SOURCE),
        Variable("sex", "sex", categories={0: "female", 1: "male"}, source=_SOURCE),
        Variable(
            "cp",
            "type of chest pain",
            categories={
                1: "typical angina",
                2: "atypical angina",
                3: "non-anginal pain",
                4: "asymptomatic",
            },
            source=_SOURCE,
        ),
        Variable(
            "trestbps",
            "resting systolic blood pressure",
            "mmHg",
            low=60,
            high=280,
            zero_is_missing=True,
            definition="On admission to the hospital.",
            source=_SOURCE,
        ),
        Variable(
            "chol",
            "serum total cholesterol",
            "mg/dl",
            low=50,
            high=1000,
            zero_is_missing=True,
            source=_SOURCE,
        ),
        Variable(
            "fbs",
            "fasting blood sugar above 120 mg/dl",
            categories={0: "no", 1: "yes"},
            source=_SOURCE,
        ),
        Variable(
            "restecg",
            "resting ECG",
            categories={
                0: "normal",
                1: "ST-T wave abnormality",
                2: "left ventricular hypertrophy",
            },
            definition="1: T inversion or ST shift of more than 0.05 mV. 2: Estes' criteria.",
            source=_SOURCE,
        ),
        Variable(
            "thalach",
            "maximum heart rate achieved",
            "/min",
            low=40,
            high=230,
            definition="During the exercise test.",
            source=_SOURCE,
        ),
        Variable(
            "exang", "angina induced by exercise", categories={0: "no", 1: "yes"}, source=_SOURCE
        ),
        Variable(
            "oldpeak",
            "ST depression induced by exercise",
            "mm",
            low=-5,
            high=10,
            definition="Exercise relative to rest; 1 mm is 0.1 mV. Negative: ST elevation.",
            source=_SOURCE,
        ),
        Variable(
            "slope",
            "slope of the peak exercise ST segment",
            categories={1: "upsloping", 2: "flat", 3: "downsloping"},
            source=_SOURCE,
        ),
        Variable(
            "ca",
            "major vessels coloured by fluoroscopy",
            low=0,
            high=3,
            definition="Number of vessels, 0 to 3.",
            source=_SOURCE,
        ),
        Variable(
            "thal",
            "thallium scan",
            categories={3: "normal", 6: "fixed defect", 7: "reversible defect"},
            source=_SOURCE,
        ),
    )
}
"""Words, units and limits of the thirteen columns."""


def check_sites(sites: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the asked centres in the order of the table, or raise ValueError."""
    if sites is None:
        return SITES
    asked = [sites] if isinstance(sites, str) else list(sites)
    unknown = [site for site in asked if site not in SITES]
    if unknown or not asked:
        raise ValueError(f"Got sites={asked}, but expected some of {', '.join(SITES)}.")
    return tuple(site for site in SITES if site in asked)


def load_heart_disease(
    sites: str | Iterable[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = True,
) -> Any:
    """Load the UCI heart-disease table of four centres (920 patients; packaged).

    Coronary angiography was the reference: the target is 1 where a major vessel was narrowed by
    more than half of its diameter. Missing values are kept as NaN. Zeros are kept as they stand in
    the file, although a cholesterol or a resting blood pressure of 0 means "not measured".

    Parameters
    ----------
    sites : str or iterable of str, optional
        Some of ``"cleveland"`` (303 rows), ``"hungary"`` (294), ``"switzerland"`` (123) and
        ``"va"`` (200). None for all. A row keeps its index of the full table.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Whether data and targets are pandas objects; otherwise NumPy arrays.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data`` (n_patients, 13), ``target`` (0 or 1), ``severity`` (0 to 4), ``groups`` (the
        centre of each row), ``frame`` (data and target; None if not ``as_frame``),
        ``feature_names``, ``target_names``, ``schema`` (dict of
        :class:`~cardiorisk.records.Variable`: words, units and limits), ``DESCR``, ``filename``.

    Raises
    ------
    ValueError
        ``sites`` names a centre that the table does not have, or none at all.

    References
    ----------
    Detrano et al. (1989), Am J Cardiol 64:304-310, doi:10.1016/0002-9149(89)90524-9.
    Data: UCI Machine Learning Repository, doi:10.24432/C52P4X, CC BY 4.0.

    Examples
    --------
    >>> table = load_heart_disease(sites=["cleveland", "va"])
    >>> table.data.shape, table.target.mean().round(2)
    ((503, 13), np.float64(0.57))
    >>> table.schema["chol"].unit
    'mg/dl'
    """
    chosen = check_sites(sites)
    folder = files("cardiorisk.datasets") / "data"
    path = folder / "heart_disease.csv"
    with path.open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    table = table[table["site"].isin(chosen)]
    data = table[list(SCHEMA)].astype("float64")
    severity = table["num"].rename("severity")
    target = (severity > 0).astype("int64").rename("disease")
    if return_X_y:
        return (data, target) if as_frame else (data.to_numpy(), target.to_numpy())
    columns = {"data": data, "target": target, "severity": severity, "groups": table["site"]}
    return Bunch(
        **(columns if as_frame else {name: part.to_numpy() for name, part in columns.items()}),
        frame=pd.concat([data, target], axis=1) if as_frame else None,
        feature_names=list(SCHEMA),
        target_names=np.array(["no disease", "disease"]),
        schema=dict(SCHEMA),
        DESCR=(folder / "heart_disease.md").read_text(encoding="utf-8"),
        filename=str(path),
    )
