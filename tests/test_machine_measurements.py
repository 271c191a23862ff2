import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

import cardiorisk
from cardiorisk.datasets import make_ecg, make_machine_measurements
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.features import FEATURES, ECGFeatures, MachineMeasurements
from cardiorisk.features.feature_definitions import GROUPS
from cardiorisk.io.machine_measurements import MEASURED

ROW = {
    **{"rr_interval": 800.0, "p_onset": 40.0, "p_end": 150.0, "qrs_onset": 200.0},
    **{"qrs_end": 290.0, "t_end": 600.0, "p_axis": 50.0, "qrs_axis": 30.0, "t_axis": 45.0},
}
GROUPS_TOLD = ["rhythm", "intervals", "axes"]


def table(**changes):
    return pd.DataFrame({**{name: [value] for name, value in ROW.items()}, **changes})


def derived(frame, **options):
    transformer = MachineMeasurements(**options).set_output(transform="pandas")
    return transformer.fit_transform(frame)


def lost(frame):
    """Measurements that a row loses."""
    after = derived(frame, raw=True).iloc[0]
    return {name for name in MEASURED if np.isnan(after.get(name, after.get("rr_mean")))}


@pytest.fixture(scope="module")
def simulated():
    return make_machine_measurements(20_000, random_state=0)


def test_intervals_and_axes_are_differences_of_the_cart_s_marks():
    row = derived(table()).iloc[0]
    expected = {
        **{"heart_rate": 75, "rr_mean": 800, "p_duration": 110, "pr_interval": 160},
        **{"pr_segment": 50, "qrs_duration": 90, "qt_interval": 400, "jt_interval": 310},
        **{"p_axis": 50, "qrs_axis": 30, "t_axis": 45, "qrs_t_angle": 15},
        "qtc_bazett": 400 / 0.8**0.5,
        "qtc_fridericia": 400 / 0.8 ** (1 / 3),
        "qtc_framingham": 400 + 154 * 0.2,
        "qtc_hodges": 400 + 1.75 * 15,
    }
    assert row.to_dict() == pytest.approx(expected)


def test_names_are_those_of_signals_and_in_their_order():
    for group in GROUPS_TOLD:
        names = list(MachineMeasurements(groups=[group]).get_feature_names_out())
        assert names == [name for name in GROUPS[group] if name in names]
    assert set(MachineMeasurements().get_feature_names_out()) <= set(FEATURES)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, set()),
        (dict.fromkeys(["p_onset", "p_end", "p_axis"], 29999.0), {"p_onset", "p_end", "p_axis"}),
        ({"p_end": 29999.0}, {"p_end"}),
        ({"rr_interval": 65535.0}, {"rr_interval"}),
        ({"rr_interval": 0.0}, {"rr_interval"}),
        ({"rr_interval": 3001.0}, {"rr_interval"}),
        ({"rr_interval": 200.0}, set()),
        ({"p_axis": -31248.0}, {"p_axis"}),
        ({"t_axis": -32768.0}, {"t_axis"}),
        ({"t_axis": 271.0}, {"t_axis"}),
        ({"qrs_end": 64012.0}, {"qrs_end"}),
        ({"qrs_end": 1500.0}, {"qrs_onset", "qrs_end"}),
        ({"qrs_end": 201.0}, {"qrs_onset", "qrs_end"}),
        ({"p_onset": 150.0}, {"p_onset", "p_end"}),
        ({"p_end": 201.0}, {"p_onset", "p_end"}),
        ({"p_end": 200.0}, set()),
        ({"p_onset": -2.0}, {"p_onset"}),
        ({"p_onset": 0.0}, set()),
        ({"t_end": 290.0}, {"t_end"}),
        ({"t_end": 2001.0}, {"t_end"}),
        ({"rr_interval": np.nan}, {"rr_interval"}),
    ],
)
def test_a_rule_removes_what_it_names_and_nothing_else(changes, gone):
    assert lost(table(**{name: [value] for name, value in changes.items()})) == gone


@pytest.mark.parametrize("code", [29999, 30000, 32767, 61440, 65535, -29999, -32768])
def test_codes_are_told_from_impossible_values(code):
    counts = MachineMeasurements().removal_counts(table(**{name: [code] for name in MEASURED}))
    assert (counts.loc[list(MEASURED), "not_measured"] == 1).all()
    almost = MachineMeasurements().removal_counts(table(rr_interval=[29998.0]))
    assert almost.loc["rr_interval", ["not_measured", "rr_range"]].tolist() == [0, 1]


