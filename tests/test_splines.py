import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")

from cardiorisk.estimators.kacq import KANLayer  # noqa: E402
from cardiorisk.explain import plot_splines, spline_curves, suggest_formulas  # noqa: E402
from cardiorisk.explain.splines import Spline, SplineCurves  # noqa: E402

NAMES = ["age", "chol", "male"]


class Fitted(ClassifierMixin, BaseEstimator):
    """A fitted classifier around a module, which it shows half of the table's values."""

    def __init__(self, module=None):
        self.module = module

    def fit(self, X, y=None):
        self.module_ = self.module.eval().requires_grad_(False)
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        with torch.no_grad():
            logit = self.module_(self.shown(X)).reshape(-1).double().numpy()
        risk = 1 / (1 + np.exp(-logit))
        return np.stack([1 - risk, risk], axis=1)

    def shown(self, X):
        return torch.as_tensor(np.asarray(X, dtype=np.float32) / 2)


class Tokens(torch.nn.Module):
    """One spline layer for every column, and a sum."""

    def __init__(self, n_columns):
        super().__init__()
        self.layer = KANLayer(1, 4)
        self.top = torch.nn.Linear(4 * n_columns, 1)

    def forward(self, values):
        return self.top(self.layer(values[:, :, None]).flatten(1))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 2)), rng.integers(0, 2, (60, 1))
    return pd.DataFrame(np.column_stack(columns), columns=NAMES)


def additive(seed=0, n_columns=3):
    torch.manual_seed(seed)
    layers = KANLayer(n_columns, 5), torch.nn.Linear(5, 1)
    return Fitted(torch.nn.Sequential(*layers)).fit(None)


def logit(model, X):
    risk = model.predict_proba(X)[:, 1]
    return np.log(risk / (1 - risk))


@pytest.mark.parametrize("module", [None, Tokens(3)], ids=["columns", "tokens"])
def test_the_curves_of_an_additive_network_add_up_to_its_log_odds(table, module):
    model = additive() if module is None else Fitted(module).fit(None)
    curves = spline_curves(model, table)
    total = sum(np.interp(s.data, s.values, s.mean) for s in curves.splines)
    wanted = logit(model, table)
    np.testing.assert_allclose(total, wanted - wanted.mean(), atol=1e-4)
    assert curves.fidelity[0] == pytest.approx(1.0, abs=1e-6)


def test_a_curve_is_what_one_column_does(table):
    model = additive()
    spline = spline_curves(model, table, n_points=11)["age"]
    moved = pd.concat([table.iloc[[0]]] * 11, ignore_index=True).assign(age=spline.values)
    effect = logit(model, moved)
    np.testing.assert_allclose(spline.mean - spline.mean[0], effect - effect[0], atol=1e-5)
    assert (len(spline.values), len(spline.data)) == (11, 60)


def test_several_fits_give_a_spread_and_one_gives_none(table):
    curves = spline_curves([additive(seed) for seed in range(3)], table)
    assert curves["age"].effects.shape[0] == len(curves.fidelity) == 3
    assert curves["age"].spread.max() > 0
    assert spline_curves(additive(), table)["age"].spread.max() == 0
    assert "3 fits" in repr(curves)


def test_a_network_that_mixes_after_the_layer_has_less_fidelity(table):
    torch.manual_seed(1)
    layers = KANLayer(3, 5), torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
    mixed = torch.nn.Sequential(*layers)
    with torch.no_grad():
        mixed[1].weight *= 8
    curves = spline_curves(Fitted(mixed).fit(None), table)
    assert 0.3 < curves.fidelity[0] < 0.999


def test_through_a_pipeline_the_columns_keep_their_names(table):
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), additive())
    pipeline.fit(table)
    curves = spline_curves(pipeline, table)
    assert [spline.name for spline in curves.splines] == NAMES
    assert list(spline_curves(additive(), table.to_numpy()).importance().index.sort_values()) == [
        "x0", "x1", "x2",
    ]  # fmt: skip


def test_the_other_class_is_the_mirror_image(table):
    model = additive()
    one, other = spline_curves(model, table), spline_curves(model, table, target=0)
    np.testing.assert_allclose(one["age"].mean, -other["age"].mean, atol=1e-6)


