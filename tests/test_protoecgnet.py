"""ProtoECGNet as an estimator: what it promises of its prototypes and its reasons."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

torch = pytest.importorskip("torch")

import cardiorisk  # noqa: E402
from cardiorisk.datasets import make_ecg  # noqa: E402
from cardiorisk.estimators import ProtoECGNetClassifier  # noqa: E402
from cardiorisk.estimators._net_batches import net_outputs  # noqa: E402
from cardiorisk.exceptions import SignalError  # noqa: E402
from cardiorisk.explain import explain, plot_prototype_match  # noqa: E402
from cardiorisk.features import ECGFilter  # noqa: E402
from cardiorisk.records import ECGRecord  # noqa: E402

RHYTHMS = ["sinus rhythm", "atrial fibrillation", "left bundle branch block"]
SMALL = {
    "width": 8,
    "latent_dim": 16,
    "prototypes_per_class": 3,
    "backbone_epochs": 3,
    "prototype_epochs": 2,
    "joint_epochs": 2,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def ecgs():
    names = RHYTHMS if RHYTHMS[2] in cardiorisk.datasets.simulated_ecg.RHYTHMS else None
    return make_ecg(60, rhythms=names, sampling_rate=200, random_state=0)


@pytest.fixture(scope="module")
def labels(ecgs):
    table = pd.DataFrame({name: ecgs.target == name for name in ecgs.target_names}).astype(int)
    table["fast"] = (ecgs.intervals["heart_rate"].to_numpy() > 80).astype(int)
    return table


@pytest.fixture(scope="module")
def model(ecgs, labels):
    return ProtoECGNetClassifier(**SMALL).fit(ecgs.records, labels)


def test_every_prototype_of_a_branch_is_a_record_of_its_own(model):
    for _, found in model.prototypes_.groupby("branch"):
        assert found["row"].is_unique


def test_every_prototype_has_the_label_and_was_trained_on(model, labels):
    table = model.prototypes_
    present = labels.to_numpy()[table["row"], labels.columns.get_indexer(table["class"])]
    assert (present == 1).all()
    assert not set(table["row"]) & set(model.validation_rows_)


@pytest.mark.parametrize("branch", ["rhythm", "morphology", "diffuse"])
def test_a_prototype_equals_the_latent_of_its_training_window(model, ecgs, branch):
    net = model.module_[branch]
    found = model.prototypes_.query("branch == @branch").reset_index(drop=True)
    latent = net_outputs(net, model._read([ecgs.records[r] for r in found["row"]]), call=net.latent)
    for p, line in found.iterrows():
        windows = np.arange(net.n_windows)
        begins = net.seconds(windows, 100)[:, 0]
        w = int(np.argmin(np.abs(begins - line["start"])))
        assert np.abs(latent[p, :, w : w + net.span] - net.prototypes[p].numpy()).max() <= 1e-5


def test_a_source_record_is_wholly_like_its_prototype(model, ecgs):
    activations = model.prototype_activations(ecgs.records)
    rows = model.prototypes_["row"].to_numpy()
    assert np.allclose(activations[rows, np.arange(len(rows))], 1, atol=1e-5)


def test_fitting_the_heads_moves_no_weight_and_no_statistic(model, ecgs, labels, monkeypatch):
    from cardiorisk.estimators._weights import weights_of
    from cardiorisk.estimators.protoecgnet import classifier

    seen = {}

    def heads(estimator, similarity, *rest):
        seen["similarity"] = similarity
        return fit_heads(estimator, similarity, *rest)

    fit_heads = classifier.fit_heads
    monkeypatch.setattr(classifier, "fit_heads", heads)
    again = clone(model).set_params(shift=0.0, gain=0.0).fit(ecgs.records, labels)
    assert np.array_equal(seen["similarity"], again.prototype_activations(ecgs.records))
    before = weights_of(again.module_)
    again.predict_proba(ecgs.records)
    assert all(np.array_equal(before[name], again.weights_[name]) for name in before)


def test_contributions_add_up_to_the_logit(model, ecgs):
    reasons = model.explain(ecgs.records[:10], labels=model.classes_.tolist())
    assert reasons.max_residual <= 1e-5
    sums = reasons.table.groupby(["row", "label"])["contribution"].sum()
    logits = model.decision_function(ecgs.records[:10])
    for _, line in reasons.logits.iterrows():
        expected = logits[line["row"], list(model.classes_).index(line["label"])]
        assert line["base"] + sums[line["row"], line["label"]] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", ["max", "mean", "topk"])
def test_what_is_explained_is_what_is_scored(model, ecgs, pooling):
    other = pickle.loads(pickle.dumps(model)).set_params(pooling=pooling, top_k=3)
    reasons = other.explain(ecgs.records[:4])
    activations = other.prototype_activations(ecgs.records[:4])
    for _, line in reasons.table.iterrows():
        assert line["similarity"] == pytest.approx(activations[line["row"], line["prototype"]])
    assert reasons.max_residual <= 1e-5


def test_matched_windows_lie_in_the_record(model, ecgs):
    table = model.explain(ecgs.records[:5]).table
    assert (table["match_start"] >= 0).all()
    assert (table["match_stop"] <= 10).all()
    assert (table["match_start"] < table["match_stop"]).all()


def test_held_back_patients_are_whole_and_each_record_comes_once(ecgs, labels):
    patients = np.repeat(np.arange(20), 3)
    nothing = {"backbone_epochs": 0, "prototype_epochs": 0, "joint_epochs": 0}
    model = ProtoECGNetClassifier(**SMALL | nothing, validation_fraction=0.1)
    model = model.set_params(sampling_rate=200).fit(ecgs.data, labels, groups=patients)
    held = model.validation_rows_
    assert len(set(held)) == len(held) > 0
    assert not set(patients[held]) & set(np.delete(patients, held))


def test_arrays_flattened_arrays_and_records_give_the_same(model, ecgs):
    expected = model.predict_proba(ecgs.records[:6])
    other = clone(model).set_params(sampling_rate=200)
    other.__dict__.update({k: v for k, v in vars(model).items() if k not in other.get_params()})
    other.n_features_in_ = ecgs.data.shape[1]
    assert np.allclose(other.predict_proba(ecgs.data[:6]), expected, atol=1e-6)
    other.n_features_in_ = ecgs.data[0].size
    assert np.allclose(other.predict_proba(ecgs.data[:6].reshape(6, -1)), expected, atol=1e-6)


def test_sampling_rate_and_order_of_leads_do_not_matter(model, ecgs):
    record = ecgs.records[0]
    turned = ECGRecord(record.signal[::-1], 200.0, record.lead_names[::-1])
    resampled = ECGFilter(target_rate=100, baseline=None, mains=None).transform([record])
    expected = model.predict_proba([record])
    assert np.allclose(model.predict_proba([turned]), expected, atol=1e-6)
    assert np.allclose(model.predict_proba(resampled), expected, atol=1e-4)


def test_a_record_without_a_usable_lead_is_refused(model, ecgs):
    empty = ECGRecord(np.full((12, 2000), np.nan, np.float32), 200.0)
    with pytest.raises(SignalError, match="no lead"):
        model.predict_proba([empty])


def test_the_same_random_state_gives_the_same_weights(model, ecgs, labels):
    again = clone(model).fit(ecgs.records, labels)
    assert all(
        np.array_equal(again.weights_[name], model.weights_[name]) for name in again.weights_
    )


def test_copies_and_files_predict_the_same(model, ecgs, tmp_path):
    expected = model.predict_proba(ecgs.records[:5])
    cardiorisk.save(model, tmp_path / "net.cardiorisk")
    for copy in (pickle.loads(pickle.dumps(model)), cardiorisk.load(tmp_path / "net.cardiorisk")):
        assert np.array_equal(copy.predict_proba(ecgs.records[:5]), expected)
        assert copy.prototypes_.equals(model.prototypes_)


def test_several_classes_and_two(ecgs):
    model = ProtoECGNetClassifier(**SMALL).fit(ecgs.records, ecgs.target)
    assert np.allclose(model.predict_proba(ecgs.records[:5]).sum(axis=1), 1)
    assert set(model.predict(ecgs.records)) <= set(ecgs.target)
    assert model.explain(ecgs.records[:5]).max_residual <= 1e-5
    two = ProtoECGNetClassifier(**SMALL).fit(ecgs.records, ecgs.target == ecgs.target_names[0])
    assert two.predict_proba(ecgs.records[:5]).shape == (5, 2)
    assert two.decision_function(ecgs.records[:5]).shape == (5,)
    assert two.explain(ecgs.records[:5]).max_residual <= 1e-5


def test_explain_works_through_a_pipeline(model, ecgs):
    steps = make_pipeline(ECGFilter(baseline=None, mains=None), model)
    reasons = explain(steps, list(ecgs.records[:4]), method="prototype")
    assert reasons.values.shape == (4, len(model.prototypes_))
    assert reasons.max_residual <= 1e-5
    assert np.allclose(reasons.predictions, model.decision_function(ecgs.records[:4]).max(axis=1))
    named = explain(model, list(ecgs.records[:4]), method="prototype", target="fast")
    assert (named.target == "fast").all()


def test_explaining_by_prototypes_refuses_other_models_and_probabilities(model, ecgs, cancer):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ValueError, match="logits"):
        explain(model, list(ecgs.records[:2]), method="prototype", output="probability")
    other = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="ProtoECGNetClassifier"):
        explain(other, np.zeros((1, 1)), method="prototype")


def test_the_plot_draws_both_windows_aligned(model, ecgs):
    figure = plot_prototype_match(model, ecgs.records[:3], row=1)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_a_model_without_records_holds_none_and_says_so(ecgs, labels):
    settings = SMALL | {"backbone_epochs": 0, "prototype_epochs": 0, "joint_epochs": 0}
    settings["keep_records"] = False
    model = ProtoECGNetClassifier(**settings).fit(ecgs.records, labels)
    with pytest.raises(ValueError, match="keep_records"):
        model.prototype_record(0)


def test_the_published_settings_train(ecgs, labels):
    model = ProtoECGNetClassifier.published()
    model.set_params(
        branches="every", width=4, latent_dim=8, joint_epochs=1, prototypes_per_class=2
    )
    model.fit(ecgs.records[:30], labels[:30])
    assert model.explain(ecgs.records[:3]).max_residual <= 1e-5
    assert set(model.history_["stage"]) == {"joint"}


def test_randomised_labels_destroy_the_model(model, ecgs, labels):
    from cardiorisk.estimators.protoecgnet.validation import macro_auroc

    fresh = make_ecg(60, rhythms=list(ecgs.target_names), sampling_rate=200, random_state=1)
    truth = np.stack([fresh.target == name for name in ecgs.target_names], axis=1).astype(int)
    shuffled = labels.sample(frac=1, random_state=0).reset_index(drop=True)
    random = clone(model).fit(ecgs.records, shuffled)
    n = truth.shape[1]
    good = macro_auroc(truth, model.predict_proba(fresh.records)[:, :n])
    bad = macro_auroc(truth, random.predict_proba(fresh.records)[:, :n])
    assert good > 0.8 > 0.7 > bad
