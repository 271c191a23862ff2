import copy
import os
import pickle
import stat

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cardiorisk
from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.estimators.kacq import noise_study
from cardiorisk.estimators.kacq.dual_channel import DualChannelNet
from cardiorisk.estimators.kacq.fitting import _split
from cardiorisk.estimators.kacq.lstm import LSTM
from cardiorisk.estimators.kacq.out_of_fold import fit_opinion
from cardiorisk.estimators.kacq.parameters import network_plan
from cardiorisk.exceptions import TableError
from cardiorisk.features import ClinicalTable

SMALL = {
    "n_qubits": 2,
    "token_units": 2,
    "lstm_units": (3,),
    "dense_units": (6,),
    "classical_units": (4,),
    "readout_units": (4,),
    "dropout": 0.1,
    "n_members": 1,
    "epochs": 3,
    "random_state": 0,
}


def _small(**settings):
    return KACQDCNNClassifier(**{**SMALL, **settings})


def _table(n_classes=2, n_rows=120):
    return make_classification(
        n_rows, 6, n_informative=4, n_classes=n_classes, class_sep=2.0, random_state=0
    )


@pytest.fixture(scope="module")
def fitted():
    X, y = _table()
    return _small(n_members=2).fit(X, y), X


def test_published_network_has_the_parameters_of_the_study():
    net = DualChannelNet(network_plan(KACQDCNNClassifier.published(), n_tokens=12, n_classes=2))
    counts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in {**net.channels, "head": net.head}.items()
    }
    assert counts == {"quantum": 1_767_636, "recurrent": 1_255_520, "head": 65}
    assert sum(counts.values()) == 3_023_221


def test_lstm_with_tanh_equals_that_of_torch():
    torch.manual_seed(0)
    ours = LSTM(3, 5).double()
    theirs = torch.nn.LSTM(3, 5, batch_first=True, bidirectional=True).double()

    with torch.no_grad():
        for direction, end in enumerate(("l0", "l0_reverse")):
            getattr(theirs, f"weight_ih_{end}").copy_(ours.inputs[direction])
            getattr(theirs, f"weight_hh_{end}").copy_(ours.recurrent[direction])
            getattr(theirs, f"bias_ih_{end}").copy_(ours.bias[direction])
            getattr(theirs, f"bias_hh_{end}").zero_()
    x = torch.randn(7, 4, 3).double()
    torch.testing.assert_close(ours(x), theirs(x)[0])
    one_way = LSTM(3, 5, bidirectional=False).double()
    one_way.load_state_dict({name: value[:1] for name, value in ours.state_dict().items()})
    torch.testing.assert_close(one_way(x), theirs(x)[0][..., :5])
    with torch.no_grad():  # takes another way
        torch.testing.assert_close(ours(x), theirs(x)[0], atol=1e-14, rtol=0)
        torch.testing.assert_close(one_way(x), theirs(x)[0][..., :5], atol=1e-14, rtol=0)
        assert ours(x[:0]).shape == (0, 4, 10)
        assert ours(x).is_contiguous()


def test_relu_reaches_candidate_and_output_only():
    torch.manual_seed(0)
    layer = LSTM(1, 2, bidirectional=False, activation="relu").double()
    x = torch.ones(1, 1, 1).double()
    take, _, candidate, show = (layer.inputs[0, :, 0] + layer.bias[0]).chunk(4, dim=-1)
    cell = take.sigmoid() * candidate.relu()
    torch.testing.assert_close(layer(x)[0, 0], show.sigmoid() * cell.relu())


