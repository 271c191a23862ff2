"""Axes, voltages, amplitudes and areas of the waves."""

from cardiorisk.features.definitions.sources import (
    CONDUCTION,
    CORNELL,
    CORRECTED_AXIS,
    HYPERTROPHY,
    ISCHAEMIA,
    RECORDING,
    REPOLARISATION,
    SOKOLOW_LYON,
)
from cardiorisk.records import STANDARD_LEADS, Variable

__all__ = ["AMPLITUDES", "AREAS", "AXES", "PROGRESSION", "VOLTAGES"]

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
        source=f"{SOKOLOW_LYON}; {HYPERTROPHY}",
    ),
    Variable(
        "cornell_voltage",
        "Cornell voltage",
        "mV",
        0,
        15,
        definition="R in aVL plus depth of S in V3. The limit is 2.0 mV in women.",
        normal_range=(0, 2.8),
        source=f"{CORNELL}; {HYPERTROPHY}",
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
    ("st_j", "ST level at J in {}", "Level at the end of QRS."),
)
_SHARED = " On the median beat, against the level before QRS."
_SOURCES = {"st_level": ISCHAEMIA, "st_j": ISCHAEMIA, "t_amplitude": REPOLARISATION}

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

AREAS = tuple(
    Variable(
        f"{wave.lower()}_area_{lead}",
        f"net area of {wave} in {lead}",
        "mV ms",
        -1000,
        1000,
        definition=f"Sum of the signal from {wave} onset to {wave} end, negative parts negative."
        + _SHARED,
        source=RECORDING,
    )
    for wave in ("QRS", "T")
    for lead in STANDARD_LEADS
)

PROGRESSION = (
    *(
        Variable(
            f"r_s_ratio_{lead}",
            f"R over S in {lead}",
            "",
            0,
            1000,
            definition="Height of R over depth of S, or of QS; S counts as at least 0.02 mV.",
            source=HYPERTROPHY,
        )
        for lead in STANDARD_LEADS[6:]
    ),
    Variable(
        "transition_lead",
        "transition zone, as the number of a chest lead",
        "",
        1,
        7,
        definition="Where R first is as high as S is deep, between leads by a straight line; 1 "
        "where already in V1, 7 where not even in V6. NaN unless all chest leads are usable.",
        source=RECORDING,
    ),
)
