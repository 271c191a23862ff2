"""Small files in the layout of PTB-XL 1.0.3."""

import numpy as np
import pandas as pd

from cardiorisk.records import STANDARD_LEADS

CODES = ["{'NORM': 100.0, 'SR': 0.0}", "{'IMI': 35.0, 'AFIB': 0.0}", "{'SR': 0.0}", "{}"]
STATEMENTS = ["NORM", "IMI", "SR", "AFIB"]


def write_ptbxl(folder, codes=CODES, folds=(3, 9, 9, 10), rates=(100, 500)):
    """Write records, table and statements; the second and third record are one patient's."""
    import wfdb

    n = len(codes)
    signals = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (n, 5000, 12)), axis=1)
    leads = [name.upper() for name in STANDARD_LEADS]  # as the files write aVR
    names = {100: [], 500: []}
    for row in range(n):
        for rate in (100, 500):
            short = f"{row + 1:05d}_{'lr' if rate == 100 else 'hr'}"
            names[rate].append(f"records{rate}/00000/{short}")
            if rate not in rates:
                continue
            place = folder / f"records{rate}" / "00000"
            place.mkdir(parents=True, exist_ok=True)
            signal = signals[row, :: 500 // rate]
            options = {"fmt": ["16"] * 12, "adc_gain": [1000.0] * 12, "baseline": [0] * 12}
            wfdb.wrsamp(short, rate, ["mV"] * 12, leads, signal, write_dir=str(place), **options)
    patients = 100.0 + np.arange(n)
    patients[2:3] = patients[1]
    table = pd.DataFrame(
        {
            "ecg_id": np.arange(n) + 1,
            "patient_id": patients,
            "age": np.resize([56.0, 300.0, np.nan, 24.0], n),
            "sex": np.resize([1, 0, 0, 1], n),
            "scp_codes": codes,
            "strat_fold": folds,
            "filename_lr": names[100],
            "filename_hr": names[500],
        }
    )
    table.to_csv(folder / "ptbxl_database.csv", index=False)
    about = pd.DataFrame({"description": [name.lower() for name in STATEMENTS]}, STATEMENTS)
    about.to_csv(folder / "scp_statements.csv")
    return signals
