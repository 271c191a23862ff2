"""Which codes of a patient's history raise or lower the risk, and how long ago they were."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import check_histories
from cardiorisk.estimators._code_view import CodeClassifier, CodeWeights, LinearCodeClassifier
from cardiorisk.exceptions import AdditivityError
from cardiorisk.explain.attribution.permutation import shapley_values
from cardiorisk.explain.attribution.tasks import split_classifier
from cardiorisk.features._code_weights import days_before
from cardiorisk.records import PatientHistories

__all__ = ["CodeReasons", "explain_codes"]

MAX_CELLS = 4_000_000  # of coalitions of one patient
MAX_PERMUTATIONS = 200
RTOL, ATOL = 1e-3, 1e-6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CodeReasons:
    """Contributions of codes to the risk of patients.

    Parameters
    ----------
    table : DataFrame
        One line a patient and code, the strongest first: ``row`` (position in the histories),
        ``code``, ``days`` (from its last event that counts to the prediction time),
        ``n_events`` and ``contribution``.
    base_value : float
        Output for an empty history.
    predictions : ndarray of float, shape (n_patients,)
        In the unit of ``output``.
    risk : ndarray of float, shape (n_patients,)
    output : {"margin", "probability"}
        Unit of the contributions: log-odds for a linear classifier, else probability.
    method : {"linear", "permutation"}
    max_residual : float
        Largest difference between base plus contributions and ``predictions``.

    Examples
    --------
    >>> reasons = CodeReasons(
    ...     pd.DataFrame({"row": [0, 0], "code": ["I10", "furosemide"], "days": [40.2, 12.0],
    ...                   "n_events": [2, 1], "contribution": [0.31, 0.2]}),
    ...     -2.5, np.array([-1.99]), np.array([0.12]), "margin", "linear", 0.0)
    >>> print(reasons.text(0))
    risk 12.0 % from: I10 at -40 days (+0.31), furosemide at -12 days (+0.20)
    """

    table: pd.DataFrame
    base_value: float
    predictions: Floats
    risk: Floats
    output: str
    method: str
    max_residual: float

    def text(self, row: int, n: int = 5) -> str:
        """Say the strongest reasons of one patient in words, without naming the patient."""
        own = self.table[self.table["row"] == row].head(n)
        parts = [
            f"{code} at {'-' if days >= 0.5 else ''}{abs(days):.0f} days ({value:+.2f})"
            for code, days, value in zip(own["code"], own["days"], own["contribution"], strict=True)
        ]
        reasons = ", ".join(parts) if parts else "a history without known codes"
        return f"risk {100 * self.risk[row]:.1f} % from: {reasons}"

    def __len__(self) -> int:
        return len(self.risk)

    def __repr__(self) -> str:
        return (
            f"CodeReasons({len(self)} patients, {len(self.table)} codes, {self.output}, "
            f"method {self.method}, largest residual {self.max_residual:.2g})"
        )


def explain_codes(model: Any, X: PatientHistories, *, random_state: int = 0) -> CodeReasons:
    """Tell which codes move each patient's risk away from that of an empty history.

    Unlike :func:`explain`, which compares with the average patient of a background, a reason here
    is always a code that the patient has, with the days since.

    Parameters
    ----------
    model : fitted ConceptHFClassifier
        Or a pipeline, conformal or frozen model of one.
    X : PatientHistories
        As of the prediction times; without these, days count to the last event.
    random_state : int, default=0
        Of the orders of codes where contributions are sampled.

    Returns
    -------
    CodeReasons
        For a linear classifier the log-odds are a sum over events, so the contributions are
        exact. Otherwise they are Shapley values in probability of the game in which a code is
        recorded or not, over at most 200 random orders and their reverses. Where codes are
        weighed by the number of visits or events, that number stays what it is for the patient.

    Raises
    ------
    AdditivityError
        The contributions of a patient do not add up to the prediction.
    TypeError
        The model is no model of codes.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.estimators import ConceptHFClassifier
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=400, random_state=0)
    >>> model = ConceptHFClassifier(
    ...     embedding=ConceptEmbedding(vector_size=20, epochs=3), random_state=0)
    >>> reasons = explain_codes(model.fit(ehr.histories, ehr.target), ehr.histories[:5])
    >>> reasons.method, reasons.max_residual < 1e-6
    ('linear', True)
    """
    steps, classifier = split_classifier(model)
    if not (len(steps) == 1 and isinstance(steps[0], CodeWeights)):
        raise TypeError(
            f"Got {type(model).__name__}, but expected a model of codes: ConceptHFClassifier."
        )
    histories = check_histories(X)
    events = _event_table(steps[0], histories)
    if isinstance(classifier, LinearCodeClassifier):
        worth = classifier.coef_[0]
        table = _by_code(events.assign(contribution=events["weight"] * worth[events["column"]]))
        base, output, method = float(classifier.intercept_[0]), "margin", "linear"
    else:
        table = _by_code(events.assign(contribution=0.0))
        table["contribution"] = _shapley(table, classifier, random_state)
        empty = np.zeros((1, classifier.vectors.shape[1]))
        base = float(classifier.risk_of_vectors(empty)[0])
        output, method = "probability", "permutation"
    risk = np.asarray(model.predict_proba(histories), dtype=float)[:, 1]
    predictions = risk
    if isinstance(classifier, LinearCodeClassifier):  # a risk near 1 has lost its log-odds
        pooled = np.asarray(steps[0].embedding.transform(histories), dtype=float)
        predictions = classifier.margin_of_vectors(pooled)
    return _checked(table, steps[0], base, predictions, risk, output, method)


def _event_table(weights: CodeWeights, histories: PatientHistories) -> pd.DataFrame:
    columns, weight = weights.embedding.event_weights(histories)
    table = pd.DataFrame(
        {
            "row": histories.event_patients(),
            "column": columns,
            "weight": weight.astype(float),
            "days": days_before(histories),
        }
    )
    return table[table["weight"] > 0]


def _by_code(events: pd.DataFrame) -> pd.DataFrame:
    return (
        events.groupby(["row", "column"], sort=True)
        .agg(
            days=("days", "min"),
            n_events=("days", "size"),
            weight=("weight", "sum"),
            contribution=("contribution", "sum"),
        )
        .reset_index()
    )


def _shapley(table: pd.DataFrame, classifier: CodeClassifier, random_state: int) -> Floats:
    """Shapley values of the codes of each patient, with the empty history as background."""
    out = np.empty(len(table))
    for _, own in table.groupby("row"):
        terms = own["weight"].to_numpy()[:, None] * classifier.vectors[own["column"].to_numpy()]
        n_codes = len(terms)
        n_orders = int(np.clip(MAX_CELLS // (2 * n_codes**2), 1, MAX_PERMUTATIONS))

        def evaluate(sources: npt.NDArray[np.intp], terms: Floats = terms) -> Floats:
            return classifier.risk_of_vectors((sources == 0) @ terms)

        found = shapley_values(
            evaluate,
            np.repeat([[0], [1]], n_codes, axis=1),
            0,
            np.array([1]),
            1,
            n_orders,
            np.random.default_rng(random_state),
        )
        out[own.index] = found.values
    return out


def _checked(
    table: pd.DataFrame,
    weights: CodeWeights,
    base: float,
    predictions: Floats,
    risk: Floats,
    output: str,
    method: str,
) -> CodeReasons:
    sums = np.bincount(table["row"], weights=table["contribution"], minlength=len(risk))
    residual = np.abs(base + sums - predictions)
    if not (residual <= ATOL + RTOL * np.maximum(np.abs(predictions), np.abs(sums))).all():
        worst = int(np.argmax(residual))
        raise AdditivityError(
            f"The contributions of row {worst} add up to {base + sums[worst]:.6g}, but the "
            f"model's {output} is {predictions[worst]:.6g}."
        )
    order = np.lexsort((-table["contribution"].abs(), table["row"]))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(1, "code", weights.get_feature_names_out()[table["column"].to_numpy()])
    kept = table[["row", "code", "days", "n_events", "contribution"]]
    largest = float(residual.max(initial=0.0))
    return CodeReasons(kept, base, predictions, risk, output, method, largest)
