"""What an evaluation knows that a reporting list asks for, in words ready to be filled in."""

from typing import Any

import numpy as np
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.evaluation.calibration_curve import CalibrationCurve
from cardiorisk.evaluation.drift import Drift
from cardiorisk.evaluation.net_benefit import DecisionCurve
from cardiorisk.evaluation.result import EvaluationResult
from cardiorisk.evaluation.sample_size import sample_size_development
from cardiorisk.evaluation.updating import Recalibration

__all__ = [
    "facts_of_result",
    "facts_of_sample_size",
    "facts_of_table",
    "facts_of_the_rest",
    "leakage_words",
]

LEAKAGE = "Leakage, "  # how evaluate begins the note of a finding

WORDS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "observed_expected_ratio": "observed:expected",
}


def facts_of_result(result: EvaluationResult) -> dict[str, Any]:
    """Collect counts, protocol and measures of a result; shares of each class or label."""
    n = len(result.y)
    known = {name: i for name, i in result.metrics.items() if np.isfinite(i.estimate)}
    n_groups = None if result.groups is None else len(np.unique(result.groups))
    noun = "sites" if result.by_site else "patients or groups"
    untested = int((~result.tested).sum())
    facts: dict[str, Any] = {
        "n": n,
        **_counts(result),
        "in_groups": "" if n_groups is None else f" of {n_groups} {noun}",
        "protocol": result.protocol[:1].upper() + result.protocol[1:],
        "level": f"{100 * result.confidence:g}",
        "units": "patient" if result.patients is not None else "row",
        "measure_names": ", ".join(WORDS.get(name, name) for name in known),
        "metrics": "; ".join(f"{WORDS.get(name, name)} {i}" for name, i in known.items()),
        "untested": f"{untested} rows were never tested" if untested else "Every row was tested",
        "evaluation_rows": _evaluation_rows(result),
        "split_unit": _split_unit(result),
    }
    if "calibration_intercept" in known and "calibration_slope" in known:
        facts |= {"intercept": known["calibration_intercept"], "slope": known["calibration_slope"]}
    if result.notes:
        facts["reservations"] = " ".join(result.notes)
    folds = result.per_fold
    if not result.external:
        facts |= {"n_models": len(folds), "n_train": _span(folds, "n_train")}
        facts["n_test"] = _span(folds, "n_test")
        if "auroc" in folds and folds["auroc"].notna().sum() > 1:
            facts["fold_sd"] = f"{folds['auroc'].std():.3f}"
    return facts


def leakage_words(result: EvaluationResult, *, guarded: bool) -> str | None:
    """Gather the findings of the guards from the notes of a result.

    Parameters
    ----------
    result : EvaluationResult
    guarded : bool
        Whether guards surely ran: without them, no finding tells nothing.

    Returns
    -------
    words : str or None
        Empty where guards ran and found nothing; None where nobody knows.
    """
    found = [note.removeprefix(LEAKAGE) for note in result.notes if note.startswith(LEAKAGE)]
    return " ".join(found) if found or guarded else None


def _counts(result: EvaluationResult) -> dict[str, Any]:
    """Count an outcome; of several classes or labels, say how many rows each has."""
    n = len(result.y)
    if result.pos_label is not None:
        events = int(result.outcome.sum())
        counts = {"events": events, "non_events": n - events, "pct": f"{100 * events / n:.0f}"}
        return counts
    several = result.y.ndim == 2
    sizes = result.y.sum(axis=0) if several else np.bincount(result.code)
    words = (
        f"{name} {int(size)} ({100 * size / n:.0f} %)"
        for name, size in zip(result.classes.tolist(), sizes, strict=True)
    )
    return {"outcomes": ("labels: " if several else "classes: ") + ", ".join(words)}


def facts_of_table(X: Any) -> dict[str, Any]:
    """Columns and missing values; nothing for signals and histories."""
    table = as_pandas(X)
    if not isinstance(table, pd.DataFrame):
        return {}
    missing = table.isna().mean()
    worst = missing.idxmax() if len(missing) else ""
    return {
        "n_columns": table.shape[1],
        "n_missing_columns": int((missing > 0).sum()),
        "most_missing": worst,
        "most_missing_pct": f"{100 * missing.max():.0f}",
    }


def facts_of_sample_size(result: EvaluationResult, n_parameters: int) -> dict[str, Any]:
    """Events a parameter, and Riley's criteria with the AUROC that was reached."""
    area, events = result.metrics["auroc"].estimate, int(result.outcome.sum())
    share = events / len(result.y)
    facts = {"per_parameter": f"{events / n_parameters:.1f}"}
    if not 0.5 < area < 1:
        return facts
    size = sample_size_development(n_parameters, share, auroc=area, n=len(result.y))
    word = "enough" if size.enough else "too few"
    facts["size_judgement"] = (
        f"by Riley's criteria for regression, at the AUROC reached, {size.needed} rows are "
        f"needed: {word}."
    )
    return facts


def facts_of_the_rest(
    model: Any,
    subgroups: pd.DataFrame | None,
    calibration: CalibrationCurve | None,
    decision: DecisionCurve | None,
    recalibration: Recalibration | None,
    drift: Drift | None,
    leakage: str | None,
) -> dict[str, Any]:
    """Facts of whatever else was computed; None for what was not."""
    facts: dict[str, Any] = {}
    if hasattr(model, "steps"):
        facts["steps"] = ", ".join(type(step).__name__ for _, step in model.steps)
    if subgroups is not None:
        facts |= _facts_of_subgroups(subgroups)
    if calibration is not None:
        facts["calibration"] = (
            f"slope {calibration.slope}, intercept {calibration.intercept}, observed:expected "
            f"{calibration.observed_expected_ratio}, ICI {calibration.ici:.3f}"
        )
    if decision is not None:
        facts["n_thresholds"] = len(decision.table)
    if recalibration is not None:
        ratio = recalibration.table["observed_expected_ratio"]
        facts |= {"oe_before": f"{ratio['none']:.2f}", "oe_after": f"{ratio['slope']:.2f}"}
    if drift is not None:
        facts["separation"] = drift.separation
    if leakage is not None:
        facts["leakage"] = leakage or "none found."
    return facts


def _facts_of_subgroups(report: pd.DataFrame) -> dict[str, Any]:
    parts = report[(report["variable"] != "all") & report["auroc"].notna()]
    facts: dict[str, Any] = {"n_subgroups": int((report["variable"] != "all").sum())}
    if parts.empty:
        return facts
    for word, row in (("worst", parts["auroc"].idxmin()), ("best", parts["auroc"].idxmax())):
        facts[f"{word}_auroc"] = f"{parts.loc[row, 'auroc']:.2f}"
        facts[f"{word}_subgroup"] = (
            f"{parts.loc[row, 'variable']} {parts.loc[row, 'subgroup']}, n = {parts.loc[row, 'n']}"
        )
    return facts


def _evaluation_rows(result: EvaluationResult) -> str:
    if result.external:
        return "The evaluation rows are not those of development; nothing was fitted to them."
    if result.by_site:
        return "Each site was predicted by models of the other sites."
    return "The same table; every row was predicted by a model that did not see it."


def _split_unit(result: EvaluationResult) -> str:
    if result.external:
        return "Whether a person was also in the development rows is for you to check."
    if result.groups is None:
        return "Rows were split one by one: this holds only if no person has two."
    return "Groups were kept on one side of each split, which was checked."


def _span(folds: pd.DataFrame, column: str) -> str:
    low, high = int(folds[column].min()), int(folds[column].max())
    return f"{low}" if low == high else f"{low} to {high}"
