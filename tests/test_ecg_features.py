import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.signal import resample_poly
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils._testing import ignore_warnings
from sklearn.utils.estimator_checks import parametrize_with_checks

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import SignalError, SignalWarning
from cardiorisk.features import FEATURES, ECGFeatures, delineate
from cardiorisk.features.feature_definitions import GROUPS
from cardiorisk.features.measurements import MEASUREMENTS, MedianBeat
from cardiorisk.io import ECGBatch, read_ecg, read_ecgs
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

RATE = 500.0


@pytest.fixture(scope="module")
def ecgs():
    return make_ecg(6, rhythms=["sinus rhythm"], noise=0.01, random_state=0)


def measured(X, **options):
    return ECGFeatures(**options).set_output(transform="pandas").fit_transform(X)


@ignore_warnings(category=SignalWarning)  # the checks' arrays are too short to be ECGs
@parametrize_with_checks([ECGFeatures(lead_names=("II",))])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_every_name_has_a_definition_and_every_definition_a_column():
    names = list(ECGFeatures().get_feature_names_out())
    assert names == [name for name in FEATURES if name not in GROUPS["hrv"]]
    assert len(names) >= 150
    for name, row in FEATURES.items():
        assert row.name == name
        assert row.label
        assert row.definition.endswith(".")
        if row.normal_range is not None:
            assert row.source
            assert row.low <= row.normal_range[0] < row.normal_range[1] <= row.high


def test_each_group_measures_exactly_its_features(ecgs):
    assert list(MEASUREMENTS) == list(GROUPS)
    marks = Delineation((), {name: np.arange(3) * 500.0 + 600 for name in MARKS}, RATE)
    beat = MedianBeat(np.zeros((12, 651)), dict.fromkeys(MARKS, 300.0), RATE)
    record = ECGRecord(ecgs.data[0], RATE)
    for group, names in GROUPS.items():
        assert set(MEASUREMENTS[group](record, marks, beat)) == set(names)


