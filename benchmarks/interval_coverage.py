"""How often each interval that is printed contains the true value, by simulation.

Cohorts are drawn from populations whose measures are known by numerical integration: fixed
predictions of known true risks. ``rows`` are independent people; ``patients`` have one to five
rows with a shared part of the risk, and intervals draw patients. A level of 95 % is promised.

    python benchmarks/interval_coverage.py [--cohorts 1000] [--sizes 200 2000] [--jobs 2]
"""

import argparse
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import expit, ndtri

from cardiorisk.evaluation import calibration, decision_curve
from cardiorisk.evaluation.comparison.on_rows import bootstrap_test, mcnemar, normal_test
from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.evaluation.intervals import Interval, estimate_and_resamples
from cardiorisk.evaluation.label_measures import measure_labels
from cardiorisk.evaluation.measures import binary_measures
from cardiorisk.evaluation.pooling import binary_intervals, pooled_thresholds

CUT = 0.2
MAX_ROWS = 5
GOLDEN = (np.sqrt(5) - 1) / 2


class Population(NamedTuple):
    """Log-odds of the true risk are normal; the model sees them too extreme and shifted.

    ``shared`` is the part of their variance that rows of a patient share.
    """

    mean: float
    sd: float
    slope: float
    shift: float
    shared: float = 0.0

    def risk(self, z):
        """Tell the model's risk."""
        return expit(self.slope * z + self.shift)

    def other_risk(self, z, noise):
        """Tell the risk of a second model, which sees a noisy copy."""
        return expit(z + noise)


POPULATIONS = {
    "half with the event, too extreme": Population(0.0, 1.5, 1.3, -0.2),
    "one in ten, too extreme": Population(-2.6, 1.1, 1.2, 0.2),
    "half with the event, well calibrated": Population(0.0, 1.5, 1.0, 0.0),
    "patients with 1 to 5 rows": Population(-0.5, 1.5, 1.2, 0.0, shared=0.7),
}


def draw(population, n, rng):
    """Events, risks of two models, and patients (or None) of about n rows."""
    groups = None
    z = rng.normal(size=n)
    if population.shared:
        sizes = rng.integers(1, MAX_ROWS + 1, size=n)
        groups = np.repeat(np.arange(n), sizes)[:n]
        common = rng.normal(size=n)[groups]
        z = np.sqrt(population.shared) * common + np.sqrt(1 - population.shared) * z
    z = population.mean + population.sd * z
    events = rng.random(n) < expit(z)
    noise = rng.normal(size=n)
    return events, population.risk(z), population.other_risk(z, noise), groups


def truth(population, k=200_000):
    """Every measure on the population itself: each risk with its share of events."""
    z = population.mean + population.sd * ndtri((np.arange(k) + 0.5) / k)
    spread = ((np.arange(k) + 0.5) * GOLDEN) % 1  # as even as a grid, and unrelated to z
    p, noise = expit(z), ndtri(np.clip(spread, 1e-9, 1 - 1e-9))
    events = np.repeat([True, False], k)
    weights = np.concatenate([p, 1 - p])[None]
    risk, other = (np.tile(r, 2) for r in (population.risk(z), population.other_risk(z, noise)))
    first, second = (binary_measures(events, r)(weights)[0] for r in (risk, other))
    names = ("auroc", "auprc", "brier", "log_loss", "slope", "intercept", "o:e")
    values = dict(zip(names, first, strict=True))
    values["auroc, DeLong"] = values["auroc"]
    hit, alarm = weights @ (events & (risk >= CUT)), weights @ (~events & (risk >= CUT))
    cases, all_rows = weights @ events, weights.sum()
    values["sensitivity"] = hit / cases
    values["specificity"] = 1 - alarm / (all_rows - cases)
    values["ppv"] = hit / (hit + alarm)
    values["npv"] = 1 - (cases - hit) / (all_rows - hit - alarm)
    values["net benefit"] = (hit - alarm * CUT / (1 - CUT)) / all_rows
    best = max(0.0, (cases - (all_rows - cases) * CUT / (1 - CUT))[0] / all_rows)
    values["net benefit gain"] = values["net benefit"] - best
    values["ici"] = np.abs(population.risk(z) - p).mean()
    values["auroc difference, DeLong"] = values["auroc difference"] = first[0] - second[0]
    values["brier difference"] = first[2] - second[2]
    right = [np.where(r >= CUT, p, 1 - p).mean() for r in (population.risk(z), other[:k])]
    values["accuracy difference, McNemar"] = right[0] - right[1]
    return {name: float(np.squeeze(value)) for name, value in values.items()}


