"""Simulated admissions with ECG prototypes, of which some go with a diagnosis."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

__all__ = ["make_phenotypes"]

CATEGORIES = ("circulatory", "renal", "endocrine")
START = pd.Timestamp("2150-01-01")

Floats = npt.NDArray[np.float64]


def make_phenotypes(
    n_subjects: int = 1000,
    n_classes: int = 4,
    prototypes_per_class: int = 5,
    n_phecodes: int = 6,
    *,
    n_planted: int = 3,
    effect: float = 0.7,
    admissions_per_subject: float = 1.4,
    ecgs_per_admission: float = 1.5,
    subject_share: float = 0.6,
    prevalence: float = 0.2,
    random_state: Any = None,
) -> Bunch:
    """Simulate what :func:`cardiorisk.explain.phenotype_associations` takes, with known truth.

    Parameters
    ----------
    n_subjects : int, default=1000
    n_classes, prototypes_per_class, n_phecodes : int, default=4, 5, 6
    n_planted : int, default=3
        Phenotypes that depend on prototypes: the first on one prototype of the first class, the
        second on two of the second, and so on; the rest depend on age and sex only.
    effect : float, default=0.7
        Log odds ratio a standard deviation of a planted prototype.
    admissions_per_subject, ecgs_per_admission : float, default=1.4, 1.5
        Means; each is at least 1.
    subject_share : float, default=0.6
        Share of the variance of activations, and of the liability to diagnoses, that belongs to
        the subject, so that repeated admissions are alike. Without planted prototypes the two
        are independent, and errors that ignore the repetition are too small.
    prevalence : float, default=0.2
        About the share of admissions with a phenotype.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Bunch
        ``activations`` (n_ecgs, n_prototypes), ``prototype_class`` (n_prototypes,),
        ``prototype_vectors`` (n_prototypes, 16), ``class_probabilities`` (n_ecgs, n_classes),
        ``ecg_table``, ``admissions``, ``diagnoses``, ``code_map``, ``covariates`` and ``planted``,
        a DataFrame with ``prototype`` and ``phecode``. Codes and phecodes are made up.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> data = make_phenotypes(n_subjects=100, random_state=0)
    >>> data.activations.shape[1], list(data.planted.columns)
    (20, ['prototype', 'phecode'])
    """
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    n_prototypes = n_classes * prototypes_per_class
    repeats = 1 + rng.poisson(admissions_per_subject - 1, n_subjects)
    subject = np.repeat(np.arange(n_subjects), repeats)
    of_ecg = np.repeat(
        np.arange(len(subject)), 1 + rng.poisson(ecgs_per_admission - 1, len(subject))
    )
    own, rest = np.sqrt(subject_share), np.sqrt(1 - subject_share)
    latent = own * rng.normal(size=(n_subjects, n_prototypes))[subject]
    latent += rest * rng.normal(size=latent.shape)
    people = pd.DataFrame(
        {
            "subject_id": 10_000 + np.arange(n_subjects),
            "age": np.clip(rng.normal(65, 14, n_subjects), 18, 95).round(),
            "sex": rng.choice(["F", "M"], n_subjects),
        }
    )
    planted = _planted(n_planted, n_classes, prototypes_per_class)
    liability = _liability(rng, subject, people, n_phecodes, subject_share, prevalence)
    for prototype, column in planted:
        liability[:, column] += effect * latent[:, prototype]
    has = rng.random(liability.shape) < expit(liability)
    admissions = _admissions(rng, subject)
    vectors, classes = _prototypes(rng, n_classes, prototypes_per_class, planted)
    noisy = latent[of_ecg] + 0.3 * rng.normal(size=(len(of_ecg), n_prototypes))
    return Bunch(
        activations=noisy,
        prototype_class=classes,
        prototype_vectors=vectors,
        class_probabilities=expit(noisy.reshape(len(of_ecg), n_classes, -1).mean(axis=2) * 2 - 1),
        ecg_table=_ecgs(rng, admissions, of_ecg),
        admissions=admissions,
        diagnoses=_diagnoses(has, admissions),
        code_map=_code_map(n_phecodes),
        covariates=people,
        planted=pd.DataFrame(
            [(prototype, str(100 + column)) for prototype, column in planted],
            columns=["prototype", "phecode"],
        ),
    )


def _planted(n_planted: int, n_classes: int, per_class: int) -> list[tuple[int, int]]:
    """Pairs of prototype and phenotype: phenotype i has i + 1 prototypes of class i."""
    return [
        ((column % n_classes) * per_class + member, column)
        for column in range(n_planted)
        for member in range(min(column + 1, per_class))
    ]


def _liability(
    rng: np.random.Generator,
    subject: npt.NDArray[np.intp],
    people: pd.DataFrame,
    n_phecodes: int,
    subject_share: float,
    prevalence: float,
) -> Floats:
    age = ((people["age"] - 65) / 14).to_numpy()[subject, None]
    male = (people["sex"] == "M").to_numpy()[subject, None]
    shared = 2.0 * np.sqrt(subject_share) * rng.normal(size=(len(people), n_phecodes))[subject]
    middle = np.log(prevalence / (1 - prevalence)) * (1 + subject_share / 2)
    return np.asarray(middle + shared + 0.4 * age + 0.3 * (male - 0.5))


def _admissions(rng: np.random.Generator, subject: npt.NDArray[np.intp]) -> pd.DataFrame:
    nth = np.arange(len(subject)) - np.searchsorted(subject, subject)
    start = START + pd.to_timedelta(120.0 * nth + rng.uniform(0, 90, len(subject)), unit="D")
    return pd.DataFrame(
        {
            "subject_id": 10_000 + subject,
            "hadm_id": 20_000 + np.arange(len(subject)),
            "admittime": start.round("min"),
            "dischtime": (start + pd.to_timedelta(rng.uniform(1, 10, len(subject)), "D")).round(
                "min"
            ),
        }
    )


def _ecgs(
    rng: np.random.Generator, admissions: pd.DataFrame, of_ecg: npt.NDArray[np.intp]
) -> pd.DataFrame:
    stay = admissions.iloc[of_ecg].reset_index(drop=True)
    hours = (stay["dischtime"] - stay["admittime"]) * rng.uniform(0, 1, len(stay))
    return pd.DataFrame(
        {
            "subject_id": stay["subject_id"],
            "hadm_id": stay["hadm_id"],
            "ecg_time": (stay["admittime"] + hours).dt.floor("min"),
        }
    )


def _diagnoses(has: npt.NDArray[np.bool_], admissions: pd.DataFrame) -> pd.DataFrame:
    row, column = np.nonzero(has)
    version = np.where(row % 2 == 0, 10, 9)
    codes = np.where(version == 10, "X", "9").astype(object)
    return pd.DataFrame(
        {
            "hadm_id": admissions["hadm_id"].to_numpy()[row],
            "icd_code": [
                f"{first}{number:02d}1" for first, number in zip(codes, column, strict=True)
            ],
            "icd_version": version,
        }
    )


def _code_map(n_phecodes: int) -> pd.DataFrame:
    rows = []
    for column in range(n_phecodes):
        phecode = str(100 + column)
        words = {"phecode": phecode, "phenotype": f"phenotype {phecode}"}
        words |= {"category": CATEGORIES[column % len(CATEGORIES)], "exclude_range": phecode}
        rows.append({"icd_version": "10", "icd_code": f"X{column:02d}.1"} | words)
        rows.append({"icd_version": "9", "icd_code": f"9{column:02d}.1"} | words)
    return pd.DataFrame(rows)


def _prototypes(
    rng: np.random.Generator, n_classes: int, per_class: int, planted: list[tuple[int, int]]
) -> tuple[Floats, npt.NDArray[np.str_]]:
    """Vectors of 16 dimensions; classes of which only some are planted lie farther apart."""
    classes = np.repeat([f"class {chr(65 + i)}" for i in range(n_classes)], per_class)
    members = np.bincount([prototype // per_class for prototype, _ in planted], minlength=n_classes)
    spread = np.where((members > 0) & (members < per_class), 1.0, 0.5)
    centres = rng.normal(size=(n_classes, 16))
    offsets = rng.normal(size=(n_classes * per_class, 16))
    which = np.repeat(np.arange(n_classes), per_class)
    return centres[which] + spread[which, None] * offsets, classes
