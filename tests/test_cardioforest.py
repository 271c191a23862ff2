import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_forests import BACKENDS, BOOSTERS, small  # cancer is a fixture

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.exceptions import DeviceError, TableError


@pytest.mark.parametrize("backend", BACKENDS)
def test_defaults_reach_the_floor_on_unseen_patients(backend):
    heart = load_heart_disease()
    X, y = heart.data.to_numpy(), heart.target.to_numpy()
    train = np.random.default_rng(0).random(len(y)) < 0.7
    model = CardioForestClassifier(backend=backend, random_state=0, device="cpu")
    if backend in ("forest", "ensemble"):
        model.set_params(n_estimators=100)
    risk = model.fit(X[train], y[train]).predict_proba(X[~train])[:, 1]
    assert roc_auc_score(y[~train], risk) > 0.86
    assert log_loss(y[~train], risk) < 0.47


@pytest.mark.parametrize("backend", ["forest", *BOOSTERS])
def test_probabilities_are_those_of_the_bare_library(backend, cancer):
    X, y, new, _ = cancer
    ours = small(backend).fit(X, y)
    bare = clone(ours.model_).fit(X, y)
    tolerance = 1e-7 if backend == "xgboost" else 0  # float32 inside
    np.testing.assert_allclose(
        ours.predict_proba(new), bare.predict_proba(new), rtol=0, atol=tolerance
    )
    total = bare.feature_importances_.sum()
    if backend != "lightgbm":  # its own property counts splits, ours is the gain
        np.testing.assert_allclose(
            ours.feature_importances_, bare.feature_importances_ / total, rtol=1e-5
        )
    assert ours.feature_importances_.sum() == pytest.approx(1)


def test_published_forest_is_the_papers_forest(cancer):
    X, y, new, _ = cancer
    settings = {
        "max_depth": 20,
        "min_samples_split": 5,
        "min_samples_leaf": 2,
        "max_features": 0.6,
        "class_weight": "balanced",
        "oob_score": True,
        "ccp_alpha": 0.01,
        "random_state": 42,
    }
    published = CardioForestClassifier.published()
    assert (published.n_estimators, published.n_jobs) == (1000, -1)
    ours = published.set_params(n_estimators=25, n_jobs=1).fit(X, y)
    theirs = RandomForestClassifier(25, **settings).fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(new), theirs.predict_proba(new))
    assert ours.model_.oob_score_ == theirs.oob_score_


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_seed_decides_and_the_threads_do_not(backend, cancer):
    X, y, new, _ = cancer
    first = small(backend, n_estimators=8).fit(X, y).predict_proba(new)
    np.testing.assert_array_equal(
        small(backend, n_estimators=8).fit(X, y).predict_proba(new), first
    )
    np.testing.assert_array_equal(
        small(backend, n_estimators=8, n_jobs=3).fit(X, y).predict_proba(new), first
    )
    other = (
        small(backend, n_estimators=8, random_state=np.random.RandomState(1))
        .fit(X, y)
        .predict_proba(new)
    )
    assert np.abs(other - first).max() > 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "labels",
    [
        np.array(["well", "ill"]),
        np.array([True, False]),
        np.array([2, 1]),
        np.array(["no", "yes"], dtype=object),
    ],
    ids=["str", "bool", "1-2", "object"],
)
def test_any_labels_are_handed_back(backend, labels, cancer):
    X, y, new, truth = cancer
    model = small(backend, n_estimators=10).fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    predicted = model.predict(new)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == labels[truth]) > 0.85


