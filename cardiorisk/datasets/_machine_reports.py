"""Lines of machine reports that agree with the simulated truth."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.datasets._machine_cohort import (
    FASCICULAR,
    FIBRILLATION,
    FLUTTER,
    INCOMPLETE,
    IVCD,
    JUNCTIONAL,
    LBBB,
    PACED_RHYTHM,
    PACING,
    RBBB,
    SINUS,
    SVT,
    VT,
)
from cardiorisk.io.machine_measurements import REPORT_LINES

__all__ = ["report_lines"]

Bools = npt.NDArray[np.bool_]

LONG_PR, LONG_QTC = 200.0, 480.0  # ms: from here on a line says so
# Of the reports of MIMIC-IV-ECG, 75 % have a second line and 7 % a seventh.
ONE_LINE, NEXT_LINE = 0.385, 0.65  # as drawn; what must be said makes some longer
MENTIONED = 0.06  # reports of narrow QRS that say what is not there

NEGATIONS = (
    *("No evidence of left bundle branch block", "No evidence of right bundle branch block"),
    *("Intraventricular conduction delay is no longer present", "No ventricular pacing is seen"),
    "Previously noted left bundle branch block is not present",
)
NEUTRAL = (
    *("Nonspecific ST-T wave changes", "Possible left atrial enlargement", "Low QRS voltages"),
    *("Borderline ECG", "Poor R wave progression", "Cannot rule out anterior infarct"),
    *("Lateral T wave changes may be due to myocardial ischemia", "Abnormal ECG"),
    *("Minor ST elevation", "Compared to previous tracing there is no significant change"),
    "Possible inferior infarct - age undetermined",
)


def _rhythm_lines(truth: pd.DataFrame) -> Iterator[tuple[str, Bools]]:
    rhythm, rate = truth["rhythm"].to_numpy(), 60_000 / truth["rr_interval"].to_numpy()
    sinus, fibrillation = rhythm == SINUS, rhythm == FIBRILLATION
    yield "Sinus rhythm", sinus & (rate >= 60) & (rate <= 100)
    yield "Sinus tachycardia", sinus & (rate > 100)
    yield "Sinus bradycardia", sinus & (rate < 60)
    yield "Atrial fibrillation", fibrillation & (rate <= 100)
    yield "Atrial fibrillation with rapid ventricular response", fibrillation & (rate > 100)
    yield "Atrial flutter", rhythm == FLUTTER
    yield "Supraventricular tachycardia", rhythm == SVT
    yield "Junctional rhythm", rhythm == JUNCTIONAL
    paced = rhythm == PACED_RHYTHM
    yield "A-V sequential pacemaker", paced & truth["p_onset"].notna().to_numpy()
    yield "Ventricular paced rhythm", paced
    yield "Ventricular tachycardia", rhythm == VT


def _conduction_lines(truth: pd.DataFrame) -> Iterator[tuple[str, Bools]]:
    conduction = truth["conduction"].to_numpy()
    pr = (truth["qrs_onset"] - truth["p_onset"]).to_numpy()
    seconds = truth["rr_interval"].to_numpy() / 1000
    qtc = (truth["t_end"] - truth["qrs_onset"]).to_numpy() / seconds ** (1 / 3)
    yield "First degree A-V block", pr > LONG_PR  # false where PR is NaN
    yield "Right bundle branch block", conduction == RBBB
    yield "Left bundle branch block", conduction == LBBB
    yield "Intraventricular conduction delay", conduction == IVCD
    yield "Incomplete right bundle branch block", conduction == INCOMPLETE
    yield "Left anterior fascicular block", conduction == FASCICULAR
    axis = truth["qrs_axis"].to_numpy()
    yield "Left axis deviation", (axis < -30) & (conduction < RBBB)
    yield "Prolonged QT interval", (qtc > LONG_QTC) & (conduction < RBBB)


def _denials(truth: pd.DataFrame, rng: np.random.Generator) -> Iterator[tuple[str, Bools]]:
    """Lines that name a wide QRS in order to deny it."""
    narrow = truth["conduction"].to_numpy() < min(RBBB, PACING)
    said = narrow & (rng.random(len(truth)) < MENTIONED)
    which = rng.integers(len(NEGATIONS), size=len(truth))
    for place, line in enumerate(NEGATIONS):
        yield line, said & (which == place)


def report_lines(truth: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Write a report for each ECG.

    The rhythm comes first, then conduction and denials, then lines that say nothing of either,
    until the report is as long as drawn.

    Parameters
    ----------
    truth : DataFrame
        As :func:`cardiorisk.datasets._machine_cohort.measure` gives it.
    rng : Generator

    Returns
    -------
    lines : DataFrame of category, shape (n_records, 18)
        Missing behind the last line.
    """
    n_records = len(truth)
    said = [*_rhythm_lines(truth), *_conduction_lines(truth), *_denials(truth, rng)]
    words = list(dict.fromkeys([*(line for line, _ in said), *NEUTRAL]))
    code = {line: place for place, line in enumerate(words)}
    cells = np.full((n_records, len(REPORT_LINES)), -1, dtype=np.int16)
    length = np.zeros(n_records, dtype=np.intp)
    for line, where in said:
        rows = np.flatnonzero(where)
        cells[rows, length[rows]] = code[line]
        length[rows] += 1
    wanted = np.where(
        rng.random(n_records) < ONE_LINE, 1, 1 + rng.geometric(1 - NEXT_LINE, n_records)
    )
    wanted = np.minimum(wanted, len(REPORT_LINES))
    first = rng.integers(len(NEUTRAL), size=n_records)
    for step in range(len(NEUTRAL)):  # each neutral line at most once a report
        rows = np.flatnonzero(length < wanted)
        if not len(rows):
            break
        cells[rows, length[rows]] = code[NEUTRAL[0]] + (first[rows] + step) % len(NEUTRAL)
        length[rows] += 1
    return pd.DataFrame(
        {
            name: pd.Categorical.from_codes(*_used(cells[:, place], words))
            for place, name in enumerate(REPORT_LINES)
        }
    )


def _used(
    codes: npt.NDArray[np.int16], words: list[str]
) -> tuple[npt.NDArray[np.int16], list[str]]:
    """Codes of the words that occur, in alphabetical order, as a reader of the file finds them."""
    present = sorted(words[code] for code in np.unique(codes) if code >= 0)
    place = {word: number for number, word in enumerate(present)}
    lookup = np.array([*(place.get(word, -1) for word in words), -1], dtype=np.int16)
    return lookup[codes], present
