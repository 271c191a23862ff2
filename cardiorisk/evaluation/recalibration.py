"""Logistic recalibration on many weightings at once: slope and intercept of calibration."""

from math import comb, factorial

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.intervals import Statistic

__all__ = [
    "LOG_ODDS_LIMIT",
    "SMALLEST_RISK",
    "calibration_in_the_large",
    "log_odds",
    "recalibration_line",
]

Floats = npt.NDArray[np.float64]

SMALLEST_RISK = 1e-6
LOG_ODDS_LIMIT = float(np.log((1 - SMALLEST_RISK) / SMALLEST_RISK))

MAX_ITERATIONS = 30
MAX_STEP = 3.0  # of a standardised coefficient; a full Newton step may overshoot far from the top
FINE, COARSE = 1e-9, 1e-4  # steps that end the search; the error left is about their square
SMALLEST_ORDER = 1e-5  # last order of an expansion that needs no search; the next one is smaller


def log_odds(risk: Floats) -> tuple[Floats, int]:
    """Log-odds of risks, those beyond 1e-6 of 0 or 1 limited to it, and how many were limited.

    A forest may say exactly 0 or 1, whose log-odds are infinite.
    """
    clipped = np.clip(risk, SMALLEST_RISK, 1 - SMALLEST_RISK)
    return np.log(clipped / (1 - clipped)), int(np.sum(clipped != risk))


def recalibration_line(x: Floats, events: Floats) -> Statistic:
    """Prepare the fit of ``logit P(event) = intercept + slope * x``, without a penalty.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Log-odds of the predicted risk.
    events : ndarray of shape (n,)
        0.0 or 1.0.

    Returns
    -------
    statistic : callable
        Maps row weights (b, n) to intercept and slope (b, 2); NaN where they do not exist: one
        class, constant risk, or risks that separate the classes perfectly.

    References
    ----------
    Cox DR. Biometrika 1958;45:562-565. doi:10.1093/biomet/45.3-4.562; Van Calster B et al.
    BMC Medicine 2019;17:230. doi:10.1186/s12916-019-1466-7
    """
    centre, spread = float(np.mean(x)), float(np.std(x))
    if spread == 0 or not 0 < np.mean(events) < 1:
        return lambda weights: np.full((len(weights), 2), np.nan)
    design = np.stack([np.ones_like(x), (x - centre) / spread])
    likelihood = _Likelihood(design, np.zeros_like(x), events)

    def statistic(weights: Floats) -> Floats:
        fitted = likelihood.maximise(weights)
        slope = fitted[:, 1] / spread
        return np.stack([fitted[:, 0] - slope * centre, slope], axis=1)

    return statistic


def calibration_in_the_large(x: Floats, events: Floats) -> Statistic:
    """Prepare the fit of ``logit P(event) = intercept + x``, the slope held at 1.

    Parameters
    ----------
    x, events : ndarray of shape (n,)

    Returns
    -------
    statistic : callable
        Maps row weights (b, n) to the intercept (b, 1); NaN where a resample has one class only.

    References
    ----------
    Van Calster B et al. BMC Medicine 2019;17:230. doi:10.1186/s12916-019-1466-7
    """
    return _Likelihood(np.ones((1, len(x))), x, events).maximise


