import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import periodogram

from cardiorisk.datasets import make_ecg
from cardiorisk.datasets._heart_vector import DOWER, bump, lead_matrix
from cardiorisk.datasets._rhythms import RHYTHMS, qt_at_rate
from cardiorisk.records import MARKS, STANDARD_LEADS, ECGRecord

WAVES = (("P_on", "P_peak", "P_off"), ("QRS_on", "R_peak", "QRS_off"), ("T_on", "T_peak", "T_off"))
LEAD = {name: row for row, name in enumerate(STANDARD_LEADS)}


@pytest.fixture(scope="module")
def cohort():
    return make_ecg(120, random_state=0)


def _of(cohort, rhythm):
    return np.flatnonzero(cohort.target == rhythm)


def test_shapes_types_and_names(cohort):
    assert cohort.data.shape == (120, 12, 5000)
    assert cohort.data.dtype == np.float32
    assert set(cohort.target) == set(cohort.target_names) == set(RHYTHMS)
    assert len(cohort.marks) == len(cohort.records) == len(cohort.intervals) == 120
    assert len(set(cohort.groups)) == 120
    record = cohort.records[3]
    assert isinstance(record, ECGRecord)
    assert_array_equal(record.signal, cohort.data[3])
    assert record.metadata["rhythm"] == cohort.target[3]
    assert "Dower" in cohort.DESCR
    assert all(name in cohort.DESCR for name in RHYTHMS)


def test_same_seed_same_cohort_and_other_seed_another():
    one, two, other = (make_ecg(6, noise=0.01, random_state=seed) for seed in (1, 1, 2))
    assert_array_equal(one.data, two.data)
    assert_array_equal(one.target, two.target)
    assert not np.array_equal(one.data, other.data)
    state = np.random.RandomState(1)
    first, second = make_ecg(2, random_state=state), make_ecg(2, random_state=state)
    assert not np.array_equal(first.data, second.data)


def test_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002 (the state under test)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (the state under test)
    make_ecg(2, random_state=3)
    assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002 (the state under test)


@pytest.mark.parametrize("disturbed", [{}, {"noise": 0.05, "baseline_wander": 0.3, "mains": 0.1}])
def test_leads_obey_their_definitions(disturbed):
    data = make_ecg(10, random_state=0, **disturbed).data.astype(float)
    lead = {name: data[:, row] for name, row in LEAD.items()}
    assert_allclose(lead["III"], lead["II"] - lead["I"], atol=2e-6)
    assert_allclose(lead["aVR"], -(lead["I"] + lead["II"]) / 2, atol=2e-6)
    assert_allclose(lead["aVL"], lead["I"] - lead["II"] / 2, atol=2e-6)
    assert_allclose(lead["aVF"], lead["II"] - lead["I"] / 2, atol=2e-6)


def test_clean_leads_are_views_of_one_vector():
    data = make_ecg(5, random_state=0).data.astype(float)
    for signal in data:
        singular = np.linalg.svd(signal, compute_uv=False)
        assert singular[3] < 1e-5 * singular[0]


def test_lead_matrix_is_dowers():
    matrix = lead_matrix()
    assert_allclose(matrix[[0, 1, 6, 7, 8, 9, 10, 11]], DOWER)
    # The limb leads as they are printed in Dower's paper, to three decimals.
    assert_allclose(matrix[LEAD["aVF"]], [-0.081, 1.184, -0.162], atol=6e-4)
    assert_allclose(matrix[LEAD["aVR"]], [-0.434, -0.415, 0.037], atol=6e-4)


def test_bump_is_one_at_its_peak_and_vanishes_at_its_ends():
    u = np.linspace(0, 1, 1001)[1:-1]
    for peak, sharpness in ((0.5, 4.0), (0.3, 2.2), (0.62, 4.4)):
        values = bump(u, peak, sharpness)
        assert u[values.argmax()] == pytest.approx(peak, abs=1e-3)
        assert values.max() == pytest.approx(1, abs=1e-4)
        assert max(values[0], values[-1]) < 0.05


def test_signal_is_exactly_zero_outside_the_marks():
    cohort = make_ecg(20, rhythms=[r for r in RHYTHMS if "fib" not in r], random_state=0)
    samples = np.arange(5000)
    for signal, marks in zip(cohort.data, cohort.marks, strict=True):
        inside = np.zeros(5000, bool)
        for on, _, off in WAVES:
            for start, end in zip(marks.beats[on], marks.beats[off], strict=True):
                inside |= (samples > start) & (samples < end)
        # Waves that the ends of the record cut are in the signal, but not in the marks.
        first, last = marks.beats["QRS_off"][0], marks.beats["QRS_on"][-1]
        whole = (samples > first) & (samples < last)
        assert not signal[:, whole & ~inside].any()
        assert np.abs(signal[:, whole & inside]).sum(axis=0).min() > 0


