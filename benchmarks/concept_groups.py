"""Vectors of real ICD codes against the groups of the Clinical Classifications Software (CCS).

The MIMIC demos hold 100 patients each, so this shows that real codes, real groups and vectors come
together, and not how good vectors of a hospital's codes are. The groups are HCUP's own files for
ICD-9-CM and ICD-10-CM, not a way through mappings. Five seeds; the
number of epochs is varied and not chosen.

Run: python benchmarks/concept_groups.py (CARDIORISK_DATA)
Writes benchmarks/results/concept_groups.md.
"""

import os
from pathlib import Path

import numpy as np

from cardiorisk.evaluation import concept_quality
from cardiorisk.features import ConceptEmbedding
from cardiorisk.io import read_code_groups, read_mimic_iii, read_mimic_iv

RESULT = Path(__file__).parent / "results" / "concept_groups.md"
DATA = Path(os.environ["CARDIORISK_DATA"])
GROUPERS = (
    ("ccs_icd9cm_single_dx_simple.csv.gz", "icd9cm", "ICD9CM"),
    ("ccs_icd10cm_2019_1_simple.csv.gz", "icd10cm", "ICD10CM"),
)
SEEDS = range(5)
LEAST = 3  # events of a code
WAYS = {
    "skip-gram, 10 epochs (default)": {},
    "skip-gram, 100 epochs": {"epochs": 100},
    "random": {"algorithm": "random"},
}


def ccs() -> dict[str, str]:
    groups: dict[str, str] = {}
    for name, column, system in GROUPERS:
        path = DATA / "code_groupers" / name
        groups |= read_code_groups(path, code=column, group="ccs", system=system, prefix="CCS")
    return groups


def spread(values) -> str:
    return f"{np.mean(values):.3f} ({np.min(values):.3f} to {np.max(values):.3f})"


def main() -> None:
    groups = ccs()
    lines = [
        "# Vectors of real codes against CCS",
        "",
        f"`python benchmarks/concept_groups.py`. 50 dimensions, codes with {LEAST} or "
        f"more events, mean and range of {len(SEEDS)} seeds. 100 patients each: **mechanics "
        "only**. Purity is the share of a diagnosis' five nearest diagnoses that are of its own "
        "CCS group.",
        "",
        "| data | diagnoses in groups of two or more | vectors | purity | by chance | silhouette |",
        "|---|---|---|---|---|---|",
    ]
    for name, read in (("mimic_iv_demo", read_mimic_iv), ("mimic_iii_demo", read_mimic_iii)):
        histories = read(DATA / name)
        for words, settings in WAYS.items():
            found = []
            for seed in SEEDS:
                model = ConceptEmbedding(
                    vector_size=50, min_count=LEAST, random_state=seed, **settings
                )
                found.append(concept_quality(model.fit(histories), groups))
            one = found[0]
            lines.append(
                f"| {name} | {one.n_codes} in {one.n_groups} | {words} | "
                f"{spread([q.purity for q in found])} | {one.chance_purity:.3f} | "
                f"{spread([q.silhouette for q in found])} |"
            )
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
