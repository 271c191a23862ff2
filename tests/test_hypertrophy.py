import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures, delineate
from cardiorisk.features.measurements import hypertrophy, median_beat


@pytest.fixture(scope="module")
def record():
    return make_ecg(1, rhythms=["sinus rhythm"], random_state=0).records[0]


def test_romhilt_estes_counts_left_axis_only_to_minus_ninety(record, monkeypatch):
    marks = delineate(record.signal, 500)
    beat = median_beat(record, marks)
    points = {}
    for axis in (0, -60, -110):
        monkeypatch.setattr(hypertrophy, "axes", lambda *_, axis=axis: {"qrs_axis": axis})
        points[axis] = hypertrophy.hypertrophy(record, marks, beat)["romhilt_estes"]
    assert points[-60] == points[0] + 2
    assert points[-110] == points[0]


def test_largest_voltage_of_some_leads_is_not_measurable_without_one_of_them(record):
    signal = record.signal.copy()
    signal[7] = 0  # V2
    engine = ECGFeatures(groups=["voltages"]).set_output(transform="pandas")
    row = engine.fit_transform(signal[None]).iloc[0]
    assert row[["peguero_lo_presti", "chest_qrs_voltage"]].isna().all()
    assert np.isfinite(row["limb_qrs_voltage"])
