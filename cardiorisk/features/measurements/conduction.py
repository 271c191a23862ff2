"""Bundle branches, fascicles and fragmentation: the shape of QRS."""

from collections.abc import Iterable

import numpy as np

from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.waves import amplitudes, axes, by_lead
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["conduction"]

WIDE_QRS = 120.0  # ms: from here on
LATE_R = 60.0  # ms: above, in V5 and V6
LATE_R_V1 = 50.0  # ms: above, in V1
LATE_R_AVL = 45.0  # ms: from here on
LONG_S = 40.0  # ms: above, in I and V6
LATERAL = ("I", "aVL", "V5", "V6")
INFERIOR = ("II", "III", "aVF")


class _Shapes:
    """The deflections of QRS by name of the lead, and the patterns that they make."""

    def __init__(self, beat: MedianBeat) -> None:
        waves = beat.qrs
        self.q, self.r, self.s = by_lead(waves.q), by_lead(waves.r), by_lead(waves.s)
        self.r_prime, self.r_peak_time = by_lead(waves.r_prime), by_lead(waves.r_peak_time)
        self.r_duration, self.s_duration = by_lead(waves.r_duration), by_lead(waves.s_duration)
        self.is_notched = by_lead(waves.is_notched)

    def knows(self, *leads: str) -> bool:
        return all(np.isfinite(self.q[lead]) for lead in leads)

    def has_qr(self, lead: str) -> bool:
        """Small Q, tall R, and no S as deep as R is high."""
        return 0 < -self.q[lead] < self.r[lead] > -self.s[lead]

    def has_rs(self, lead: str) -> bool:
        """Small R before a deeper S."""
        return 0 < self.r[lead] < -self.s[lead]

    def has_long_s(self, lead: str) -> bool:
        """S that lasts longer than R, or longer than 40 ms."""
        longer = self.s_duration[lead] > min(self.r_duration[lead], LONG_S)
        return self.s[lead] < 0 and longer


def _score(criteria: Iterable[bool], is_known: bool) -> float:
    return float(sum(map(bool, criteria))) if is_known else np.nan


def _right_bundle(shapes: _Shapes, duration: float) -> float:
    late = shapes.r_peak_time
    criteria = (
        duration >= WIDE_QRS,
        shapes.r_prime["V1"] > 0 or shapes.r_prime["V2"] > 0,
        shapes.has_long_s("I") and shapes.has_long_s("V6"),
        late["V1"] > LATE_R_V1 and late["V5"] <= LATE_R and late["V6"] <= LATE_R,
    )
    return _score(criteria, shapes.knows("I", "V1", "V2", "V5", "V6"))


def _left_bundle(shapes: _Shapes, duration: float, t_wave: dict[str, float]) -> float:
    late = shapes.r_peak_time
    criteria = (
        duration >= WIDE_QRS,
        sum(shapes.is_notched[lead] for lead in LATERAL) >= 2,
        shapes.q["I"] == shapes.q["V5"] == shapes.q["V6"] == 0,
        late["V5"] > LATE_R and late["V6"] > LATE_R,
        shapes.r["V1"] == 0 or shapes.has_rs("V1"),
        all(t_wave[lead] * (shapes.r[lead] + shapes.s[lead]) < 0 for lead in ("I", "V6")),
    )
    return _score(criteria, shapes.knows("V1", *LATERAL))


def _anterior_fascicle(shapes: _Shapes, duration: float, axis: float) -> float:
    criteria = (
        -90 <= axis <= -45,
        shapes.has_qr("aVL"),
        shapes.r_peak_time["aVL"] >= LATE_R_AVL,
        duration < WIDE_QRS,
    )
    return _score(criteria, shapes.knows("aVL") and np.isfinite(axis))


def _posterior_fascicle(shapes: _Shapes, duration: float, axis: float) -> float:
    criteria = (
        90 <= axis <= 180,
        shapes.has_rs("I") and shapes.has_rs("aVL"),
        shapes.has_qr("III") and shapes.has_qr("aVF"),
        duration < WIDE_QRS,
    )
    return _score(criteria, shapes.knows("I", "III", "aVL", "aVF") and np.isfinite(axis))


def conduction(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Criteria of bundle branch and fascicular blocks, and what they are made of."""
    shapes = _Shapes(beat)
    duration = beat.time_between("QRS_on", "QRS_off")
    axis = axes(record, marks, beat)["qrs_axis"]
    heights = amplitudes(record, marks, beat)
    t_wave = {lead: heights[f"t_amplitude_{lead}"] for lead in STANDARD_LEADS}
    notched = [shapes.is_notched[lead] for lead in STANDARD_LEADS if lead != "aVR"]
    known = bool(np.isfinite(notched).any())
    return {
        **{f"r_prime_amplitude_{lead}": shapes.r_prime[lead] for lead in ("V1", "V2")},
        **{f"s_duration_{lead}": shapes.s_duration[lead] for lead in ("I", "V6")},
        **{f"r_peak_time_{lead}": shapes.r_peak_time[lead] for lead in ("V1", "V5", "V6", "aVL")},
        "notched_lateral_leads": _score(
            (shapes.is_notched[lead] == 1 for lead in LATERAL), shapes.knows(*LATERAL)
        ),
        "fragmented_qrs_leads": float(np.nansum(notched)) if known else np.nan,
        "qr_lateral_leads": _score(map(shapes.has_qr, ("I", "aVL")), shapes.knows("I", "aVL")),
        "rs_inferior_leads": _score(map(shapes.has_rs, INFERIOR), shapes.knows(*INFERIOR)),
        "rbbb_score": _right_bundle(shapes, duration),
        "lbbb_score": _left_bundle(shapes, duration, t_wave),
        "anterior_fascicle_score": _anterior_fascicle(shapes, duration, axis),
        "posterior_fascicle_score": _posterior_fascicle(shapes, duration, axis),
    }
