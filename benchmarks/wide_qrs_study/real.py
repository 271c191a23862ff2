"""The same on real signals: LUDB, and single records of three CinC 2021 collections."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from cardiorisk.datasets import fetch_ludb
from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.features import ECGFeatures, wide_qrs_statements
from cardiorisk.io import read_ecgs
from wide_qrs_study.models import fair
from wide_qrs_study.protocols import FEATURES, features_of, labelled

# SNOMED codes of the challenge for what takes QRS to 120 ms: complete right and left bundle branch
# block, nonspecific intraventricular delay, pacing, pre-excitation.
WIDE_CODES = {
    *("59118001", "713427006", "164909002", "733534002", "698252002", "10370003", "74390002"),
}
COLUMNS = ["conduction", "pacing"]


@dataclass(frozen=True)
class Signals:
    """ECGs of one source: features, and whether a reader named a wide QRS."""

    name: str
    features: pd.DataFrame
    named: np.ndarray


def measure(records: list) -> pd.DataFrame:
    engine = ECGFeatures(groups=["rhythm", "intervals", "axes"], n_jobs=1)
    return engine.set_output(transform="pandas").fit_transform(records)


def ludb() -> Signals:
    """LUDB; the cardiologists' words go through the same reader of reports as a cart's."""
    bunch = fetch_ludb(amplitudes="counts")
    words = bunch.metadata[COLUMNS].fillna("").agg("\n".join, axis=1)
    words = words.str.replace("vintric", "ventric", regex=False)
    said = wide_qrs_statements(pd.DataFrame({"report_0": words.to_numpy()}))
    return Signals("LUDB", measure(list(bunch.records)), (said == "present").to_numpy())


def cinc(folder: Path) -> Signals:
    labels = pd.read_csv(folder / "labels.csv", dtype=str)
    paths = [folder / row.folder / f"{row.record}.hea" for row in labels.itertuples()]
    records = read_ecgs(paths).records
    named = labels["snomed_dx"].map(lambda codes: bool(WIDE_CODES & set(codes.split(","))))
    return Signals("CinC samples", measure(list(records)), named.to_numpy())


def sources() -> list[Signals]:
    found = [ludb()]
    home = os.environ.get("CARDIORISK_DATA")
    if home and (Path(home) / "cinc" / "labels.csv").exists():
        found.append(cinc(Path(home) / "cinc"))
    return found


def area(named: np.ndarray, score: np.ndarray) -> str:
    """Write an AUROC with its interval; a missing score counts as the median."""
    filled = np.where(np.isnan(score), np.nanmedian(score), score)
    areas = delong(named, filled[None])
    return f"{delong_interval(float(areas.auroc[0]), float(areas.covariance[0, 0])):.3f}"


def share(hits: np.ndarray) -> str:
    """Write a proportion with its Wilson interval."""
    limits = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"{hits.mean():.2f} ({limits.low:.2f} to {limits.high:.2f})"


def real_rows(table: pd.DataFrame, n_jobs: int) -> Iterator[str]:
    """Compare the rule, QRS duration and models of the cart table with readers' diagnoses."""
    rows, y, _ = labelled(table, "report")
    for source in sources():
        qrs, rate = (source.features[name].to_numpy() for name in ("qrs_duration", "heart_rate"))
        wide = qrs > 120
        hit, clear = wide[source.named], ~wide[~source.named]
        cells = [
            source.name,
            f"{int(source.named.sum())} of {len(source.named)}",
            f"{int(wide.sum())}, {int((wide & (rate > 100)).sum())}",
            share(hit),
            share(clear),
            area(source.named, qrs),
        ]
        for words in ("without QRS edges", "without QRS edges and axis"):
            X = features_of(rows, FEATURES[words])
            model = fair(n_jobs)["XGBoost, fair"].fit(X, y)
            risk = model.predict_proba(source.features[list(X)])[:, 1]
            cells.append(area(source.named, risk))
        yield f"| {' | '.join(cells)} |"
