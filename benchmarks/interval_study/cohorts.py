"""Populations whose true risks are known, and cohorts drawn from them."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

MAX_ROWS = 5  # of a patient
FIRST_SEED = 50_000  # methods were chosen on other populations and seeds


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

    def true_risk(self, risk):
        """Tell the true risk of people with this risk of the model."""
        return expit((logit(risk) - self.shift) / self.slope)

    def other_risk(self, z, noise):
        """Tell the risk of a second model, which sees a noisy copy."""
        return expit(z + noise)

    def in_subgroup(self, z):
        """Tell the chance of belonging to a subgroup, whose people are sicker."""
        return expit((z - self.mean) / self.sd - 0.4)


class Cohort(NamedTuple):
    """Events, risks of two models, patients (or None), true risks and a subgroup, (n,) each."""

    events: np.ndarray
    risk: np.ndarray
    other: np.ndarray
    patients: np.ndarray | None
    true_risk: np.ndarray
    member: np.ndarray


POPULATIONS = {
    "half with the event": Population(0.0, 1.5, 1.3, -0.2),
    "one in ten": Population(-2.6, 1.1, 1.2, 0.2),
    "patients of 1 to 5 rows": Population(-0.5, 1.5, 1.2, 0.0, shared=0.7),
    "much too extreme": Population(0.0, 1.5, 2.5, -0.6),
    "well calibrated": Population(0.0, 1.5, 1.0, 0.0),
}


def draw(population: Population, n: int, seed: int) -> Cohort:
    """Draw n rows."""
    rng = np.random.default_rng([FIRST_SEED + seed, n])
    groups = None
    z = rng.normal(size=n)
    if population.shared:
        sizes = rng.integers(1, MAX_ROWS + 1, size=n)
        groups = np.repeat(np.arange(n), sizes)[:n]
        common = rng.normal(size=n)[groups]
        z = np.sqrt(population.shared) * common + np.sqrt(1 - population.shared) * z
    z = population.mean + population.sd * z
    events = rng.random(n) < expit(z)
    other = population.other_risk(z, rng.normal(size=n))
    member = rng.random(n) < population.in_subgroup(z)
    return Cohort(events, population.risk(z), other, groups, expit(z), member)
