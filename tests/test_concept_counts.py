import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import cardiorisk
from cardiorisk.features import ConceptCounts
from cardiorisk.records import PatientHistories


def histories(rows, n_patients=3):
    frame = pd.DataFrame(rows, columns=["subject_id", "time", "code"])
    static = pd.DataFrame({"subject_id": np.arange(n_patients)})
    return PatientHistories.from_events(frame, static=static)


@pytest.fixture
def three():
    """One patient with repeats, one with a single code, one without events."""
    rows = [(0, f"2020-01-0{day}", code) for day, code in enumerate("aabbbc", start=1)]
    return histories([*rows, (1, "2020-01-01", "c")])


def test_counts_presence_logarithm_and_rate(three):
    expected = np.array([[2, 3, 1], [0, 0, 1], [0, 0, 0]])
    for kind, wanted in {
        "count": expected,
        "presence": expected > 0,
        "log": np.log1p(expected),
        "rate": expected / [[6], [1], [1]],
    }.items():
        found = ConceptCounts(kind=kind, sparse_output=False).fit_transform(three)
        assert found == pytest.approx(wanted.astype(float))
        assert found.dtype == np.float32


def test_groups_and_codes_without_one(three):
    counts = ConceptCounts(mapping={"a": "g", "c": "g"}, sparse_output=False)
    assert counts.fit_transform(three).tolist() == [[3, 3], [0, 1], [0, 0]]
    assert counts.get_feature_names_out().tolist() == ["b", "g"]
    only = clone(counts).set_params(keep_unmapped=False).fit(three)
    assert only.transform(three).tolist() == [[3], [1], [0]]
    assert only.n_unseen_ == 3


def test_unseen_codes_are_counted_and_left_out(three):
    counts = ConceptCounts(sparse_output=False).fit(three)
    later = histories([(0, "2021-01-01", code) for code in ("a", "zz", "new")], n_patients=1)
    assert counts.transform(later).tolist() == [[1, 0, 0]]
    assert counts.unseen(later).to_dict("list") == {
        "code": ["new", "zz"],
        "events": [1, 1],
        "patients": [1, 1],
    }


def test_rare_codes_have_no_column(three):
    counts = ConceptCounts(min_count=3).fit(three)
    assert counts.columns_.tolist() == ["b"]
    assert counts.n_unseen_ == 4
    with pytest.raises(ValueError, match="min_count=9"):
        ConceptCounts(min_count=9).fit(three)


def test_sparse_and_dense_agree_and_rows_stand_alone(three):
    counts = ConceptCounts().fit(three)
    dense = clone(counts).set_params(sparse_output=False).fit(three).transform(three)
    assert np.array_equal(counts.transform(three).toarray(), dense)
    assert np.array_equal(counts.transform(three[[0]]).toarray(), dense[[0]])
    assert counts.transform(three[[]]).shape == (0, 3)


def test_saved_and_pickled(three, tmp_path):
    counts = ConceptCounts(mapping={"a": "g"}, sparse_output=False).fit(three)
    cardiorisk.save(counts, tmp_path / "counts.cardiorisk")
    for again in (
        pickle.loads(pickle.dumps(counts)),
        cardiorisk.load(tmp_path / "counts.cardiorisk"),
    ):
        assert np.array_equal(again.transform(three), counts.transform(three))


def test_anything_but_histories_is_refused():
    with pytest.raises(TypeError, match="expected PatientHistories"):
        ConceptCounts().fit(np.zeros((3, 2)))
