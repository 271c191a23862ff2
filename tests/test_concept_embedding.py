import os
import pickle
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import cardiorisk
from cardiorisk.datasets import make_ehr
from cardiorisk.features import ConceptEmbedding
from cardiorisk.features._code_weights import patient_batches
from cardiorisk.features._skip_gram import MAX_SENTENCE, VisitCorpus
from cardiorisk.records import PatientHistories

SMALL = {"vector_size": 16, "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def ehr():
    return make_ehr(n_patients=400, synonyms=(4, 4, 2), n_other_codes=50, random_state=0)


@pytest.fixture(scope="module")
def fitted(ehr):
    return ConceptEmbedding(**SMALL).fit(ehr.histories)


def made(rows, subjects=None):
    static = None if subjects is None else pd.DataFrame({"subject_id": subjects})
    frame = pd.DataFrame(rows, columns=["subject_id", "time", "code"])
    return PatientHistories.from_events(frame, static=static)


def corpus_of(histories, window=5, unit="codes"):
    kept = np.arange(histories.shape[1])
    return VisitCorpus.of(histories, kept, window, unit, np.random.default_rng(0))


def test_codes_of_one_condition_lie_together(ehr):
    embedding = ConceptEmbedding(vector_size=16, epochs=5, random_state=0).fit(ehr.histories)
    group = ehr.codes.set_index("code")["group"]
    codes = [c for c in embedding.vocabulary_ if group[c] != "other reason"]
    purity = np.mean(
        [
            (embedding.most_similar(c, topn=5)["code"].map(group) == group[c]).mean()
            for c in codes[::5]
        ]
    )
    assert purity > 0.3  # by chance 1 in 30


@pytest.mark.parametrize("unit", ["codes", "visits", "days"])
def test_every_epoch_holds_every_code_of_every_patient(ehr, unit):
    corpus = corpus_of(ehr.histories, 3 if unit == "visits" else 90, unit)
    epochs = [list(corpus) for _ in range(2)]
    assert epochs[0] != epochs[1]
    wanted = Counter(ehr.histories.codes.tolist())
    for sentences in epochs:
        assert Counter(token for sentence in sentences for token in sentence) == wanted


def test_sentences_of_codes_permute_within_visits_only(ehr):
    histories = ehr.histories[:50]
    sentences = list(corpus_of(histories))
    assert len(sentences) == 50
    ends = histories.visit_offsets
    found = np.concatenate(sentences)
    for start, stop in pairwise(ends):
        assert Counter(found[start:stop].tolist()) == Counter(histories.codes[start:stop].tolist())
    assert not np.array_equal(found, histories.codes)


def test_order_within_a_visit_is_uniform():
    histories = made([(0, "2020-01-01", code) for code in "abc"])
    corpus = corpus_of(histories)
    drawn = Counter(tuple(next(iter(corpus))) for _ in range(3000))
    assert len(drawn) == 6
    assert 420 < min(drawn.values()) <= max(drawn.values()) < 580


def test_two_codes_meet_in_the_share_of_epochs_that_their_distance_leaves():
    histories = made([(0, "2020-01-01", "a"), (0, "2020-01-31", "b")])
    corpus = corpus_of(histories, 90, "days")
    together = np.mean([len(list(corpus)) == 1 for _ in range(2000)])
    assert together == pytest.approx(1 - 30 / 90, abs=0.04)
    in_visits = corpus_of(histories, 4, "visits")
    together = np.mean([len(list(in_visits)) == 1 for _ in range(2000)])
    assert together == pytest.approx(3 / 4, abs=0.04)


def test_long_histories_are_cut_and_nothing_is_lost(monkeypatch):
    days = pd.date_range("2020-01-01", periods=50, freq="D")
    rows = [(0, day, f"c{k}") for day in days for k in range(1000)]
    histories = made(rows)
    for unit, window in (("codes", 5), ("days", 10_000)):
        for chunk in (2**20, 2**12):
            monkeypatch.setattr("cardiorisk.features._skip_gram.CHUNK", chunk)
            sentences = list(corpus_of(histories, window, unit))
            assert max(map(len, sentences)) <= MAX_SENTENCE
            assert Counter(t for s in sentences for t in s) == Counter(histories.codes.tolist())
    embedding = ConceptEmbedding(vector_size=4, epochs=1, random_state=0).fit(histories)
    assert np.isfinite(embedding.transform(histories)).all()


@pytest.mark.parametrize("binary", [False, True])
def test_pooling_against_plain_sums(ehr, fitted, binary):
    histories = ehr.histories[:40]
    place = {code: k for k, code in enumerate(fitted.vocabulary_)}
    for pooling in ("rate", "sum", "mean", "tfidf", "decay"):
        embedding = pickle.loads(pickle.dumps(fitted)).set_params(pooling=pooling, half_life=30)
        embedding.binary = binary
        expected = np.zeros((40, 16))
        for row in range(40):
            one = histories[row]
            known = [place.get(one.vocabulary[c], -1) for c in one.codes]
            if binary:
                known = [k if k not in known[n + 1 :] else -1 for n, k in enumerate(known)]
            n_known = sum(k >= 0 for k in known)
            days = (one.prediction_times[0] - one.times) / np.timedelta64(1, "D")
            for k, day in zip(known, days, strict=True):
                if k >= 0:
                    weight = {
                        "rate": 1 / len(np.unique(one.times)),
                        "sum": 1.0,
                        "mean": 1 / n_known,
                        "tfidf": embedding.idf_[k] / n_known,
                        "decay": 2 ** (-day / 30),
                    }[pooling]
                    expected[row] += weight * embedding.vectors_[k]
        assert embedding.transform(histories) == pytest.approx(expected, abs=1e-4)


def test_patients_do_not_depend_on_their_neighbours(ehr, fitted, monkeypatch):
    whole = fitted.transform(ehr.histories)
    assert np.array_equal(whole[[5, 3]], fitted.transform(ehr.histories[[5, 3]]))
    monkeypatch.setattr(patient_batches, "__defaults__", (100,))
    assert np.array_equal(whole, fitted.transform(ehr.histories))
    weights = fitted.code_weights(ehr.histories)
    assert weights @ fitted.vectors_ == pytest.approx(whole, abs=1e-4)


def test_empty_unknown_and_foreign_codes(fitted):
    histories = made(
        [(1, "2020-01-01", "never seen"), (1, "2020-01-02", "diagnosis/diabetes/0")], [0, 1]
    )
    vectors = fitted.transform(histories)
    assert (vectors[0] == 0).all()
    diabetes = fitted.vectors_[list(fitted.vocabulary_).index("diagnosis/diabetes/0")]
    assert np.array_equal(vectors[1], diabetes / 2)  # of two visits
    assert fitted.unseen(histories)["code"].tolist() == ["never seen"]
    assert fitted.transform(histories[[]]).shape == (0, 16)


def test_rare_codes_of_training_are_counted(ehr):
    embedding = ConceptEmbedding(min_count=40, algorithm="random").fit(ehr.histories)
    counts = np.bincount(ehr.histories.codes, minlength=ehr.histories.shape[1])
    assert embedding.n_unseen_ == counts[counts < 40].sum()
    assert np.array_equal(embedding.counts_, counts[counts >= 40])
    with pytest.raises(ValueError, match="min_count=100000"):
        ConceptEmbedding(min_count=100_000).fit(ehr.histories)


PROGRAM = """
import hashlib
from cardiorisk.datasets import make_ehr
from cardiorisk.features import ConceptEmbedding
ehr = make_ehr(n_patients=50, synonyms=(3, 3, 2), n_other_codes=20, random_state=0)
for unit, window in (("days", 180), ("codes", 5)):
    model = ConceptEmbedding(vector_size=8, epochs=2, window=window, window_unit=unit,
                             random_state=0).fit(ehr.histories)
    print(hashlib.sha256(model.vectors_.tobytes()).hexdigest())
"""


def test_same_vectors_whatever_the_hash_seed():
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_file_carries_the_same_corpus(ehr):
    embedding = ConceptEmbedding(**SMALL, corpus_file=True).fit(ehr.histories)
    again = clone(embedding).fit(ehr.histories)
    assert np.array_equal(embedding.vectors_, again.vectors_)
    group = ehr.codes.set_index("code")["group"]
    near = embedding.most_similar("diagnosis/diabetes/0", topn=5)["code"].map(group)
    assert (near == "diabetes").any()


def test_random_vectors_keep_distances():
    rows = [(k, "2020-01-01", f"c{k % 50}") for k in range(500)]
    embedding = ConceptEmbedding(vector_size=400, algorithm="random", random_state=0).fit(
        made(rows)
    )
    assert np.linalg.norm(embedding.vectors_, axis=1) == pytest.approx(1, abs=0.2)


def test_neighbours_types_and_analogies(ehr, fitted):
    drugs = fitted.most_similar("diagnosis/diabetes/0", type="drug", topn=4)
    assert set(drugs["type"]) == {"drug"}
    assert (np.diff(drugs["similarity"]) <= 0).all()
    by_hand = fitted.most_similar(
        "diagnosis/diabetes/0", type="x", types={"drug/gout/0": "x"}, topn=4
    )
    assert by_hand["code"].tolist() == ["drug/gout/0"]
    asked = ["drug/diabetes/0", "diagnosis/gout/0"]
    found = fitted.most_similar(asked, type="drug", minus="diagnosis/diabetes/0")
    assert not set(found["code"]) & {*asked, "diagnosis/diabetes/0"}
    table = fitted.neighbours(["diagnosis/gout/0"], topn=2)
    assert table.columns.tolist() == ["diagnosis", "drug", "procedure"]
    assert len(fitted.neighbours()) == 20
    with pytest.raises(KeyError, match="no such code"):
        fitted.most_similar("no such code")
    with pytest.raises(ValueError, match="type='lab'"):
        fitted.most_similar("diagnosis/gout/0", type="lab")


def test_contract_of_scikit_learn(ehr, fitted, tmp_path):
    """Its own checks feed arrays of numbers, so what they check is checked here on histories."""
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        ConceptEmbedding().transform(ehr.histories)
    before = dict(vars(fitted))
    vectors = fitted.transform(ehr.histories[:20])
    assert vars(fitted).keys() == before.keys()
    assert np.array_equal(clone(fitted).fit_transform(ehr.histories)[:20], vectors)
    assert fitted.get_feature_names_out().tolist()[:2] == ["concept0", "concept1"]
    cardiorisk.save(fitted, tmp_path / "e.cardiorisk")
    for again in (pickle.loads(pickle.dumps(fitted)), cardiorisk.load(tmp_path / "e.cardiorisk")):
        assert np.array_equal(again.transform(ehr.histories[:20]), vectors)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"window": 0}, "window"),
        ({"window": 2.5, "window_unit": "visits"}, r"window=2\.5 visits"),
        ({"pooling": "max"}, "pooling"),
        ({"vector_size": 0}, "vector_size"),
    ],
)
def test_parameters_out_of_range_are_refused(ehr, parameters, words):
    with pytest.raises(ValueError, match=words):
        ConceptEmbedding(**parameters).fit(ehr.histories)


def test_anything_but_histories_is_refused():
    with pytest.raises(TypeError, match="expected PatientHistories"):
        ConceptEmbedding().fit(np.zeros((3, 2)))