@pytest.mark.parametrize(
    ("rhythms", "limits"),
    [
        (["sinus rhythm"], {"pr_interval": 8, "qrs_duration": 12, "qt_interval": 14}),
        (["sinus bradycardia"], {"pr_interval": 8, "qrs_duration": 12, "qt_interval": 14}),
        (["first-degree AV block"], {"pr_interval": 12, "qrs_duration": 12, "qt_interval": 14}),
        (["right bundle branch block"], {"pr_interval": 8, "qt_interval": 18}),
        (["premature ventricular complexes"], {"pr_interval": 8, "qrs_duration": 12}),
        (["atrial fibrillation"], {"qrs_duration": 14, "qt_interval": 30}),
        (["sinus tachycardia"], {"qrs_duration": 12}),
        # Steep ST segments blur the end of QRS: this engine reads it late, by 27 ms on average.
        (["left bundle branch block"], {"qrs_duration": 60}),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_intervals_of_simulated_ecgs(rhythms, limits, noise):
    ecg = make_ecg(6, rhythms=rhythms, noise=noise, random_state=2)
    table = measured(ecg.data)
    for name, most in limits.items():
        error = table[name].to_numpy() - ecg.intervals[name].to_numpy()
        assert np.nanmax(np.abs(error)) <= most + 100 * noise
    if rhythms != ["premature ventricular complexes"]:  # there, beats come at two distances
        error = table["heart_rate"].to_numpy() - ecg.intervals["heart_rate"].to_numpy()
        assert np.max(np.abs(error)) < 2


def test_atrial_fibrillation_is_irregular_and_has_no_pr():
    table = measured(make_ecg(10, rhythms=["atrial fibrillation"], random_state=0).data)
    sinus = measured(make_ecg(10, rhythms=["sinus rhythm"], random_state=0).data)
    assert table["pr_interval"].isna().mean() >= 0.9
    assert table["rr_irregularity"].min() > sinus["rr_irregularity"].max()


def test_forms_of_input_agree(ecgs):
    table = measured(ecgs.data)
    flat = measured(ecgs.data.reshape(len(ecgs.data), -1))
    records = [ECGRecord(x, RATE) for x in ecgs.data]
    objects = np.empty(len(records), object)
    objects[:] = records
    for other in (flat, measured(records), measured(objects), measured(ECGBatch(tuple(records)))):
        pd.testing.assert_frame_equal(table, other)


def test_leads_are_matched_by_name(ecgs):
    order = np.random.default_rng(0).permutation(12)
    names = [STANDARD_LEADS[lead].lower() for lead in order]
    mixed = measured(ecgs.data[:, order], lead_names=names)
    pd.testing.assert_frame_equal(measured(ecgs.data), mixed)


def test_absent_leads_are_nan_and_the_columns_stay(ecgs):
    table = measured(ecgs.data[:, [1, 7]], lead_names=("II", "V2"))
    assert list(table.columns) == list(ECGFeatures().get_feature_names_out())
    assert table["r_amplitude_II"].notna().all()
    assert table["qrs_duration"].notna().all()
    for name in ("r_amplitude_I", "st_level_V6", "qrs_axis", "cornell_voltage"):
        assert table[name].isna().all()
    assert (table["n_usable_leads"] == 2).all()


def test_records_of_mixed_rate_and_length(ecgs):
    first = ecgs.data[0]
    slow = resample_poly(first, 1, 2, axis=1, padtype="line").astype(np.float32)
    records = [
        ECGRecord(first, RATE),
        ECGRecord(slow, 250.0),
        ECGRecord(first[:, :3000], RATE),
        ECGRecord(first[:2], RATE, ("I", "II")),
    ]
    table = measured(records)
    # Fewer leads see less of the ends of a wave.
    for name, most, two_leads in (("heart_rate", 1, 1), ("qrs_duration", 6, 20)):
        off = (table[name] - table[name][0]).abs()
        assert off[:3].max() <= most
        assert off[3] <= two_leads
    assert table["r_amplitude_V5"][1] == pytest.approx(table["r_amplitude_V5"][0], rel=0.05)


def test_gain_scales_amplitudes_and_leaves_times(ecgs):
    plain, double = measured(ecgs.data), measured(2 * ecgs.data)
    np.testing.assert_allclose(double["heart_rate"], plain["heart_rate"], atol=0.1)
    np.testing.assert_allclose(double["qt_interval"], plain["qt_interval"], atol=2)
    np.testing.assert_allclose(double["sokolow_lyon"], 2 * plain["sokolow_lyon"], rtol=0.02)
    np.testing.assert_allclose(double["qrs_axis"], plain["qrs_axis"], atol=1)


def test_result_does_not_depend_on_n_jobs(ecgs):
    one = ECGFeatures(n_jobs=1).fit_transform(ecgs.data)
    np.testing.assert_array_equal(one, ECGFeatures(n_jobs=2).fit_transform(ecgs.data))


def test_a_row_depends_on_its_record_alone(ecgs):
    whole = ECGFeatures().fit_transform(ecgs.data)
    np.testing.assert_array_equal(whole[3:4], ECGFeatures().transform(ecgs.data[3:4]))


def test_groups_choose_the_columns(ecgs):
    full = measured(ecgs.data)
    for groups in ("axes", ["signal", "intervals"]):
        names = [groups] if isinstance(groups, str) else groups
        expected = [name for group in GROUPS if group in names for name in GROUPS[group]]
        table = measured(ecgs.data, groups=groups)
        assert list(table.columns) == expected
        pd.testing.assert_frame_equal(table, full[expected])


def test_output_is_float64_and_named(ecgs):
    out = ECGFeatures().fit_transform(ecgs.data)
    assert out.dtype == np.float64
    assert out.shape == (len(ecgs.data), len(ECGFeatures().get_feature_names_out()))


def bad_ecgs(good):
    """A batch in which every record but the first is bad, with the reason of each."""
    rng = np.random.default_rng(0)
    sentinel = good.copy()
    sentinel[3, 7] = -32768
    return {
        "": good,
        "units": good * 1000,
        "sentinel": sentinel,
        "flat": np.zeros_like(good),
        "not_finite": np.full_like(good, np.nan),
        "no_beats": 0.3 * rng.normal(size=good.shape),
    }


def test_bad_records_are_rows_of_nan_and_one_warning(ecgs):
    batch = bad_ecgs(ecgs.data[0])
    engine = ECGFeatures()
    with pytest.warns(SignalWarning, match="5 of 6 ECGs could not be measured") as caught:
        out = engine.fit_transform(np.stack(list(batch.values())))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert all(f"1 {reason}" in message for reason in batch if reason)
    assert np.isfinite(out[0]).all()
    assert np.isnan(out[1:]).all()


def test_the_warning_points_at_the_caller(ecgs):
    with pytest.warns(SignalWarning) as caught:
        ECGFeatures().transform(np.zeros((1, 12, 5000)))
    assert caught[0].filename == __file__


def test_errors_raise_names_the_record(ecgs):
    records = [ECGRecord(ecgs.data[0], RATE), ECGRecord(0 * ecgs.data[0], RATE, record_id="x7")]
    with pytest.raises(SignalError, match=r"row 1 \(x7\): flat"):
        ECGFeatures(errors="raise").fit_transform(records)


def test_advice_does_not_warn(ecgs):
    changed = ecgs.data.copy()
    changed[0, 2] *= 1.5  # III no longer II - I
    changed[1, 6] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = measured(changed)
    assert out["r_amplitude_V1"].isna().tolist() == [False, True, False, False, False, False]
    flags = ECGFeatures().flags(changed)
    assert flags[["record", "code", "leads"]].values.tolist() == [
        [0, "limb_leads", "I,II,III"],
        [1, "flat", "V1"],
    ]
    assert not flags["fatal"].any()


@pytest.mark.parametrize("rate", [500.0, 250.0])
def test_a_short_gap_in_every_lead_changes_no_measurement(ecgs, rate):
    step = round(RATE / rate)
    whole, broken = ecgs.data[:, :, ::step], ecgs.data[:, :, ::step].copy()
    broken[:, :, 1000 // step : 1000 // step + 10] = np.nan
    most = {"rhythm": 0.1, "intervals": 2, "axes": 2, "voltages": 0.1, "amplitudes": 0.005}
    before, after = (measured(X, sampling_rate=rate, groups=list(most)) for X in (whole, broken))
    for group, tolerance in most.items():
        names = [name for name in GROUPS[group] if name != "cornell_product"]
        pd.testing.assert_frame_equal(after[names], before[names], rtol=0, atol=tolerance)
    product = after["cornell_product"], before["cornell_product"]  # mV ms, of QRS duration
    np.testing.assert_allclose(*product, atol=most["intervals"])
    marks = delineate(broken[0], rate)
    assert marks.n_beats == delineate(whole[0], rate).n_beats
    flags = ECGFeatures(sampling_rate=rate).flags(broken)
    assert set(flags["code"]) == {"gaps"}
    assert not flags["fatal"].any()
    assert set(flags["record"]) == set(range(6))


def test_a_long_gap_in_every_lead_cannot_be_measured(ecgs):
    broken = ecgs.data[:1].copy()
    broken[:, :, 1000:1150] = np.nan  # 0.3 s: a beat may be lost in it
    with pytest.warns(SignalWarning, match="1 not_finite"):
        assert measured(broken).isna().all(axis=None)


def test_flags(ecgs):
    batch = bad_ecgs(ecgs.data[0])
    flags = ECGFeatures().flags([ECGRecord(x, RATE, record_id=c) for c, x in batch.items()])
    assert list(flags.columns) == ["record", "record_id", "code", "message", "fatal", "leads"]
    fatal = flags[flags["fatal"]]
    assert (fatal["code"] == fatal["record_id"]).all()
    assert fatal["record"].tolist() == [1, 2, 3, 4, 5]
    clean = ECGFeatures().flags(ecgs.data)
    assert len(clean) == 0
    assert clean["fatal"].dtype == bool


def test_nothing_but_features_comes_from_broken_signals(ecgs):
    """Whatever is done to a record: a finite row, or NaN and a flag; never an exception."""
    good = ecgs.data[0]
    rng = np.random.default_rng(0)
    saturated = np.clip(good, -0.1, 0.1)
    spikes = np.zeros_like(good)
    spikes[:, ::400] = 1.0
    asystole = 0.002 * rng.normal(size=good.shape) + 0.05 * np.sin(np.arange(5000) / 900)
    partly = good.copy()
    partly[4, 100:200] = np.nan
    jump = good.copy()
    jump[:, 2500:] += 3.0
    odd = [saturated, spikes, asystole, partly, jump, good[:, :1000], -good, good.astype(int)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)
        out = measured([ECGRecord(np.asarray(x, np.float32), RATE) for x in odd])
    assert out["heart_rate"][4] == pytest.approx(measured(good[None])["heart_rate"][0], rel=0.1)
    assert out.loc[2].isna().all()
    assert not np.isinf(out.to_numpy()).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": "none"}, "groups"),
        ({"groups": ["intervals", "none"]}, "expected 'all' or some of"),
        ({"groups": []}, "expected 'all' or some of"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"engine": "none"}, "engine"),
        ({"errors": "ignore"}, "errors"),
        ({"lead_names": ("I", "II")}, "lead_names"),
    ],
)
def test_bad_parameters(ecgs, options, words):
    with pytest.raises(ValueError, match=words):
        ECGFeatures(**options).fit(ecgs.data)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros(5000), "1D array"),
        (np.zeros((2, 12, 10, 10)), "expected"),
        (np.zeros((2, 100)), "cannot be divided into 12 leads"),
        ([], "Got|Expected|expected"),
        ([ECGRecord(np.zeros((12, 5000)), RATE), "x"], "mixture"),
    ],
)
def test_what_is_no_ecg_array(X, words):
    with pytest.raises(ValueError, match=words):
        ECGFeatures().fit(X)


