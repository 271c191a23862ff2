"""Every measure on a population itself, by numerical integration."""

import numpy as np
from scipy.special import expit, ndtri

from cardiorisk.evaluation.measures import binary_measures
from interval_study.cohorts import Population

CUT = 0.2
GOLDEN = (np.sqrt(5) - 1) / 2
NAMES = ("auroc", "auprc", "brier", "log_loss", "slope", "intercept", "o:e")


def truth(population: Population, k: int = 200_000) -> dict[str, float]:
    """Measure a population: each risk with its share of events."""
    z = population.mean + population.sd * ndtri((np.arange(k) + 0.5) / k)
    spread = ((np.arange(k) + 0.5) * GOLDEN) % 1  # as even as a grid, and unrelated to z
    p, noise = expit(z), ndtri(np.clip(spread, 1e-9, 1 - 1e-9))
    events = np.repeat([True, False], k)
    weights = np.concatenate([p, 1 - p])[None]
    risk, other = (np.tile(r, 2) for r in (population.risk(z), population.other_risk(z, noise)))
    first, second = (binary_measures(events, r)(weights)[0] for r in (risk, other))
    values = dict(zip(NAMES, first, strict=True))
    values["auroc, DeLong"] = values["auroc"]
    values["ici"] = np.abs(population.risk(z) - p).mean()
    values |= at_cut(events, risk, weights)
    right = [np.where(r >= CUT, p, 1 - p).mean() for r in (population.risk(z), other[:k])]
    values["accuracy difference, McNemar"] = right[0] - right[1]
    values["auroc difference, DeLong"] = values["auroc difference"] = first[0] - second[0]
    values["brier difference"] = first[2] - second[2]
    values |= of_subgroup(population, z, events, risk, weights)
    return {name: float(np.squeeze(value)) for name, value in values.items()}


def at_cut(events: np.ndarray, risk: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Measure what a threshold does."""
    hit, alarm = weights @ (events & (risk >= CUT)), weights @ (~events & (risk >= CUT))
    cases, rows, odds = weights @ events, weights.sum(), CUT / (1 - CUT)
    net_benefit = (hit - alarm * odds) / rows
    best = np.maximum(0.0, (cases - (rows - cases) * odds) / rows)
    return {
        "sensitivity": hit / cases,
        "specificity": 1 - alarm / (rows - cases),
        "ppv": hit / (hit + alarm),
        "npv": 1 - (cases - hit) / (rows - hit - alarm),
        "net benefit": net_benefit,
        "net benefit gain": net_benefit - best,
        "flagged": (hit + alarm) / rows,
    }


def of_subgroup(
    population: Population, z: np.ndarray, events: np.ndarray, risk: np.ndarray, weights: np.ndarray
) -> dict[str, float]:
    """Measure a subgroup, and how far it is from the others."""
    inside = np.tile(population.in_subgroup(z), 2)
    parts = [weights * inside, weights * (1 - inside)]
    measured = [binary_measures(events, risk)(part)[0] for part in parts]
    cuts = [at_cut(events, risk, part) for part in parts]
    gaps = {
        f"gap of {name}": float(np.squeeze(cuts[0][name] - cuts[1][name]))
        for name in ("flagged", "sensitivity", "specificity", "ppv")
    }
    gaps["gap of auroc"] = measured[0][0] - measured[1][0]
    return {"subgroup's auroc": measured[0][0], "subgroup's o:e": measured[0][6], **gaps}
