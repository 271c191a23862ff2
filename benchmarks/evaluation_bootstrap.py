"""Time of the bootstrap of ``evaluate``, against resampling rows and calling scikit-learn.

Both draw the same resamples (the plain loop repeats each row as often as it was drawn), so their
values must agree; the ratio of times is measured in the same run. The plain loop runs on fewer
resamples and is scaled up, since it is slow. AUROC, average precision, Brier score and log loss
are compared; ours also fits calibration slope and intercept and counts the O:E ratio.

    python benchmarks/evaluation_bootstrap.py [--rows 100000] [--resamples 2000]
"""

import argparse
import time

import numpy as np
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from cardiorisk.evaluation.intervals import bootstrap
from cardiorisk.evaluation.measures import binary_measures

PLAIN = (roc_auc_score, average_precision_score, brier_score_loss, log_loss)


def draw_cohort(n_rows):
    rng = np.random.default_rng(0)
    z = rng.normal(size=n_rows) - 2
    return rng.random(n_rows) < expit(z), expit(1.2 * z + 0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--plain", type=int, default=20, help="resamples of the plain loop")
    parser.add_argument("--n-jobs", type=int, default=1)
    options = parser.parse_args()
    events, risk = draw_cohort(options.rows)
    resampling = {"random_state": 0, "n_jobs": options.n_jobs}

    start = time.perf_counter()
    statistic = binary_measures(events, risk)
    ours = bootstrap(statistic, options.rows, n_bootstraps=options.resamples, **resampling)
    seconds = time.perf_counter() - start

    drawn = bootstrap(lambda w: w, options.rows, n_bootstraps=options.plain, **resampling)
    rows = [np.repeat(np.arange(options.rows), weights.astype(int)) for weights in drawn]
    start = time.perf_counter()
    plain = [[measure(events[r], risk[r]) for measure in PLAIN] for r in rows]
    plain_seconds = (time.perf_counter() - start) / options.plain * options.resamples

    difference = np.abs(statistic(drawn)[:, : len(PLAIN)] - plain).max()
    print(f"{options.rows} rows, {options.resamples} resamples")
    print(
        f"ours:  {seconds:8.1f} s for 7 measures, interval of AUROC "
        f"{np.quantile(ours[:, 0], 0.025):.4f} to {np.quantile(ours[:, 0], 0.975):.4f}"
    )
    print(f"plain: {plain_seconds:8.1f} s for 4 measures (from {options.plain} resamples)")
    print(f"ratio: {plain_seconds / seconds:8.1f}, largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
