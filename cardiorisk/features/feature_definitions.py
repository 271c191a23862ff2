"""What each ECG feature means: words, unit, definition, usual range and source."""

from collections.abc import Mapping
from types import MappingProxyType

from cardiorisk.records import STANDARD_LEADS, Variable

__all__ = ["FEATURES", "GROUPS"]

BRADYCARDIA = "doi:10.1016/j.jacc.2018.10.044"  # ACC/AHA/HRS 2018: slow rates, long PR
TACHYCARDIA = "doi:10.1161/CIR.0000000000000311"  # ACC/AHA/HRS 2015: fast rates
CONDUCTION = "doi:10.1161/CIRCULATIONAHA.108.191095"  # AHA/ACCF/HRS 2009, part III
REPOLARISATION = "doi:10.1161/CIRCULATIONAHA.108.191096"  # AHA/ACCF/HRS 2009, part IV
HYPERTROPHY = "doi:10.1161/CIRCULATIONAHA.108.191097"  # AHA/ACCF/HRS 2009, part V
ISCHAEMIA = "doi:10.1161/CIRCULATIONAHA.108.191098"  # AHA/ACCF/HRS 2009, part VI
RECORDING = "doi:10.1161/CIRCULATIONAHA.106.180200"  # AHA/ACCF/HRS 2007, part I
VARIABILITY = "doi:10.1161/01.CIR.93.5.1043"  # ESC/NASPE task force 1996
INTERATRIAL = "doi:10.1016/j.jelectrocard.2012.06.029"  # consensus on interatrial blocks 2012
CORRECTED_AXIS = "Novosel et al. 1999, Croat Med J 40:77-79"

RHYTHM = (
    Variable(
        "heart_rate",
        "heart rate",
        "/min",
        10,
        350,
        definition="60 over the mean time between R waves.",
        normal_range=(50, 100),
        source=f"range {BRADYCARDIA} and {TACHYCARDIA}",
    ),
    Variable(
        "rr_mean",
        "mean time between beats",
        "ms",
        150,
        6000,
        definition="Mean of the RR intervals.",
        normal_range=(600, 1200),
        source=f"range {BRADYCARDIA} and {TACHYCARDIA}",
    ),
    Variable(
        "rr_median",
        "median time between beats",
        "ms",
        150,
        6000,
        definition="Median of the RR intervals.",
        normal_range=(600, 1200),
        source=f"range {BRADYCARDIA} and {TACHYCARDIA}",
    ),
    Variable(
        "rr_min",
        "shortest time between beats",
        "ms",
        150,
        6000,
        definition="Shortest RR interval.",
    ),
    Variable(
        "rr_max",
        "longest time between beats",
        "ms",
        150,
        6000,
        definition="Longest RR interval.",
    ),
    Variable(
        "rr_sd",
        "spread of the time between beats",
        "ms",
        0,
        3000,
        definition="Standard deviation of all RR intervals, ectopic beats included; needs two.",
        source=VARIABILITY,
    ),
    Variable(
        "rmssd",
        "beat-to-beat change of the time between beats",
        "ms",
        0,
        4000,
        definition="Root mean square of successive RR differences; needs two RR intervals.",
        source=VARIABILITY,
    ),
    Variable(
        "pnn50",
        "share of successive intervals that differ by more than 50 ms",
        "%",
        0,
        100,
        definition="Share of successive RR differences above 50 ms; needs two RR intervals.",
        source=VARIABILITY,
    ),
    Variable(
        "rr_irregularity",
        "irregularity of the rhythm",
        "",
        0,
        3,
        definition="RMSSD over the mean RR interval; high in atrial fibrillation.",
        source="doi:10.1016/j.hrthm.2012.12.001",
    ),
    Variable(
        "p_wave_share",
        "share of beats with a P wave",
        "%",
        0,
        100,
        definition="Beats with a P wave at the record's usual distance, over all beats.",
    ),
)

