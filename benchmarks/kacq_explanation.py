"""What it costs to explain one patient by the default network, and what its own kernels save.

Run: ``OMP_NUM_THREADS=1 python benchmarks/kacq_explanation.py``, about a minute. Heart table of
four centres, the five-member default after six epochs (the cost does not depend on them),
permutation contributions against all 920 rows. The same explanation is made twice: as it is, and by
torch's own recurrent step, by splines from the recursion, and in batches of 256 rows. Both take
turns; printed is the least processor time.

Writes benchmarks/results/kacq_explanation.md.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from sklearn.pipeline import make_pipeline

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.estimators.kacq import KANLayer, classifier
from cardiorisk.estimators.kacq.lstm import LSTM
from cardiorisk.explain import explain
from cardiorisk.features import ClinicalTable

RESULT = Path(__file__).parent / "results" / "kacq_explanation.md"
PATIENTS = (5, 400, 800)


def in_torch_alone():
    """Leave out the kernels of the package, within a context."""
    stack = ExitStack()
    stack.enter_context(patch.object(KANLayer, "_is_compiled", lambda *_: False))
    stack.enter_context(patch.object(LSTM, "_without_slopes", LSTM._fused))
    stack.enter_context(patch.object(classifier, "ROWS_AT_ONCE", 256))
    return stack


def timed(model, table, patient):
    start = time.process_time()
    found = explain(model, table.iloc[[patient]], "permutation", table)
    return time.process_time() - start, found.values


def main():
    torch.set_num_threads(1)
    heart = load_heart_disease()
    table = ClinicalTable(schema=heart.schema, impute="median").set_output(transform="pandas")
    model = make_pipeline(table, KACQDCNNClassifier(epochs=6, random_state=0))
    model.fit(heart.data, heart.target)
    timed(model, heart.data, 0)
    seconds, differences = [], []
    for patient in PATIENTS:
        own, values = timed(model, heart.data, patient)
        with in_torch_alone():
            plain, expected = timed(model, heart.data, patient)
        seconds.append((own, plain))
        differences.append(np.abs(values - expected).max())
    own, plain = np.min(seconds, axis=0)
    lines = [
        "# Explaining a patient by KACQ-DCNN",
        "",
        "`OMP_NUM_THREADS=1 python benchmarks/kacq_explanation.py`: one patient of the heart",
        "table, five members, permutation contributions against all 920 rows, one thread, least",
        "processor time.",
        "",
        "| one patient | CPU s |",
        "|---|---|",
        f"| as it is | {own:.1f} |",
        f"| torch's recurrent step, recursion, 256 rows at once | {plain:.1f} |",
        f"| ratio | {plain / own:.1f} |",
        f"| largest difference of a contribution | {max(differences):.0e} |",
    ]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
