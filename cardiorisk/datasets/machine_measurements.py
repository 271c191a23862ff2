"""Simulated tables of ECG carts in the form of MIMIC-IV-ECG, with the truth beside them."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from cardiorisk.datasets._machine_artefacts import KINDS, OTHER_CONVENTION, as_written
from cardiorisk.datasets._machine_cohort import CONDUCTION, RHYTHMS, draw_people, measure
from cardiorisk.datasets._machine_reports import report_lines
from cardiorisk.io.machine_measurements import COLUMNS, MEASURED

__all__ = ["make_machine_measurements"]

ECGS_A_SUBJECT = 800_035 / 161_352  # of MIMIC-IV-ECG
N_CARTS = 156
BANDWIDTHS = ("0.005-150 Hz", "0.05-100 Hz", "0.05-150 Hz")
FILTERS = ("60 Hz notch", "60 Hz notch Baseline filter", "Baseline filter")
FIRST_DAY, DAYS = np.datetime64("2110-01-01T00:00:00"), 90 * 365
FIRST_SUBJECT, FIRST_STUDY, FIRST_CART = 10_000_000, 40_000_000, 6_848_000  # identifiers


def _count(value: object, name: str, most: int | None = None) -> int:
    is_count = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_count or value < 1 or (most is not None and value > most):  # type: ignore[operator]  # a number
        limit = "a positive whole number" if most is None else f"1 to n_records={most}"
        raise ValueError(f"Got {name}={value!r}, but expected {limit}.")
    return int(value)  # type: ignore[call-overload]  # an Integral


def _subject_of_each(n_records: int, n_subjects: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the subject of each record, sorted; every subject has at least one."""
    weights = rng.gamma(0.6, size=n_subjects) + 1e-9  # a few have many
    more = rng.choice(n_subjects, n_records - n_subjects, p=weights / weights.sum())
    return np.sort(np.concatenate([np.arange(n_subjects), more]))


def _identifiers(subject: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n_records = len(subject)
    start = rng.integers(DAYS * 86_400, size=subject[-1] + 1)
    seconds = start[subject] + rng.integers(5 * 365 * 86_400, size=n_records)
    seconds = seconds[np.lexsort((seconds, subject))]
    return pd.DataFrame(
        {
            "subject_id": FIRST_SUBJECT + subject,
            "study_id": FIRST_STUDY + rng.permutation(n_records),
            "cart_id": FIRST_CART + rng.integers(N_CARTS, size=n_records),
            "ecg_time": FIRST_DAY + seconds.astype("timedelta64[s]"),
        }
    )


def _settings(n_records: int, rng: np.random.Generator) -> pd.DataFrame:
    drawn = {
        "bandwidth": (BANDWIDTHS, rng.choice(3, n_records, p=[0.75, 0.15, 0.10])),
        "filtering": (FILTERS, rng.choice(3, n_records, p=[0.35, 0.60, 0.05])),
    }
    return pd.DataFrame(
        {
            name: pd.Categorical.from_codes(codes, list(words)).remove_unused_categories()
            for name, (words, codes) in drawn.items()
        }
    )


def make_machine_measurements(
    n_records: int = 1000,
    *,
    n_subjects: int | None = None,
    artefact_rate: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Simulate ``machine_measurements.csv`` of MIMIC-IV-ECG, and keep what it hides.

    Parameters
    ----------
    n_records : int, default=1000
        ECGs. The real table has 800,035, which take seconds.
    n_subjects : int, optional
        People, at most one an ECG. As in the real table, 4.96 ECGs a person, by default.
    artefact_rate : float, default=1.0
        Multiplies the share of every artefact, 0 to 10. At 0 only the waves that a heart lacks
        are coded as not measured.
    random_state : int, RandomState or None, default=None
        Determines everything.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data``: DataFrame of shape (n_records, 33), as
        :func:`~cardiorisk.io.read_machine_measurements` reads the file, sorted by subject and
        time. ``truth``: DataFrame with the nine measurements as they should be (NaN where the
        heart has no such wave), ``rhythm``, ``conduction`` and ``wide_qrs`` (above 120 ms).
        ``artefacts``: DataFrame of shape (n_records, 9), what each measurement of ``data`` is:
        "none" (true, if perhaps a full turn away), "not_measured" (29999), "impossible" or
        "plausible" (wrong, and a rule could, or could not, tell).
        ``groups``: the subject of each row. ``DESCR``: what is measured and what is assumed.

    Raises
    ------
    ValueError
        A number is out of its range.

    Notes
    -----
    Taken from the real table: columns, records a person, the share of QRS above 120 ms
    (15.46 %), the shares of "not measured" for P onset, P end and P axis (15.6, 28.8 and 16 %),
    the extremes of the artefacts, the share of reports with a second (75 %) and a seventh line
    (7 %). Everything else, such as the shares of rhythms, of other artefacts and the spread of
    intervals within a class, is assumed. A model's figures on this table say how a protocol
    behaves, never how good the model is on patients.

    Some artefacts are plausible (a QRS end 30 ms late, an RR interval of half its length), so no
    rule can find them all. Reports agree with the truth and also name what is not there ("No
    evidence of left bundle branch block").

    References
    ----------
    Gow et al. (2023), MIMIC-IV-ECG 1.0, doi:10.13026/4nqg-sb35.

    Examples
    --------
    >>> simulated = make_machine_measurements(1000, random_state=0)
    >>> simulated.data.shape
    (1000, 33)
    >>> int((simulated.data["p_onset"] == 29999).sum())
    181
    """
    n_records = _count(n_records, "n_records")
    usual = max(round(n_records / ECGS_A_SUBJECT), 1)
    n_subjects = _count(usual if n_subjects is None else n_subjects, "n_subjects", n_records)
    if not isinstance(artefact_rate, Real) or not 0 <= artefact_rate <= 10:
        raise ValueError(f"Got artefact_rate={artefact_rate!r}, but expected 0 to 10.")
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    subject = _subject_of_each(n_records, n_subjects, rng)
    people = draw_people(n_subjects, rng).iloc[subject].reset_index(drop=True)
    truth = measure(people, rng)
    identifiers = _identifiers(subject, rng)
    other = rng.permutation(N_CARTS) < round(OTHER_CONVENTION * N_CARTS)
    by_cart = other[identifiers["cart_id"].to_numpy() - FIRST_CART]
    written, kinds = as_written(truth[list(MEASURED)], by_cart, float(artefact_rate), rng)
    parts = [identifiers, report_lines(truth, rng), _settings(n_records, rng), written]
    data = pd.concat(parts, axis="columns")[list(COLUMNS)]
    return Bunch(
        data=data,
        truth=_in_words(truth),
        artefacts=kinds.apply(lambda codes: pd.Categorical.from_codes(codes, list(KINDS))),
        groups=data["subject_id"],
        DESCR=make_machine_measurements.__doc__,
    )


def _in_words(truth: pd.DataFrame) -> pd.DataFrame:
    words = {"rhythm": RHYTHMS, "conduction": CONDUCTION}
    columns = {
        name: pd.Categorical.from_codes(truth[name].to_numpy(), list(names))
        for name, names in words.items()
    }
    return truth.assign(**columns, wide_qrs=truth["qrs_end"] - truth["qrs_onset"] > 120)
