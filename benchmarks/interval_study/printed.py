"""Every interval that is printed, on one cohort, beside the true value."""

from typing import Any

import numpy as np

from cardiorisk.evaluation import calibration, decision_curve, fairness_gaps, subgroup_report
from cardiorisk.evaluation.comparison.on_rows import bootstrap_test, mcnemar, normal_test
from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.evaluation.discrimination import auroc, cumulative_counts, rank
from cardiorisk.evaluation.intervals import Interval, estimate_and_resamples
from cardiorisk.evaluation.pooling import binary_intervals, pooled_thresholds
from interval_study.cohorts import Cohort, Population, draw
from interval_study.truth import CUT

KEYS = {
    "calibration_slope": "slope",
    "calibration_intercept": "intercept",
    "observed_expected_ratio": "o:e",
}
Limits = dict[str, tuple[float, float, float]]


def one_cohort(
    population: Population, true: dict[str, float], n: int, n_bootstraps: int, seed: int
) -> Limits:
    """Make every interval of one cohort: true value, low and high by name."""
    cohort = draw(population, n, seed)
    options = {"groups": cohort.patients, "n_bootstraps": n_bootstraps, "random_state": seed}
    events, risk = cohort.events, cohort.risk
    found = binary_intervals(events, risk, **options)
    found = {KEYS.get(name, name): interval for name, interval in found.items()}
    found |= at_threshold(cohort, options)
    found |= differences(cohort, options)
    found |= subgroups(cohort, options)
    curve = calibration(events, risk, **options)
    found["ici"] = curve.ici
    limits = {name: (true[name], i.low, i.high) for name, i in found.items()}
    patients = {"groups": cohort.patients, "n_bootstraps": 0}
    jeffreys = calibration(events, risk, interval="jeffreys", **patients)
    limits |= bins("bin", cohort, curve.table) | bins("jeffreys bin", cohort, jeffreys.table)
    return limits | band(population, cohort, curve.curve)


def at_threshold(cohort: Cohort, options: dict[str, Any]) -> dict[str, Interval]:
    both = np.stack([1 - cohort.risk, cohort.risk], axis=1)[None]
    code = cohort.events.astype(int)
    cut = pooled_thresholds(code, both, 1, np.array([CUT]), **options).iloc[0]
    found = {
        name: Interval(*cut[[name, f"{name}_low", f"{name}_high"]])
        for name in ("sensitivity", "specificity", "ppv", "npv")
    }
    row = decision_curve(cohort.events, cohort.risk, thresholds=[CUT], **options).table.iloc[0]
    found["net benefit"] = Interval(*row[["net_benefit", "low", "high"]])
    found["net benefit gain"] = Interval(*row[["gain", "gain_low", "gain_high"]])
    return found


def differences(cohort: Cohort, options: dict[str, Any]) -> dict[str, Any]:
    events, risks = cohort.events, (cohort.risk, cohort.other)
    rankings = [rank(events, risk) for risk in risks]
    worse = (risks[0] - events) ** 2 - (risks[1] - events) ** 2

    def statistic(weights: np.ndarray) -> np.ndarray:
        areas = [auroc(*cumulative_counts(ranking, weights)) for ranking in rankings]
        return np.stack([areas[0] - areas[1], weights @ worse / weights.sum(axis=1)], axis=1)

    estimate, samples = estimate_and_resamples(statistic, len(events), **options)
    area, covariance = delong(events, np.stack(risks), cohort.patients)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    right = [(risk >= CUT) == events for risk in risks]
    return {
        "auroc, DeLong": delong_interval(area[0], covariance[0, 0]),
        "auroc difference": bootstrap_test(estimate[0], samples[:, 0]),
        "brier difference": bootstrap_test(estimate[1], samples[:, 1]),
        "auroc difference, DeLong": normal_test(area[0] - area[1], variance),
        "accuracy difference, McNemar": mcnemar(*right, cohort.patients),
    }


def subgroups(cohort: Cohort, options: dict[str, Any]) -> dict[str, Interval]:
    table = {"member": cohort.member}
    gaps = fairness_gaps(cohort.events, cohort.risk, table, threshold=CUT, **options)
    found = {f"gap of {row.measure}": of_the_sicker(row) for row in gaps.itertuples()}
    inside = cohort.member
    if cohort.patients is not None:
        options = {**options, "groups": cohort.patients[inside]}
    report = subgroup_report(
        cohort.events[inside], cohort.risk[inside], {"member": np.ones(inside.sum())}, **options
    ).iloc[0]
    for name, key in (("auroc", "auroc"), ("observed_expected_ratio", "o:e")):
        limits = (report[name], report[f"{name}_low"], report[f"{name}_high"])
        found[f"subgroup's {key}"] = Interval(*limits)
    return found


def of_the_sicker(row: Any) -> Interval:
    """Turn the gap of the highest from the lowest into that of the sicker subgroup from others."""
    if row.highest == "True":
        return Interval(row.gap, row.low, row.high)
    return Interval(-row.gap, -row.high, -row.low)


def bins(name: str, cohort: Cohort, table: Any) -> Limits:
    """Judge each bin of the calibration table by the mean true risk of its rows."""
    ordered = cohort.true_risk[np.argsort(cohort.risk, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(table["n"])[:-1]]).astype(int)
    means = np.add.reduceat(ordered, starts) / table["n"].to_numpy()
    return {
        f"{name} {at}": (mean, row.low, row.high)
        for at, (mean, row) in enumerate(zip(means, table.itertuples(), strict=True))
    }


def band(population: Population, cohort: Cohort, curve: Any) -> Limits:
    """Judge the band of the smooth curve at ten quantiles of the risks."""
    points = np.quantile(cohort.risk, np.linspace(0.05, 0.95, 10))
    low, high = (np.interp(points, curve["predicted"], curve[name]) for name in ("low", "high"))
    true = population.true_risk(points)
    return {f"band {at}": limits for at, limits in enumerate(zip(true, low, high, strict=True))}
