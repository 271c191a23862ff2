"""Simulated twelve-lead ECGs whose wave marks are known exactly.

Run with ``python examples/simulated_ecg.py [FOLDER]``; it writes a picture of each rhythm there.
"""

# %%
# One record of each rhythm, with a little noise.
import sys
from pathlib import Path

import numpy as np

from cardiorisk.datasets import make_ecg
from cardiorisk.explain import plot_ecg
from cardiorisk.features import ECGFeatures

ecgs = make_ecg(24, noise=0.01, random_state=0)
print(ecgs.intervals.assign(rhythm=ecgs.target).head(12).round(1).to_string())

# %%
# What the feature extractor measures, beside the truth.
measured = ECGFeatures(groups=["rhythm", "intervals"]).set_output(transform="pandas")
table = measured.fit_transform(ecgs.data)
names = {"heart_rate": "/min", "pr_interval": "ms", "qrs_duration": "ms", "qt_interval": "ms"}
for name, unit in names.items():
    error = table[name].to_numpy() - ecgs.intervals[name].to_numpy()
    print(f"{name}: median absolute error {np.nanmedian(np.abs(error)):.1f} {unit}")

# %%
# Each rhythm on ECG paper, with the true marks.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
for rhythm in ecgs.target_names:
    rows = np.flatnonzero(ecgs.target == rhythm)
    if len(rows):
        ax = plot_ecg(ecgs.records[rows[0]], marks=ecgs.marks[rows[0]])
        ax.figure.savefig(folder / f"{rhythm.replace(' ', '_')}.png", dpi=100)
