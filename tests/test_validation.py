import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cardiorisk._validation import (
    as_pandas,
    as_records,
    canonical_lead,
    check_columns,
    check_groups,
    check_lead_names,
    check_sampling_rate,
    fill_gaps,
    in_lead_order,
    positive_index,
    signal_problems,
    usable_leads,
)
from cardiorisk.exceptions import SignalError
from cardiorisk.io import read_ecgs
from cardiorisk.records import STANDARD_LEADS, ECGRecord


def limb_leads(n_samples=2000):
    """I, II and III of a beating heart-like signal that obeys Einthoven's law."""
    time = np.arange(n_samples) / 500
    pulse = np.exp(-(((time % 0.8) - 0.4) ** 2) / 2e-4)
    one, two = 0.8 * pulse, 1.2 * pulse + 0.05 * np.sin(time)
    return np.stack([one, two, two - one]).astype(np.float32)


def record(signal=None, leads=("I", "II", "III"), rate=500.0):
    return ECGRecord(limb_leads() if signal is None else signal, rate, leads)


def codes(rec):
    return [problem.code for problem in signal_problems(rec)]


@pytest.mark.parametrize("rate", [0, -500, np.nan, np.inf, "500", None, True])
def test_bad_sampling_rate(rate):
    with pytest.raises(SignalError, match="expected a positive number of Hz"):
        check_sampling_rate(rate)


def test_lead_names_are_spelled_as_the_standard():
    assert check_lead_names(["i", "AVR", "v6"], 3) == ("I", "aVR", "V6")
    assert canonical_lead("MLII") == "MLII"
    assert check_lead_names(None, 12) == STANDARD_LEADS


@pytest.mark.parametrize(
    ("names", "n_leads", "message"),
    [
        (None, 3, "Got 3 leads without lead_names"),
        ("II", 1, "expected a sequence"),
        (["I", "II"], 3, "Got 2 lead_names for 3 leads"),
        (["II", "ii"], 2, "only once"),
    ],
)
def test_bad_lead_names(names, n_leads, message):
    with pytest.raises(SignalError, match=message):
        check_lead_names(names, n_leads)


def test_three_forms_of_a_batch_agree():
    batch = np.stack([limb_leads(), 2 * limb_leads()])
    names = ("I", "II", "III")
    cubic = as_records(batch, 500, names)
    flat = as_records(batch.reshape(2, -1), 500, names)
    given_records = as_records([record(signal) for signal in batch])
    for one, two, three in zip(cubic, flat, given_records, strict=True):
        np.testing.assert_array_equal(one.signal, two.signal)
        np.testing.assert_array_equal(one.signal, three.signal)


def test_records_in_an_object_array():
    array = np.empty(2, dtype=object)
    array[:] = [record(), record()]
    assert len(as_records(array)) == 2


@pytest.mark.parametrize(
    ("X", "rate", "names", "message"),
    [
        (np.zeros((2, 3, 4, 5)), 500, None, "expected \\(n_records"),
        (np.zeros((2, 13)), 500, None, "cannot be divided into 12 leads"),
        (np.zeros((2, 12, 100)), None, None, "without sampling_rate"),
        (np.array([["a"]]), 500, ("I",), "expected real numbers"),
        (record(), 500, None, "pass \\[record\\]"),
        ([record(), 3], 500, None, "mixture"),
        ([ECGRecord(np.zeros(5, np.float32), 500.0, ("I",))], None, None, "shape \\(5,\\)"),
    ],
)
def test_shapes_that_do_not_fit(X, rate, names, message):
    with pytest.raises(SignalError, match=message):
        as_records(X, rate, names)


def test_leads_are_matched_by_name_in_any_order():
    shuffled = record(limb_leads()[[2, 0, 1]], ("III", "I", "II"))
    np.testing.assert_array_equal(in_lead_order(shuffled, ("I", "II", "III")), limb_leads())
    assert np.isnan(in_lead_order(shuffled, ("V1",))).all()
    assert codes(shuffled) == []


def test_good_record_has_no_problem():
    assert signal_problems(record()) == ()


