"""Which of these ECGs can be trusted, what is wrong with the others, and what a filter mends.

Run with ``python examples/signal_quality.py``.
"""

# %%
# One good simulated record, and what is done to ECGs in practice: hum, an electrode that fell
# off, both arms swapped, microvolts for millivolts, and noise for an ECG.
from dataclasses import replace

import numpy as np

from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures, ECGFilter, SignalQuality

good = make_ecg(1, rhythms=["sinus rhythm"], noise=0.01, random_state=0).records[0]
rng = np.random.default_rng(0)
time = np.arange(good.signal.shape[1]) / good.sampling_rate
hum = np.float32(0.3) * np.sin(2 * np.pi * 50 * time).astype(np.float32)
one, two, three, a_right, a_left, foot, *chest = good.signal
off = good.signal.copy()
off[10] = np.cumsum(rng.normal(size=len(time))) * 0.1

records = {
    "good": good,
    "hum": replace(good, signal=good.signal + hum),
    "V5 off": replace(good, signal=off),
    "arms swapped": replace(
        good, signal=np.stack([-one, three, two, a_left, a_right, foot, *chest])
    ),
    "microvolts": replace(good, signal=1000 * good.signal),
    "noise": replace(good, signal=rng.normal(size=good.signal.shape).astype(np.float32)),
}

# %%
# A grade for every lead, and the reasons to doubt it.
quality = SignalQuality().set_output(transform="pandas")
grades = quality.fit_transform(list(records.values())).set_axis(list(records))
print(grades.round(2)[["quality", "quality_II", "quality_V5"]])
report = quality.report(list(records.values()))
report["record"] = np.array(list(records))[report["record"]]
print(report.groupby(["record", "code", "severity"], sort=False)["lead"].agg(",".join).to_string())

# %%
# The filter takes out the hum, and the grade is that of the good record again.
filtered = ECGFilter().fit_transform([records["hum"]])
print("Grade after the filter:", quality.transform(filtered)["quality"].round(2)[0])

# %%
# Only records without a fatal reason are measured.
table = ECGFeatures(groups=["rhythm"], errors="nan").set_output(transform="pandas")
usable = [name for name in records if not (grades.loc[name] == 0).all()]
print(table.fit_transform([records[name] for name in usable])["heart_rate"].round(1).tolist())