def test_marks_are_in_order_and_inside_the_record(cohort):
    for marks in cohort.marks:
        for lead in (*marks.leads, marks.beats):
            table = np.array([lead[name] for name in MARKS])
            assert table.shape == (9, marks.n_beats)
            assert np.nanmin(table) >= 0
            assert np.nanmax(table) <= 4999
            for row in table.T:
                seen = row[np.isfinite(row)]
                assert (np.diff(seen) > 0).all()
            assert np.isfinite(lead["R_peak"]).all()


def test_boundaries_are_the_same_in_all_leads(cohort):
    for marks in cohort.marks:
        for lead in marks.leads:
            for name in ("P_on", "P_off", "QRS_on", "QRS_off", "T_on", "T_off"):
                seen = np.isfinite(lead[name])
                assert_array_equal(lead[name][seen], marks.beats[name][seen])


def test_peaks_are_the_largest_deflection_of_their_lead():
    cohort = make_ecg(10, sampling_rate=1000, random_state=0, heart_rate=60)
    clean = [i for i in range(10) if cohort.target[i] != "atrial fibrillation"]
    checked = 0
    for i in clean:
        for signal, lead in zip(cohort.data[i], cohort.marks[i].leads, strict=True):
            for on, peak, off in WAVES:
                for start, top, end in zip(lead[on], lead[peak], lead[off], strict=True):
                    if np.isnan(top):
                        continue
                    first = int(np.ceil(start))
                    wave = np.abs(signal[first : int(end) + 1])
                    at = min(round(top) - first, len(wave) - 1)
                    assert wave[at] >= 0.995 * wave.max()
                    checked += 1
    assert checked > 1000


def test_marks_and_signal_do_not_depend_on_the_sampling_rate():
    slow, fast = (make_ecg(10, sampling_rate=rate, random_state=0) for rate in (250, 1000))
    assert_allclose(slow.data, fast.data[:, :, ::4], atol=1e-5)
    for one, two in zip(slow.marks, fast.marks, strict=True):
        both = min(one.n_beats, two.n_beats)
        assert abs(one.n_beats - two.n_beats) <= 1  # the last sample lies at another time
        assert_allclose(
            one.beats["R_peak"][:both] / 250, two.beats["R_peak"][:both] / 1000, atol=1e-9
        )


def test_intervals_follow_from_the_marks(cohort):
    for marks, (_, row) in zip(cohort.marks, cohort.intervals.iterrows(), strict=True):
        beats = {name: values / 0.5 for name, values in marks.beats.items()}  # ms
        assert row["heart_rate"] == pytest.approx(60000 / np.mean(np.diff(beats["QRS_on"])))
        conducted = beats["QRS_off"] - beats["QRS_on"] < 1.3 * row["qrs_duration"]
        qt = (beats["T_off"] - beats["QRS_on"])[conducted]
        assert row["qt_interval"] == pytest.approx(np.nanmedian(qt), abs=4)
        if np.isfinite(row["pr_interval"]):
            pr = np.nanmedian(beats["QRS_on"] - beats["P_on"])
            assert row["pr_interval"] == pytest.approx(pr, abs=2)


def test_rhythms_meet_their_clinical_definitions(cohort):
    table = cohort.intervals.assign(rhythm=cohort.target)
    table["qtcf"] = table["qt_interval"] / np.cbrt(60 / table["heart_rate"])
    of = dict(list(table.groupby("rhythm")))
    assert of["sinus rhythm"]["heart_rate"].between(58, 102).all()
    assert (of["sinus tachycardia"]["heart_rate"] > 98).all()
    assert (of["sinus bradycardia"]["heart_rate"] < 62).all()
    assert (of["first-degree AV block"]["pr_interval"] > 200).all()
    assert (of["left bundle branch block"]["qrs_duration"] > 120).all()
    assert (of["right bundle branch block"]["qrs_duration"] > 118).all()
    assert (of["long QT"]["qtcf"] > 475).all()
    wide = of["wide-QRS tachycardia"]
    assert (wide["qrs_duration"] > 120).all()
    assert (wide["heart_rate"] > 100).all()
    for name in ("sinus rhythm", "sinus tachycardia", "sinus bradycardia"):
        assert (of[name]["pr_interval"] < 200).all()
        assert (of[name]["qrs_duration"] < 115).all()
        assert (of[name]["qtcf"] < 450).all()
    for name in ("atrial fibrillation", "wide-QRS tachycardia"):
        assert of[name]["pr_interval"].isna().all()


