"""Leakage guards: each finds what it is for, and is quiet without it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from cardiorisk.datasets import make_ehr
from cardiorisk.evaluation import Finding, LeakageReport, check_leakage, evaluate
from cardiorisk.evaluation.leakage.check import CHEAP, GUARDS
from cardiorisk.exceptions import LeakageWarning
from cardiorisk.features import ConceptEmbedding
from cardiorisk.records import ECGRecord, PatientHistories

RNG = np.random.default_rng(0)
X, Y = make_classification(400, 6, n_informative=4, flip_y=0.1, class_sep=0.7, random_state=0)


def found(guard, *arguments, **keywords):
    """The findings of one guard; that it could run is part of it."""
    report = check_leakage(*arguments, guards=guard, **keywords)
    assert not report.not_checked, report
    return list(report)


def smote(members, n_new, rng):
    """Rows between a row and one of its five nearest neighbours."""
    made = []
    for row in rng.integers(len(members), size=n_new):
        distance = ((members - members[row]) ** 2).sum(axis=1)
        near = rng.choice(np.argsort(distance)[1:6])
        made.append(members[row] + rng.random() * (members[near] - members[row]))
    return np.array(made)


def test_copies_across_folds():
    doubled = np.concatenate([np.arange(400), np.arange(90)])
    frame = pd.DataFrame(X[doubled]).rename(columns=str)
    frame["row"] = np.arange(len(frame))  # hides copies from a plain comparison
    frame["centre"] = np.array(["a", "b"])[doubled % 2]
    (finding,) = found("copies_across_folds", frame, Y[doubled], cv=5)
    assert finding.evidence["rows beyond the first of their kind"] == 90
    assert 120 < finding.evidence["rows"] <= 180
    assert set(finding.rows) <= set(range(90)) | set(range(400, 490))
    together = {"groups": doubled, "cv": 5}
    assert not found("copies_across_folds", frame, Y[doubled], **together)


def test_a_few_copies_and_coarse_tables_are_no_finding():
    few = np.concatenate([np.arange(400), [3]])
    assert not found("copies_across_folds", X[few], Y[few])
    coarse = np.random.default_rng(0).integers(0, 3, (400, 4))
    assert not found("copies_across_folds", coarse, Y)
    assert not found("copies_across_folds", X[:, :1].round(), Y)


def test_copied_signals_and_records():
    signals = np.random.default_rng(0).normal(size=(60, 2, 50)).astype(np.float32)
    doubled = np.concatenate([signals, signals[:20]])
    y = np.arange(80) % 2
    assert len(found("copies_across_folds", doubled, y)[0].rows) > 10
    records = [ECGRecord(x, 100, ("I", "II")) for x in doubled]
    assert len(found("copies_across_folds", records, y)[0].rows) > 10
    assert not found("copies_across_folds", signals, y[:60])


def test_shared_patients():
    patients = np.arange(400) // 4
    (finding,) = found("shared_patients", X, Y, groups=patients, cv=KFold(5, shuffle=True))
    assert finding.evidence["patients"] > 50
    assert not found("shared_patients", X, Y, groups=patients, cv=5)
    frame = pd.DataFrame(X).rename(columns=str).assign(subject_id=patients)
    assert found("shared_patients", frame, Y)[0].columns == ("subject_id",)
    assert not found("shared_patients", frame.assign(subject_id=np.arange(400)), Y)
    assert "needs groups" in check_leakage(X, Y).not_checked["shared_patients"]


def test_shared_patients_of_records():
    signals = np.random.default_rng(0).normal(size=(80, 2, 50))
    records = [
        ECGRecord(x, 100, ("I", "II"), subject_id=f"p{number // 4}")
        for number, x in enumerate(signals)
    ]
    assert found("shared_patients", records, np.arange(80) % 2)


def test_oversampling_before_the_split():
    rng = np.random.default_rng(0)
    rare = X[Y == 1][:60]
    made = smote(rare, 140, rng)
    oversampled = np.concatenate([X[Y == 0], rare, made])
    y = np.repeat([0, 1], [(Y == 0).sum(), 200])
    (finding,) = found("interpolated_rows", oversampled, y)
    assert "class 1" in finding.what
    assert finding.evidence["share between two others"] > 0.3
    assert found("interpolated_rows", oversampled.astype(np.float32), y)
    noise = rng.normal(0, 1e-3, made.shape)
    assert not found("interpolated_rows", np.concatenate([X[Y == 0], rare, made + noise]), y)


def test_grids_and_copies_are_no_oversampling():
    rng = np.random.default_rng(0)
    assert not found("interpolated_rows", rng.integers(0, 6, (600, 4)), np.arange(600) % 2)
    doubled = np.repeat(X, 2, axis=0)
    assert not found("interpolated_rows", doubled, np.repeat(Y, 2))


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA()], ids=str)
def test_columns_prepared_on_all_rows(transformer):
    prepared = transformer.fit_transform(X * 7 + 3)
    assert found("prepared_columns", prepared, Y)[0].guard == "prepared_columns"
    assert found("prepared_columns", prepared.astype(np.float32), Y)
    honest = transformer.fit(X[:350] * 7 + 3).transform(X * 7 + 3)
    assert not found("prepared_columns", honest, Y)
    assert not found("prepared_columns", X, Y)


def test_designed_columns_were_not_prepared():
    signs = np.tile([-1.0, 1.0], (4, 200)).T
    assert not found("prepared_columns", signs, Y)
    assert not found("prepared_columns", MinMaxScaler().fit(X[:300]).transform(X), Y)


@pytest.mark.parametrize(
    "transformer", [StandardScaler(), SimpleImputer(), PCA(3), SelectKBest(k=2)], ids=str
)
def test_transformers_fitted_outside(transformer):
    raw = X.copy()
    if isinstance(transformer, SimpleImputer):
        raw[::9, 1] = np.nan
    everyone = transformer.fit(raw, Y)
    (finding,) = found("fitted_outside", raw, Y, fitted=everyone)
    assert type(transformer).__name__ in finding.what
    frozen = make_pipeline(FrozenEstimator(everyone), LogisticRegression())
    assert found("fitted_outside", raw, Y, fitted=frozen)
    rows = np.random.default_rng(0).permutation(400)[:300]
    assert not found("fitted_outside", raw, Y, fitted=transformer.fit(raw[rows], Y[rows]))


def test_a_transformer_that_learns_nothing_cannot_be_told():
    transformer = FunctionTransformer().fit(X)
    report = check_leakage(X, Y, fitted=transformer, guards="fitted_outside")
    assert "learn nothing" in report.not_checked["fitted_outside"]


def test_calibration_overlap():
    (finding,) = found("calibration_overlap", X[:300], Y[:300], calibration=X[250:])
    assert finding.rows == tuple(range(50))
    assert not found("calibration_overlap", X[:300], Y[:300], calibration=X[300:])
    patients = np.arange(400) // 4
    keywords = {"calibration": X[298:], "calibration_groups": patients[298:]}
    (finding,) = found("calibration_overlap", X[:298], groups=patients[:298], **keywords)
    assert finding.evidence["patients"] == 1


SITE = np.repeat(["here", "there", "away", "far"], 100)


def test_missingness_that_tells_the_site():
    rng = np.random.default_rng(0)
    cholesterol = rng.normal(240, 40, 400)
    cholesterol[(SITE == "far") & (rng.random(400) < 0.9)] = 0  # a stand-in for missing
    data = np.column_stack([X, cholesterol])
    (finding,) = found("missingness_by_site", data, Y, sites=SITE)
    assert finding.columns == ("column 6",)
    assert "is 0 or missing" in finding.what
    absent = np.where(cholesterol == 0, np.nan, cholesterol)[:, None]
    assert found("missingness_by_site", absent, Y, sites=SITE)
    anywhere = np.where(rng.random(400) < 0.2, np.nan, X[:, 0])[:, None]
    assert not found("missingness_by_site", anywhere, Y, sites=SITE)
    report = check_leakage(absent, Y, groups=SITE, sites=SITE, cv="leave-one-site-out")
    assert "keeps sites apart" in report.not_checked["missingness_by_site"]


def test_sites_of_different_outcome():
    rng = np.random.default_rng(0)
    sick = rng.random(400) < pd.Series(SITE).map(
        {"here": 0.2, "there": 0.3, "away": 0.5, "far": 0.9}
    )
    (finding,) = found("site_and_outcome", X, sick, sites=SITE)
    assert finding.evidence["AUROC of the site alone"] > 0.7
    frame = pd.DataFrame(X).rename(columns=str).assign(centre=SITE)
    assert found("site_and_outcome", frame, sick)
    assert not found("site_and_outcome", X, rng.permutation(sick), sites=SITE)


def test_dates_after_the_prediction():
    start = pd.Timestamp("2020-01-01")
    frame = pd.DataFrame({"age": X[:, 0], "visit": start + pd.to_timedelta(np.arange(400), "D")})
    limits = np.full(400, start + pd.Timedelta(350, "D"))
    (finding,) = found("late_events", frame, Y, prediction_times=limits)
    assert finding.rows == tuple(range(351, 400))
    assert not found("late_events", frame[:300], Y[:300], prediction_times=limits[:300])


def test_events_of_histories_after_the_prediction_time():
    """Two visits of three events a patient, so that visits and events are counted apart."""
    patients = np.repeat(np.arange(10), 3)
    times = np.tile(["2020-01-01", "2020-01-01", "2020-02-01"], 10)
    times[[2, 11]] = "2020-05-01"
    events = pd.DataFrame({"subject_id": patients, "time": times, "code": list("abc") * 10})
    histories = PatientHistories.from_events(events)
    cut = histories.as_of("2020-03-01")
    late = replace(histories, prediction_times=cut.prediction_times)
    y = np.arange(10) % 2
    assert not found("late_events", cut, y)
    (finding,) = found("late_events", late, y)
    assert finding.rows == (0, 3)


def test_events_after_the_prediction():
    histories = make_ehr(60, random_state=0).histories
    assert not found("late_events", histories, np.arange(60) % 2)
    early = histories.prediction_times - np.timedelta64(90, "D")
    (finding,) = found("late_events", histories, np.arange(60) % 2, prediction_times=early)
    assert 0 < len(finding.rows) <= 60
    assert "needs prediction_times" in check_leakage(X, Y).not_checked["late_events"]


def test_an_embedding_of_all_patients():
    ehr = make_ehr(80, random_state=0)
    embedding = ConceptEmbedding(vector_size=4, epochs=1, random_state=0)
    everyone = embedding.fit(ehr.histories)
    (finding,) = found("fitted_outside", ehr.histories, ehr.target, fitted=everyone)
    assert "ConceptEmbedding was fitted to all 80 rows" in finding.what
    assert not found(
        "fitted_outside", ehr.histories, ehr.target, fitted=embedding.fit(ehr.histories[:60])
    )


def test_the_epoch_that_the_test_rows_chose():
    validation = np.array([0.70, 0.80, 0.85, 0.84, 0.83])
    test = np.array([0.70, 0.78, 0.82, 0.86, 0.80])
    history = {"validation": validation, "test": test}
    (finding,) = found("best_test_epoch", X, Y, history=history, chosen_epoch=3)
    assert finding.evidence["gain"] == pytest.approx(0.04)
    assert not found("best_test_epoch", X, Y, history=history)
    assert not found("best_test_epoch", X, Y, history=history, chosen_epoch=4)
    same = {"validation": test, "test": test}
    assert "are the test rows" in found("best_test_epoch", X, Y, history=same)[0].what
    with pytest.raises(ValueError, match="Got chosen_epoch=9"):
        check_leakage(X, Y, history=history, chosen_epoch=9)
    with pytest.raises(ValueError, match="5 validation and 3 test scores"):
        check_leakage(X, Y, history={"validation": validation, "test": test[:3]})


def test_report_as_words_and_table():
    report = check_leakage(X, X[:, 0] > 0, sites=SITE)
    assert isinstance(report, LeakageReport)
    assert len(report) == 1
    frame = report.to_frame().set_index("guard")
    assert frame.loc["rule_labels", "state"] == "found"
    assert frame.loc["copies_across_folds", "state"] == "passed"
    assert frame.loc["late_events", "state"] == "not checked"
    assert set(frame.index) == set(GUARDS)
    assert "1 finding" in repr(report)
    assert "rows 0, 1, 2, 3, 4, ..." in repr(Finding("a", "b.", "c.", rows=tuple(range(9))))


def test_bad_arguments():
    with pytest.raises(ValueError, match="Got guards with 'nothing'"):
        check_leakage(X, Y, guards=["nothing"])
    with pytest.raises(ValueError, match="400 rows of X, but 3 labels"):
        check_leakage(X, [0, 1, 1])
    with pytest.raises(ValueError, match="Got groups of shape"):
        check_leakage(X, Y, sites=[1, 2])


@pytest.mark.parametrize(
    "data",
    [
        np.full((400, 3), np.nan),
        np.full((400, 3), np.inf),
        np.where(X > 1, -np.inf, X),
        np.zeros((400, 3), dtype=bool),
        pd.DataFrame({"a": ["x", None] * 200, "b": pd.array([1, None] * 200, dtype="Int64")}),
        pd.DataFrame(X).assign(extra=pd.Series(X[:, 0]).astype("category")),
        pd.DataFrame(np.column_stack([X, X]), columns=list("abcdef") * 2),
        X.tolist(),
        X[:, :1],
        np.random.default_rng(0).normal(size=(400, 3000)),
    ],
    ids=["missing", "infinite", "some infinite", "constant", "words", "category", "twice", "list"]
    + ["one column", "wide"],
)
def test_odd_tables_are_checked_without_a_word(data):
    check_leakage(data, Y, sites=SITE)


def test_sparse_and_very_large_tables_are_not_checked(monkeypatch):
    report = check_leakage(csr_array(X), Y, guards="cheap")
    assert "no table but csr_array" in report.not_checked["copies_across_folds"]
    monkeypatch.setattr("cardiorisk.evaluation.leakage.study.MOST_CELLS", 2000)
    assert "a part of the rows" in check_leakage(X, Y).not_checked["rule_labels"]


def test_evaluate_warns_names_the_caller_and_keeps_the_finding():
    with pytest.warns(LeakageWarning, match="rule_labels") as caught:
        result = evaluate(LogisticRegression(), X, X[:, 0] > 0, n_bootstraps=0)
    assert caught[0].filename == __file__
    assert "Leave out the columns" in str(caught[0].message)
    assert any("rule_labels" in note for note in result.notes)
    quiet = evaluate(LogisticRegression(), X, X[:, 0] > 0, n_bootstraps=0, guards=None)
    assert not any("rule_labels" in note for note in quiet.notes)


def test_every_cheap_guard_runs_in_evaluate():
    """A guard that is taken out of the list fails here, and in the test of its own."""
    assert set(GUARDS) - set(CHEAP) == {"fitted_outside", "best_test_epoch"}
    doubled = np.concatenate([np.arange(400), np.arange(100)])
    frame = pd.DataFrame(StandardScaler().fit_transform(X[doubled])).rename(columns=str)
    frame["subject_id"] = doubled // 2
    with pytest.warns(LeakageWarning) as caught:
        evaluate(LogisticRegression(), frame, Y[doubled], n_bootstraps=0)
    words = " ".join(str(warning.message) for warning in caught)
    for guard in ("shared_patients", "copies_across_folds", "prepared_columns"):
        assert guard in words


def test_no_rows_are_refused_by_what_is_missing():
    with pytest.raises(ValueError, match="y without rows"):
        check_leakage(X[:0], Y[:0])
