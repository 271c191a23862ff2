"""Which ECG prototypes go with which diagnoses, on simulated admissions with known truth.

Three of six phenotypes depend on prototypes. The study should find these, should not be misled by
patients who come back, and should not take the best of many for good. Run with
``python examples/digital_phenotypes.py [FOLDER]``.
"""

# %%
# Activations of 30 prototypes on about 2,500 ECGs, diagnoses as ICD codes, and a code map.
import sys
from pathlib import Path

from cardiorisk.datasets import make_phenotypes
from cardiorisk.explain import phenotype_associations
from cardiorisk.explain.phenotypes import (
    class_patterns,
    compare_representations,
    multivariable_auroc,
    plot_phecode_manhattan,
    plot_volcano,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
data = make_phenotypes(1200, n_classes=6, n_phecodes=9, random_state=0)
found = phenotype_associations(
    data.activations,
    data.ecg_table,
    data.diagnoses,
    data.code_map,
    data.covariates,
    prototype_class=data.prototype_class,
    random_state=0,
)
print(found, "\n")
columns = ["prototype", "class", "phecode", "n_case", "effect", "se", "p_adj", "auroc"]
print(found.significant[columns].round(3).to_string(index=False), "\n")
truth = set(map(tuple, data.planted.to_numpy()))
hits = set(zip(found.significant["prototype"], found.significant["phecode"], strict=True))
print(f"{len(hits & truth)} of {len(truth)} planted pairs found, {len(hits - truth)} false.\n")

# %%
# Pictures of all pairs, and of the best prototype of each phenotype.
plot_volcano(found).figure.savefig(folder / "volcano.png", dpi=150)
plot_phecode_manhattan(found).figure.savefig(folder / "manhattan.png", dpi=150)

# %%
# Classes whose prototypes disagree, and whether those lie farther apart.
patterns = class_patterns(found, data.prototype_vectors, random_state=0)
print(patterns)
print(patterns.tests.round(3).to_string(index=False), "\n")

# %%
# Prototypes against class probabilities: the AUROC of a column that was chosen in other subjects.
compared = compare_representations(
    found.cohort,
    {"prototypes": data.activations, "classes": data.class_probabilities},
    random_state=0,
)
print(compared.table[["phecode", "representation", "auroc_apparent", "auroc"]].round(3).to_string())
print(compared.tests.round(4).to_string(index=False), "\n")
together = multivariable_auroc(found.cohort, data.activations, random_state=0)
print(together.round(3).to_string(index=False))