@pytest.mark.parametrize(
    ("factor", "words"), [(1000, "microvolts or converter counts"), (1e-3, "volts suspected")]
)
def test_wrong_unit_is_told_not_corrected(factor, words):
    (problem,) = signal_problems(record(limb_leads() * np.float32(factor)))
    assert (problem.code, problem.fatal) == ("units", True)
    assert words in problem.message


@pytest.mark.parametrize("sentinel", [-32768, 29999])
def test_sentinels_are_told(sentinel):
    signal = limb_leads()
    signal[1, 7] = sentinel
    (problem,) = signal_problems(record(signal))
    assert (problem.code, problem.fatal, problem.leads) == ("sentinel", True, ("II",))
    assert str(sentinel) in problem.message


def test_short_flat_and_not_finite():
    assert codes(record(limb_leads()[:, :900])) == ["too_short"]
    signal = limb_leads()
    signal[0, :200], signal[2] = np.nan, 0.5
    problems = signal_problems(record(signal))
    assert [(p.code, p.fatal, p.leads) for p in problems] == [
        ("not_finite", False, ("I",)),
        ("flat", False, ("III",)),
    ]
    np.testing.assert_array_equal(usable_leads(record(signal)), [False, True, False])
    assert all(p.fatal for p in signal_problems(record(np.zeros((3, 2000), np.float32))))


def test_short_gaps_are_bridged_and_told():
    clean = limb_leads()
    signal = clean.copy()
    signal[:, 1100:1110] = np.nan  # 20 ms between two beats
    bridged = fill_gaps(record(signal))
    np.testing.assert_allclose(bridged.signal, clean, atol=1e-3)
    assert np.isnan(signal).sum() == 30  # the given record is left alone
    (problem,) = signal_problems(record(signal))
    assert (problem.code, problem.fatal, problem.leads) == ("gaps", False, ("I", "II", "III"))
    assert "0.5% of the samples" in problem.message
    assert fill_gaps(original := record(clean)) is original


@pytest.mark.parametrize(
    "holes",
    [
        [slice(500, 601)],  # 0.202 s at a time
        [slice(start, start + 51) for start in (100, 500, 900)],  # 7.7 % of 2000 samples
    ],
)
def test_long_gaps_are_not_bridged(holes):
    signal = limb_leads()
    for hole in holes:
        signal[:, hole] = np.nan
    (problem,) = signal_problems(record(signal))
    assert (problem.code, problem.fatal) == ("not_finite", True)


def test_infinity_is_no_gap():
    signal = limb_leads()[:1]
    signal[0, 7], signal[0, 9] = np.inf, np.nan
    (problem,) = signal_problems(record(signal, ("II",)))
    assert (problem.code, problem.fatal) == ("not_finite", True)


def test_a_few_samples_beyond_every_ecg_are_told():
    signal = np.repeat(limb_leads()[1:2], 2, axis=0)
    signal[1, [5, 700, 1200]] = -32.768  # the missing-value code of int16 at 1000 counts a mV
    (problem,) = signal_problems(record(signal, ("II", "V5")))
    assert (problem.code, problem.fatal, problem.leads) == ("spikes", False, ("V5",))
    assert "32.8 mV" in problem.message
    assert "3 samples" in problem.message


@pytest.mark.parametrize("sign", [1, -1])
def test_cut_off_peaks_are_told_before_what_follows_from_them(sign):
    signal = sign * limb_leads()
    assert codes(record(signal)) == []
    signal[1] = np.clip(signal[1], -0.6, 0.6)
    assert codes(record(signal)) == ["saturated", "limb_leads"]
    first, second = signal_problems(record(signal))
    assert (first.fatal, first.leads) == (False, ("II",))
    assert "or a lead is disturbed" in second.message


def test_a_flat_isoelectric_line_is_not_saturation():
    signal = np.maximum(limb_leads()[1:2], 0.1)
    assert codes(record(signal, ("II",))) == []


@pytest.mark.real_data
def test_recorded_ecgs_are_not_called_disturbed_and_cut_ones_are(data_folder):
    records = [*read_ecgs(data_folder / "ludb"), *read_ecgs(data_folder / "cinc")]
    told = [codes(rec) for rec in records]
    assert not {"spikes", "saturated", "gaps"} & {code for found in told for code in found}
    caught = 0
    for rec in records:
        lead = rec.lead("II") - np.median(rec.lead("II"))
        reach = 0.6 * np.abs(lead).max()
        cut = ECGRecord(np.clip(lead, -reach, reach)[None], rec.sampling_rate, ("II",))
        caught += "saturated" in codes(cut)
    assert caught >= 0.9 * len(records)


