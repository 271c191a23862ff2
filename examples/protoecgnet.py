"""An ECG classifier whose reasons are windows of training records.

Run with ``python examples/protoecgnet.py [folder for the picture]``. Simulated ECGs.
"""

# %%
# Premature ventricular complexes are a matter of single beats, fibrillation of the whole record.
import sys
from pathlib import Path

import numpy as np

from cardiorisk.datasets import make_ecg
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.explain import plot_prototype_match

RHYTHMS = ["sinus rhythm", "premature ventricular complexes", "atrial fibrillation"]
ecgs = make_ecg(150, rhythms=RHYTHMS, sampling_rate=100, noise=0.01, random_state=0)
train, test = ecgs.records[:110], ecgs.records[110:]

model = ProtoECGNetClassifier(
    width=8,
    latent_dim=16,
    prototypes_per_class=3,
    backbone_epochs=8,
    prototype_epochs=6,
    random_state=0,
).fit(train, ecgs.target[:110])
print(f"accuracy on {len(test)} other records: {model.score(test, ecgs.target[110:]):.2f}")

# %%
# What the prototypes are, and what the first ectopic record is made of.
print(model.prototypes_.head(3).round(2).to_string(), "\n")
row = int(np.flatnonzero(ecgs.target[110:] == RHYTHMS[1])[0])
reasons = model.explain(test[row : row + 1])
print(reasons)
columns = ["label", "class", "branch", "similarity", "contribution", "match_start"]
print(reasons.top(4)[columns].round(2).to_string(index=False))

# %%
# The training window above the window that matched it.
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
plot_prototype_match(model, test, row=row).savefig(folder / "prototype_match.png", dpi=100)
