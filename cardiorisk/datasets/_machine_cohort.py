"""Simulated people and what their ECGs would measure: rhythm, conduction, intervals, axes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["CONDUCTION", "RHYTHMS", "draw_people", "measure"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

RHYTHMS = (
    *("sinus rhythm", "atrial fibrillation", "atrial flutter", "supraventricular tachycardia"),
    *("junctional rhythm", "ventricular paced rhythm", "ventricular tachycardia"),
)
SINUS, FIBRILLATION, FLUTTER, SVT, JUNCTIONAL, PACED_RHYTHM, VT = range(len(RHYTHMS))

CONDUCTION = (
    *("normal", "incomplete right bundle branch block", "left anterior fascicular block"),
    *("right bundle branch block", "left bundle branch block", "intraventricular delay"),
    *("ventricular pacing", "ventricular tachycardia"),
)
NORMAL, INCOMPLETE, FASCICULAR, RBBB, LBBB, IVCD, PACING, VENTRICULAR = range(len(CONDUCTION))
WIDE = RBBB  # and above: QRS over 120 ms

WIDE_SHARE = 0.15456  # 123,653 of the 800,035 ECGs of MIMIC-IV-ECG have QRS over 120 ms
VT_SHARE = 0.0035
# Shares of conduction classes of people; the wide ones are scaled to give WIDE_SHARE with VT.
NARROW_SHARES = {INCOMPLETE: 0.035, FASCICULAR: 0.045}
WIDE_SHARES = {RBBB: 0.42, LBBB: 0.23, IVCD: 0.12, PACING: 0.23}

FIBRILLATING, PAROXYSMAL = 0.075, 0.08  # people always, and at times, in atrial fibrillation
PACED_WITHOUT_P = 0.45
BRIEF = {FLUTTER: 0.014, SVT: 0.008, JUNCTIONAL: 0.008}

#            mean and SD of QRS (ms), of the QRS axis and of the T axis (degrees)
SHAPES: dict[int, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    NORMAL: ((90, 10), (30, 36), (44, 26)),
    INCOMPLETE: ((108, 6), (45, 40), (40, 26)),
    FASCICULAR: ((100, 9), (-55, 9), (60, 30)),
    RBBB: ((143, 13), (10, 62), (35, 30)),
    LBBB: ((147, 14), (-18, 34), (120, 38)),
    IVCD: ((130, 8), (0, 50), (70, 50)),
    PACING: ((162, 20), (-74, 22), (98, 30)),
    VENTRICULAR: ((168, 28), (-110, 75), (80, 75)),
}
SHORTEST_WIDE, LONGEST_NARROW = 122.0, 120.0  # ms, on the carts' grid of 2 ms

#        median rate (/min) and SD of its logarithm; sinus rhythm follows the person
RATES = {
    FIBRILLATION: (92, 0.26),
    FLUTTER: (112, 0.26),
    SVT: (166, 0.13),
    JUNCTIONAL: (55, 0.2),
    PACED_RHYTHM: (74, 0.14),
    VT: (168, 0.17),
}


def draw_people(n_subjects: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw what stays with a person: conduction, tendency to fibrillate, usual intervals."""
    lasting = (WIDE_SHARE - VT_SHARE) / (1 - VT_SHARE)
    shares = np.zeros(len(CONDUCTION))
    for code, share in NARROW_SHARES.items():
        shares[code] = share
    for code, share in WIDE_SHARES.items():
        shares[code] = lasting * share
    shares[NORMAL] = 1 - shares.sum()
    fibrillates = rng.choice(
        [0.0, 0.45, 1.0], n_subjects, p=[1 - FIBRILLATING - PAROXYSMAL, PAROXYSMAL, FIBRILLATING]
    )
    draw = rng.standard_normal
    return pd.DataFrame(
        {
            "conduction": rng.choice(len(CONDUCTION), n_subjects, p=shares),
            "fibrillates": fibrillates,
            "paced_without_p": rng.random(n_subjects) < PACED_WITHOUT_P,
            "log_rate": np.log(75) + 0.17 * draw(n_subjects),
            "qrs": draw(n_subjects),
            "qrs_axis": draw(n_subjects),
            "pr": 158 + 22 * draw(n_subjects) + rng.gamma(1.0, 9.0, n_subjects),
            "p_duration": 108 + 13 * draw(n_subjects),
            "qtc": 415 + 20 * draw(n_subjects),
            "p_axis": 50 + 20 * draw(n_subjects),
        }
    )


def _rhythm(people: pd.DataFrame, rng: np.random.Generator) -> Codes:
    """Rhythm of each record."""
    n_records = len(people)
    fibrillating = rng.random(n_records) < people["fibrillates"].to_numpy()
    rhythm = np.where(fibrillating, FIBRILLATION, SINUS)
    for code, share in BRIEF.items():
        rhythm[(rng.random(n_records) < share) & ~fibrillating] = code
    rhythm[people["conduction"].to_numpy() == PACING] = PACED_RHYTHM
    rhythm[rng.random(n_records) < VT_SHARE] = VT
    return rhythm