def test_fibrillation_is_irregular_and_sinus_rhythm_is_not(cohort):
    def spread(i):
        rr = np.diff(cohort.marks[i].beats["QRS_on"])
        return np.std(rr) / np.mean(rr)

    fibrillation = [spread(i) for i in _of(cohort, "atrial fibrillation")]
    sinus = [spread(i) for i in _of(cohort, "sinus rhythm")]
    assert min(fibrillation) > 0.1 > 0.06 > max(sinus)


def test_premature_beats_are_early_wide_without_p_and_followed_by_a_pause():
    cohort = make_ecg(20, rhythms="premature ventricular complexes", random_state=0)
    found = 0
    for marks in cohort.marks:
        beats = marks.beats
        width = (beats["QRS_off"] - beats["QRS_on"]) / 0.5
        ectopic = np.flatnonzero(width > 120)
        assert len(ectopic) >= 1
        assert np.isnan(beats["P_on"][ectopic]).all()
        for i in ectopic:
            if 2 <= i < len(width) - 1 and i - 2 not in ectopic:
                rr = np.diff(beats["QRS_on"])
                assert rr[i - 1] < 0.9 * rr[i - 2] < rr[i]
                found += 1
    assert found > 10


def _mean_extremes(cohort, rhythm, lead):
    data = cohort.data[_of(cohort, rhythm), LEAD[lead]]
    return data.max(axis=1).mean(), data.min(axis=1).mean()


def test_leads_look_as_they_do_on_paper(cohort):
    rise = [_mean_extremes(cohort, "sinus rhythm", f"V{k}")[0] for k in range(1, 5)]
    assert rise == sorted(rise), "R grows from V1 to V4"
    r, s = _mean_extremes(cohort, "sinus rhythm", "V1")
    assert -s > r > 0.1, "rS in V1"
    high, low = _mean_extremes(cohort, "sinus rhythm", "aVR")
    assert -low > 2 * high, "aVR is negative"
    high, low = _mean_extremes(cohort, "left bundle branch block", "V1")
    assert -low > 1.0, "deep S in V1 of LBBB"
    for i in _of(cohort, "right bundle branch block"):
        marks, signal = cohort.marks[i], cohort.data[i]
        start, end = marks.beats["QRS_on"][1], marks.beats["QRS_off"][1]
        late = slice(int(start + 0.55 * (end - start)), int(end))
        assert signal[LEAD["V1"], late].max() > 0.2, "late R' in V1 of RBBB"
        assert signal[LEAD["V6"], late].min() < -0.1, "late S in V6 of RBBB"


def test_t_points_against_a_wide_qrs(cohort):
    for i in (*_of(cohort, "left bundle branch block"), *_of(cohort, "wide-QRS tachycardia")):
        for signal, lead in zip(cohort.data[i], cohort.marks[i].leads, strict=True):
            r, t = lead["R_peak"][1], lead["T_peak"][1]
            if np.isfinite(t) and abs(signal[round(r)]) > 0.8:
                assert signal[round(r)] * signal[round(t)] < 0


@pytest.mark.parametrize("heart_rate", [30, 45, 60, 100, 150, 200, 220])
def test_every_heart_rate_works(heart_rate):
    cohort = make_ecg(12, heart_rate=heart_rate, random_state=0)
    assert cohort.intervals["heart_rate"].to_numpy() == pytest.approx(heart_rate, rel=0.15)
    regular = cohort.target != "atrial fibrillation"
    found = cohort.intervals.loc[regular, "heart_rate"].to_numpy()
    assert found == pytest.approx(heart_rate, rel=0.08)
    for marks in cohort.marks:
        beats = marks.beats
        t_off, p_on = beats["T_off"][:-1], beats["P_on"][1:]
        assert not (t_off > beats["QRS_on"][1:]).any()
        assert not (p_on < beats["T_peak"][:-1]).any()


def test_qt_formula_against_published_values():
    assert qt_at_rate(400.0, 60.0) == pytest.approx(400)
    assert qt_at_rate(400.0, 100.0) * (120 + 100) / 180 == pytest.approx(400)


@pytest.mark.parametrize(("sampling_rate", "duration"), [(100, 2), (257, 3.3), (1000, 30)])
def test_other_rates_and_lengths(sampling_rate, duration):
    cohort = make_ecg(10, sampling_rate=sampling_rate, duration=duration, random_state=0)
    assert cohort.data.shape[-1] == round(sampling_rate * duration)
    assert cohort.records[0].duration == pytest.approx(duration, rel=0.01)
    assert all(marks.n_beats >= 1 for marks in cohort.marks)


def test_heart_rate_range_is_drawn_from():
    cohort = make_ecg(40, rhythms="sinus rhythm", heart_rate=(65, 95), random_state=0)
    rates = cohort.intervals["heart_rate"]
    assert rates.min() > 62
    assert rates.max() < 98
    assert rates.std() > 5


