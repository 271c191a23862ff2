"""Rate, regularity and ectopic beats."""

from cardiorisk.features.definitions.sources import (
    BRADYCARDIA,
    POINCARE,
    TACHYCARDIA,
    VARIABILITY,
)
from cardiorisk.records import Variable

__all__ = ["ECTOPY", "IRREGULARITY", "RHYTHM"]

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
        definition="Beats with a P wave at the record's usual distance, of those with known QRS.",
    ),
)

_FEW = "Ten seconds hold few beats: one odd interval changes it much."

IRREGULARITY = (
    Variable(
        "rr_entropy",
        "Shannon entropy of the time between beats",
        "bit",
        0,
        30,
        definition=f"Of RR intervals in classes of 50 ms around their median; needs 5. {_FEW}",
    ),
    Variable(
        "rr_sample_entropy",
        "sample entropy of the time between beats",
        "",
        0,
        12,
        definition="Order 1, tolerance 0.2 standard deviations; NaN where no pair matches. "
        f"Needs 5 RR intervals. {_FEW}",
        source="doi:10.1152/ajpheart.2000.278.6.H2039",
    ),
    Variable(
        "rr_cosen",
        "coefficient of sample entropy of the time between beats",
        "",
        -10,
        5,
        definition="SampEn(1, r) + ln(2 r) - ln(mean RR), r in ms doubled from 30 until five "
        "pairs match. Made for 12 beats; high in atrial fibrillation.",
        source="doi:10.1152/ajpheart.00561.2010",
    ),
    Variable(
        "poincare_sd1",
        "width of the Poincare plot",
        "ms",
        0,
        3000,
        definition=f"Standard deviation across the line of identity; needs 3 RR intervals. {_FEW}",
        source=POINCARE,
    ),
    Variable(
        "poincare_sd2",
        "length of the Poincare plot",
        "ms",
        0,
        5000,
        definition=f"Standard deviation along the line of identity; needs 3 RR intervals. {_FEW}",
        source=POINCARE,
    ),
    Variable(
        "poincare_ratio",
        "width over length of the Poincare plot",
        "",
        0,
        None,
        definition="SD1 over SD2.",
        source=POINCARE,
    ),
    Variable(
        "rr_cv",
        "relative spread of the time between beats",
        "%",
        0,
        200,
        definition=f"Standard deviation of the RR intervals over their mean. {_FEW}",
        source=VARIABILITY,
    ),
    Variable(
        "rr_max_to_median",
        "longest over usual time between beats",
        "",
        1,
        20,
        definition="Longest over median RR interval; 2 where one beat is missing.",
    ),
    Variable(
        "rr_min_to_median",
        "shortest over usual time between beats",
        "",
        0,
        1,
        definition="Shortest over median RR interval; low where a beat is premature.",
    ),
)

_EARLY = "RR interval before it below 80 % of the median"
_FIBRILLATION = "In atrial fibrillation this counts its short intervals."

ECTOPY = (
    Variable(
        "premature_beats",
        "number of premature beats",
        "",
        0,
        None,
        definition=f"{_EARLY}. {_FIBRILLATION}",
    ),
    Variable(
        "premature_beat_share",
        "share of premature beats",
        "%",
        0,
        100,
        definition=f"{_EARLY}, over all beats but the first. {_FIBRILLATION}",
    ),
    Variable(
        "wide_premature_beats",
        "number of wide premature beats",
        "",
        0,
        None,
        definition="Premature, QRS at least 120 ms, and correlated below 0.8 with the median beat.",
    ),
    Variable(
        "wide_premature_beat_share",
        "share of wide premature beats",
        "%",
        0,
        100,
        definition="Wide premature beats over all beats but the first.",
    ),
    Variable(
        "odd_beat_share",
        "share of beats of another shape",
        "%",
        0,
        100,
        definition="QRS correlated below 0.8 with the median beat, all leads together.",
    ),
)