def test_second_direction_reads_from_the_end():
    torch.manual_seed(0)
    layer = LSTM(2, 3, activation="relu").double()
    swapped = LSTM(2, 3, activation="relu").double()
    swapped.load_state_dict({name: value.flip(0) for name, value in layer.state_dict().items()})
    x = torch.randn(5, 4, 2).double()
    first, second = layer(x).chunk(2, dim=-1)
    torch.testing.assert_close(swapped(x.flip(1)).flip(1), torch.cat([second, first], dim=-1))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_learns_what_can_be_learned(n_classes):
    X, y = _table(n_classes, 300)
    labels = np.array(["a", "b", "c"])[y]
    model = _small(epochs=25, learning_rate=2e-2).fit(X[:200], labels[:200])
    probability = model.predict_proba(X[200:])
    assert probability.shape == (100, n_classes)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    found = probability[:, 1] if n_classes == 2 else probability
    assert roc_auc_score(y[200:], found, multi_class="ovr") > 0.85
    assert model.score(X[200:], labels[200:]) > 0.75


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_predict_the_same(fitted, copied):
    model, X = fitted
    assert np.array_equal(copied(model).predict_proba(X), model.predict_proba(X))
    assert all(isinstance(values, np.ndarray) for values in model.weights_.values())
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_saved_model_predicts_the_same(fitted, tmp_path):
    model, X = fitted
    cardiorisk.save(model, tmp_path / "kacq.cardiorisk")
    again = cardiorisk.load(tmp_path / "kacq.cardiorisk")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_saved_model_with_an_opinion_predicts_the_same(tmp_path):
    X, y = _table()
    model = _small(augment="oof").fit(X, y)
    cardiorisk.save(model, tmp_path / "kacq.cardiorisk")
    again = cardiorisk.load(tmp_path / "kacq.cardiorisk")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_simulators_agree_and_share_weights(fitted):
    model, X = fitted
    other = copy.copy(model)
    for simulator in ("default.qubit", "lightning.qubit"):
        other.predict_proba(X[:1])
        other.set_params(simulator=simulator, token_units=9, n_members=3)
        assert other.module_.members[0].channels["quantum"][3].layers[0].simulator == simulator
        np.testing.assert_allclose(
            other.predict_proba(X[:4]), model.predict_proba(X[:4]), atol=1e-10
        )


def test_works_where_nothing_may_be_written_and_leaves_nothing(tmp_path, monkeypatch):
    X, y = _table()
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.chdir(tmp_path)
    model = _small().fit(X, y)
    copy.deepcopy(model).predict_proba(X)
    copy.copy(model).set_params(simulator="default.qubit").predict_proba(X[:3])
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "switches",
    [
        {"use_quantum": False},
        {"use_kan": False},
        {"use_recurrent": False},
        {"n_circuits": 0},
        {"n_circuits": 2, "n_layers": 2, "quantum_units": (5,)},
        {"embedding": "angle", "rotation": "Y"},
        {"token_units": 0},
        {"lstm_units": (), "dense_units": ()},
        {"lstm_units": (2, 3), "bidirectional": False, "lstm_activation": "relu"},
        {"dropout": 0.0, "kan_scale": "shared", "scaling": "standard"},
        {"validation_fraction": 0, "scheduler": "constant"},
    ],
)
def test_ablations_run(switches):
    X, y = _table()
    model = _small(epochs=2, **switches).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.n_parameters_ > 0


def test_switches_leave_out_what_they_say():
    plan = {"n_tokens": 6, "n_classes": 2}
    net = DualChannelNet(network_plan(_small(use_quantum=False), **plan))
    assert list(net.channels) == ["recurrent"]
    names = [type(part).__name__ for part in net.modules()]
    assert "QuantumLayer" not in names
    net = DualChannelNet(network_plan(_small(use_kan=False), **plan))
    names = [type(part).__name__ for part in net.modules()]
    assert "KANLayer" not in names
    assert "QuantumLayer" in names
    with pytest.raises(ValueError, match="a network needs a channel"):
        _small(use_quantum=False, use_recurrent=False).fit(*_table())
    with pytest.raises(ValueError, match="Got lstm_units="):
        _small(lstm_units=(0,)).fit(*_table())