@pytest.mark.parametrize("backend", BACKENDS)
def test_more_than_two_classes(backend):
    X, y = load_iris(return_X_y=True)
    model = small(backend).fit(X[::2], y[::2])
    probability = model.predict_proba(X[1::2])
    assert probability.shape == (75, 3)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert model.score(X[1::2], y[1::2]) > 0.9
    assert model.feature_importances_.shape == (4,)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_column_names_in_their_order(backend, cancer):
    X, y, new, _ = cancer
    names = [f"[{i}] <mg/dl>, {{a}}" for i in range(X.shape[1])]
    frame, unseen = pd.DataFrame(X, columns=names), pd.DataFrame(new, columns=names)
    model = small(backend, n_estimators=5).fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, names)
    array = small(backend, n_estimators=5).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(unseen), array.predict_proba(new))
    with pytest.raises(ValueError, match="same order"):
        model.predict_proba(unseen[names[::-1]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_order_of_columns_with_numbers_for_names_is_checked(backend, cancer):
    X, y, new, _ = cancer
    frame, unseen = pd.DataFrame(X), pd.DataFrame(new)
    model = pickle.loads(pickle.dumps(small(backend, n_estimators=5).fit(frame, y)))
    np.testing.assert_array_equal(model.predict_proba(unseen), model.predict_proba(new))
    with pytest.raises(ValueError, match="expected the same columns in this order"):
        model.predict_proba(unseen[unseen.columns[::-1]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_at_fit_and_predict(backend, value, cancer):
    X, y, new, _ = cancer
    bad = new.copy()
    bad[3, 4] = value
    with pytest.raises(ValueError, match="infinity"):
        small(backend).fit(bad, y[: len(bad)])
    model = small(backend, n_estimators=5).fit(X, y)
    with pytest.raises(ValueError, match="infinity"):
        model.predict_proba(bad)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_column_without_any_value_is_accepted(backend, cancer):
    X, y, new, truth = cancer
    X, new = X.copy(), new.copy()
    X[:, 0] = np.nan
    model = small(backend, n_estimators=10).fit(X, y)
    assert model.score(new, truth) > 0.85


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_class_and_text_columns_are_clear_errors(backend, cancer):
    X, _, _, _ = cancer
    with pytest.raises(ValueError, match="one class only"):
        small(backend).fit(X, np.zeros(len(X)))
    frame = pd.DataFrame({"age": [1, 2, 3, 4], "cp": list("abcd")})
    with pytest.raises(TableError, match=r"column with text.*ClinicalTable"):
        small(backend).fit(frame, [0, 1, 0, 1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_class_weight_is_sample_weight(backend, cancer):
    X, y, new, _ = cancer
    weights = np.where(y == 0, 3.0, 0.5)
    by_class = (
        small(backend, n_estimators=5, class_weight={0: 3.0, 1: 0.5}).fit(X, y).predict_proba(new)
    )
    by_row = small(backend, n_estimators=5).fit(X, y, sample_weight=weights).predict_proba(new)
    np.testing.assert_array_equal(by_class, by_row)
    plain = small(backend, n_estimators=5).fit(X, y).predict_proba(new)
    assert by_class[:, 0].mean() > plain[:, 0].mean()


# LightGBM estimates the rows of a leaf from their weights, so it has no such identity.
@pytest.mark.parametrize("backend", ["forest", "xgboost"])
def test_a_weight_of_two_is_a_row_given_twice_once_nothing_is_drawn(backend):
    X, y = make_classification(120, 5, flip_y=0.2, random_state=0)
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    drawless = {"max_features": 1.0, "max_samples": 1.0, "min_samples_leaf": 1, "max_depth": 3}
    extra = {"bootstrap": False} if backend == "forest" else {}
    model = small(backend, backend_params=extra, **drawless)
    weighted = clone(model).fit(X, y, sample_weight=weights).predict_proba(X)
    repeated = model.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights)).predict_proba(X)
    np.testing.assert_allclose(weighted, repeated, atol=1e-4)
    assert np.ptp(repeated[:, 1]) > 0.2


@pytest.mark.parametrize("backend", BACKENDS)
def test_negative_weights_and_wrong_groups_are_errors(backend, cancer):
    X, y, _, _ = cancer
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        small(backend).fit(X, y, sample_weight=-np.ones(len(X)))
    with pytest.raises(ValueError, match="Got groups of shape"):
        small(backend).fit(X, y, groups=[1, 2])


@pytest.mark.parametrize("backend", ["forest", "lightgbm", "ensemble"])
def test_cuda_that_cannot_be_had_is_an_error(backend, cancer):
    X, y, _, _ = cancer
    with pytest.raises(DeviceError, match="Got device='cuda'"):
        small(backend, device="cuda").fit(X, y)


def test_the_device_is_read_from_the_trained_model(cancer, monkeypatch):
    X, y, _, _ = cancer
    assert small("xgboost").fit(X, y).device_used_ == "cpu"
    expected = {"forest": "cpu", "xgboost": "cpu", "lightgbm": "cpu"}
    assert small("ensemble", n_estimators=2).fit(X, y).device_used_ == expected
    # XGBoost falls back to the CPU with a warning; the attribute must not repeat the wish.
    monkeypatch.setattr(
        "cardiorisk.estimators.cardioforest.resolve_device", lambda device, backend: "cuda"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fallen = small("xgboost", n_estimators=2).fit(X, y)
    if fallen.device_used_ != "cpu":
        pytest.skip("this machine has a CUDA GPU")
    assert fallen.predict_proba(X).shape == (len(X), 2)


@pytest.mark.parametrize("key", ["device", "n_jobs", "random_state", "class_weight"])
def test_backend_params_may_not_hide_a_parameter(key, cancer):
    X, y, _, _ = cancer
    with pytest.raises(ValueError, match=f"Got {key} in backend_params"):
        small("xgboost", backend_params={key: 1}).fit(X, y)
    with pytest.raises(ValueError, match=f"Got {key} in backend_params"):
        small("ensemble", backend_params={"forest": {key: 1}}).fit(X, y)


def test_backend_params_of_the_ensemble_go_to_their_member(cancer):
    X, y, _, _ = cancer
    parameters = {"forest": {"criterion": "entropy"}, "xgboost": {"learning_rate": 0.5}}
    model = small("ensemble", n_estimators=2, backend_params=parameters).fit(X, y)
    assert model.model_["forest"].estimator.model_.criterion == "entropy"
    assert model.model_["xgboost"].estimator.model_.learning_rate == 0.5
    with pytest.raises(ValueError, match="Got backend_params for catboost"):
        small("ensemble", backend_params={"catboost": {}}).fit(X, y)
    with pytest.raises(ValueError, match="expected a dict"):
        small("ensemble", backend_params={"forest": 3}).fit(X, y)


def test_common_parameters_reach_every_library():
    X, y = make_classification(60, 16, random_state=0)
    common = {
        "n_estimators": 3,
        "max_depth": 2,
        "min_samples_leaf": 8,
        "max_features": "sqrt",
        "max_samples": 0.5,
    }
    ensemble = small("ensemble", **common).fit(X, y)
    forest, xgboost, lightgbm = (
        member.estimator.model_.get_params() for member in ensemble.model_.values()
    )
    assert forest["max_features"] == "sqrt"
    assert forest["max_samples"] == xgboost["subsample"] == lightgbm["subsample"] == 0.5
    assert lightgbm["subsample_freq"] == 1
    assert forest["max_depth"] == xgboost["max_depth"] == lightgbm["max_depth"] == 2
    assert lightgbm["num_leaves"] == 4
    assert forest["min_samples_leaf"] == lightgbm["min_child_samples"] == 8
    assert xgboost["min_child_weight"] == 2  # 8 rows of at most 1/4 each
    assert xgboost["colsample_bynode"] == lightgbm["feature_fraction_bynode"] == 0.25


@pytest.mark.parametrize("backend", BACKENDS)
def test_pickle_keeps_every_prediction(backend, cancer):
    X, y, new, _ = cancer
    model = small(backend, n_estimators=5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))


class Recorder(CardioForestClassifier):
    """Remembers which optional arguments of fit arrived, across clones."""

    arrived: list = []  # noqa: RUF012 - shared on purpose

    def fit(self, X, y, sample_weight=None, groups=None):
        self.arrived.append((sample_weight is not None, groups is not None))
        return super().fit(X, y, sample_weight=sample_weight, groups=groups)


@pytest.mark.parametrize("backend", ["xgboost", "ensemble"])
def test_weights_and_groups_are_routed_both_ways(backend, cancer):
    X, y, _, _ = cancer
    groups = np.arange(len(y)) % 20
    parameters = {"backend": backend, "n_estimators": 2, "early_stopping": True, "device": "cpu"}
    rows = {"sample_weight": np.ones(len(y)), "groups": groups}
    Recorder.arrived.clear()
    with sklearn.config_context(enable_metadata_routing=True):
        asking = Recorder(**parameters).set_fit_request(sample_weight=True, groups=True)
        scorer = get_scorer("roc_auc").set_score_request(sample_weight=False)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, asking)
        cross_validate(pipe, X, y, cv=GroupKFold(2), params=rows, scoring=scorer)
        # Members of the ensemble are recorded too.
        assert Recorder.arrived[0] == (True, True)
        Recorder.arrived.clear()
        silent = Recorder(**parameters).set_fit_request(sample_weight=False, groups=False)
        cross_validate(silent, X, y, cv=GroupKFold(2), params={"groups": groups}, scoring=scorer)
        assert set(Recorder.arrived) == {(False, False)}
    Recorder.arrived.clear()
    cross_validate(
        make_pipeline(StandardScaler(), Recorder(**parameters)),
        X,
        y,
        params={f"recorder__{name}": values for name, values in rows.items()},
        error_score="raise",
        cv=2,
    )
    assert Recorder.arrived[0] == (True, True)