def one_cohort(population, n, n_bootstraps, seed):
    """Every interval of one cohort."""
    events, risk, other, groups = draw(population, n, np.random.default_rng([seed, n]))
    options = {"groups": groups, "n_bootstraps": n_bootstraps, "random_state": seed}
    found = binary_intervals(events, risk, **options)
    keys = {"calibration_slope": "slope", "calibration_intercept": "intercept"}
    keys["observed_expected_ratio"] = "o:e"
    found = {keys.get(name, name): interval for name, interval in found.items()}
    area, covariance = delong(events, np.stack([risk, other]), groups)
    found["auroc, DeLong"] = delong_interval(area[0], covariance[0, 0])
    both = np.stack([1 - risk, risk], axis=1)[None]
    cut = pooled_thresholds(events.astype(int), both, 1, np.array([CUT]), **options).iloc[0]
    for name in ("sensitivity", "specificity", "ppv", "npv"):
        found[name] = Interval(*cut[[name, f"{name}_low", f"{name}_high"]])
    decision = decision_curve(events, risk, thresholds=[CUT], **options).table.iloc[0]
    found["net benefit"] = Interval(*decision[["net_benefit", "low", "high"]])
    found["net benefit gain"] = Interval(*decision[["gain", "gain_low", "gain_high"]])
    found["ici"] = calibration(events, risk, **options).ici
    found |= differences(events, risk, other, groups, area, covariance, options)
    return {name: (i.low, i.high) for name, i in found.items()}


def differences(events, risk, other, groups, area, covariance, options):
    measures = [binary_measures(events, r) for r in (risk, other)]
    estimate, samples = estimate_and_resamples(
        lambda w: measures[0](w) - measures[1](w), len(risk), **options
    )
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    right = [(r >= CUT) == events for r in (risk, other)]
    return {
        "auroc difference": bootstrap_test(estimate[0], samples[:, 0]),
        "brier difference": bootstrap_test(estimate[2], samples[:, 2]),
        "auroc difference, DeLong": normal_test(area[0] - area[1], variance),
        "accuracy difference, McNemar": mcnemar(*right, groups),
    }


def coverage(population, n, n_cohorts, n_bootstraps, n_jobs):
    true = truth(population)
    cohorts = Parallel(n_jobs=n_jobs)(
        delayed(one_cohort)(population, n, n_bootstraps, seed) for seed in range(n_cohorts)
    )
    rows = {}
    for name, value in true.items():
        limits = np.array([cohort[name] for cohort in cohorts], dtype=float)
        known = np.isfinite(limits).all(axis=1)
        low, high = limits[known].T
        tolerance = 1e-12
        rows[name] = {
            "covered": ((low <= value + tolerance) & (value <= high)).mean(),
            "too high": (low > value + tolerance).mean(),
            "too low": (high < value).mean(),
            "no interval": 1 - known.mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def label_coverage(n, n_cohorts, n_bootstraps):
    """Share of cohorts whose macro and micro AUROC intervals hold the truth, three labels a row."""
    shifts = np.array([0.0, -1.0, -2.0])

    def rows(k, rng):
        z = rng.normal(size=(k, 1)) + 0.5 * rng.normal(size=(k, 3)) + shifts
        return rng.random((k, 3)) < expit(z), expit(z)[None]

    names, level = np.arange(3), 0.95
    true, _ = measure_labels(
        names, *rows(400_000, np.random.default_rng(9)), level, {"n_bootstraps": 0}
    )
    hits = []
    for seed in range(n_cohorts):
        resampling = {"n_bootstraps": n_bootstraps, "random_state": seed}
        found, _ = measure_labels(
            names, *rows(n, np.random.default_rng([seed, n])), level, resampling
        )
        hits.append(
            [i.low <= true[name].estimate <= i.high for name, i in found.items() if "auroc" in name]
        )
    macro, micro = np.mean(hits, axis=0)
    print(
        f"\nlabels, n = {n}, {n_cohorts} cohorts: macro {macro:.3f}, micro {micro:.3f}", flush=True
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cohorts", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--bootstraps", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a population's name")
    parser.add_argument("--labels", action="store_true", help="only several labels a row")
    options = parser.parse_args()
    for n in options.sizes:
        if options.labels:
            label_coverage(n, options.cohorts, options.bootstraps)
            continue
        for name, population in POPULATIONS.items():
            if options.only in name:
                table = coverage(population, n, options.cohorts, options.bootstraps, options.jobs)
                print(f"\n{name}, n = {n}, {options.cohorts} cohorts, in %\n", flush=True)
                print((100 * table).round(1).to_string(), flush=True)


if __name__ == "__main__":
    main()
