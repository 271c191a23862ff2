"""A cohort of ECGs in one table, and one record of it on paper.

Run with ``python examples/describe_cohort.py [FOLDER]``; it writes the picture there.
"""

# %%
# Simulated records of two rhythms. In one of them, a lead fell off.
import sys
from pathlib import Path

from cardiorisk.datasets import make_ecg
from cardiorisk.explain import plot_ecg
from cardiorisk.features import describe_ecg

ecgs = make_ecg(
    20, rhythms=["sinus rhythm", "left bundle branch block"], noise=0.01, random_state=0
)
ecgs.records[0].signal[3] = 0.0

# %%
# One row a feature: how many could be measured, what is usual, and how far the classes differ.
table = describe_ecg(ecgs.records, ecgs.target, groups=["rhythm", "intervals", "axes"])
print(table[["label", "unit", "n", "median", "q1", "q3", "outside", "smd"]].round(1).to_string())
print("Flags:", table.attrs["flags"])

# %%
# The record with the missing lead: its waves, what is wrong with it, and a window to look at.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
highlights = [("II", 1.0, 2.5, "lead II from 1 to 2.5 s")]
ax = plot_ecg(
    ecgs.records[0], marks="native", quality=True, highlights=highlights, title=ecgs.target[0]
)
ax.figure.savefig(folder / "ecg.svg", metadata={"Title": ax.get_label()})
print(ax.get_label())