def test_swapped_limb_leads_are_flagged():
    (problem,) = signal_problems(record(leads=("II", "I", "III")))
    assert (problem.code, problem.fatal) == ("limb_leads", False)
    assert "lead names, order or polarity" in problem.message


def test_different_gains_are_told_apart_from_swaps():
    (problem,) = signal_problems(record(limb_leads() * np.float32([[1], [1.6], [1]])))
    assert "the gain differs between leads" in problem.message


def test_baseline_offset_is_no_problem():
    assert codes(record(limb_leads() + np.float32([[40], [-80], [9]]))) == []


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int16]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=8),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": -9, "max_value": 9},
    )
)
def test_any_real_array_becomes_float32_records(X):
    records = as_records(X, 500, [f"lead{i}" for i in range(X.shape[1])])
    assert len(records) == len(X)
    for row, rec in zip(X, records, strict=True):
        assert rec.signal.dtype == np.float32
        np.testing.assert_array_equal(rec.signal, row.astype(np.float32))
        signal_problems(rec)


def test_groups():
    assert check_groups(None, 3) is None
    np.testing.assert_array_equal(check_groups(["a", "b"], 2), ["a", "b"])
    with pytest.raises(ValueError, match=r"expected \(3,\)"):
        check_groups([1, 2], 3)
    no_name = pd.Series(["a", np.nan], dtype=object)
    no_date = pd.to_datetime(pd.Series(["2020-01-01", None]))
    for missing in (
        [1.0, np.nan],
        ["a", None],
        ["a", np.nan],
        no_name,
        no_name.to_numpy(),
        no_name.astype("string"),
        no_name.astype("category"),
        no_date,
    ):
        with pytest.raises(ValueError, match="missing entries"):
            check_groups(missing, 2)


def test_positive_class():
    assert positive_index(np.array(["no", "yes"])) == 1
    assert positive_index(np.array(["no", "yes"]), "no") == 0
    with pytest.raises(ValueError, match="the classes are"):
        positive_index(np.array([0, 1]), 2)


def test_foreign_frames_become_pandas():
    polars = pytest.importorskip("polars")
    frame = as_pandas(polars.DataFrame({"age": [40, 50], "cp": ["typical", None]}))
    assert frame["age"].dtype == "int64"
    assert frame["cp"].isna().tolist() == [False, True]
    array = np.zeros((2, 2))
    assert as_pandas(array) is array


@pytest.mark.parametrize(
    "labels", [[0, 1, 2], [(0, "a"), (0, "b"), (1, "a")]], ids=["integers", "tuples"]
)
def test_the_order_of_columns_without_words_is_checked(labels):
    class Model:
        """Anything that can remember."""

    columns = pd.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else labels
    X = pd.DataFrame(np.zeros((2, 3)), columns=columns)
    model = Model()
    check_columns(model, X, reset=True)
    check_columns(model, X, reset=False)
    check_columns(model, X.to_numpy(), reset=False)
    for changed in (X[X.columns[::-1]], X.set_axis(["a", "b", "c"], axis=1)):
        with pytest.raises(ValueError, match=r"Model was fitted on .* in this order"):
            check_columns(model, changed, reset=False)
    check_columns(model, X.to_numpy(), reset=True)
    check_columns(model, X[X.columns[::-1]], reset=False)


def test_doubts_are_left_out_where_only_fatal_problems_are_asked_for():
    noise = np.random.default_rng(0).normal(size=(3, 2000)).astype(np.float32)
    doubtful = record(noise)  # III is not II - I
    assert [problem.code for problem in signal_problems(doubtful)] == ["limb_leads"]
    assert signal_problems(doubtful, fatal_only=True) == ()
    microvolts = record(1000 * noise)
    (problem,) = signal_problems(microvolts, fatal_only=True)
    assert (problem.code, problem.fatal) == ("units", True)
