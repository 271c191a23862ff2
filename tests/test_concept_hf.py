import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import cardiorisk
from cardiorisk.datasets import make_ehr
from cardiorisk.estimators import ConceptHFClassifier
from cardiorisk.evaluation import evaluate
from cardiorisk.explain import ConformalClassifier, explain, explain_codes
from cardiorisk.features import ConceptCounts, ConceptEmbedding
from cardiorisk.records import PatientHistories

CLASSIFIERS = ("logistic", "mlp", "svm", "knn", "xgboost")


@pytest.fixture(scope="module")
def ehr():
    return make_ehr(
        n_patients=900, prevalence=0.3, synonyms=(3, 3, 2), n_other_codes=20, random_state=0
    )


@pytest.fixture(scope="module")
def embedding(ehr):
    """Vectors of other patients than those of the tests."""
    other = make_ehr(
        n_patients=500, synonyms=(3, 3, 2), n_other_codes=20, true_risk=False, random_state=1
    )
    return ConceptEmbedding(vector_size=12, epochs=3, random_state=0).fit(other.histories)


@pytest.fixture(scope="module")
def models(ehr, embedding):
    return {
        name: ConceptHFClassifier(
            embedding=FrozenEstimator(embedding),
            classifier=name,
            classifier_params={"n_estimators": 30} if name == "xgboost" else None,
            random_state=0,
        ).fit(ehr.histories[:600], ehr.target[:600])
        for name in CLASSIFIERS
    }


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_classifier_beats_chance_and_gives_probabilities(ehr, models, name):
    probability = models[name].predict_proba(ehr.histories[600:])
    assert probability.sum(axis=1) == pytest.approx(1)
    assert roc_auc_score(ehr.target[600:], probability[:, 1]) > 0.6
    assert abs(probability[:, 1].mean() - 0.3) < 0.1
    labels = models[name].predict(ehr.histories[600:])
    assert np.array_equal(labels, (probability[:, 1] > 0.5).astype(int))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_copies_predict_the_same(ehr, models, name, tmp_path):
    model, rows = models[name], ehr.histories[600:650]
    cardiorisk.save(model, tmp_path / "m.cardiorisk")
    copies = (
        cardiorisk.load(tmp_path / "m.cardiorisk"),
        pickle.loads(pickle.dumps(model)),
        deepcopy(model),
        clone(model).fit(ehr.histories[:600], ehr.target[:600]),
    )
    for copy in copies:
        assert np.array_equal(copy.predict_proba(rows), model.predict_proba(rows))
    assert clone(model).get_params()["classifier"] == name