@pytest.mark.parametrize(("written", "axis"), [(270, -90), (181, -179), (-180, 180), (180, 180)])
def test_axes_of_either_convention_agree(written, axis):
    frame = table(qrs_axis=[written])
    assert derived(frame)["qrs_axis"].item() == axis
    counts = MachineMeasurements().removal_counts(frame)
    assert counts.loc["qrs_axis", "axis_wrapped"] == (written != axis)
    assert counts.loc["qrs_axis", "kept"] == 1


def test_a_feature_outside_its_limits_is_missing_and_counted():
    frame = table(t_end=[1200.0])  # QT of 1000 ms
    counts = MachineMeasurements().removal_counts(frame)
    assert np.isnan(derived(frame)["qt_interval"].item())
    assert counts.loc["qt_interval", "feature_range"] == 1
    assert "outside 180 to 800 ms" in set(MachineMeasurements().flags(frame)["message"])


def test_nothing_is_lost_silently(simulated):
    frame, transformer = simulated.data, MachineMeasurements(raw=True)
    counts, flags = transformer.removal_counts(frame), transformer.flags(frame)
    rules = counts.columns.drop(["present", "axis_wrapped", "kept"])
    assert (counts["present"] == counts[rules].sum(axis=1) + counts["kept"]).all()
    assert (counts.loc[list(MEASURED), "present"] == frame[list(MEASURED)].notna().sum()).all()
    out = derived(frame, raw=True)
    assert (
        (out.notna().sum() == counts["kept"].reindex(out.columns))
        .loc[[name for name in out if name in counts.index]]
        .all()
    )
    listed = flags.groupby(["column", "code"]).size()
    counted = counts[[*rules, "axis_wrapped"]].stack()
    assert listed.to_dict() == counted[counted > 0].to_dict()
    measured = flags[flags["column"].isin(MEASURED)]
    for name, part in measured.groupby("column"):
        assert (frame[name].to_numpy()[part["row"]] == part["value"]).all()


def test_a_clean_table_has_no_flags():
    flags = MachineMeasurements().flags(table())
    assert flags.empty
    assert list(flags) == ["row", "column", "code", "value", "message"]


def test_order_of_columns_is_free_and_others_are_ignored(simulated):
    frame = simulated.data
    shuffled = frame[list(reversed(frame.columns))].assign(note="x")
    fitted = MachineMeasurements().fit(frame)
    np.testing.assert_array_equal(fitted.transform(shuffled), fitted.transform(frame))
    np.testing.assert_array_equal(
        MachineMeasurements().fit_transform(frame[list(MEASURED)].to_numpy()),
        fitted.transform(frame),
    )


@pytest.mark.parametrize("dtype", ["Float64", "Int64", "float32", object])
def test_other_dtypes_give_the_same_features(simulated, dtype):
    frame = simulated.data[list(MEASURED)].head(200)
    np.testing.assert_array_equal(derived(frame.astype(dtype)), derived(frame))


def test_a_polars_table_gives_the_same_features(simulated):
    polars = pytest.importorskip("polars")
    frame = simulated.data[list(MEASURED)].head(50)
    foreign = polars.DataFrame({name: frame[name].to_numpy() for name in frame})
    np.testing.assert_array_equal(MachineMeasurements().fit_transform(foreign), derived(frame))


def test_rows_do_not_depend_on_each_other(simulated):
    frame = simulated.data.head(300)
    np.testing.assert_array_equal(derived(frame).iloc[100:150], derived(frame.iloc[100:150]))


def test_input_is_left_as_it_was(simulated):
    before = simulated.data.copy()
    derived(simulated.data)
    pd.testing.assert_frame_equal(simulated.data, before)


def test_a_missing_column_is_an_error_or_not_measured():
    frame = table().drop(columns=["p_end", "t_axis"])
    with pytest.raises(TableError, match="without p_end, t_axis"):
        MachineMeasurements().fit(frame)
    out = derived(frame, missing_columns="nan")
    gone = {name for name in out if out[name].isna().all()}
    assert gone == {"p_duration", "pr_segment", "t_axis", "qrs_t_angle"}


