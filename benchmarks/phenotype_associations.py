"""Associations of prototypes with phenotypes: speed, power, errors, and the price of choosing.

1. The time of 1,000 prototypes x 500 phenotypes x 10,000 admissions on two threads, beside
   statsmodels fitting the same regressions one at a time (from 40 of them).
2. Power and false discoveries on simulated admissions with planted associations.
3. The share of p-values below 0.05 where nothing is planted and patients come back, with errors
   clustered by subject and without.
4. The AUROC of the best of many columns of noise, in the same and in other subjects.
5. Where CARDIORISK_DATA has them: how many of MIMIC-IV demo's codes phecode maps know.

Run: python benchmarks/phenotype_associations.py [--repeats 160]
Writes benchmarks/results/phenotype_associations.md.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from tqdm import tqdm

from cardiorisk.datasets import make_phenotypes
from cardiorisk.explain.phenotypes import (
    associate,
    compare_representations,
    map_diagnoses,
    phenotype_cohort,
    read_code_map,
)

RESULT = Path(__file__).parent / "results" / "phenotype_associations.md"
EFFECTS = (0.15, 0.3, 0.45, 0.6)


def cohort_of(data, min_cases=30):
    tables = data.ecg_table, data.diagnoses, data.code_map, data.covariates
    return phenotype_cohort(*tables, min_cases=min_cases)


def speed() -> list[str]:
    data = make_phenotypes(7200, 50, 20, 500, n_planted=30, prevalence=0.05, random_state=0)
    start = time.perf_counter()
    cohort = cohort_of(data, min_cases=100)
    linking = time.perf_counter() - start
    start, cpu = time.perf_counter(), time.process_time()
    found = associate(cohort, data.activations, intervals="none", n_jobs=2)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    n, one_fit = len(cohort.admissions), []
    rows = np.flatnonzero(cohort.cases[:, 0] | cohort.controls[:, 0])
    for prototype in range(40):
        design = np.column_stack([cohort.covariates[rows], found.activations[rows, prototype]])
        begin = time.process_time()
        fit = sm.Logit(cohort.cases[rows, 0].astype(float), design).fit(
            disp=0, cov_type="cluster", cov_kwds={"groups": cohort.subjects[rows]}
        )
        one_fit.append(time.process_time() - begin)
        row = found.table.iloc[prototype]
        assert abs(fit.params[-1] - row["effect"]) < 1e-6
        assert abs(fit.bse[-1] / row["se"] - 1) < 1e-5
    total = found.activations.shape[1] * len(cohort.phenotypes)
    theirs = np.median(one_fit) * total
    return [
        f"{found.activations.shape[1]} prototypes x {len(cohort.phenotypes)} phenotypes x {n} "
        "admissions, logistic regression with age and sex, errors by subject, AUROC of every pair:",
        "",
        "| | seconds |",
        "|---|---|",
        f"| linking and mapping | {linking:.1f} |",
        f"| all associations, CPU time of both threads | {cpu:.0f} |",
        f"| half of that, as two free cores would take | {cpu / 2:.0f} |",
        f"| elapsed here, where other work shared the cores | {wall:.0f} |",
        f"| statsmodels, CPU time of {total} fits at the median of 40, no AUROC | {theirs:.0f} |",
        "",
        f"{len(found.problems)} pairs without an estimate.",
        "",
    ]


def power(repeats: int) -> list[str]:
    rows = []
    for effect in (0.0, *EFFECTS):
        for seed in tqdm(range(repeats if effect else 3 * repeats), desc=f"effect {effect}"):
            planted = 3 if effect else 0
            data = make_phenotypes(1000, n_planted=planted, effect=effect, random_state=seed)
            cohort, truth = cohort_of(data), set(map(tuple, data.planted.to_numpy()))
            for correction in ("bonferroni", "bh"):
                table = associate(
                    cohort, data.activations, correction=correction, intervals="none"
                ).significant
                hits = set(zip(table["prototype"], table["phecode"], strict=True))
                false = len(hits - truth)
                rows.append(
                    {"effect": effect, "correction": correction, "any": float(false > 0)}
                    | {"power": len(hits & truth) / len(truth) if truth else np.nan}
                    | {"fdp": false / max(len(hits), 1)}
                )
    table = pd.DataFrame(rows).groupby(["effect", "correction"]).mean()
    count = pd.DataFrame(rows).groupby(["effect", "correction"]).size()
    lines = [
        "1,000 subjects with about 1,400 admissions, 20 prototypes x 6 phenotypes, 6 planted pairs "
        f"({count.max()} studies without any, {count.min()} at each effect), level 0.05. The log "
        "odds ratio is of the true value an SD; the measured activation carries noise.",
        "",
        "| planted log odds ratio | correction | power | false share of findings | any false |",
        "|---|---|---|---|---|",
    ]
    for (effect, correction), row in table.iterrows():
        found = "" if np.isnan(row["power"]) else f"{row['power']:.1%}"
        lines.append(
            f"| {effect:g} | {correction} | {found} | {row['fdp']:.1%} | {row['any']:.1%} |"
        )
    return lines + [""]


def repeated_patients(repeats: int) -> list[str]:
    lines = [
        f"Share of p-values below 0.05 where nothing is planted ({repeats} studies of 50 "
        "prototypes x 6 phenotypes, subject's share of the variance 0.95):",
        "",
        "| subjects | admissions a subject | by subject | as if independent | Mann-Whitney |",
        "|---|---|---|---|---|",
    ]
    for n_subjects, admissions in ((1200, 1), (400, 3), (200, 6)):
        found = []
        for seed in range(repeats):
            data = make_phenotypes(
                n_subjects,
                n_classes=10,
                n_planted=0,
                admissions_per_subject=admissions,
                ecgs_per_admission=1.0,
                subject_share=0.95,
                random_state=seed,
            )
            cohort = cohort_of(data)
            ways = ({"cluster": True}, {"cluster": False}, {"test": "mannwhitney"})
            found.append(
                [
                    (
                        associate(cohort, data.activations, intervals="none", **way).table["p"]
                        < 0.05
                    ).mean()
                    for way in ways
                ]
            )
        shares = " | ".join(f"{share:.1%}" for share in np.mean(found, axis=0))
        lines.append(f"| {n_subjects} | {admissions} | {shares} |")
    return lines + [""]


def choosing(repeats: int) -> list[str]:
    lines = [
        f"Best of many columns of noise, mean AUROC over 6 phenotypes and {repeats} studies of "
        "1,000 subjects:",
        "",
        "| columns | same subjects | other subjects (cross-fitted) |",
        "|---|---|---|",
    ]
    for n_columns in (1, 10, 100, 1000):
        found = []
        for seed in range(repeats):
            data = make_phenotypes(1000, n_planted=0, random_state=seed)
            noise = np.random.default_rng(seed).normal(size=(len(data.ecg_table), n_columns))
            compared = compare_representations(
                cohort_of(data), {"noise": noise}, test="welch", random_state=seed
            )
            found.append(compared.table[["auroc_apparent", "auroc"]].mean())
        same, other = np.mean(found, axis=0)
        lines.append(f"| {n_columns} | {same:.3f} | {other:.3f} |")
    return lines + [""]


def real_codes() -> list[str]:
    folder = Path(os.environ.get("CARDIORISK_DATA", "."))
    hosp, maps = folder / "mimic_iv_demo" / "hosp", folder / "code_groupers"
    if not (hosp / "diagnoses_icd.csv").exists() or not maps.exists():
        return []
    diagnoses = pd.read_csv(hosp / "diagnoses_icd.csv", dtype={"icd_code": str})
    names = ("phecode_map_v1_2_icd9.csv.gz", "phecode_map_v1_2_icd10_beta.csv.gz")
    mapping = read_code_map([maps / name for name in names])
    lines = ["MIMIC-IV demo (100 patients: the mechanics of the mapping, no association):", ""]
    lines += ["| codes | known as they are | with stems |", "|---|---|---|"]
    for version, part in diagnoses.groupby("icd_version"):
        exact = map_diagnoses(part, mapping, truncate=False)[1]
        stems = map_diagnoses(part, mapping)[1]
        lines.append(f"| {len(part)} of ICD-{version} | {exact:.1%} | {stems:.1%} |")
    stays = pd.read_csv(hosp / "admissions.csv")
    people = pd.read_csv(hosp / "patients.csv")[["subject_id", "anchor_age", "gender"]]
    cohort = phenotype_cohort(
        stays[["subject_id", "hadm_id"]], diagnoses, mapping, people, min_cases=20
    )
    count = (
        f"{len(cohort.admissions)} admissions, {len(cohort.phenotypes)} phenotypes with 20 cases"
    )
    return [*lines, "", f"{count} and controls.", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=160)
    repeats = parser.parse_args().repeats
    lines = ["# Prototypes as digital phenotypes, on simulated admissions", ""]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines += speed() + power(repeats) + repeated_patients(repeats // 4)
        lines += choosing(repeats // 16) + real_codes()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
