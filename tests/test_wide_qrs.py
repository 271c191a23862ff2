"""Three meanings of a wide QRS, and reading one out of a report."""

import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import make_machine_measurements
from cardiorisk.exceptions import TableError
from cardiorisk.features import wide_qrs_label, wide_qrs_statements
from cardiorisk.features._report_statements import wide_qrs_statement

SENTENCES = {
    "present": [
        "Left bundle branch block",
        "LBBB",
        "Sinus rhythm with complete right bundle-branch block",
        "Nonspecific intraventricular conduction delay",
        "Intraventricular conduction defect",
        "A-V sequential pacemaker",
        "Ventricular paced rhythm",
        "Electronic ventricular pacemaker",
        "Biventricular pacing",
        "Wide QRS tachycardia - consider ventricular tachycardia",
        "Ventricular tachycardia",
        "Accelerated idioventricular rhythm",
        "Wolff-Parkinson-White pattern",
        "Incomplete right bundle branch block. Left bundle branch block",
        "No significant change. Right bundle branch block",
        "No significant change from previous tracing with left bundle branch block",
        "Sinus rhythm\nNo previous ECG available\nRBBB",
        "Right bundle branch block, not present before",
        "Left bundle branch block not previously seen",
        "No evidence of infarction, however left bundle branch block",
    ],
    "uncertain": [
        "Possible left bundle branch block",
        "Cannot rule out right bundle branch block",
        "Consider intraventricular conduction delay",
        "Minor intraventricular conduction delay",
        "Left bundle branch block cannot be excluded",
        "? LBBB",
        "QRS changes may be due to left bundle branch block",
        "Pacemaker rhythm - no further analysis",
    ],
    "denied": [
        "No evidence of left bundle branch block",
        "No LBBB or RBBB",
        "No ventricular pacing is seen",
        "Intraventricular conduction delay is no longer present",
        "Previously noted left bundle branch block is not present",
        "Right bundle branch block has resolved",
        "Right ventricular hypertrophy without right bundle branch block",
        "Negative for pre-excitation",
    ],
    "not mentioned": [
        "",
        "Normal ECG",
        "Supraventricular tachycardia",
        "Incomplete right bundle branch block",
        "Incomplete LBBB",
        "Left anterior fascicular block",
        "Atrial pacing",
        "Atrial paced rhythm",
        "Frequent ventricular premature complexes",
        "Left ventricular hypertrophy",
        "Demand pacemaker, interpretation is based on intrinsic rhythm",
        "Low QRS voltages",
    ],
}


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [(statement, sentence) for statement, group in SENTENCES.items() for sentence in group],
)
def test_sentences(statement, sentence):
    assert wide_qrs_statement(sentence) == statement
    assert wide_qrs_statement(sentence.upper()) == statement


def test_reports_agree_with_the_simulated_truth():
    simulated = make_machine_measurements(3000, random_state=0)
    label = wide_qrs_label(simulated.data)
    assert label.notna().all()
    np.testing.assert_array_equal(label.to_numpy(dtype=bool), simulated.truth["wide_qrs"])
    assert (wide_qrs_statements(simulated.data) == "denied").sum() > 50


def cart(**columns):
    usual = {
        "rr_interval": 800.0,
        "p_onset": 40.0,
        "p_end": 150.0,
        "qrs_onset": 200.0,
        "qrs_end": 290.0,
        "t_end": 560.0,
        "p_axis": 50.0,
        "qrs_axis": 30.0,
        "t_axis": 40.0,
    }
    n_rows = max(len(column) for column in columns.values())
    return pd.DataFrame({**{name: [value] * n_rows for name, value in usual.items()}, **columns})


def test_paper_takes_numbers_as_they_are():
    table = cart(qrs_end=[320.0, 321.0, np.nan, 29999.0])
    assert wide_qrs_label(table, "paper").tolist() == [False, True, False, True]


def test_wct_needs_a_wide_qrs_and_a_fast_heart():
    table = cart(
        qrs_end=[320.0, 319.0, 320.0, 29999.0, 29999.0, 330.0],
        rr_interval=[500.0, 500.0, 600.0, 500.0, 800.0, 29999.0],
    )
    found = wide_qrs_label(table, "wct")
    assert found.isna().tolist() == [False, False, False, True, False, True]
    assert found.fillna(False).tolist() == [True, False, False, False, False, False]


def test_report_is_missing_where_it_is_empty_or_in_doubt():
    table = pd.DataFrame(
        {
            "report_0": ["Sinus rhythm", "Possible LBBB", None, "Possible LBBB"],
            "report_1": ["RBBB", None, None, "Left bundle branch block"],
        },
        index=list("abcd"),
    )
    assert wide_qrs_statements(table).tolist()[:2] == ["present", "uncertain"]
    label = wide_qrs_label(table)
    assert label.isna().tolist() == [False, True, True, False]
    assert label.index.tolist() == list("abcd")
    assert label["d"]


def test_what_is_wrong_is_said():
    table = cart(qrs_end=[300.0])
    with pytest.raises(ValueError, match="Got mode='qrs'"):
        wide_qrs_label(table, "qrs")
    with pytest.raises(TableError, match="without report lines"):
        wide_qrs_label(table)
    with pytest.raises(TableError, match="without qrs_end"):
        wide_qrs_label(table.drop(columns="qrs_end"), "paper")
