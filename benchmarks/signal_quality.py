"""Measure what the quality checks and filters tell rightly and wrongly.

    python benchmarks/signal_quality.py

LUDB, the CinC sample, PTB-XL and MIT-BIH under $CARDIORISK_DATA; simulated noise and rhythms.
The rules for swapped electrodes, a wrong rate and pacemaker spikes are chosen anew in each of five
folds of LUDB's patients, from the candidates below, as the most sensitive with a specificity of
99 % or more in the other four folds (of equals the most specific, then the strictest). The fifth
fold tells how good the choice is; the choice on all of LUDB is what the package should hold.

Writes benchmarks/results/signal_quality.md. Takes about two minutes.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from signal_noise import KINDS, SNRS, noise_records, noisy
from sklearn.model_selection import KFold

from cardiorisk._signal_problems import signal_problems
from cardiorisk.datasets import fetch_ludb, make_ecg
from cardiorisk.features import ECGFilter, SignalQuality, _beat_doubts
from cardiorisk.features._beat_doubts import (
    SwapEvidence,
    count_spikes,
    needles,
    rate_evidence,
    swap_evidence,
    swapped_leads,
)
from cardiorisk.features.delineation import mark_record
from cardiorisk.features.measurements import median_beat
from cardiorisk.io import read_ecgs
from cardiorisk.records import Delineation, ECGRecord

RESULT = Path(__file__).parent / "results" / "signal_quality.md"
DATA = Path(os.environ["CARDIORISK_DATA"])
FOLDS, LEAST_SPECIFICITY = 5, 0.99
RATES = (30, 40, 50, 60, 80, 100, 130, 160, 190, 220)


def arms_swapped(record: ECGRecord) -> ECGRecord:
    one, two, three, a_right, a_left, foot = record.signal[:6]
    return replace(
        record, signal=np.stack([-one, three, two, a_left, a_right, foot, *record.signal[6:]])
    )


def arm_and_leg_swapped(record: ECGRecord) -> ECGRecord:
    one, two, three, a_right, a_left, foot = record.signal[:6]
    return replace(
        record, signal=np.stack([-three, -two, -one, foot, a_left, a_right, *record.signal[6:]])
    )


def marked(record: ECGRecord) -> tuple[ECGRecord, Delineation] | None:
    """Record and marks at the analysis rate, None where it is refused."""
    if any(problem.fatal for problem in signal_problems(record)):
        return None
    resampled, marks = mark_record(record, "native")
    return (resampled, marks) if marks.n_beats else None


def share(hits: Iterable[bool]) -> str:
    """Percentage with its 95 % interval (Wilson), and the numbers."""
    hit = np.asarray(list(hits), bool)
    interval = binomtest(int(hit.sum()), len(hit)).proportion_ci(method="wilson")
    low, high = (100 * edge for edge in interval)
    return f"{100 * hit.mean():.1f} % ({low:.1f} to {high:.1f}; {hit.sum()} of {len(hit)})"


# --- noise is not an ECG, and an ECG is not noise ---


def false_acceptance() -> list[str]:
    lines = ["| noise | records that got beats |", "|---|---|"]
    for kind in KINDS:
        accepted = [marked(record) is not None for record in noise_records(kind, 100)]
        lines.append(f"| {kind} | {share(accepted)} |")
    return lines


def recorded_sets() -> dict[str, list[ECGRecord]]:
    archive = np.load(DATA / "ptbxl" / "ptbxl1625_zscored_100hz.npz")
    ptbxl = (archive["x"][:300] / archive["scale"]).transpose(0, 2, 1).astype(np.float32)
    tapes = np.load(DATA / "mitdb" / "mitdb8_lead0.npz")
    windows = [
        (tapes[name] / tapes["gain"])[None, start : start + 3600].astype(np.float32)
        for name in tapes.files
        if name.startswith("ecg_")
        for start in range(0, len(tapes[name]) - 3600, 3 * 3600)
    ]
    return {
        "LUDB": list(fetch_ludb().records),
        "CinC 2021 sample": list(read_ecgs(DATA / "cinc")),
        "PTB-XL, 100 Hz": [ECGRecord(signal, 100.0) for signal in ptbxl],
        "MIT-BIH, one lead": [ECGRecord(window, 360.0, ("MLII",)) for window in windows],
    }


def rhythm_at(rate: int) -> str:
    if rate < 60:
        return "sinus bradycardia"
    return "sinus rhythm" if rate < 100 else "sinus tachycardia"


def simulated() -> tuple[list[ECGRecord], list[int]]:
    records, truth = [], []
    asked = [(rhythm_at(rate), rate) for rate in RATES]
    asked += [("wide-QRS tachycardia", rate) for rate in RATES if rate >= 110]
    for rhythm, rate in asked:
        records += make_ecg(4, rhythms=[rhythm], heart_rate=rate, random_state=rate).records
        truth += 4 * [rate]
    return records, truth


def heart_rate(record: ECGRecord) -> float:
    found = marked(record)
    if found is None or found[1].n_beats < 2:
        return np.nan
    return 60 * 500 / float(np.median(np.diff(found[1].beats["R_peak"])))


def false_rejection(sets: dict[str, list[ECGRecord]]) -> list[str]:
    lines = ["| records | refused |", "|---|---|"]
    for name, records in sets.items():
        lines.append(f"| {name} | {share(marked(record) is None for record in records)} |")
    lines += ["", "| noise | SNR, dB | LUDB refused | simulated refused | rate off by > 5 % |"]
    lines += ["|---|---|---|---|---|"]
    records, truth = simulated()
    for kind, decibels in [("none", np.inf), *product(("white", "pink", "muscle", "motion"), SNRS)]:
        rng = np.random.default_rng(0)
        refused = [marked(noisy(record, kind, decibels, rng)) is None for record in sets["LUDB"]]
        rates = np.array([heart_rate(noisy(record, kind, decibels, rng)) for record in records])
        wrong = np.abs(rates / truth - 1)[np.isfinite(rates)] > 0.05
        lines.append(
            f"| {kind} | {decibels:g} | {share(refused)} | {share(np.isnan(rates))} "
            f"| {share(wrong)} |"
        )
    return lines


def grades(records: Sequence[ECGRecord]) -> list[str]:
    quality = SignalQuality()
    lines = ["| noise | SNR, dB | median grade of a lead | leads below 0.66 |", "|---|---|---|---|"]
    for kind, decibels in [("none", np.inf), *product(("white", "pink", "muscle", "motion"), SNRS)]:
        rng = np.random.default_rng(0)
        batch = [noisy(record, kind, decibels, rng) for record in records]
        leads = quality.fit_transform(batch)[:, 1:].ravel()
        lines.append(f"| {kind} | {decibels:g} | {np.median(leads):.3f} | {share(leads < 0.66)} |")
    return lines


# --- rules, chosen and judged on different patients ---


@dataclass(frozen=True)
class Rule:
    """A family of candidate rules, the strictest first, and which of them fire on which record."""

    name: str
    candidates: Sequence[object]
    fires: Callable[[object, object], bool]
    held: object  # the candidate that the package holds

    def table(self, evidence: Sequence[object]) -> np.ndarray:
        """Which candidate fires on which record, (n_candidates, n_records)."""
        return np.array([[self.fires(one, seen) for seen in evidence] for one in self.candidates])


def chosen(positive: np.ndarray, negative: np.ndarray) -> int:
    """Choose the most sensitive candidate that is specific enough."""
    sensitivity, specificity = positive.mean(axis=1), 1 - negative.mean(axis=1)
    order = np.lexsort((-specificity, -sensitivity, specificity < LEAST_SPECIFICITY))
    return int(order[0])


def judged(rule: Rule, positive: list, negative: list, elsewhere: tuple[list, list]) -> str:
    """Row of figures of one rule."""
    yes, no = rule.table(positive), rule.table(negative)
    hit, false = np.zeros(yes.shape[1], bool), np.zeros(no.shape[1], bool)
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(no.T):
        best = chosen(yes[:, train], no[:, train])
        hit[test], false[test] = yes[best, test], no[best, test]
    best = rule.candidates[chosen(yes, no)]
    other = [[rule.fires(rule.held, seen) for seen in side] for side in elsewhere]
    cells = [share(hit), share(~false), share(other[0]), share(~np.array(other[1], bool))]
    return f"| {rule.name} | {' | '.join(cells)} | {best} | {rule.held} |"


def arms_rule(rule: object, seen: object) -> bool:
    limit, with_qrs, with_p = rule
    upside_down = seen.like_six_one < -limit
    without_six = np.isnan(seen.like_six_one) and seen.p_one < 0 and seen.qrs_one < 0
    qrs = seen.qrs_one < 0 or not with_qrs
    return bool((upside_down or without_six) and qrs and not (with_p and seen.p_one > 0))


def leg_rule(rule: object, seen: object) -> bool:
    limit, with_p, with_a_right = rule
    p_wave = seen.p_two < 0 or not with_p
    return bool(seen.like_six_two < -limit and p_wave and (seen.p_a_right > 0 or not with_a_right))


LIMITS = (0.8, 0.6, 0.4, 0.2, 0.0)
FORMS = [(True, True), (True, False), (False, True), (False, False)]
SWAPS = [(limit, *form) for limit, form in product(LIMITS, FORMS)]
SHORT = list(product(range(55, 81, 5), range(300, 381, 10)))
LONG = list(product(range(170, 119, -5), range(560, 459, -10)))
HEIGHTS = (0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1)
RULES = {
    "arms": Rule("both arms swapped", SWAPS, arms_rule, (-_beat_doubts.ARMS_LIKE_V6, True, False)),
    "leg": Rule(
        "right arm and left leg swapped", SWAPS, leg_rule, (-_beat_doubts.LEG_LIKE_V6, False, False)
    ),
    "high": Rule(
        "rate stated twice too high",
        SHORT,
        lambda one, seen: seen[0] < one[0] and seen[1] < one[1],
        (_beat_doubts.SHORT_QRS, _beat_doubts.SHORT_QTC),
    ),
    "low": Rule(
        "rate stated twice too low",
        LONG,
        lambda one, seen: seen[0] > one[0] and seen[1] > one[1],
        (_beat_doubts.LONG_QRS, _beat_doubts.LONG_QTC),
    ),
    "pacing": Rule(
        "simulated pacing spikes of 0.1-1 mV",
        HEIGHTS,
        lambda least, seen: count_spikes(seen[0], seen[1], least) > 0,
        _beat_doubts.SPIKE_HEIGHT,
    ),
}


def swap_seen(record: ECGRecord) -> object:
    found = marked(record)
    return swap_evidence(median_beat(*found)) if found else SwapEvidence(*6 * [np.nan])


def rate_seen(record: ECGRecord, factor: float) -> tuple[float, float]:
    found = marked(replace(record, sampling_rate=factor * record.sampling_rate))
    return rate_evidence(found[1]) if found else (np.nan, np.nan)


def paced(record: ECGRecord, rng: np.random.Generator) -> ECGRecord:
    """Add spikes of 2 ms before each QRS complex to the chest leads."""
    found = marked(record)
    signal = record.signal.copy()
    if found is not None:
        places = found[1].beats["QRS_on"] * record.sampling_rate / 500 - 0.01 * record.sampling_rate
        places = np.clip(np.round(places).astype(int), 0, signal.shape[1] - 1)
        signal[6:, places] += np.float32(10 ** rng.uniform(-1, 0))
    return replace(record, signal=signal)


def seen_in(records: Sequence[ECGRecord]) -> dict[str, tuple[list, list]]:
    """Evidence of each rule in records that were spoilt, and in the same as they are."""
    rng = np.random.default_rng(0)
    as_is, true_rate = [swap_seen(r) for r in records], [rate_seen(r, 1) for r in records]
    spiked = [paced(record, rng) for record in records]
    return {
        "arms": ([swap_seen(arms_swapped(record)) for record in records], as_is),
        "leg": ([swap_seen(arm_and_leg_swapped(record)) for record in records], as_is),
        "high": ([rate_seen(record, 2) for record in records], true_rate),
        "low": ([rate_seen(record, 0.5) for record in records], true_rate),
        "pacing": tuple(
            [(needles(record), record.sampling_rate) for record in side]
            for side in (spiked, records)
        ),
    }


def rules(sets: dict[str, list[ECGRecord]]) -> list[str]:
    ludb = fetch_ludb()
    is_paced = (ludb.metadata["pacing"] != "").to_numpy()
    seen, elsewhere = seen_in(sets["LUDB"]), seen_in(sets["CinC 2021 sample"])
    seen["pacing"] = tuple(
        [one for one, has in zip(side, is_paced, strict=True) if not has] for side in seen["pacing"]
    )
    lines = [
        "| rule | held-out sensitivity, LUDB | held-out specificity, LUDB | sensitivity, CinC "
        "| specificity, CinC | choice on LUDB | package |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [judged(rule, *seen[name], elsewhere[name]) for name, rule in RULES.items()]
    paced_records = [r for r, has in zip(sets["LUDB"], is_paced, strict=True) if has]
    found = [_beat_doubts.pacing_spikes(record) is not None for record in paced_records]
    both = [swapped_leads(median_beat(*marked(record))) is not None for record in paced_records]
    odd = {
        factor: share(
            _beat_doubts.wrong_rate(pair[1]) is not None
            for record in sets["LUDB"]
            if (pair := marked(replace(record, sampling_rate=factor * 500)))
        )
        for factor in (500 / 360, 360 / 500)
    }
    return [
        *lines,
        "",
        f"Paced LUDB records: spikes told in {share(found)}, called swapped {share(both)}. "
        f"LUDB's 500 Hz stated as 694 Hz (as 360 Hz read as 500): told in {odd[500 / 360]}; "
        f"stated as 360 Hz: {odd[360 / 500]}.",
    ]


# --- filter ---


def filter_figures() -> list[str]:
    clean = make_ecg(20, rhythms=["sinus rhythm"], noise=0, random_state=0)
    time = np.arange(clean.data.shape[-1]) / 500
    inner = slice(500, -500)
    lines = ["| what | figure |", "|---|---|"]
    for mains in (50, 60):
        left = []
        keep = ECGFilter(baseline=None, mains=mains)
        for away in (-0.2, 0, 0.2, -12, 12):
            hum = 0.2 * np.sin(2 * np.pi * (mains + away) * time)
            rest = keep.fit_transform(clean.data + hum) - keep.fit_transform(clean.data)
            left.append(20 * np.log10(rest[..., inner].std() / hum[inner].std()))
        lines.append(f"| hum within 0.2 Hz of {mains} Hz, worst | {max(left[:3]):.0f} dB |")
        lines.append(f"| a wave 12 Hz beside {mains} Hz, worst | {min(left[3:]):.2f} dB |")
    moved = ECGFilter(mains=None).fit_transform(clean.data) - clean.data
    tilt = [
        np.abs(moved[row, :, round(at)] - moved[row, :, round(on)]).max()
        for row, marks in enumerate(clean.marks)
        for on, at in zip(marks.beats["QRS_on"], marks.beats["QRS_off"], strict=True)
        if 500 < on and at < 4500
    ]
    lines.append(f"| default filter, J point against QRS onset, worst | {max(tilt):.3f} mV |")
    return lines


def main() -> None:
    sets = recorded_sets()
    text = ["# Signal quality", "", "`python benchmarks/signal_quality.py`", ""]
    for title, lines in {
        "Noise that passes for an ECG (100 records a kind)": false_acceptance(),
        "ECGs that pass for noise": false_rejection(sets),
        "Grades of LUDB with noise (every fourth record)": grades(sets["LUDB"][::4]),
        "Rules (LUDB in five folds by patient; pacing without the four paced patients)": rules(
            sets
        ),
        "Filter (20 simulated sinus rhythms)": filter_figures(),
    }.items():
        text += [f"## {title}", "", *lines, ""]
        print("\n".join(lines), flush=True)
    RESULT.write_text("\n".join(text))


if __name__ == "__main__":
    main()
