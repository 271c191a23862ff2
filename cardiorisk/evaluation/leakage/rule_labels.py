"""An outcome that is a rule on one or two of the columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.rules import (
    Step,
    box_errors,
    interval_errors,
    level_errors,
    step_at_best_cut,
)
from cardiorisk.evaluation.leakage.study import Study
from cardiorisk.evaluation.proportion_limits import clopper_pearson

__all__ = ["rule_labels"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SEARCHED_ROWS = 2000  # in which rules are searched; the best are judged on all rows
SEARCHED_COLUMNS = 60  # of which pairs are searched: those most alike another
CHUNK = 500  # pairs at a time
THOUSANDS = "1000"  # a difference of columns in different units
PAIRS = ("-", THOUSANDS, "/")
IDENTIFIER = re.compile(
    r"(.*[ _.])?(id|no|nr|number|index|row|record|patient|subject)", re.IGNORECASE
)
JUDGED = 6
TRIM = 0.01  # share of the rarer outcome that may lie beyond each limit
ONE_LINE = (0.95, 0.80)  # of the rarer outcome explained: as seen, and beyond chance (95 %)
TWO_LINES = (0.98, 0.95)  # two thresholds fit two honest clouds of some fifty events each
CHANCE = 0.001  # that any of the rules that were looked at explains as much
MOST_LEVELS, ROWS_A_LEVEL = 50, 20
FEWEST_VALUES = 10  # below, a column has no neighbourhood of a threshold
STEP, PLATEAU = 0.5, 0.85
NEAR = 30  # rows on each side, at least: with fewer the limits of a step are too wide to see it
ERROR = 0.005  # of each limit of a step


@dataclass(frozen=True)
class _Rule:
    words: str
    columns: tuple[str, ...]
    values: Floats
    identifier: bool = False


def rule_labels(study: Study) -> list[Finding]:
    """Find a column, a difference, a ratio or two thresholds that give the outcome.

    With several classes each must be such a rule against the rest.
    """
    labels = study.labels()
    classes = np.unique(labels)
    numbers, names = _varying(study)
    identifiers = {
        name: column
        for name, column in zip(names, numbers.T, strict=True)
        if _is_identifier(name, column)
    }
    kept = np.array([name not in identifiers for name in names], dtype=bool)
    others = tuple(name for name in names if name not in identifiers)
    columns = _Columns(numbers[:, kept], others, identifiers, _levels(study))
    if not names and not columns.levels:
        raise NotChecked("no column varies")
    wanted = [study.pos_label] if study.pos_label is not None else classes.tolist()
    if len(classes) == 2:
        wanted = wanted[-1:]
    found = []
    for label in wanted:
        finding = _find(columns, np.asarray(labels == label), study.seed)
        if finding is None:
            return []
        found.append(finding)
    return found[:1]


@dataclass(frozen=True)
class _Columns:
    numbers: Floats
    names: tuple[str, ...]
    identifiers: dict[str, Floats]
    levels: dict[str, npt.NDArray[np.intp]]


def _varying(study: Study) -> tuple[Floats, tuple[str, ...]]:
    """Columns of numbers that vary."""
    numbers = np.where(np.isinf(study.cells.numbers), np.nan, study.cells.numbers)
    varies = [len(np.unique(column[~np.isnan(column)])) > 1 for column in numbers.T]
    names = np.array(study.cells.numeric_names, dtype=object)[np.array(varies, dtype=bool)]
    return numbers[:, varies], tuple(names)


def _is_identifier(name: str, column: Floats) -> bool:
    """Whether a column numbers the rows: whole, distinct, and called so or without large gaps."""
    if np.isnan(column).any() or (column % 1).any() or len(np.unique(column)) < len(column):
        return False
    return bool(IDENTIFIER.fullmatch(name)) or bool(np.ptp(column) < 2 * len(column))


def _levels(study: Study) -> dict[str, npt.NDArray[np.intp]]:
    """Columns of few values, words or codes, as levels."""
    found = {}
    for name, column in zip(study.cells.columns, study.cells.codes.T, strict=True):
        if study.cells.whole or len(np.unique(column[:1000])) > MOST_LEVELS:
            continue
        values, level = np.unique(column, return_inverse=True)
        if 1 < len(values) <= min(MOST_LEVELS, len(column) / ROWS_A_LEVEL):
            found[name] = level
    return found


def _searched(events: Bools, seed: int) -> npt.NDArray[np.intp]:
    """Rows in which rules are searched, some of either outcome."""
    if len(events) <= SEARCHED_ROWS:
        return np.arange(len(events))
    rng = np.random.default_rng(seed)
    share = float(np.clip(events.mean(), 0.1, 0.9))
    parts = [
        rng.permutation(np.flatnonzero(events == side))[: round(SEARCHED_ROWS * part)]
        for side, part in ((True, share), (False, 1 - share))
    ]
    return np.concatenate(parts)


def _find(columns: _Columns, events: Bools, seed: int) -> Finding | None:
    if not 0 < events.sum() < len(events):
        return None
    judged = [
        (level_errors(level, events), _Rule(name, (name,), np.empty(0)), ONE_LINE)
        for name, level in columns.levels.items()
    ]
    for name, column in columns.identifiers.items():
        one = _Rule(name, (name,), column, identifier=True)
        judged.append((int(interval_errors(column[:, None], events)[0]), one, ONE_LINE))
    rules: list[_Rule] = []
    if columns.names:
        numbers, names = columns.numbers, columns.names
        rules = _best(numbers, names, events, _searched(events, seed))
        judged += [
            (int(interval_errors(one.values[:, None], events)[0]), one, ONE_LINE) for one in rules
        ]
        judged.append((*_box(numbers, names, events, rules), TWO_LINES))
    n_columns = len(columns.names) + len(columns.levels) + len(columns.identifiers)
    for mistakes, rule, explained in sorted(judged, key=lambda one: one[0]):
        if _determines(mistakes, events, n_columns, explained):
            return _exact(rule, mistakes, events)
    for rule in rules:
        step = _noisy(rule.values, events)
        if step is not None:
            return _stepped(rule, step)
    return None


def _best(
    numbers: Floats, names: tuple[str, ...], events: Bools, rows: npt.NDArray[np.intp]
) -> list[_Rule]:
    """Columns, differences and ratios with fewest mistakes among the searched rows."""
    searched, outcome = numbers[rows], events[rows]
    ranked: list[tuple[int, int, str, tuple[int, ...]]] = [
        (int(mistakes), 1, "", (place,))
        for place, mistakes in enumerate(interval_errors(searched, outcome))
    ]
    pairs = list(combinations(_alike(searched), 2))
    for kind in PAIRS:
        asked = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        if kind == THOUSANDS:  # of columns of one size it is the plain difference
            asked = asked[_thousands(searched, *asked.T) != 0]
        for start in range(0, len(asked), CHUNK):
            some = asked[start : start + CHUNK]
            errors = interval_errors(_combined(searched, kind, *some.T), outcome)
            ranked += [
                (int(mistakes), 2, kind, (int(first), int(second)))
                for (first, second), mistakes in zip(some, errors, strict=True)
            ]
    return [_rule(numbers, names, kind, places) for _, _, kind, places in sorted(ranked)[:JUDGED]]


def _rule(numbers: Floats, names: tuple[str, ...], kind: str, places: tuple[int, ...]) -> _Rule:
    columns = tuple(names[place] for place in places)
    if not kind:
        return _Rule(columns[0], columns, numbers[:, places[0]])
    first, second = places
    values = _combined(numbers, kind, np.array([first]), np.array([second]))[:, 0]
    words = f" {kind} ".join(columns)
    if kind == THOUSANDS:
        power = int(_thousands(numbers, np.array([first]), np.array([second]))[0])
        scaled = [
            f"{1000 ** max(sign * power, 0)} * {name}" if sign * power > 0 else name
            for sign, name in zip((1, -1), columns, strict=True)
        ]
        words = " - ".join(scaled)
    return _Rule(words, columns, values)


def _combined(
    table: Floats, kind: str, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> Floats:
    """Differences, or ratios of columns that are positive throughout (elsewhere a constant)."""
    if kind == "-":
        return table[:, first] - table[:, second]
    if kind == THOUSANDS:
        power = _thousands(table, first, second)
        smaller, larger = np.maximum(power, 0), np.maximum(-power, 0)
        return table[:, first] * 1000.0**smaller - table[:, second] * 1000.0**larger
    positive = np.where(np.isnan(table), np.inf, table).min(axis=0) > 0
    divisor = np.where(positive[second], table[:, second], np.nan)
    return np.where(positive[first], table[:, first] / divisor, np.nan)


def _thousands(
    table: Floats, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Power of 1000 by which columns differ in size: milliseconds and seconds, or mV and uV."""
    present = ~np.isnan(table)
    size = np.abs(np.where(present, table, 0.0)).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    order = np.log(np.where(size > 0, size, 1.0)) / np.log(1000)
    return np.asarray(np.round(order[second] - order[first]))