def test_learns_the_number_of_columns_of_an_array_only(ecgs):
    flat = ecgs.data.reshape(len(ecgs.data), -1)
    engine = ECGFeatures().fit(flat)
    assert engine.n_features_in_ == 60000
    with pytest.raises(ValueError, match="60000 features"):
        engine.transform(flat[:, :48000])
    engine.fit([ECGRecord(x, RATE) for x in ecgs.data])
    assert not hasattr(engine, "n_features_in_")
    shorter = ecgs.data[:, :, :4000].reshape(len(flat), -1)
    assert np.isfinite(engine.transform(shorter)[:, 0]).all()


def test_works_in_a_pipeline_with_cross_validation_and_clone():
    ecg = make_ecg(
        18, rhythms=["sinus rhythm", "right bundle branch block"], noise=0.02, random_state=0
    )
    records = [ECGRecord(x, RATE) for x in ecg.data]
    model = make_pipeline(
        ECGFeatures(groups=["intervals", "axes"]),
        RandomForestClassifier(n_estimators=20, random_state=0),
    )
    predicted = cross_val_predict(clone(model), records, ecg.target, cv=3)
    assert np.mean(predicted == ecg.target) >= 0.8
    with pytest.raises(NotFittedError):
        clone(model).predict(records)


def test_progress_bar_only_when_asked(ecgs, capfd):
    ECGFeatures(groups="signal").fit_transform(ecgs.data[:1])
    assert capfd.readouterr().err == ""
    ECGFeatures(groups="signal", verbose=1).fit_transform(ecgs.data[:1])
    assert "measure: 100%" in capfd.readouterr().err


