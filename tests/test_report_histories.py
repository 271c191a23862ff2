import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cardiorisk.explain import Outcome, build_report
from cardiorisk.explain.attribution.histories import shapley_of_codes, swap_codes
from cardiorisk.explain.report.histories import FEW_PEOPLE, NEVER, OTHER, code_table
from cardiorisk.records import PatientHistories

NASTY = "LAB//<script>alert(1)</script>"
RARE = "LAB//Jane Doe of Main Street"


class Counts(TransformerMixin, BaseEstimator):
    """Counts of codes, and the days since each was last seen."""

    def fit(self, X, y=None):
        self.n_codes_ = X.shape[1]
        return self

    def transform(self, X):
        counts, recent = np.zeros((2, len(X), self.n_codes_))
        patients = X.event_patients()
        np.add.at(counts, (patients, X.codes), 1)
        days = (X.prediction_times[patients] - X.times) / np.timedelta64(1, "D")
        np.maximum.at(recent, (patients, X.codes), np.exp(-days / 365))
        return np.hstack([counts, recent])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n = 160
    y = np.arange(n) % 4 == 0
    rows = []
    for patient, is_case in enumerate(y):
        for code in rng.choice(12, size=rng.integers(1, 6)):
            rows.append((f"MRN-{patient:04d}", rng.integers(1, 2000), f"ICD10CM//Z{code:02d}"))
        if rng.random() < (0.7 if is_case else 0.2):
            rows.append((f"MRN-{patient:04d}", 40, NASTY))
    rows.append(("MRN-0001", 3, RARE))
    frame = pd.DataFrame(rows, columns=["subject_id", "days", "code"])
    moment = pd.Timestamp("2020-01-01")
    frame["time"] = moment - pd.to_timedelta(frame["days"], "D")
    ids = [f"MRN-{patient:04d}" for patient in range(n)]
    static = pd.DataFrame(
        {
            "subject_id": ids,
            "sex": np.where(np.arange(n) % 3, "F", "M"),
            "birth_date": pd.Timestamp("1950-01-01"),
        }
    )
    histories = PatientHistories.from_events(frame, static=static).as_of(moment)
    return histories, y.astype(int)


@pytest.fixture(scope="module")
def model(data):
    return make_pipeline(Counts(), LogisticRegression(max_iter=1000)).fit(*data)


def columns_of(histories):
    return np.arange(histories.shape[1])


def test_effects_of_codes_add_up_to_the_risk(data, model):
    histories, _ = data
    shown = histories[:5]
    effects = shapley_of_codes(
        model, shown, histories[40:], columns_of(histories), target=1, n_background=9
    )
    total = effects.base_values + effects.values.sum(axis=1)
    np.testing.assert_allclose(total, model.predict_proba(shown)[:, 1], atol=1e-12)


def test_effects_equal_exact_shapley_values(data, model):
    """Three codes against one person of the background: all orders can be enumerated."""
    from itertools import permutations

    histories, _ = data
    sizes = np.diff(histories.event_offsets)
    pair = np.flatnonzero(sizes == 1)[:2] if (sizes == 1).sum() > 1 else [0, 1]
    first, other = histories[[pair[0]]], histories[[pair[1]]]
    union = np.unique(np.concatenate([first.codes, other.codes]))
    everyone = histories[[pair[0], pair[1]]]
    exact, orders = np.zeros(histories.shape[1]), list(permutations(union.tolist()))
    for order in orders:
        chosen = np.zeros(histories.shape[1], bool)
        before = model.predict_proba(other)[0, 1]
        for code in order:
            chosen[code] = True
            mixed = swap_codes(everyone, np.array([1]), np.array([0]), chosen)
            after = model.predict_proba(mixed)[0, 1]
            exact[code] += (after - before) / len(orders)
            before = after
    found = shapley_of_codes(model, first, other, columns_of(histories), target=1, n_background=1)
    np.testing.assert_allclose(found.values[0], exact, atol=1e-12)  # two orders are all there are