def _alike(searched: Floats) -> list[int]:
    """Columns of which pairs are searched: all, or those most correlated with another."""
    if searched.shape[1] <= SEARCHED_COLUMNS:
        return list(range(searched.shape[1]))
    filled = np.where(np.isnan(searched), np.nanmedian(searched, axis=0), searched)
    scale = filled.std(axis=0)
    standard = (filled - filled.mean(axis=0)) / np.where(scale > 0, scale, 1)
    likeness = np.abs(standard.T @ standard)
    np.fill_diagonal(likeness, 0)
    return np.sort(np.argsort(-likeness.max(axis=0))[:SEARCHED_COLUMNS]).tolist()


def _box(
    numbers: Floats, names: tuple[str, ...], events: Bools, rules: list[_Rule]
) -> tuple[int, _Rule]:
    """Two thresholds, or intervals, joined by "and" or "or": the best, its mistakes on all rows."""
    pairs = [rule for rule in rules if len(rule.columns) == 2]
    table = np.column_stack([numbers, *(rule.values for rule in pairs)])
    labels = (*names, *(rule.words for rule in pairs))
    sources = (*((name,) for name in names), *(rule.columns for rule in pairs))
    rarer = events if events.mean() <= 0.5 else ~events
    found: list[tuple[int, int, int]] = []
    for side, trim in ((rarer, 0.0), (rarer, TRIM), (~rarer, 0.0)):
        mistakes = box_errors(table, side, trim)
        place = int(mistakes.argmin())
        found.append((int(mistakes.flat[place]), *divmod(place, len(mistakes))))
    fewest, first, second = min(found)
    words = " and ".join(dict.fromkeys((labels[first], labels[second])))
    columns = tuple(dict.fromkeys((*sources[first], *sources[second])))
    return fewest, _Rule(words, columns, table[:, first])