class _Likelihood:
    """The logistic likelihood of one design, to be maximised under many row weights.

    Newton's method needs an exponential for every row, step and resample. Resamples have their
    maximum near the one of all rows, so the search starts there with the third-order expansion of
    the score, whose coefficients are weighted sums of fixed columns. In a large sample it is
    exact enough and the search ends at once.

    Parameters
    ----------
    design : ndarray of shape (p, n)
        The first row is 1; p is 1 or 2.
    offset, events : ndarray of shape (n,)
    """

    def __init__(self, design: Floats, offset: Floats, events: Floats) -> None:
        self.design, self.offset, self.events = design, offset, events
        self.pairs = np.stack([row * other for row in design for other in design])
        ones = np.ones((1, len(offset)))
        self.top = self._newton(ones, np.zeros((1, len(design))), np.zeros(1, bool), FINE)[0]
        share = _logistic(self.top @ design + offset)
        variance = share * (1 - share)
        derivatives = (
            events - share,
            variance,
            variance * (1 - 2 * share),
            variance * (1 - 6 * variance),
        )
        last = design[-1]
        # Order k of the expansion needs the moments 0 to k of the predictor, and one more for its
        # own row of the score; with an intercept only, moment 0.
        self.columns = [
            np.stack([values * last**j for j in range(order + 2 if len(design) == 2 else 1)])
            for order, values in enumerate(derivatives)
        ]

    def maximise(self, weights: Floats) -> Floats:
        """Return the coefficients (b, p) under weights (b, n); NaN where there are none."""
        start = np.tile(self.top, (len(weights), 1))
        if np.isnan(self.top).any():  # separated classes stay separated in every resample
            return start
        moments = [weights @ columns.T for columns in self.columns]
        step, remainder = _expanded_step(moments, len(self.top))
        settled = remainder < SMALLEST_ORDER
        near = np.isfinite(step).all(axis=1) & (np.abs(step) < 1).all(axis=1)
        start[near] += step[near]
        return self._newton(weights, start, settled & near, COARSE)

    def _newton(
        self,
        weights: Floats,
        coefficients: Floats,
        settled: npt.NDArray[np.bool_],
        tolerance: float,
    ) -> Floats:
        active = np.flatnonzero(~settled)
        for _ in range(MAX_ITERATIONS):
            if not len(active):
                break
            drawn = weights[active]
            share = _logistic(coefficients[active] @ self.design + self.offset)
            gradient = (drawn * (self.events - share)) @ self.design.T
            curvature = (drawn * share * (1 - share)) @ self.pairs.T
            step = _solve(curvature, gradient)
            coefficients[active] += np.clip(step, -MAX_STEP, MAX_STEP)
            scale = 1 + np.abs(coefficients[active])
            settled[active] = (np.abs(step) < tolerance * scale).all(axis=1)
            active = active[~settled[active] & np.isfinite(step).all(axis=1)]
        return np.where(settled[:, None], coefficients, np.nan)


def _expanded_step(moments: list[Floats], p: int) -> tuple[Floats, Floats]:
    """Solve the third-order expansion of the score for the step from its centre.

    Returns the step (b, p) and the size of what its last order contributed (b,).
    """
    gradient, second = moments[0][:, :p], moments[1]
    curvature = second[:, [0, 1, 1, 2]] if p == 2 else second
    step = _solve(curvature, gradient)
    for _ in range(3):  # each pass gains an order
        quadratic = _order(moments[2], step, 2)
        cubic = _order(moments[3], step, 3)
        with np.errstate(invalid="ignore", over="ignore"):  # far from the top: not finite
            rest = gradient - quadratic - cubic
        step = _solve(curvature, rest)
    return step, np.abs(_solve(curvature, cubic)).max(axis=1)


def _order(moments: Floats, step: Floats, order: int) -> Floats:
    """Order ``order`` of the score at ``step``: sum of w f (a + b x)^order x^i / order!."""
    p = step.shape[1]
    terms = range(order + 1 if p == 2 else 1)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = [comb(order, k) * step[:, 0] ** (order - k) * step[:, -1] ** k for k in terms]
        rows = [sum(powers[k] * moments[:, i + k] for k in terms) for i in range(p)]
        return np.stack(rows, axis=1) / factorial(order)


def _logistic(linear: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-linear))


def _solve(curvature: Floats, gradient: Floats) -> Floats:
    """Solve the p x p systems of Newton's step, p of 1 or 2; not finite where singular."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if gradient.shape[1] == 1:
            return gradient / curvature
        a, b, _, d = curvature.T
        determinant = a * d - b * b
        first = (d * gradient[:, 0] - b * gradient[:, 1]) / determinant
        second = (a * gradient[:, 1] - b * gradient[:, 0]) / determinant
        return np.stack([first, second], axis=1)