def test_a_linear_model_of_counts_is_explained_exactly(data):
    """The mean over the background of weight times difference, in the unit of the margin."""

    class Plain(Counts):
        def transform(self, X):
            return super().transform(X)[:, : self.n_codes_]

    class Margin(LogisticRegression):
        def predict_proba(self, X):
            margin = self.decision_function(X)
            return np.stack([-margin, margin], axis=1)

    histories, y = data
    linear = make_pipeline(Plain(), Margin(max_iter=1000)).fit(histories, y)
    background = histories[100:]
    found = shapley_of_codes(
        linear, histories[:4], background, columns_of(histories), target=1, n_background=100
    )
    counts = linear[0].transform(histories[:4])
    mean = linear[0].transform(background).mean(axis=0)
    np.testing.assert_allclose(found.values, linear[1].coef_ * (counts - mean), atol=1e-9)


def test_swapped_codes_come_from_the_donor_at_the_same_distance(data):
    histories, _ = data
    chosen = histories.vocabulary == NASTY
    rows, donors = np.array([0, 1, 1]), np.array([4, 8, 1])
    mixed = swap_codes(histories, rows, donors, chosen)
    for place, (row, donor) in enumerate(zip(rows, donors, strict=True)):
        own, lent, got = histories[[row]], histories[[donor]], mixed[[place]]
        expected = np.concatenate([own.codes[~chosen[own.codes]], lent.codes[chosen[lent.codes]]])
        assert sorted(got.codes) == sorted(expected)
    PatientHistories(mixed.codes, mixed.times, mixed.vocabulary, mixed.visit_offsets,
                     mixed.patient_offsets, mixed.subject_ids)  # fmt: skip


def test_the_table_says_when_codes_were_recorded_and_hides_rare_ones(data):
    histories, _ = data
    found = code_table(histories)
    assert RARE not in found.table.columns
    assert OTHER in found.table.columns
    people = (found.table != NEVER).sum()
    assert (people.drop(OTHER) >= FEW_PEOPLE).all()
    with_it = found.table[NASTY] != NEVER
    assert set(found.table[NASTY][with_it]) == {"31 to 180 days before"}
    assert set(found.printed[NASTY][with_it]) == {"40 days before"}


@pytest.fixture(scope="module")
def report(data):
    histories, y = data
    flow = pd.DataFrame(
        {"step": ["patients", "too <young>"], "patients": [170, 10], "kind": ["kept", "left out"]}
    )
    return build_report(
        make_pipeline(Counts(), LogisticRegression(max_iter=1000)),
        histories,
        y,
        outcome=Outcome("heart failure", horizon="30 days"),
        flow=flow,
        n_refits=2,
        n_bootstraps=50,
    )


def test_the_report_prints_no_identifier_and_escapes_codes(report):
    assert "MRN-" not in report.html
    assert "Jane Doe" not in report.html
    assert "<script" not in report.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in report.html
    assert "left out: too &lt;young&gt;" in report.html


def test_the_report_gives_reasons_in_days(report):
    assert "40 days before" in report.html
    names = {
        reason.variable.name for patient in report.summary.patients for reason in patient.reasons
    }
    assert names <= {*(f"ICD10CM//Z{n:02d}" for n in range(12)), NASTY, OTHER}
    for patient in report.summary.patients:
        moved = sum(reason.points for reason in patient.reasons) + patient.others
        assert patient.base + moved == pytest.approx(100 * patient.risk, abs=1e-6)


def test_the_report_finds_sex_and_age(report):
    found = set(report.summary.performance.subgroups["subgroup"])
    assert {"F", "M", "60 to 69"} <= found


def test_the_cohort_of_codes_has_no_empty_columns(report):
    section = report.html.split('id="cohort"')[1].split("</section>")[0]
    assert "Without</th>" in section
    assert "Range" not in section
    assert "Missing" not in section
