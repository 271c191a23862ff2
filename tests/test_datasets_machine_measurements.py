import re

import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import make_machine_measurements
from cardiorisk.io.machine_measurements import COLUMNS, MEASURED, REPORT_LINES

WIDE_WORDS = re.compile(
    r"(right|left) bundle branch block|intraventricular conduction delay|ventricular paced"
    r"|ventricular tachycardia",
    re.IGNORECASE,
)
NOT_SO = re.compile(r"no evidence|not present|no longer|incomplete|supra|^no ", re.IGNORECASE)


@pytest.fixture(scope="module")
def simulated():
    return make_machine_measurements(100_000, random_state=0)


def test_the_table_has_the_form_of_the_real_one(simulated):
    data = simulated.data
    assert tuple(data) == COLUMNS
    assert data.shape == (100_000, 33)
    assert data["study_id"].is_unique
    assert data["subject_id"].nunique() == round(100_000 * 161_352 / 800_035)
    by_subject = data.groupby("subject_id")
    assert data["subject_id"].is_monotonic_increasing
    assert by_subject["ecg_time"].is_monotonic_increasing.all()
    assert by_subject.size().max() > 20
    assert simulated.groups.equals(data["subject_id"])


def test_shares_are_those_of_the_real_table(simulated):
    data = simulated.data
    coded = (data[["p_onset", "p_end", "p_axis"]] == 29999).mean()
    np.testing.assert_allclose(coded, [0.156, 0.288, 0.160], atol=0.01)
    assert simulated.truth["wide_qrs"].mean() == pytest.approx(0.1546, abs=0.01)
    assert data["report_1"].isna().mean() == pytest.approx(0.25, abs=0.03)
    assert data["report_6"].isna().mean() == pytest.approx(0.93, abs=0.02)


def test_extremes_are_those_of_the_real_table(simulated):
    extremes = simulated.data[list(MEASURED)].agg(["min", "max"])
    assert extremes["rr_interval"].tolist() == [0, 65535]
    assert extremes.loc["min", "p_axis"] == -31248
    assert extremes.loc["max", "qrs_end"] == 65534


def test_artefacts_are_told(simulated):
    kinds = simulated.artefacts.astype(object)
    written, truth = (part[list(MEASURED)] for part in (simulated.data, simulated.truth))
    turned = (written - 360 == truth) & (written.columns.str.endswith("_axis"))
    assert ((kinds == "none") <= ((written == truth) | turned)).all(axis=None)
    assert ((kinds == "not_measured") == (written == 29999)).all(axis=None)
    assert (kinds == "plausible").any(axis=1).mean() == pytest.approx(0.012, abs=0.003)


def test_classes_differ_as_they_do_in_people(simulated):
    truth = simulated.truth
    width = (truth["qrs_end"] - truth["qrs_onset"]).groupby(truth["conduction"], observed=True)
    assert (width.min()["right bundle branch block":] > 120).all()
    assert (width.max()[:"left anterior fascicular block"] <= 120).all()
    qrs_axis = truth["qrs_axis"].groupby(truth["conduction"], observed=True).median()
    assert qrs_axis["left anterior fascicular block"] < -45 < qrs_axis["normal"]
    rate = (60_000 / truth["rr_interval"]).groupby(truth["rhythm"], observed=True).median()
    assert rate["ventricular tachycardia"] > 150 > rate["atrial fibrillation"]
    assert truth.loc[truth["rhythm"] == "atrial fibrillation", "p_onset"].isna().all()
    assert truth.loc[truth["rhythm"] == "sinus rhythm", "p_onset"].notna().all()


def test_conduction_stays_with_the_person(simulated):
    lasting = simulated.truth["conduction"] != "ventricular tachycardia"
    classes = simulated.truth.loc[lasting, "conduction"].groupby(simulated.groups[lasting])
    assert (classes.nunique() == 1).all()


def test_reports_agree_with_the_truth_and_negation_matters(simulated):
    lines = simulated.data[list(REPORT_LINES)].astype(object)
    words = pd.unique(lines.to_numpy().ravel())
    words = [word for word in words if isinstance(word, str)]
    naive = [word for word in words if WIDE_WORDS.search(word)]
    meant = [word for word in naive if not NOT_SO.search(word)]
    wide = simulated.truth["wide_qrs"]
    assert lines.isin(meant).any(axis=1).equals(wide)
    assert (lines.isin(naive).any(axis=1) & ~wide).mean() > 0.05


def test_lines_are_filled_from_the_first_and_not_repeated(simulated):
    lines = simulated.data[list(REPORT_LINES)].astype(object)
    filled = lines.notna().to_numpy()
    assert filled[:, 0].all()
    assert (np.diff(filled.astype(int), axis=1) <= 0).all()
    some = lines.head(500)
    assert (some.nunique(axis=1) == some.notna().sum(axis=1)).all()


def test_without_artefacts_only_absent_waves_are_coded():
    simulated = make_machine_measurements(2000, artefact_rate=0, random_state=1)
    written, truth = (part[list(MEASURED)] for part in (simulated.data, simulated.truth))
    absent = truth.isna()
    assert (written[absent].stack() == 29999).all()
    difference = (written - truth).where(~absent, 0)
    assert set(np.unique(difference)) <= {0.0, 360.0, 29999.0}
    assert (difference.drop(columns=["qrs_axis", "t_axis", "p_axis"]) == 0).all(axis=None)


def test_the_same_seed_gives_the_same_table():
    first, second = (make_machine_measurements(300, random_state=7) for _ in range(2))
    pd.testing.assert_frame_equal(first.data, second.data)
    pd.testing.assert_frame_equal(first.truth, second.truth)
    other = make_machine_measurements(300, random_state=8)
    assert not first.data["rr_interval"].equals(other.data["rr_interval"])


@pytest.mark.parametrize("n_records", [1, 2, 7])
def test_few_records_are_possible(n_records):
    simulated = make_machine_measurements(n_records, n_subjects=1, random_state=0)
    assert simulated.data.shape == (n_records, 33)
    assert simulated.groups.nunique() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *({"n_records": 0}, {"n_records": 1.5}, {"n_records": True}, {"artefact_rate": -1}),
        *({"n_records": 5, "n_subjects": 6}, {"n_subjects": 0}, {"artefact_rate": "much"}),
    ],
)
def test_a_wrong_number_is_refused(wrong):
    with pytest.raises(ValueError, match="but expected"):
        make_machine_measurements(**wrong)
