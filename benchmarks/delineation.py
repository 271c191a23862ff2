"""Score delineation engines on LUDB's hand-marked waves, and time them.

    python benchmarks/delineation.py [--folds FOLDER] [--plain]

The learned engine is scored with networks that have not seen the patient: FOLDER holds what
``python -m cardiorisk.features._train_wave_net --folds FOLDER`` writes. Without it, the shipped
network is scored on patients most of whom it has seen, and nothing is written. ``--plain`` adds
NeuroKit2 by itself, lead by lead, and ECGdeli where it is installed. Simulated ECGs compare
intervals with their truth. Times are CPU time of one thread, the median over records.

With FOLDER, writes benchmarks/results/delineation.md.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import neurokit2
import numpy as np

from cardiorisk.datasets import fetch_ludb, make_ecg
from cardiorisk.datasets.simulated_ecg import RHYTHMS
from cardiorisk.features import _native_engine, delineate
from cardiorisk.features._mark_scores import score_marks
from cardiorisk.features._wave_net import WaveNet
from cardiorisk.records import MARKS, Delineation, ECGRecord

RESULT = Path(__file__).parent / "results" / "delineation.md"
THEIRS = {
    **{
        f"{wave}_{ours}": f"ECG_{wave}_{theirs}s"
        for wave in "PT"
        for ours, theirs in (("on", "Onset"), ("peak", "Peak"), ("off", "Offset"))
    },
    "QRS_on": "ECG_R_Onsets",
    "QRS_off": "ECG_R_Offsets",
}
RATES = ((30, 60), (60, 100), (100, 140), (140, 180), (180, 220))
INTERVALS = {"PR": ("P_on", "QRS_on"), "QRS": ("QRS_on", "QRS_off"), "QT": ("QRS_on", "T_off")}
CLOSE = {"PR": 4, "QRS": 4, "QT": 8}  # ms

Engine = Callable[[ECGRecord], Delineation]


def package_engine(name: str) -> Engine:
    return lambda ecg: delineate(ecg.signal, ecg.sampling_rate, ecg.lead_names, engine=name)


def stored_network(path: Path) -> tuple[WaveNet, list[str]]:
    """Read the network of a fold, and the records that it is to be tested on."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    tested = arrays.pop("tested").tolist()
    return WaveNet({name: values.astype(np.float32) for name, values in arrays.items()}), tested


def held_out_engine(folder: Path) -> Engine:
    """Mark each record with the network of the fold that its patient was kept out of."""
    nets = {}
    for path in sorted(folder.glob("fold*.npz")):
        network, tested = stored_network(path)
        nets |= dict.fromkeys(tested, network)
    return lambda ecg: _native_engine.mark_waves(ecg, nets[ecg.record_id])


def plain_neurokit(method: str) -> Engine:
    """NeuroKit2 as its documentation shows it, one lead after the other."""

    def one_lead(signal: np.ndarray, rate: float) -> dict[str, np.ndarray]:
        try:
            clean = neurokit2.ecg_clean(signal, sampling_rate=int(rate))
            _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=int(rate))
            r_peaks = np.asarray(peaks["ECG_R_Peaks"], float)
            _, found = neurokit2.ecg_delineate(
                clean, peaks["ECG_R_Peaks"], sampling_rate=int(rate), method=method
            )
        except Exception:  # a lead on which it fails has no marks
            return {name: np.empty(0) for name in MARKS}
        marks = {name: np.asarray(found.get(key, []), float) for name, key in THEIRS.items()}
        return marks | {"R_peak": r_peaks}

    def mark(ecg: ECGRecord) -> Delineation:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            leads = tuple(one_lead(lead, ecg.sampling_rate) for lead in ecg.signal.astype(float))
        return Delineation(leads, leads[0], ecg.sampling_rate, ecg.lead_names)

    return mark


def plain_ecgdeli() -> Engine:
    """ECGdeli (doi:10.1016/j.softx.2020.100639) as its documentation shows it."""
    import ecgdeli  # GPL-3, hence beside the package only where somebody installed it

    def mark(ecg: ECGRecord) -> Delineation:
        filtered = ecgdeli.filter_ecg(ecg.signal.T.astype(float), ecg.sampling_rate)
        found = ecgdeli.annotate(filtered, ecg.sampling_rate).leads
        leads = []
        for lead in found:
            marks = {name: getattr(lead, name.lower()).astype(float) for name in MARKS}
            leads.append({name: at[at < ecgdeli.MISSING] for name, at in marks.items()})
        return Delineation(tuple(leads), leads[0], ecg.sampling_rate, ecg.lead_names)

    return mark


def run(engine: Engine, records: tuple[ECGRecord, ...]) -> tuple[list[Delineation], float]:
    """Mark all records; also give the median CPU time of one in ms."""
    engine(records[0])
    marks, seconds = [], []
    for record in records:
        start = time.process_time()
        marks.append(engine(record))
        seconds.append(time.process_time() - start)
    return marks, 1000 * float(np.median(seconds))