def test_importing_does_not_load_the_engine():
    code = (
        "import sys, cardiorisk.features, cardiorisk.io;"
        "print([m for m in ('neurokit2', 'wfdb', 'matplotlib', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.real_data
def test_ludb_is_measured_whole(data_folder):
    batch = read_ecgs(data_folder / "ludb/data")[::6]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = measured(batch)
    always = [*GROUPS["rhythm"], "qrs_duration", "qrs_axis", "r_amplitude_V5", "sokolow_lyon"]
    assert table[always].notna().all(axis=None)
    for name in table:
        row, values = FEATURES[name], table[name].dropna()
        assert row.low is None or (values >= row.low).all(), name
        assert row.high is None or (values <= row.high).all(), name


@pytest.mark.real_data
def test_flat_leads_and_odd_records(data_folder):
    flat = read_ecg(data_folder / "cinc/torch_ecg_cinc2021/JS20004")
    ptb = read_ecg(data_folder / "wfdb_misc/s0010_re")
    alarm = read_ecg(data_folder / "wfdb_misc/a103l")
    table = measured([flat, ptb, alarm])
    assert table["n_usable_leads"].tolist() == [9, 15, 2]
    assert table.loc[0, ["r_amplitude_V2", "r_amplitude_V4", "r_amplitude_V6"]].isna().all()
    assert table["r_amplitude_V5"].notna().tolist() == [True, True, False]
    assert table["heart_rate"].between(40, 180).all()
    flags = ECGFeatures().flags([flat, ptb, alarm])
    assert flags.loc[flags["record"] == 0, "leads"].tolist()[0] == "V2,V4,V6"


@pytest.mark.real_data
def test_missing_samples_in_every_lead_are_bridged_and_flagged(data_folder):
    alarm = read_ecg(data_folder / "wfdb_misc/v102s")  # three of 75,000 samples are missing
    assert measured([alarm])["heart_rate"].between(40, 180).all()
    flags = ECGFeatures().flags([alarm])
    assert flags[["code", "fatal"]].values.tolist() == [["gaps", False]]
