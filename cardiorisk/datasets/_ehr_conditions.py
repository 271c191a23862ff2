"""The conditions that simulated patients may have, who has them, and what they do to the heart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["PROFILES", "STEP", "Conditions", "known_conditions"]

PROFILES = ("healthy", "cardiometabolic", "respiratory and joints", "mental and digestive")
"""Groups of patients whose conditions keep company."""

PROFILE_SHARE = np.array([0.45, 0.25, 0.15, 0.15])
MORE_VISITS = np.array([3.0, 8.0, 7.0, 7.0])
"""Mean number of visits beyond the first in 18 months, by profile."""

STEP = 0.25
"""Log hazard ratios are multiples of it, so that their sums can be counted exactly."""

# Name, share of each profile that has the condition at the prediction time, and the log hazard
# ratio of heart failure. The order of magnitude is that of textbooks and cohort studies of
# incident heart failure; none is an estimate from data.
_TABLE = (
    ("hypertension", (0.20, 0.75, 0.40, 0.35), 0.50),
    ("coronary disease", (0.03, 0.30, 0.10, 0.08), 0.75),
    ("myocardial infarction", (0.01, 0.12, 0.03, 0.03), 1.00),
    ("atrial fibrillation", (0.02, 0.18, 0.08, 0.05), 1.00),
    ("valve disease", (0.01, 0.10, 0.04, 0.03), 1.00),
    ("cardiomyopathy", (0.002, 0.03, 0.005, 0.005), 2.00),
    ("diabetes", (0.06, 0.45, 0.15, 0.15), 0.50),
    ("kidney disease", (0.03, 0.25, 0.10, 0.08), 0.75),
    ("obesity", (0.12, 0.45, 0.25, 0.25), 0.25),
    ("high lipids", (0.20, 0.70, 0.35, 0.30), 0.00),
    ("stroke", (0.01, 0.10, 0.04, 0.04), 0.25),
    ("peripheral artery disease", (0.01, 0.12, 0.05, 0.03), 0.50),
    ("chronic lung disease", (0.02, 0.12, 0.45, 0.10), 0.50),
    ("sleep apnoea", (0.03, 0.20, 0.20, 0.10), 0.25),
    ("anaemia", (0.04, 0.15, 0.12, 0.15), 0.25),
    ("harmful drinking", (0.03, 0.06, 0.06, 0.18), 0.25),
    ("asthma", (0.07, 0.08, 0.30, 0.10), 0.00),
    ("arthrosis", (0.10, 0.25, 0.55, 0.20), 0.00),
    ("back pain", (0.15, 0.20, 0.45, 0.30), 0.00),
    ("osteoporosis", (0.04, 0.08, 0.25, 0.08), 0.00),
    ("gout", (0.02, 0.12, 0.10, 0.03), 0.25),
    ("depression", (0.08, 0.15, 0.18, 0.55), 0.00),
    ("anxiety", (0.08, 0.10, 0.12, 0.55), 0.00),
    ("reflux", (0.10, 0.22, 0.25, 0.45), 0.00),
    ("irritable bowel", (0.03, 0.04, 0.06, 0.28), 0.00),
    ("underactive thyroid", (0.06, 0.10, 0.12, 0.14), 0.00),
    ("prostate enlargement", (0.06, 0.12, 0.15, 0.08), 0.00),
    ("migraine", (0.07, 0.05, 0.08, 0.20), 0.00),
)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Arrays of the table, one entry a condition.

    Parameters
    ----------
    names : tuple of str
    prevalence : ndarray of float, shape (n_profiles, n_conditions)
        At the prediction time.
    steps : ndarray of int, shape (n_conditions,)
        Log hazard ratio in units of :data:`STEP`.
    """

    names: tuple[str, ...]
    prevalence: npt.NDArray[np.float64]
    steps: npt.NDArray[np.intp]


def known_conditions() -> Conditions:
    """Return the table as arrays."""
    names, shares, ratios = zip(*_TABLE, strict=True)
    steps = np.rint(np.array(ratios) / STEP).astype(np.intp)
    return Conditions(names, np.array(shares).T, steps)