def test_heads_against_scikit_learn(ehr, models):
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    model = models["knn"]
    vectors = model.embedding_.transform(ehr.histories).astype(float)
    vectors = (vectors - model.centre_) / model.scale_
    y = ehr.target[:600]
    nearest = KNeighborsClassifier(50).fit(vectors[:600], y).predict_proba(vectors[600:])[:, 1]
    assert model.head_.risk(vectors[600:]) == pytest.approx(nearest)
    mlp = MLPClassifier((32,), alpha=1.0, max_iter=5, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        mlp.fit(vectors[:600], y)
    short = ConceptHFClassifier(
        embedding=models["mlp"].embedding,
        classifier="mlp",
        classifier_params={"max_iter": 5},
        random_state=0,
    ).fit(ehr.histories[:600], y)
    expected = mlp.predict_proba(vectors[600:])[:, 1]
    assert short.predict_proba(ehr.histories[600:])[:, 1] == pytest.approx(expected)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_view_of_codes_predicts_the_same(ehr, models, name):
    weights, classifier = models[name].code_view()
    found = classifier.predict_proba(weights.transform(ehr.histories[600:650]))
    assert found == pytest.approx(models[name].predict_proba(ehr.histories[600:650]), abs=1e-4)


@pytest.mark.parametrize("pooling", ["rate", "sum", "mean", "tfidf", "decay"])
def test_reasons_of_the_linear_model_are_exact(ehr, embedding, pooling):
    vectors = deepcopy(embedding).set_params(pooling=pooling, binary=pooling == "sum")
    model = ConceptHFClassifier(embedding=FrozenEstimator(vectors), random_state=0)
    model.fit(ehr.histories[:600], ehr.target[:600])
    rows = ehr.histories[600:640]
    reasons = explain_codes(model, rows)
    assert reasons.method == "linear"
    sums = reasons.table.groupby("row")["contribution"].sum()
    risk = model.predict_proba(rows)[:, 1]
    assert np.log(risk / (1 - risk)) == pytest.approx(
        reasons.base_value + sums.to_numpy(), abs=1e-4
    )
    assert reasons.max_residual < 1e-4
    assert (reasons.table["days"] >= 0).all()


def test_a_code_taken_away_takes_its_reason_along(ehr, models):
    row = ehr.histories[[610]]
    reasons = explain_codes(models["logistic"], row)
    strongest = reasons.table.iloc[0]
    kept = row.vocabulary[row.codes] != strongest["code"]
    frame = pd.DataFrame(
        {"subject_id": 1, "time": row.times[kept], "code": row.vocabulary[row.codes][kept]}
    )
    without = PatientHistories.from_events(frame).as_of(row.prediction_times)
    found = explain_codes(models["logistic"], without)
    change = reasons.predictions[0] - found.predictions[0]
    assert change == pytest.approx(strongest["contribution"], abs=1e-4)
    last = (row.prediction_times[0] - row.times[~kept].max()) / np.timedelta64(1, "D")
    assert strongest["days"] == pytest.approx(last)
    assert f"{strongest['code']} at -{last:.0f} days" in reasons.text(0, n=1)
    assert str(row.subject_ids[0]) not in reasons.text(0) + repr(reasons)


@pytest.mark.parametrize("name", ["knn", "mlp", "svm", "xgboost"])
def test_other_classifiers_get_shapley_values_in_probability(ehr, models, name):
    reasons = explain_codes(models[name], ehr.histories[600:603])
    assert (reasons.method, reasons.output) == ("permutation", "probability")
    assert reasons.max_residual < 1e-4


def test_explain_finds_the_codes_behind_the_vectors(ehr, models):
    rows, background = ehr.histories[600:610], ehr.histories[:100]
    reasons = explain(models["logistic"], rows, background=background)
    assert (reasons.method, reasons.output) == ("linear", "margin")
    assert reasons.feature_names == tuple(models["logistic"].embedding_.vocabulary_)
    assert reasons.max_residual < 1e-4
    sampled = explain(models["mlp"], rows[:2], background=background[:20], n_permutations=2)
    assert sampled.method == "permutation"
    assert sampled.predictions == pytest.approx(
        models["mlp"].predict_proba(rows[:2])[:, 1], abs=1e-4
    )


def test_evaluate_and_conformal_split_histories(ehr, models):
    model = clone(models["logistic"])
    result = evaluate(
        model, ehr.histories, ehr.target, groups=ehr.histories.subject_ids, cv=3, n_bootstraps=50
    )
    assert result.metrics["auroc"].low > 0.6
    conformal = ConformalClassifier(model, random_state=0).fit(
        ehr.histories[:600], ehr.target[:600]
    )
    report = conformal.coverage_report(ehr.histories[600:], ehr.target[600:])
    assert (report["coverage"] > 0.8).all()
    assert explain_codes(conformal, ehr.histories[:3]).method == "linear"


def test_the_embedding_is_fitted_on_training_patients_only(ehr):
    """Codes that only tested patients have must not get a vector."""
    frame = pd.DataFrame(
        {
            "subject_id": np.repeat(np.arange(40), 6),
            "time": np.tile(pd.date_range("2020-01-01", periods=6).astype(str), 40),
            "code": np.where(np.repeat(np.arange(40) % 2, 6), "a", "b"),
        }
    )
    frame.loc[frame["subject_id"] >= 30, "code"] = "only in the test part"
    histories = PatientHistories.from_events(frame)
    y = np.arange(40) % 2
    model = ConceptHFClassifier(embedding=ConceptEmbedding(vector_size=2, epochs=1), random_state=0)
    result = evaluate(
        model,
        histories,
        y,
        cv=[(np.arange(30), np.arange(30, 40))],
        n_bootstraps=0,
        return_models=True,
    )
    assert result.models[0].embedding_.vocabulary_.tolist() == ["a", "b"]


def test_empty_histories_and_unknown_codes(models):
    frame = pd.DataFrame({"subject_id": [1], "time": ["2020-01-01"], "code": ["<b>free text"]})
    static = pd.DataFrame({"subject_id": [0, 1]})
    histories = PatientHistories.from_events(frame, static=static)
    for model in models.values():
        risk = model.predict_proba(histories)[:, 1]
        assert risk[0] == risk[1]
        assert model.predict_proba(histories[[]]).shape == (0, 2)
    reasons = explain_codes(models["logistic"], histories)
    assert len(reasons.table) == 0
    assert reasons.text(1).endswith("a history without known codes")


def test_published_settings_and_their_doubts():
    model = ConceptHFClassifier.published("knn")
    assert (model.embedding.window, model.embedding.window_unit) == (5, "codes")
    assert not model.embedding.binary
    assert "Not verified" in ConceptHFClassifier.published.__doc__


def test_bad_input_is_refused(ehr):
    model = ConceptHFClassifier()
    with pytest.raises(TypeError, match="expected PatientHistories"):
        model.fit(np.zeros((4, 2)), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="Got 3 classes"):
        model.fit(ehr.histories[:3], [0, 1, 2])
    with pytest.raises(ValueError, match="y of shape"):
        model.fit(ehr.histories[:3], [0, 1])
    with pytest.raises(NotFittedError):
        model.predict_proba(ehr.histories)
    with pytest.raises(NotFittedError):
        model.predict(ehr.histories)
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="expected a model of codes"):
        explain_codes(other, ehr.histories)


def test_reasons_of_a_certain_risk_still_add_up(ehr):
    embedding = ConceptEmbedding(vector_size=20, epochs=1, algorithm="random", pooling="sum")
    model = ConceptHFClassifier(embedding=embedding, random_state=0)
    model.fit(ehr.histories, ehr.target)
    weights, classifier = model.code_view()
    riskiest = weights.get_feature_names_out()[classifier.coef_[0].argmax()]
    many = PatientHistories.from_events(
        pd.DataFrame(
            {
                "subject_id": 1,
                "time": pd.date_range("2020-01-01", periods=20_000, freq="h"),
                "code": riskiest,
            }
        )
    )
    reasons = explain_codes(model, many)
    assert reasons.risk[0] == 1  # log-odds cannot be taken back from it
    assert reasons.predictions[0] > 40
    assert reasons.max_residual < 1e-4 * reasons.predictions[0]


def test_events_a_visit_of_a_long_history_are_as_many_as_counted(ehr):
    long = PatientHistories.from_events(
        pd.DataFrame(
            {
                "subject_id": 1,
                "time": pd.date_range("2020-01-01", periods=50_000, freq="h"),
                "code": str(ehr.histories.vocabulary[0]),
            }
        )
    )
    embedding = ConceptEmbedding(vector_size=8, algorithm="random", random_state=0)
    weights = embedding.fit(ehr.histories).code_weights(long).toarray()
    counted = ConceptCounts(kind="rate").fit(ehr.histories).transform(long).toarray()
    assert weights.max() == pytest.approx(counted.max(), rel=1e-6)