INTERVALS = (
    Variable(
        "p_duration",
        "P-wave duration",
        "ms",
        20,
        250,
        definition="P onset to P end, consensus of the leads, median of the beats.",
        normal_range=(60, 120),
        source=INTERATRIAL,
    ),
    Variable(
        "pr_interval",
        "PR interval",
        "ms",
        60,
        500,
        definition="P onset to QRS onset, consensus of the leads, median of the beats.",
        normal_range=(120, 200),
        source=f"range {BRADYCARDIA}",
    ),
    Variable(
        "pr_segment",
        "PR segment",
        "ms",
        0,
        400,
        definition="P end to QRS onset, consensus of the leads, median of the beats.",
    ),
    Variable(
        "qrs_duration",
        "QRS duration",
        "ms",
        40,
        300,
        definition="QRS onset to QRS end in all leads together, median of the beats.",
        normal_range=(60, 110),
        source=CONDUCTION,
    ),
    Variable(
        "qt_interval",
        "QT interval",
        "ms",
        180,
        800,
        definition="QRS onset to T end, consensus of the leads, median of the beats.",
    ),
    Variable(
        "jt_interval",
        "JT interval",
        "ms",
        100,
        700,
        definition="QRS end to T end, consensus of the leads, median of the beats.",
        source=REPOLARISATION,
    ),
    Variable(
        "t_peak_to_end",
        "T peak to T end",
        "ms",
        10,
        300,
        definition="T peak to T end, consensus of the leads, median of the beats.",
        source=REPOLARISATION,
    ),
    Variable(
        "qtc_bazett",
        "corrected QT interval (Bazett)",
        "ms",
        200,
        900,
        definition="QT / RR^(1/2), RR in seconds. Overcorrects at fast rates.",
        normal_range=(390, 460),
        source=f"doi:10.1111/j.1542-474X.1997.tb00325.x; range {REPOLARISATION}",
    ),
    Variable(
        "qtc_fridericia",
        "corrected QT interval (Fridericia)",
        "ms",
        200,
        900,
        definition="QT / RR^(1/3), RR in seconds.",
        normal_range=(390, 460),
        source=f"doi:10.1046/j.1542-474X.2003.08413.x; range {REPOLARISATION}",
    ),
    Variable(
        "qtc_framingham",
        "corrected QT interval (Framingham)",
        "ms",
        200,
        900,
        definition="QT + 154 (1 - RR), RR in seconds.",
        normal_range=(390, 460),
        source=f"doi:10.1016/0002-9149(92)90562-D; range {REPOLARISATION}",
    ),
    Variable(
        "qtc_hodges",
        "corrected QT interval (Hodges)",
        "ms",
        200,
        900,
        definition="QT + 1.75 (heart rate - 60).",
        normal_range=(390, 460),
        source=f"doi:10.1016/j.jelectrocard.2004.08.030; range {REPOLARISATION}",
    ),
)

AXES = (
    Variable(
        "p_axis",
        "P-wave axis",
        "deg",
        -180,
        180,
        definition="Frontal axis from the P areas in I and aVF, aVF scaled by 2/sqrt(3).",
        source=CORRECTED_AXIS,
    ),
    Variable(
        "qrs_axis",
        "QRS axis",
        "deg",
        -180,
        180,
        definition="Frontal axis from the QRS areas in I and aVF, aVF scaled by 2/sqrt(3).",
        normal_range=(-30, 90),
        source=f"{CORRECTED_AXIS}; range {CONDUCTION}",
    ),
    Variable(
        "t_axis",
        "T-wave axis",
        "deg",
        -180,
        180,
        definition="Frontal axis from the T areas in I and aVF, aVF scaled by 2/sqrt(3).",
        source=CORRECTED_AXIS,
    ),
    Variable(
        "qrs_t_angle",
        "angle between QRS and T axes",
        "deg",
        0,
        180,
        definition="Absolute difference of the frontal QRS and T axes.",
        source=REPOLARISATION,
    ),
)