def test_weights_set_the_shares():
    names = ["sinus rhythm", "long QT", "atrial fibrillation"]
    target = make_ecg(41, rhythms=names, weights=[3, 1, 0], duration=2, random_state=0).target
    counts = {name: int((target == name).sum()) for name in names}
    assert counts["atrial fibrillation"] == 0
    assert sorted(counts.values()) == [0, 10, 31]
    assert target.tolist() != sorted(target.tolist()), "shuffled"


def _difference(**levels):
    clean = make_ecg(20, rhythms="sinus rhythm", random_state=0)
    disturbed = make_ecg(20, rhythms="sinus rhythm", random_state=0, **levels)
    for one, two in zip(clean.marks, disturbed.marks, strict=True):
        assert_array_equal(one.beats["T_off"], two.beats["T_off"])
    return (disturbed.data - clean.data).astype(float)


def test_noise_has_the_asked_strength():
    noise = _difference(noise=0.03)
    assert np.sqrt(np.mean(noise[:, LEAD["I"]] ** 2)) == pytest.approx(0.03, rel=0.02)
    assert np.sqrt(np.mean(noise[:, LEAD["V3"]] ** 2)) == pytest.approx(
        0.03 * np.sqrt(2 / 3), rel=0.02
    )


def test_baseline_wander_is_slow_and_of_the_asked_strength():
    wander = _difference(baseline_wander=0.1)[:, LEAD["I"]]
    assert np.sqrt(np.mean(wander**2)) == pytest.approx(0.1, rel=0.4)  # few slow waves in 10 s
    frequency, power = periodogram(wander, 500, window="hann", detrend=False)
    assert power[:, frequency > 0.8].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("mains_frequency", [50, 60])
def test_mains_hum_has_the_asked_frequency(mains_frequency):
    hum = _difference(mains=0.02, mains_frequency=mains_frequency)[:, LEAD["I"]]
    frequency, power = periodogram(hum, 500)
    assert frequency[power.mean(axis=0).argmax()] == mains_frequency
    assert np.sqrt(np.mean(hum**2)) == pytest.approx(0.02, rel=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_records": 0}, "n_records=0"),
        ({"n_records": 2.5}, "n_records=2.5"),
        ({"rhythms": ["sinus"]}, "different names of sinus rhythm"),
        ({"rhythms": []}, "different names"),
        ({"rhythms": ["long QT", "long QT"]}, "different names"),
        ({"weights": [1, 2]}, "10 rhythms"),
        ({"rhythms": "long QT", "weights": [-1]}, "non-negative"),
        ({"rhythms": "long QT", "weights": [0]}, "non-negative"),
        ({"sampling_rate": 50}, "at least 100 Hz"),
        ({"sampling_rate": np.nan}, "positive number of Hz"),
        ({"duration": 1}, "at least 2 s"),
        ({"duration": np.inf}, "at least 2 s"),
        ({"heart_rate": 20}, "between 30 and 220"),
        ({"heart_rate": (90, 60)}, "between 30 and 220"),
        ({"heart_rate": (60, 70, 80)}, "between 30 and 220"),
        ({"heart_rate": (30, 220)}, "no single rhythm"),
        ({"heart_rate": 150, "rhythms": ["sinus rhythm"]}, "defined between 60 and 100"),
        ({"noise": -0.1}, "noise=-0.1"),
        ({"baseline_wander": "high"}, "number of mV"),
        ({"mains": 0.1, "sampling_rate": 100}, "below half of the sampling rate"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_ecg(**({"n_records": 2} | arguments))


def test_return_x_y():
    X, y = make_ecg(4, return_X_y=True, duration=2, random_state=0)
    assert X.shape == (4, 12, 1000)
    assert y.shape == (4,)


def test_an_outside_detector_finds_the_simulated_beats():
    neurokit2 = pytest.importorskip("neurokit2", reason="needs neurokit2 (extra ecg)")
    names = ["sinus rhythm", "sinus bradycardia", "atrial fibrillation", "first-degree AV block"]
    cohort = make_ecg(12, rhythms=names, noise=0.01, baseline_wander=0.05, random_state=0)
    for signal, marks in zip(cohort.data, cohort.marks, strict=True):
        cleaned = neurokit2.ecg_clean(signal[LEAD["II"]].astype(float), sampling_rate=500)
        found = neurokit2.ecg_findpeaks(cleaned, sampling_rate=500)["ECG_R_Peaks"]
        expected = marks.leads[LEAD["II"]]["R_peak"][1:-1]
        assert np.abs(found[:, None] - expected).min(axis=0).max() < 0.02 * 500
