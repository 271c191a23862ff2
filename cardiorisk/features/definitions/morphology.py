"""The shape of QRS, P, ST and T: blocks, hypertrophy, repolarisation."""

from cardiorisk.features.definitions.sources import (
    CONDUCTION,
    FRAGMENTED,
    HYPERTROPHY,
    INTERATRIAL,
    ISCHAEMIA,
    LEFT_BUNDLE,
    REPOLARISATION,
    TERMINAL_FORCE,
)
from cardiorisk.records import Variable

__all__ = ["ATRIAL", "CONDUCTION_SHAPE", "HYPERTROPHY_SCORES", "REPOLARISATION_SHAPE"]

_NO_YES = {0: "no", 1: "yes"}
_POINT = "One point each. NaN unless the leads named are usable."

CONDUCTION_SHAPE = (
    *(
        Variable(
            f"r_prime_amplitude_{lead}",
            f"R' in {lead}",
            "mV",
            0,
            15,
            definition="Height above zero of the last peak of QRS that a negative deflection "
            "separates from an earlier one, both at least 0.05 mV apart from it; 0 without R'.",
            source=CONDUCTION,
        )
        for lead in ("V1", "V2")
    ),
    *(
        Variable(
            f"s_duration_{lead}",
            f"S duration in {lead}",
            "ms",
            0,
            300,
            definition="Time below zero around the deepest point of QRS after R; 0 without S.",
            source=CONDUCTION,
        )
        for lead in ("I", "V6")
    ),
    *(
        Variable(
            f"r_peak_time_{lead}",
            f"R-peak time in {lead}",
            "ms",
            0,
            250,
            definition="QRS onset to the last peak of QRS above zero, R or R'; NaN without R.",
            normal_range=(0, 60) if lead in ("V5", "V6") else None,
            source=CONDUCTION,
        )
        for lead in ("V1", "V5", "V6", "aVL")
    ),
    Variable(
        "notched_lateral_leads",
        "number of lateral leads with a notched QRS",
        "",
        0,
        4,
        definition="Of I, aVL, V5 and V6: more than one peak, or a peak below zero, each turn at "
        "least 0.05 mV.",
        source=f"{CONDUCTION}; {LEFT_BUNDLE}",
    ),
    Variable(
        "fragmented_qrs_leads",
        "number of leads with a fragmented QRS",
        "",
        0,
        11,
        definition="Of all but aVR: more than one peak, or a peak below zero, each turn at least "
        "0.05 mV (this size is not in the source). Wide complexes count too.",
        source=FRAGMENTED,
    ),
    Variable(
        "qr_lateral_leads",
        "number of lateral leads with qR",
        "",
        0,
        2,
        definition="Of I and aVL: Q, and an R that is larger than Q and S.",
        source=CONDUCTION,
    ),
    Variable(
        "rs_inferior_leads",
        "number of inferior leads with rS",
        "",
        0,
        3,
        definition="Of II, III and aVF: R, and an S that is deeper than R is high.",
        source=CONDUCTION,
    ),
    Variable(
        "rbbb_score",
        "criteria of right bundle branch block",
        "",
        0,
        4,
        definition="QRS at least 120 ms; R' in V1 or V2; S in I and V6 longer than R or 40 ms; "
        f"R-peak time above 50 ms in V1 and not above 60 ms in V5 and V6. {_POINT}",
        source=CONDUCTION,
    ),
    Variable(
        "lbbb_score",
        "criteria of left bundle branch block",
        "",
        0,
        6,
        definition="QRS at least 120 ms; two of I, aVL, V5, V6 notched; no Q in I, V5, V6; R-peak "
        f"time above 60 ms in V5 and V6; QS or rS in V1; T opposite to QRS in I and V6. {_POINT}",
        source=f"{CONDUCTION}; {LEFT_BUNDLE}",
    ),
    Variable(
        "anterior_fascicle_score",
        "criteria of left anterior fascicular block",
        "",
        0,
        4,
        definition="QRS axis from -90 to -45 degrees; qR in aVL; R-peak time in aVL at least "
        f"45 ms; QRS below 120 ms. {_POINT}",
        source=CONDUCTION,
    ),
    Variable(
        "posterior_fascicle_score",
        "criteria of left posterior fascicular block",
        "",
        0,
        4,
        definition="QRS axis from 90 to 180 degrees; rS in I and aVL; qR in III and aVF; QRS "
        f"below 120 ms. {_POINT}",
        source=CONDUCTION,
    ),
)

_V1_END = "Part of P in V1 that is negative until its end, at least 0.02 mV; 0 without it."

