import numpy as np
import pytest

from cardiorisk.records import MARKS, Delineation, ECGRecord, Variable


def record(**changes):
    fields = {
        "signal": np.arange(6.0, dtype=np.float32).reshape(2, 3),
        "sampling_rate": 2.0,
        "lead_names": ("I", "V1"),
        "record_id": "a",
    }
    return ECGRecord(**(fields | changes))


def test_lead_is_found_by_name():
    np.testing.assert_array_equal(record().lead("V1"), [3, 4, 5])


def test_absent_lead_names_the_present_ones():
    with pytest.raises(KeyError, match="'V9', but the record has I, V1"):
        record().lead("V9")


def test_duration_and_repr():
    assert record().duration == 1.5
    assert repr(record()) == "ECGRecord('a', 2 leads, 1.5 s at 2 Hz)"


def test_default_metadata_is_not_shared():
    first, second = record(), record()
    assert first.metadata == {}
    assert first.metadata is not second.metadata


def test_delineation_counts_beats():
    beats = {mark: np.array([10.0, 20.0]) for mark in MARKS}
    marks = Delineation((beats,), beats, 500.0, ("II",))
    assert marks.n_beats == 2
    assert repr(marks) == "Delineation(2 beats, 1 leads at 500 Hz)"


def test_variable_is_frozen():
    variable = Variable("chol", "serum cholesterol", unit="mg/dl", zero_is_missing=True)
    with pytest.raises(AttributeError):
        variable.unit = "mmol/l"