def _determines(
    mistakes: int, events: Bools, n_columns: int, explained: tuple[float, float]
) -> bool:
    """Whether the rule gives nearly all of the rarer outcome, more than a search by chance."""
    n_rows, n_events = len(events), int(events.sum())
    rarer = min(n_events, n_rows - n_events) / n_rows
    _, limit = clopper_pearson(np.array([mistakes / n_rows]), np.array([n_rows]), 0.9)
    as_seen, at_least = explained
    if mistakes / n_rows > (1 - as_seen) * rarer or limit[0] > (1 - at_least) * rarer:
        return False
    # Shuffled outcomes: the share of them within so many mistakes of one rule, times the rules.
    within = np.log(mistakes + 1) + _log_choices(n_rows, mistakes)
    n_rules = 6 * n_columns**2 * n_rows**2  # columns, differences, ratios, boxes; all intervals
    return bool(np.log(n_rules) + within - _log_choices(n_rows, n_events) < np.log(CHANCE))


def _log_choices(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _noisy(values: Floats, events: Bools) -> Step | None:
    """Find a rule under random mistakes: all of the change at one value, and flat elsewhere.

    A predictor, however strong, is unsure next to its threshold. A rule of which some labels were
    flipped is as sure there as far away.
    """
    if len(np.unique(values[~np.isnan(values)])) < FEWEST_VALUES:
        return None
    step = step_at_best_cut(values, events, max(NEAR, round(np.sqrt(len(events)))))
    if step is None:
        return None
    near, far = _jump(step.near), _jump(step.far)
    sure = _sure_jump(step.near) if near > 0 else _sure_jump(step.near[::-1])
    return step if sure > STEP and near * far > 0 and near / far >= PLATEAU else None


def _jump(counts: tuple[tuple[int, int], tuple[int, int]]) -> float:
    (n_below, below), (n_above, above) = counts
    return above / n_above - below / n_below


def _sure_jump(counts: tuple[tuple[int, int], ...]) -> float:
    """Lower limit of the change, from Clopper-Pearson limits of both sides."""
    (n_below, below), (n_above, above) = counts
    shares = np.array([below / n_below, above / n_above])
    low, high = clopper_pearson(shares, np.array([n_below, n_above]), 1 - 2 * ERROR)
    return float(low[1] - high[0])


REMEDY = (
    "Leave out the columns that make the label (MachineMeasurements(drop=...)), or predict an "
    "outcome that is decided by something else, such as the report."
)


def _exact(rule: _Rule, mistakes: int, events: Bools) -> Finding:
    rarer = min(events.mean(), 1 - events.mean())
    explained = 1 - mistakes / len(events) / rarer
    what = f"The outcome is a rule on {rule.words}, with {mistakes} mistakes in {len(events)} rows."
    remedy = REMEDY
    if rule.identifier:
        what = (
            f"{rule.words} looks like a number of the rows and gives the outcome, with {mistakes} "
            f"mistakes in {len(events)} rows: cases and others were put together in order."
        )
        remedy = "Leave the number out of the columns; it is no property of a person."
    evidence: dict[str, float | str] = {
        "mistakes": mistakes,
        "rows": len(events),
        "share of the rarer outcome explained": float(explained),
    }
    return Finding("rule_labels", what, remedy, evidence, columns=rule.columns)


def _stepped(rule: _Rule, step: Step) -> Finding:
    rates = {side: [hit / n for n, hit in counts] for side, counts in _sides(step)}
    near = rates["near"]
    what = (
        f"The outcome is a rule on {rule.words} with random mistakes: next to {step.threshold:g} "
        f"its share changes from {near[0]:.1%} to {near[1]:.1%}, and no further beyond."
    )
    evidence: dict[str, float | str] = {
        "threshold": step.threshold,
        **{f"share below, {side}": values[0] for side, values in rates.items()},
        **{f"share above, {side}": values[1] for side, values in rates.items()},
    }
    return Finding("rule_labels", what, REMEDY, evidence, columns=rule.columns)


def _sides(step: Step) -> Iterator[tuple[str, tuple[tuple[int, int], tuple[int, int]]]]:
    yield "near", step.near
    yield "far", step.far