def test_each_member_of_a_classifier_counts_as_one_fit(table):
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.members = torch.nn.ModuleList(additive(seed).module for seed in range(3))

        def forward(self, values):
            return torch.stack([member(values) for member in self.members]).mean(dim=0)

    together = spline_curves(Fitted(Mean()).fit(None), table)
    apart = spline_curves([additive(seed) for seed in range(3)], table)
    np.testing.assert_allclose(together["chol"].effects, apart["chol"].effects, atol=1e-6)


class Added(Fitted):
    def shown(self, X):
        own = super().shown(X)
        return torch.cat([own, own.sum(dim=1, keepdim=True)], dim=1)


def test_a_column_that_the_estimator_adds_is_named(table):
    model = Added(additive(n_columns=4).module).fit(None)
    assert spline_curves(model, table).splines[-1].name == "augmentation"


def test_networks_without_a_layer_on_the_columns_are_refused(table):
    torch.manual_seed(0)
    behind = torch.nn.Sequential(torch.nn.Linear(3, 3), KANLayer(3, 1))
    with pytest.raises(ValueError, match="1 spline layers in a network, none of which reads"):
        spline_curves(Fitted(behind).fit(None), table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 7}, "Got target=7"),
        ({"n_points": 1}, "n_points=1"),
        ({"models": []}, "no model"),
    ],
)
def test_wrong_arguments_are_refused(table, arguments, message):
    with pytest.raises(ValueError, match=message):
        spline_curves(**{"models": additive(), "X": table, **arguments})


def test_the_picture_shows_curves_spread_and_rug(table):
    curves = spline_curves([additive(seed) for seed in range(2)], table)
    axes = plot_splines(curves)
    assert len(axes) == 3
    assert {ax.get_title(loc="left") for ax in axes} == set(NAMES)
    assert len({ax.get_ylim() for ax in axes}) == 1
    (own,) = plt.subplots()[1:]
    assert plot_splines(curves, ["male"], own) == [own]
    assert list(own.get_xticks()) == [0.0, 1.0]
    with pytest.raises(ValueError, match="Got 1 axes for 2 inputs"):
        plot_splines(curves, ["age", "male"], own)
    with pytest.raises(KeyError, match="height"):
        plot_splines(curves, ["height"])
    plt.close("all")


def known(function, values):
    values = np.asarray(values, dtype=float)
    spline = Spline("x", values, function(values)[None], values)
    return SplineCurves((spline,), np.ones(1))


@pytest.mark.parametrize(
    ("function", "values", "name"),
    [
        (lambda x: 3 * x + 1, np.linspace(-2, 5, 50), "x"),
        (lambda x: (x - 1) ** 2, np.linspace(-2, 5, 50), "x^2"),
        (lambda x: np.tanh(2 * x), np.linspace(-2, 2, 50), "tanh"),
        (lambda x: 1e-5 * x, np.linspace(-2, 2, 50), "0"),
        (lambda x: 2 * x, [0, 1], "x"),
    ],
)
def test_known_functions_are_found_again(function, values, name):
    pytest.importorskip("kan")
    found = suggest_formulas(known(function, values)).iloc[0]
    assert found["function"] == name
    assert found["r2"] > 0.999


def test_a_line_is_written_with_its_slope_in_standard_deviations():
    pytest.importorskip("kan")
    found = suggest_formulas(known(lambda x: 3 * x + 1, np.linspace(0, 2, 41))).iloc[0]
    slope, z, _ = found["formula"].split(" ")
    assert z == "z"
    assert float(slope) == pytest.approx(3 * found["sd"], rel=0.01)


def test_an_unknown_function_is_refused():
    pytest.importorskip("kan")
    with pytest.raises(ValueError, match="Got function 'erf', but pykan knows"):
        suggest_formulas(known(np.tanh, np.arange(3)), functions=("erf",))


def test_formulas_leave_no_file_and_need_no_permission_to_write(tmp_path, monkeypatch):
    pytest.importorskip("kan")
    tmp_path.chmod(0o555)
    monkeypatch.chdir(tmp_path)
    squared = known(np.square, np.linspace(-2, 2, 21))
    assert suggest_formulas(squared)["function"].item() == "x^2"
    assert list(tmp_path.iterdir()) == []