VOLTAGES = (
    Variable(
        "sokolow_lyon",
        "Sokolow-Lyon voltage",
        "mV",
        0,
        15,
        definition="Depth of S in V1 plus the larger R of V5 and V6.",
        normal_range=(0, 3.5),
        source=f"doi:10.1016/0002-8703(49)90562-1; {HYPERTROPHY}",
    ),
    Variable(
        "cornell_voltage",
        "Cornell voltage",
        "mV",
        0,
        15,
        definition="R in aVL plus depth of S in V3. The limit is 2.0 mV in women.",
        normal_range=(0, 2.8),
        source=f"doi:10.1016/S0735-1097(85)80115-7; {HYPERTROPHY}",
    ),
    Variable(
        "cornell_product",
        "Cornell product",
        "mV ms",
        0,
        3000,
        definition="Cornell voltage times QRS duration, without the 0.6 mV added for women.",
        normal_range=(0, 244),
        source=HYPERTROPHY,
    ),
    Variable(
        "peguero_lo_presti",
        "Peguero-Lo Presti voltage",
        "mV",
        0,
        20,
        definition="Deepest S of any lead plus depth of S in V4. The limit is 2.3 mV in women.",
        normal_range=(0, 2.8),
        source="doi:10.1016/j.jacc.2017.01.037",
    ),
    Variable(
        "limb_qrs_voltage",
        "largest QRS of the limb leads",
        "mV",
        0,
        15,
        definition="Largest peak-to-peak QRS of I, II, III, aVR, aVL, aVF; below 0.5 is low.",
        source=RECORDING,
    ),
    Variable(
        "chest_qrs_voltage",
        "largest QRS of the chest leads",
        "mV",
        0,
        15,
        definition="Largest peak-to-peak QRS of V1 to V6; below 1.0 is low.",
        source=RECORDING,
    ),
)

SIGNAL = (
    Variable(
        "n_beats",
        "number of beats",
        "",
        2,
        None,
        definition="Complete beats in the record, found in all leads together.",
    ),
    Variable(
        "n_usable_leads",
        "number of usable leads",
        "",
        1,
        None,
        definition="Leads that are finite and not flat.",
    ),
)

# Name, words (with the lead to be filled in), definition.
_OF_A_LEAD = (
    ("p_amplitude", "P-wave amplitude in {}", "Largest deflection of P from the level before it."),
    (
        "q_amplitude",
        "Q wave in {} (negative)",
        "Lowest point of QRS before R, 0 without Q; the whole depth of a QS complex.",
    ),
    ("r_amplitude", "R-wave amplitude in {}", "Highest point of QRS, 0 without R."),
    ("s_amplitude", "S wave in {} (negative)", "Lowest point of QRS after R, 0 without S."),
    ("st_level", "ST level in {}", "Level 60 ms after the end of QRS."),
    ("t_amplitude", "T-wave amplitude in {}", "Largest deflection of T, with its sign."),
)
_SHARED = " On the median beat, against the level before QRS."
_SOURCES = {"st_level": ISCHAEMIA, "t_amplitude": REPOLARISATION}

AMPLITUDES = tuple(
    Variable(
        f"{name}_{lead}",
        words.format(lead),
        "mV",
        -15,
        15,
        definition=definition if name == "p_amplitude" else definition + _SHARED,
        source=_SOURCES.get(name, RECORDING),
    )
    for name, words, definition in _OF_A_LEAD
    for lead in STANDARD_LEADS
)

_ROWS = {
    "rhythm": RHYTHM,
    "intervals": INTERVALS,
    "axes": AXES,
    "voltages": VOLTAGES,
    "amplitudes": AMPLITUDES,
    "signal": SIGNAL,
}

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {group: tuple(row.name for row in rows) for group, rows in _ROWS.items()}
)
"""Names of the features of each group."""

FEATURES: dict[str, Variable] = {row.name: row for rows in _ROWS.values() for row in rows}
"""One :class:`~cardiorisk.records.Variable` a feature, by name, in the order of the columns."""