def ludb_rows(engines: dict[str, Engine]) -> list[str]:
    ludb = fetch_ludb()
    rows = [
        "| engine | F1 P (on, peak, off), % | F1 QRS (on, R, off), % | F1 T (on, peak, off), % "
        "| SD P on, off; QRS on, off; T off, ms | ms a record |",
        "|---|---|---|---|---|---|",
    ]
    for name, engine in engines.items():
        marks, milliseconds = run(engine, ludb.records)
        scores = score_marks(ludb.marks, marks)
        f1 = scores["f1"].map("{:.2f}".format).to_numpy().reshape(3, 3)
        sd = scores["sd"].map("{:.1f}".format)
        edges = sd[["P_on", "P_off", "QRS_on", "QRS_off", "T_off"]]
        cells = [name, *(", ".join(wave) for wave in f1), ", ".join(edges), f"{milliseconds:.0f}"]
        rows.append(f"| {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    return rows


def interval(beats: dict[str, np.ndarray], name: str, rate: float) -> float:
    """Median over beats in ms, NaN where no beat has both edges."""
    start, end = INTERVALS[name]
    length = (beats[end] - beats[start]) / rate * 1000
    known = length[np.isfinite(length)]
    return float(np.median(known)) if len(known) else np.nan


def rr_errors(truth: Delineation, marks: Delineation) -> np.ndarray:
    """Errors in ms of the RR intervals between beats that were found within 150 ms."""
    true, found = truth.beats["R_peak"], marks.beats["R_peak"]
    if not len(found):
        return np.empty(0)
    errors = found[np.abs(true[:, None] - found).argmin(axis=1)] - true
    errors[np.abs(errors) > 0.15 * truth.sampling_rate] = np.nan
    errors = np.diff(errors) / truth.sampling_rate * 1000
    return errors[np.isfinite(errors)]


def simulated_rows(n_records: int) -> list[str]:
    """Errors of the intervals and share of beats with P, by rhythm and rate."""
    cohorts = {name: {"rhythms": [name]} for name in RHYTHMS}
    cohorts |= {f"{low} to {high} /min": {"heart_rate": (low, high)} for low, high in RATES}
    engines = {name: package_engine(name) for name in ("native", "neurokit")}
    rows = [
        "| ECGs | PR | QRS | QT | each RR | native PR, QRS and QT within 4, 4 and 8 ms "
        "| beats with P: truth | found |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for title, options in cohorts.items():
        ecgs = make_ecg(n_records, **options, noise=0.01, baseline_wander=0.05, random_state=2024)
        found = {name: run(engine, ecgs.records)[0] for name, engine in engines.items()}
        cells, close = [title], []
        for part, limit in CLOSE.items():
            truth = np.array([interval(marks.beats, part, 500) for marks in ecgs.marks])
            errors = [
                np.abs([interval(one.beats, part, 500) for one in marks] - truth)[~np.isnan(truth)]
                for marks in found.values()
            ]
            cells.append(" / ".join(f"{np.nanmedian(e):.1f}" if len(e) else "none" for e in errors))
            ours = errors[0]  # an interval that is not found is not close
            close.append(f"{100 * np.mean(ours <= limit):.0f} %" if len(ours) else "none")
        pairs = [zip(ecgs.marks, marks, strict=True) for marks in found.values()]
        rr = [np.abs(np.concatenate([rr_errors(*pair) for pair in some])) for some in pairs]
        cells.append(" / ".join(f"{np.median(errors):.2f}" for errors in rr))
        cells.append(", ".join(close))
        cells.append(f"{p_share(ecgs.marks):.0f} %")
        cells.append(" / ".join(f"{p_share(marks):.0f} %" for marks in found.values()))
        rows.append(f"| {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    return rows


def p_share(marks: list[Delineation]) -> float:
    return 100 * float(np.mean(np.concatenate([np.isfinite(m.beats["P_on"]) for m in marks])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--simulated", type=int, default=60, help="records a row")
    asked = parser.parse_args()
    engines = {"native, on patients it has seen": package_engine("native")}
    if asked.folds:
        engines = {"native, cross-validated by patient": held_out_engine(asked.folds)}
    engines["neurokit"] = package_engine("neurokit")
    if asked.plain:
        engines |= {f"neurokit2 {name}": plain_neurokit(name) for name in ("prominence", "dwt")}
        if find_spec("ecgdeli"):
            engines["ecgdeli"] = plain_ecgdeli()
    text = [
        "# Delineation",
        "",
        "`python benchmarks/delineation.py --folds FOLDER --plain`",
        "",
        "LUDB, 100 of its 200 records, every lead by itself, matched within 150 ms:",
        "",
        *ludb_rows(engines),
        "",
        f"Simulated ECGs, {asked.simulated} a row: median absolute error in ms, native / neurokit. "
        "The native engine was trained on other ECGs of the same simulator. PR, QRS and QT are "
        "medians of a record, RR is that of every beat.",
        "",
        *simulated_rows(asked.simulated),
    ]
    if asked.folds:
        RESULT.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