def _of_class(conduction: Codes, part: int) -> tuple[Floats, Floats]:
    """Mean and SD of one part of SHAPES for each record."""
    table = np.array([SHAPES[code][part] for code in range(len(CONDUCTION))], dtype=float)
    return table[conduction, 0], table[conduction, 1]


def _mixed(personal: Any, share: float, rng: np.random.Generator) -> Floats:
    """Draw standard normal values of which a share of the variance stays with the person."""
    personal = np.asarray(personal, dtype=float)
    fresh = rng.standard_normal(len(personal))
    return np.asarray(np.sqrt(share) * personal + np.sqrt(1 - share) * fresh)


def _qrs(people: pd.DataFrame, conduction: Codes, rng: np.random.Generator) -> Floats:
    mean, spread = _of_class(conduction, 0)
    width = mean + spread * _mixed(people["qrs"], 0.8, rng)
    wide = conduction >= WIDE
    # What falls on the wrong side of its class is reflected, so that shares and tails stay.
    width = np.where(wide, SHORTEST_WIDE + np.abs(width - SHORTEST_WIDE), width)
    return np.where(wide, width, np.clip(width, 56, LONGEST_NARROW))


def _rr(people: pd.DataFrame, rhythm: Codes, rng: np.random.Generator) -> Floats:
    log_rate = people["log_rate"].to_numpy() + 0.16 * rng.standard_normal(len(people))
    for code, (median, spread) in RATES.items():
        chosen = rhythm == code
        log_rate[chosen] = np.log(median) + spread * rng.standard_normal(int(chosen.sum()))
    return 60_000 / np.exp(log_rate)


def _turned(angle: Floats) -> Floats:
    """Bring an angle into (-180, 180]."""
    return np.asarray(180 - (180 - angle) % 360)


def _axes(people: pd.DataFrame, conduction: Codes, rng: np.random.Generator) -> dict[str, Floats]:
    qrs_mean, qrs_spread = _of_class(conduction, 1)
    t_mean, t_spread = _of_class(conduction, 2)
    n_records = len(people)
    return {
        "p_axis": people["p_axis"].to_numpy() + 12 * rng.standard_normal(n_records),
        "qrs_axis": qrs_mean + qrs_spread * _mixed(people["qrs_axis"], 0.8, rng),
        "t_axis": t_mean + t_spread * rng.standard_normal(n_records),
    }


def _has_p(people: pd.DataFrame, rhythm: Codes) -> npt.NDArray[np.bool_]:
    paced_atrium = (rhythm == PACED_RHYTHM) & ~people["paced_without_p"].to_numpy()
    return np.asarray((rhythm == SINUS) | paced_atrium)


def measure(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one ECG for each row of people.

    Returns
    -------
    truth : DataFrame
        The nine measurements (ms, degrees; NaN where the heart has no such wave), codes
        ``rhythm`` and ``conduction``.

    Notes
    -----
    QT follows the rate by Fridericia's formula. A wide QRS lengthens it by what it adds to QRS,
    since JT stays (Wang et al. 2017, doi:10.1111/jce.13203). All else is assumed.
    """
    rhythm = _rhythm(people, rng)
    conduction = people["conduction"].to_numpy().copy()
    conduction[rhythm == VT] = VENTRICULAR
    n_records = len(people)
    rr, qrs = _rr(people, rhythm, rng), _qrs(people, conduction, rng)
    qtc = people["qtc"].to_numpy() + 12 * rng.standard_normal(n_records)
    qt = qtc * (rr / 1000) ** (1 / 3) + np.maximum(qrs - 95, 0)
    qt = np.maximum(np.minimum(qt, 0.9 * rr + 60), qrs + 110)
    pr = people["pr"].to_numpy() + 8 * rng.standard_normal(n_records) + 0.02 * (rr - 800)
    p_duration = people["p_duration"].to_numpy() + 6 * rng.standard_normal(n_records)
    p_duration = np.clip(p_duration, 50, 170)
    pr = np.clip(pr, p_duration + 4, 420)
    p_onset = np.clip(40 + 10 * rng.standard_normal(n_records), 0, None)
    qrs_onset = p_onset + pr
    has_p = _has_p(people, rhythm)
    truth = {
        "rr_interval": rr,
        "p_onset": np.where(has_p, p_onset, np.nan),
        "p_end": np.where(has_p, p_onset + p_duration, np.nan),
        "qrs_onset": qrs_onset,
        "qrs_end": qrs_onset + qrs,
        "t_end": qrs_onset + qt,
    }
    axes = _axes(people, conduction, rng)
    axes["p_axis"] = np.where(has_p, axes["p_axis"], np.nan)
    on_grid = {
        name: np.round(values) if name == "rr_interval" else 2 * np.round(values / 2)
        for name, values in truth.items()
    }
    # Two ends of one interval round apart; QRS keeps its own side of 120 ms.
    on_grid["qrs_end"] = on_grid["qrs_onset"] + 2 * np.round(qrs / 2)
    on_grid |= {name: _turned(np.round(values)) for name, values in axes.items()}
    return pd.DataFrame(on_grid).assign(rhythm=rhythm, conduction=conduction)
