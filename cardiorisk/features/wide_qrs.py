"""Three meanings of "wide QRS" in a table of cart measurements."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.exceptions import TableError
from cardiorisk.features._columns import numeric_values
from cardiorisk.features._report_statements import STATEMENTS, wide_qrs_statement
from cardiorisk.features.machine_measurements import MachineMeasurements
from cardiorisk.io.machine_measurements import REPORT_LINES

__all__ = ["wide_qrs_label", "wide_qrs_statements"]

WIDE, FAST = 120.0, 100.0  # ms, beats a minute
MODES = ("paper", "wct", "report")


def wide_qrs_label(table: Any, mode: str = "report") -> pd.Series:
    """Label ECGs of a cart as wide, in one of three ways.

    Parameters
    ----------
    table : DataFrame
        As :func:`~cardiorisk.io.read_machine_measurements` reads it.
    mode : {"paper", "wct", "report"}, default="report"
        "paper": ``qrs_end - qrs_onset`` is above 120 ms, in the numbers as they are; what is
        missing is not wide. It has no heart rate, although its authors call it tachycardia.
        "wct", wide complex tachycardia: QRS of at least 120 ms and a rate above 100 a minute, of
        cleaned measurements; missing where either is missing.
        "report": the text of the report says so; missing where it is in doubt or empty.

    Returns
    -------
    label : Series of boolean, shape (n_records,)
        With the index of ``table``.

    Raises
    ------
    ValueError
        The mode is unknown.
    TableError
        A column that the mode needs is absent.

    Notes
    -----
    "paper" and "wct" are functions of measurements: a model that sees these learns the function,
    and a guard of :func:`cardiorisk.evaluation.evaluate` says so. "report" was decided by another
    reader of the curve, a program too where the report comes from a cart.

    References
    ----------
    "paper": doi:10.32604/jimh.2026.075201 (CardioForest), by its authors' code.
    "wct": Brugada et al. (2020), doi:10.1093/eurheartj/ehz467.

    Examples
    --------
    >>> from cardiorisk.datasets import make_machine_measurements
    >>> table = make_machine_measurements(1000, random_state=0).data
    >>> {mode: int(wide_qrs_label(table, mode).sum()) for mode in ("paper", "wct", "report")}
    {'paper': 194, 'wct': 56, 'report': 192}
    """
    frame = as_pandas(table)
    if mode not in MODES:
        raise ValueError(f"Got mode={mode!r}, but expected {', '.join(map(repr, MODES))}.")
    if mode == "report":
        said = wide_qrs_statements(frame)
        told = said.map({"present": True, "denied": False, "not mentioned": False})
        return told.astype("boolean").rename("wide_qrs")
    if mode == "paper":
        absent = [name for name in ("qrs_onset", "qrs_end") if name not in frame]
        if absent:
            raise TableError(f"Got a table without {', '.join(absent)}.")
        onset, end = (numeric_values(name, frame[name]) for name in ("qrs_onset", "qrs_end"))
        return pd.Series(end - onset > WIDE, index=frame.index, name="wide_qrs", dtype="boolean")
    cart = MachineMeasurements(groups=["rhythm", "intervals"]).set_output(transform="pandas")
    features = cart.fit_transform(frame)
    wide, fast = features["qrs_duration"], features["heart_rate"]
    label = ((wide >= WIDE) & (fast > FAST)).astype("boolean")
    # A narrow QRS or a slow heart settles it without the other.
    settled = label | (wide < WIDE) | (fast <= FAST)
    return label.where(settled).rename("wide_qrs")


def wide_qrs_statements(table: Any) -> pd.Series:
    """Read what reports say of a wide QRS.

    Parameters
    ----------
    table : DataFrame
        With some of the columns ``report_0`` to ``report_17``.

    Returns
    -------
    statements : Series of category, shape (n_records,)
        "present", "uncertain", "denied" or "not mentioned"; missing where the report is empty.
        Lines are read one by one, and the strongest statement counts.

    Raises
    ------
    TableError
        No column of report lines.

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.features import wide_qrs_statements
    >>> lines = ["Left bundle branch block", "No evidence of LBBB", "Possible LBBB", None]
    >>> wide_qrs_statements(pd.DataFrame({"report_0": lines})).tolist()
    ['present', 'denied', 'uncertain', nan]
    """
    frame = as_pandas(table)
    lines = [name for name in REPORT_LINES if name in frame]
    if not lines:
        raise TableError("Got a table without report lines, but expected report_0, report_1, ...")
    strongest = np.full(len(frame), len(STATEMENTS))
    for name in lines:
        strongest = np.minimum(strongest, _strength(frame[name]))
    codes = np.where(strongest == len(STATEMENTS), -1, strongest)
    said = pd.Categorical.from_codes(codes, list(STATEMENTS))
    return pd.Series(said, index=frame.index, name="wide_qrs_statement")


def _strength(column: pd.Series) -> npt.NDArray[np.intp]:
    """Place in STATEMENTS of each line, behind the last where there is none.

    Each text is read once.
    """
    codes, texts = pd.factorize(column.astype(object))
    places = [STATEMENTS.index(wide_qrs_statement(str(text))) for text in texts]
    return np.array([*places, len(STATEMENTS)], dtype=np.intp)[codes]