ATRIAL = (
    Variable(
        "p_terminal_force_V1",
        "P-terminal force in V1",
        "mV ms",
        0,
        200,
        definition=f"Depth times duration. {_V1_END}",
        normal_range=(0, 4),
        source=TERMINAL_FORCE,
    ),
    Variable(
        "p_terminal_duration_V1",
        "duration of the negative end of P in V1",
        "ms",
        0,
        250,
        definition=_V1_END,
        source=TERMINAL_FORCE,
    ),
    Variable(
        "p_terminal_depth_V1",
        "depth of the negative end of P in V1",
        "mV",
        0,
        2,
        definition=_V1_END,
        source=TERMINAL_FORCE,
    ),
    Variable(
        "p_initial_amplitude_V1",
        "height of the positive part of P in V1",
        "mV",
        0,
        3,
        definition="Highest point of P in V1 above the level before it, 0 without one.",
        source=HYPERTROPHY,
    ),
    Variable(
        "p_tall",
        "tall P wave",
        "",
        0,
        1,
        categories=_NO_YES,
        definition="1 where P exceeds 0.25 mV in II, III or aVF.",
        source=HYPERTROPHY,
    ),
    Variable(
        "p_wide",
        "wide P wave",
        "",
        0,
        1,
        categories=_NO_YES,
        definition="1 where P lasts at least 120 ms.",
        source=INTERATRIAL,
    ),
    Variable(
        "p_biphasic_inferior_leads",
        "number of inferior leads in which P is positive, then negative",
        "",
        0,
        3,
        definition="Of II, III and aVF; both parts at least 0.02 mV.",
        source=INTERATRIAL,
    ),
    Variable(
        "interatrial_block",
        "interatrial block",
        "",
        0,
        2,
        categories={0: "none", 1: "partial", 2: "advanced"},
        definition="1 where P lasts at least 120 ms, 2 where it also is positive, then negative "
        "in II, III and aVF.",
        source=INTERATRIAL,
    ),
)

HYPERTROPHY_SCORES = (
    Variable(
        "romhilt_estes",
        "Romhilt-Estes score",
        "points",
        0,
        13,
        definition="3: R or S of a limb lead at least 2.0 mV, S of V1 or V2 or R of V5 or V6 at "
        "least 3.0 mV. 3: T of V5 or V6, at least 0.1 mV, opposite to QRS; digitalis, with which "
        "this is 1 point, cannot be seen in an ECG. 3: negative end of P in V1 at least 0.1 mV "
        "and 40 ms, none without P. 2: QRS axis -90 to -30 degrees. 1: QRS at least 90 ms. 1: "
        "R-peak time in V5 or V6 at least 50 ms. 4 is probable, 5 definite hypertrophy.",
        normal_range=(0, 3),
        source="doi:10.1016/0002-8703(68)90035-5",
    ),
    Variable(
        "sokolow_lyon_right",
        "right ventricular Sokolow-Lyon voltage",
        "mV",
        0,
        20,
        definition="R in V1 plus the deeper S of V5 and V6.",
        normal_range=(0, 1.05),
        source=HYPERTROPHY,
    ),
)

_LINE = "Above the straight line from T onset to T end; NaN where lower than 0.05 mV."
_UPRIGHT = "Of I, II and V3 to V6, where T of an adult is upright"

REPOLARISATION_SHAPE = (
    *(
        Variable(
            f"t_symmetry_{lead}",
            f"T-wave symmetry in {lead}",
            "",
            0,
            None,
            definition=f"Area after the peak over area before it, 1 if symmetric. {_LINE}",
        )
        for lead in ("II", "V2", "V5")
    ),
    *(
        Variable(
            f"t_flatness_{lead}",
            f"T-wave flatness in {lead}",
            "",
            -1,
            1,
            definition=f"Mean over peak height: 0.5 for a triangle, 1 for a plateau. {_LINE}",
        )
        for lead in ("II", "V2", "V5")
    ),
    Variable(
        "t_flat_leads",
        "number of leads with a flat T wave",
        "",
        0,
        6,
        definition=f"{_UPRIGHT}: between -0.1 and 0.1 mV.",
        source=REPOLARISATION,
    ),
    Variable(
        "t_inverted_leads",
        "number of leads with an inverted T wave",
        "",
        0,
        6,
        definition=f"{_UPRIGHT}: -0.1 mV or below.",
        source=REPOLARISATION,
    ),
    Variable(
        "st_elevated_leads",
        "number of leads with ST elevation",
        "",
        0,
        11,
        definition="Of all but aVR: level at J at least 0.1 mV, in V2 and V3 0.2 mV, the limit "
        "of men of 40 years and older.",
        source=ISCHAEMIA,
    ),
    Variable(
        "st_depressed_leads",
        "number of leads with ST depression",
        "",
        0,
        11,
        definition="Of all but aVR: level at J -0.1 mV or below, in V2 and V3 -0.05 mV.",
        source=ISCHAEMIA,
    ),
)