def test_wrong_input_is_named():
    with pytest.raises(TableError, match=r"'abc'.*'rr_interval'"):
        MachineMeasurements().fit(table(rr_interval=["abc"]))
    with pytest.raises(TableError, match="infinity"):
        MachineMeasurements().fit(table(rr_interval=[np.inf]))
    with pytest.raises(TableError, match="0 sample"):
        MachineMeasurements().fit(table().head(0))
    with pytest.raises(TableError, match="'p_end' more than once"):
        MachineMeasurements().fit(pd.concat([table(), table()[["p_end"]]], axis=1))
    with pytest.raises(ValueError, match="groups=\\['voltages'\\]"):
        MachineMeasurements(groups=["voltages"]).fit(table())
    with pytest.raises(ValueError, match="'qrs'"):
        MachineMeasurements(drop="qrs").fit(table())
    with pytest.raises(ValueError, match="nothing is left"):
        MachineMeasurements(groups="rhythm", drop="rr_interval").fit(table())


def test_a_wrong_unit_is_suspected(simulated):
    seconds = simulated.data.assign(rr_interval=simulated.data["rr_interval"] / 1000)
    with pytest.warns(TableWarning, match=r"rr_interval cannot be true.*expected are ms"):
        derived(seconds)


def test_dropping_a_measurement_drops_all_that_tells_it(simulated):
    dropped = MachineMeasurements(drop="qrs_end", raw=True).fit(simulated.data)
    all_names = set(MachineMeasurements(raw=True).get_feature_names_out())
    assert all_names - set(dropped.get_feature_names_out()) == {
        *("qrs_duration", "jt_interval", "qrs_end")
    }
    assert all("qrs_end" not in used for used in dropped.feature_inputs_.values())
    changed = simulated.data.assign(qrs_end=simulated.data["qrs_end"] + 2)
    same = (simulated.data["qrs_end"] - simulated.data["qrs_onset"]).between(42, 290)
    np.testing.assert_array_equal(
        dropped.transform(changed[same]), dropped.transform(simulated.data[same])
    )


def test_cleaning_finds_artefacts_and_spares_the_truth(simulated):
    cleaned = derived(simulated.data, raw=True).assign(
        rr_interval=lambda out: out["rr_mean"],
    )[list(MEASURED)]
    gone, kinds = cleaned.isna(), simulated.artefacts.astype(object)
    assert gone[kinds == "not_measured"].stack().all()
    assert gone[kinds == "impossible"].stack().mean() > 0.98
    assert gone[kinds == "plausible"].stack().mean() < 0.1  # no rule may claim to see these
    assert gone[kinds == "none"].stack().mean() < 0.0005
    right = cleaned[(kinds == "none") & ~gone].stack()
    assert (right == simulated.truth[list(MEASURED)].stack().reindex(right.index)).all()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.floats(-40000, 70000), st.just(29999.0)), min_size=9, max_size=9))
def test_whatever_a_cart_writes_the_features_lie_within_their_limits(values):
    out = derived(pd.DataFrame([dict(zip(MEASURED, values, strict=True))]), raw=True).iloc[0]
    for name, value in out.items():
        if name in FEATURES and np.isfinite(value):
            assert FEATURES[name].low <= value <= FEATURES[name].high
    assert not out["qrs_end"] <= out["qrs_onset"]
    assert not out["t_end"] <= out["qrs_end"]
    assert not out["p_end"] > out["qrs_onset"]
    assert not out["p_onset"] >= out["p_end"]


def test_a_model_fitted_on_measurements_predicts_on_signals(simulated):
    known = simulated.truth["conduction"].to_numpy()
    model = make_pipeline(
        MachineMeasurements().set_output(transform="pandas"),
        CardioForestClassifier(backend="forest", n_estimators=50, random_state=0),
    ).fit(simulated.data, known == "left bundle branch block")
    rhythms = ["sinus rhythm", "left bundle branch block", "right bundle branch block"]
    ecgs = make_ecg(12, rhythms=rhythms, random_state=0)
    engine = ECGFeatures(groups=GROUPS_TOLD, engine="native").set_output(transform="pandas")
    signals = engine.fit_transform(ecgs.data)
    forest = model[-1]
    risk = forest.predict_proba(signals[list(forest.feature_names_in_)])[:, 1]
    assert roc_auc_score(ecgs.target == "left bundle branch block", risk) > 0.9


def test_a_saved_transformer_gives_the_same_features(simulated, tmp_path):
    fitted = MachineMeasurements(drop=("qrs_end",)).fit(simulated.data)
    cardiorisk.save(fitted, tmp_path / "m.cardiorisk")
    again = cardiorisk.load(tmp_path / "m.cardiorisk")
    np.testing.assert_array_equal(again.transform(simulated.data), fitted.transform(simulated.data))
    assert again.feature_inputs_ == fitted.feature_inputs_