def test_opinion_of_training_rows_is_never_in_sample():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), np.arange(80) % 2
    groups = np.arange(80) // 4

    class Memory(LogisticRegression):
        """Knows the rows that it was trained on."""

        def fit(self, X, y, sample_weight=None):
            self.known_ = {row.tobytes() for row in X}
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            seen = np.array([float(row.tobytes() in self.known_) for row in X])
            return np.column_stack([1 - seen, seen])

    model, columns = fit_opinion(Memory(), X, y, None, groups, 0)
    assert not columns.any()
    assert model.predict_proba(X)[:, 1].all()


def test_groups_are_held_back_whole():
    X, y = _table()
    groups = np.arange(len(y)) // 5
    model = _small().fit(X, y, groups=groups)
    assert len(model.history_["epoch"]) == 3

    class Rows:
        pass

    rows = Rows()
    rows.y, rows.groups = y, groups
    train, held = _split(rows, 0.2, 0)
    assert len(held)
    assert not set(groups[train]) & set(groups[held])


def test_weights_of_rows_count_and_those_of_zero_leave_rows_out():
    X, y = _table()
    weight = np.ones(len(y))
    weight[::3] = 0
    some = _small().fit(X, y, sample_weight=weight)
    fewer = _small().fit(X[weight > 0], y[weight > 0])
    assert np.array_equal(some.predict_proba(X), fewer.predict_proba(X))
    heavy = _small().fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    assert heavy.predict_proba(X)[:, 1].mean() > _small().fit(X, y).predict_proba(X)[:, 1].mean()
    with pytest.raises(ValueError, match="at least one non-zero"):
        _small().fit(X, y, sample_weight=np.zeros(len(y)))


def test_missing_values_and_words_name_the_step_that_is_needed():
    X, y = _table()
    table = pd.DataFrame(X, columns=list("abcdef"))
    with_gap = table.copy()
    with_gap.loc[3] = np.nan
    with pytest.raises(TableError, match="ClinicalTable"):
        _small().fit(with_gap, y)
    with_words = table.assign(sex="F")
    with pytest.raises(TableError, match="ClinicalTable"):
        _small().fit(with_words, y)
    model = make_pipeline(ClinicalTable(impute="median"), _small()).fit(with_gap, y)
    assert np.isfinite(model.predict_proba(with_gap)).all()


def test_noise_and_shots_change_predictions_repeatably(fitted):
    model, X = fitted
    exact = model.predict_proba(X)
    for settings in ({"noise": 0.2}, {"shots": 50}):
        other = copy.copy(model).set_params(**settings)
        assert not np.array_equal(other.predict_proba(X), exact)
        assert np.array_equal(other.predict_proba(X), other.predict_proba(X))


def test_noise_study_leaves_the_model_alone_and_full_noise_says_nothing(fitted):
    model, X = fitted
    y = _table()[1]
    before = model.predict_proba(X)
    pipeline = make_pipeline(StandardScaler().fit(np.zeros((2, 6))), model)
    settings = {"noise": [0.0, 0.05, 0.75], "shots": [None, 200], "n_repeats": 2}
    table = noise_study(pipeline, X, y, **settings)
    assert len(table) == 9
    shift = table.groupby(["noise", "shots"], dropna=False)["shift"].mean().unstack()
    assert shift.iloc[0, -1] == 0
    assert (shift[200].to_numpy() > 0).all()
    assert shift.iloc[1, -1] < shift.iloc[2, -1]
    assert np.array_equal(model.predict_proba(X), before)
    with pytest.raises(ValueError, match="noise"):
        noise_study(model, X, y, noise=[0.9])


def test_same_seed_same_weights_and_torch_is_left_as_it_was():
    X, y = _table()
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first, second = _small().fit(X, y), _small().fit(X, y)
    for name, values in first.weights_.items():
        assert np.array_equal(values, second.weights_[name])
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_a_class_with_one_row_is_kept_for_training():
    X, y = _table()
    y = y.copy()
    y[0] = 2
    assert _small().fit(X, y).predict_proba(X).shape == (len(y), 3)
