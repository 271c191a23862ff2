"""How many people a risk model needs, to be developed and to be validated."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, ndtri
from scipy.stats import norm

__all__ = [
    "SampleSize",
    "cox_snell_from_auroc",
    "sample_size_development",
    "sample_size_external",
]

Floats = npt.NDArray[np.float64]

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()  # of a standard normal variable


@dataclass(frozen=True, eq=False, repr=False)
class SampleSize:
    """How many people are needed, and whether those at hand suffice.

    Parameters
    ----------
    table : DataFrame
        One row a criterion: ``needed`` people, and ``enough``, missing where ``n`` was not given.
    needed : int
        People that meet every criterion.
    events : int
        Events among them.
    prevalence : float
    n : int or None
        People at hand.
    per_parameter : float
        Events at hand (or needed) per predictor parameter; NaN for a validation.
    notes : tuple of str

    Examples
    --------
    >>> size = sample_size_development(24, 0.174, r2_cox_snell=0.288)
    >>> size.needed, size.events
    (662, 116)
    """

    table: pd.DataFrame
    needed: int
    events: int
    prevalence: float
    n: int | None = None
    per_parameter: float = float("nan")
    notes: tuple[str, ...] = field(default=())

    @property
    def enough(self) -> bool | None:
        """Whether ``n`` meets every criterion; None where it was not given."""
        return None if self.n is None else self.n >= self.needed

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the criteria; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        head = f"SampleSize: {self.needed} people, {self.events} events needed"
        if self.n is not None:
            head += f"; {self.n} at hand are {'enough' if self.enough else 'too few'}"
        if np.isfinite(self.per_parameter):
            head += f"; {self.per_parameter:.1f} events a parameter"
        lines = [head, self.table.to_string()]
        return "\n".join(lines + [f"Note: {note}" for note in self.notes])


def sample_size_development(
    n_parameters: int,
    prevalence: float,
    *,
    r2_cox_snell: float | None = None,
    auroc: float | None = None,
    shrinkage: float = 0.9,
    optimism: float = 0.05,
    margin: float = 0.05,
    n: int | None = None,
) -> SampleSize:
    """Compute how many people a regression model of a yes-or-no outcome needs.

    Three criteria: shrinkage of at least ``shrinkage``, optimism of Nagelkerke's R-squared of at
    most ``optimism``, and the overall risk known within ``margin``. The often cited ten events a
    parameter are neither necessary nor enough.

    Parameters
    ----------
    n_parameters : int
        Coefficients that are candidates, every category and spline term counted, and those that a
        selection throws out as well.
    prevalence : float
        Share of people with the outcome.
    r2_cox_snell : float, optional
        Cox and Snell's R-squared to be expected, from earlier models. One of this and ``auroc``.
    auroc : float, optional
        AUROC to be expected, turned into R-squared for normally distributed log-odds.
    shrinkage, optimism, margin : float, default=0.9, 0.05, 0.05
    n : int, optional
        People at hand, to be judged.

    Returns
    -------
    size : SampleSize

    Raises
    ------
    ValueError
        A value is out of range, or not exactly one of R-squared and AUROC was given.

    Notes
    -----
    The criteria are for regression. Forests, boosting and networks need many times as many (van
    der Ploeg T et al. 2014, doi:10.1186/1471-2288-14-137).

    References
    ----------
    Riley RD et al. Stat Med 2019;38:1276-1296. doi:10.1002/sim.7992; BMJ 2020;368:m441.
    doi:10.1136/bmj.m441; from AUROC: Stat Med 2021;40:859-864. doi:10.1002/sim.8806

    Examples
    --------
    >>> from cardiorisk.evaluation import sample_size_development
    >>> sample_size_development(24, 0.174, r2_cox_snell=0.288, n=600).enough
    False
    """
    if not isinstance(n_parameters, int | np.integer) or n_parameters < 1:
        raise ValueError(f"Got n_parameters={n_parameters!r}, but expected a number of 1 or more.")
    _check_shares(prevalence=prevalence, shrinkage=shrinkage, optimism=optimism, margin=margin)
    if (r2_cox_snell is None) == (auroc is None):
        raise ValueError("Got both or neither of r2_cox_snell and auroc, but expected one.")
    r2 = cox_snell_from_auroc(auroc, prevalence) if r2_cox_snell is None else r2_cox_snell
    largest = 1 - (prevalence**prevalence * (1 - prevalence) ** (1 - prevalence)) ** 2
    if not 0 < r2 < largest:
        raise ValueError(
            f"Got r2_cox_snell={r2:g}, but expected a value between 0 and {largest:.3f}, the "
            f"largest at a prevalence of {prevalence:g}."
        )
    for_optimism = r2 / (r2 + optimism * largest)
    needed = {
        f"shrinkage of {shrinkage:g}": _for_shrinkage(n_parameters, r2, shrinkage),
        f"optimism of R-squared {optimism:g}": _for_shrinkage(n_parameters, r2, for_optimism),
        f"overall risk within {margin:g}": (_Z / margin) ** 2 * prevalence * (1 - prevalence),
    }
    return _size(needed, prevalence, n, n_parameters)


def cox_snell_from_auroc(auroc: Any, prevalence: float) -> float:
    """Cox and Snell's R-squared of a calibrated model whose log-odds are normal in each class.

    Parameters
    ----------
    auroc : float
        Above 0.5 and below 1.
    prevalence : float

    Returns
    -------
    r2 : float

    References
    ----------
    Riley RD, Van Calster B, Collins GS. Stat Med 2021;40:859-864. doi:10.1002/sim.8806. Here the
    integral is computed, not simulated.

    Examples
    --------
    >>> round(cox_snell_from_auroc(0.89, 0.174), 2)
    0.29
    """
    parts = _log_odds(auroc, prevalence)
    fitted = sum(
        share * weights @ np.log(np.where(event, expit(x), expit(-x)))
        for event, share, x, weights in parts
    )
    empty = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(-2 * (fitted - empty)))


def sample_size_external(
    prevalence: float,
    auroc: float,
    *,
    log_odds: tuple[float, float] | None = None,
    oe_width: float = 0.2,
    slope_width: float = 0.2,
    auroc_width: float = 0.1,
    n: int | None = None,
) -> SampleSize:
    """Compute how many people an external validation needs for intervals of a given width.

    Parameters
    ----------
    prevalence : float
        Share of people with the outcome.
    auroc : float
        AUROC to be expected.
    log_odds : tuple of (float, float), optional
        Mean and standard deviation of the predicted log-odds, normally distributed. None takes
        those of a calibrated model with that AUROC.
    oe_width, slope_width, auroc_width : float, default=0.2, 0.2, 0.1
        Widths of the 95 % intervals of observed:expected, calibration slope and AUROC.
    n : int, optional
        People at hand, to be judged.

    Returns
    -------
    size : SampleSize

    Raises
    ------
    ValueError
        A value is out of range.

    References
    ----------
    Riley RD et al. Stat Med 2021;40:4230-4251. doi:10.1002/sim.9025; AUROC: Newcombe RG. Stat Med
    2006;25:559-573. doi:10.1002/sim.2324

    Examples
    --------
    >>> from cardiorisk.evaluation import sample_size_external
    >>> sample_size_external(0.1, 0.8, oe_width=0.4).needed > 1000
    True
    """
    _check_shares(prevalence=prevalence)
    for name, width in (
        ("oe_width", oe_width),
        ("slope_width", slope_width),
        ("auroc_width", auroc_width),
    ):
        if not width > 0:
            raise ValueError(f"Got {name}={width!r}, but expected a width above 0.")
    x, weights = _pooled_log_odds(prevalence, auroc, log_odds)
    error_of_ratio = np.arcsinh(oe_width / 2) / _Z  # of its logarithm, at a ratio of 1
    information = expit(x) * expit(-x) * weights
    flat, first, second = information.sum(), information @ x, information @ x**2
    needed = {
        f"O:E interval of {oe_width:g}": (1 - prevalence) / (prevalence * error_of_ratio**2),
        f"slope interval of {slope_width:g}": flat
        / ((slope_width / (2 * _Z)) ** 2 * (flat * second - first**2)),
        f"AUROC interval of {auroc_width:g}": _for_auroc(prevalence, auroc, auroc_width),
    }
    return _size(needed, prevalence, n, None)


_Z = float(ndtri(0.975))


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ValueError(f"Got {name}={share!r}, but expected a number between 0 and 1.")


def _for_shrinkage(n_parameters: int, r2: float, shrinkage: float) -> float:
    if r2 >= shrinkage:  # stronger than the formula allows
        return float("inf")
    return float(n_parameters / ((shrinkage - 1) * np.log(1 - r2 / shrinkage)))


def _log_odds(auroc: Any, prevalence: float) -> list[tuple[bool, float, Floats, Floats]]:
    """Nodes of calibrated log-odds in those with and without the event, whose sd are equal."""
    _check_shares(prevalence=prevalence)
    if auroc is None or not 0.5 < auroc < 1:
        raise ValueError(f"Got auroc={auroc!r}, but expected a number between 0.5 and 1.")
    variance = 2 * norm.ppf(auroc) ** 2
    centre = logit(prevalence)
    return [
        (True, prevalence, centre + variance / 2 + np.sqrt(variance) * NODES, NODE_WEIGHTS),
        (False, 1 - prevalence, centre - variance / 2 + np.sqrt(variance) * NODES, NODE_WEIGHTS),
    ]


def _pooled_log_odds(
    prevalence: float, auroc: float, log_odds: tuple[float, float] | None
) -> tuple[Floats, Floats]:
    parts = _log_odds(auroc, prevalence)
    if log_odds is not None:
        return log_odds[0] + log_odds[1] * NODES, NODE_WEIGHTS
    x = np.concatenate([nodes for _, _, nodes, _ in parts])
    return x, np.concatenate([share * weights for _, share, _, weights in parts])


def _for_auroc(prevalence: float, auroc: float, width: float) -> float:
    """Smallest n whose interval is narrow enough: the variance is a / n + b / n^2."""
    c = auroc
    half = (1 - c) / (2 - c) + c / (1 + c)
    scale = c * (1 - c) / (prevalence * (1 - prevalence))
    target = (width / (2 * _Z)) ** 2
    # scale * (1 + (n / 2 - 1) * half) / n^2 = target
    linear, constant = scale * half / 2, scale * (1 - half)
    return float((linear + np.sqrt(linear**2 + 4 * target * constant)) / (2 * target))


def _size(
    needed: dict[str, float], prevalence: float, n: int | None, n_parameters: int | None
) -> SampleSize:
    whole = {name: np.ceil(value - 1e-9) for name, value in needed.items()}
    largest = max(whole.values())
    if not np.isfinite(largest):
        raise ValueError("Got an R-squared above the shrinkage; no number of people follows.")
    table = pd.DataFrame({"needed": pd.Series(whole).astype(int)})
    table["enough"] = None if n is None else n >= table["needed"]
    people = int(largest) if n is None else n
    per = float("nan") if n_parameters is None else people * prevalence / n_parameters
    events = int(np.ceil(largest * prevalence))
    return SampleSize(table, int(largest), events, prevalence, n, per)
