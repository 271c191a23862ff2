import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from cardiorisk._colours import LOWERS, RAISES
from cardiorisk.explain import Explanation
from cardiorisk.explain.attribution.plots import plot_explanation, plot_importance
from cardiorisk.records import Variable

mpl.use("Agg")

SCHEMA = {
    "cp": Variable("cp", "chest pain", categories={1: "typical", 4: "none"}),
    "chol": Variable("chol", "cholesterol", "mg/dl", zero_is_missing=True),
    "bp": Variable("bp", "blood pressure", "mmHg"),
}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def make(output="probability", n=30, method="tree"):
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "cp": rng.choice([1, 4], n),
            "chol": np.where(np.arange(n) == 0, 0.0, 200.5),
            "bp": np.where(np.arange(n) == 0, np.nan, 120.0 + np.arange(n)),
            "site": rng.choice(["x", "y"], n),
        }
    )
    data.loc[0, "cp"] = 4
    values = rng.normal(scale=[0.2, 0.1, 0.05, 0.001], size=(n, 4))
    values[0] = [0.25, -0.12, 0.004, 0.0]
    base = np.full(n, 0.4)
    return Explanation(
        values=values, base_values=base, data=data, feature_names=tuple(data.columns),
        output=output, method=method, max_residual=0.0, target=np.full(n, "sick"),
        predictions=base + values.sum(axis=1), base_description="the training rows",
    )  # fmt: skip


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_one_row_in_words_and_units():
    ax = plot_explanation(make(), 0, schema=SCHEMA)
    assert labels(ax) == [
        "chest pain: none",
        "cholesterol: not recorded",
        "blood pressure: not recorded",
        f"site {make().data['site'][0]}",
    ]
    assert words(ax) == ["raises 25", "lowers 12", "raises under 1", "no difference"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([25, -12, 0.4, 0])
    faces = [colors.to_hex(bar.get_facecolor()).upper() for bar in ax.patches[:2]]
    assert faces == [RAISES, LOWERS]
    assert ax.get_title(loc="left").splitlines() == [
        "class sick: 53 in 100",
        "starting from 40: the training rows",
    ]
    assert labels(plot_explanation(make(), 1, schema=SCHEMA))[-1].startswith("site")
    assert "cholesterol 200.5 mg/dl" in labels(plot_explanation(make(), 1, schema=SCHEMA))


def test_a_margin_is_never_called_a_risk():
    ax = plot_explanation(make("margin"), 0)
    assert "100" not in ax.get_xlabel() + ax.get_title(loc="left")
    assert words(ax)[0] == "raises 0.25"
    assert labels(ax)[0] == "cp 4"


def test_weak_features_are_one_bar_that_keeps_the_sum():
    ax = plot_explanation(make(), 0, max_features=2)
    assert labels(ax)[-1] == "2 others together"
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(100 * make().values[0].sum())


def test_given_axes_are_used_and_nothing_is_clipped():
    axes = plt.figure().add_subplot()
    for draw in (plot_explanation, plot_importance):
        assert draw(make(), ax=axes) is axes
    ax = plot_explanation(make(), 0, schema=SCHEMA)
    ax.figure.canvas.draw()
    canvas = ax.figure.bbox
    for artist in [*ax.texts, *ax.get_yticklabels()]:
        box = artist.get_window_extent()
        assert canvas.x0 <= box.x0
        assert box.x1 <= canvas.x1


def test_importance_draws_every_row_once():
    reasons = make()
    ax = plot_importance(reasons, schema=SCHEMA)
    expected = reasons.importance()
    assert [label.split("\n")[0].split(" (")[0] for label in labels(ax)] == [
        "chest pain", "cholesterol", "blood pressure", "site"
    ]  # fmt: skip
    assert labels(ax)[0].endswith(f"mean {100 * expected.iloc[0]:.0f}")
    points = [collection.get_offsets() for collection in ax.collections]
    assert sum(len(part) for part in points) == reasons.values.size
    drawn = np.sort(np.concatenate([part[:, 0] for part in points]))
    np.testing.assert_allclose(drawn, np.sort(100 * reasons.values.ravel()))


def test_importance_says_what_it_leaves_out():
    assert "2 weaker" in plot_importance(make(), max_features=2).get_title(loc="left")
    one = plot_importance(make(n=1))  # a single row has no spread
    assert one.get_title(loc="left").startswith("1 row\n")
