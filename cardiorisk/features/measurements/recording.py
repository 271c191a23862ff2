"""How much signal there was to measure."""

from cardiorisk._validation import usable_leads
from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["signal"]


def signal(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Count beats and usable leads."""
    return {
        "n_beats": float(marks.n_beats),
        "n_usable_leads": float(usable_leads(record).sum()),
    }
