"""Fill TRIPOD+AI and PROBAST+AI from an evaluation, and leave the rest to a person, visibly."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd

import cardiorisk
from cardiorisk.evaluation.calibration_curve import CalibrationCurve
from cardiorisk.evaluation.checklist.facts import (
    facts_of_result,
    facts_of_sample_size,
    facts_of_table,
    facts_of_the_rest,
)
from cardiorisk.evaluation.checklist.items import load_items
from cardiorisk.evaluation.drift import Drift
from cardiorisk.evaluation.net_benefit import DecisionCurve
from cardiorisk.evaluation.result import EvaluationResult
from cardiorisk.evaluation.updating import Recalibration

__all__ = ["Checklist", "ChecklistItem", "checklist"]

TODO = "TODO (a person must say this)"
FEW_EVENTS = 10  # a parameter: below it the first PROBAST sees a concern; it is no guarantee above


@dataclass(frozen=True)
class ChecklistItem:
    """One item of a list.

    Parameters
    ----------
    number : str
    domain : str
        Of PROBAST+AI; empty for TRIPOD+AI.
    item : str
        What is asked, in short words.
    text : str
        What is known; "TODO ..." where only a person knows.
    status : {"computed", "given", "todo"}
        A computed text answers what the data can answer; whether that is all is for a person.
    concern : str, default=""
        Why a reader may worry. Empty does not mean that the risk of bias is low.
    """

    number: str
    domain: str
    item: str
    text: str
    status: str
    concern: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Checklist:
    """TRIPOD+AI and PROBAST+AI of one evaluation.

    Parameters
    ----------
    tripod_ai, probast_ai : tuple of ChecklistItem

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from cardiorisk.evaluation import checklist, evaluate
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> filled = checklist(evaluate(GaussianNB(), X, y, n_bootstraps=20), X=X)
    >>> filled.tripod_ai[12].text
    '63 % of the rows have the outcome.'
    """

    tripod_ai: tuple[ChecklistItem, ...]
    probast_ai: tuple[ChecklistItem, ...]

    @property
    def n_todo(self) -> int:
        """Number of items that wait for a person."""
        return sum(item.status == "todo" for item in self.tripod_ai + self.probast_ai)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate all items, with a column ``checklist``."""
        lists = {"TRIPOD+AI": self.tripod_ai, "PROBAST+AI": self.probast_ai}
        return pd.DataFrame(
            [{"checklist": name, **asdict(item)} for name, items in lists.items() for item in items]
        )

    def to_json(self) -> str:
        """Write both lists as JSON, with the version of the package."""
        content = {
            "cardiorisk": cardiorisk.__version__,
            "n_todo": self.n_todo,
            "tripod_ai": [asdict(item) for item in self.tripod_ai],
            "probast_ai": [asdict(item) for item in self.probast_ai],
        }
        return json.dumps(content, indent=2, ensure_ascii=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_json` to a file; an existing one is replaced."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    def __repr__(self) -> str:
        total = len(self.tripod_ai) + len(self.probast_ai)
        concerns = [item for item in self.probast_ai if item.concern]
        lines = [f"Checklist: {self.n_todo} of {total} items wait for a person"]
        lines += [f"  concern {item.number} ({item.item}): {item.concern}" for item in concerns]
        return "\n".join(lines)


def checklist(
    result: EvaluationResult,
    *,
    X: Any = None,
    model: Any = None,
    n_parameters: int | None = None,
    subgroups: pd.DataFrame | None = None,
    calibration: CalibrationCurve | None = None,
    decision: DecisionCurve | None = None,
    recalibration: Recalibration | None = None,
    drift: Drift | None = None,
    leakage: str | None = None,
    given: Mapping[str, str] | None = None,
) -> Checklist:
    """Fill the reporting list TRIPOD+AI and the topics of PROBAST+AI.

    What the data can answer is filled in. All else stays a TODO: ethics, funding, how the outcome
    was decided. No item is ever judged to be of low risk of bias.

    Parameters
    ----------
    result : EvaluationResult
        Of one risk, several classes or several labels, of which each is counted.
    X : DataFrame, optional
        Its columns and missing values are counted.
    model : estimator, optional
        A Pipeline's steps are named.
    n_parameters : int, optional
        Candidate predictor parameters, for events a parameter and Riley's criteria.
    subgroups : DataFrame, optional
        From :func:`~cardiorisk.evaluation.subgroup_report`.
    calibration, decision, recalibration, drift : optional
        What the functions of these names gave.
    leakage : str, optional
        What a search for leakage found; empty for nothing.
    given : mapping of str to str, optional
        Texts by number, of TRIPOD+AI ("1" to "27") or PROBAST+AI ("1.1" to "4.9"). They stand
        before what can be computed.

    Returns
    -------
    filled : Checklist

    Raises
    ------
    TypeError
        The result is not what evaluate returns.
    ValueError
        A number does not exist, or ``n_parameters`` came with a result of several risks.

    References
    ----------
    Collins GS et al. BMJ 2024;385:e078378. doi:10.1136/bmj-2023-078378; Moons KGM et al. BMJ
    2025;388:e082505. doi:10.1136/bmj-2024-082505 (here: its topics, not its wording)

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from cardiorisk.evaluation import checklist, evaluate
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> result = evaluate(GaussianNB(), X, y, n_bootstraps=20)
    >>> filled = checklist(result, X=X, given={"17": "No approval is needed for open data."})
    >>> filled.tripod_ai[16].status, filled.tripod_ai[4].text
    ('given', 'TODO (a person must say this)')
    """
    if not isinstance(result, EvaluationResult):
        raise TypeError(f"Got a {type(result).__name__}, but expected what evaluate returns.")
    facts = facts_of_result(result)
    if X is not None:
        facts |= facts_of_table(X)
    if n_parameters is not None:
        facts |= facts_of_sample_size(result, n_parameters)
    facts |= facts_of_the_rest(
        model, subgroups, calibration, decision, recalibration, drift, leakage
    )
    texts = {str(number): text for number, text in (given or {}).items()}
    tripod, probast = load_items("tripod_ai"), load_items("probast_ai")
    unknown = sorted(set(texts) - set(tripod) - set(probast))
    if unknown:
        raise ValueError(
            f"Got texts for items {unknown}, but TRIPOD+AI has 1 to {len(tripod)} and PROBAST+AI "
            f"here {', '.join(probast)}."
        )
    concerns = _concerns(result, facts, subgroups)
    return Checklist(
        tuple(_item(number, entry, facts, texts, {}) for number, entry in tripod.items()),
        tuple(_item(number, entry, facts, texts, concerns) for number, entry in probast.items()),
    )


def _item(
    number: str,
    entry: Mapping[str, Any],
    facts: Mapping[str, Any],
    texts: Mapping[str, str],
    concerns: Mapping[str, str],
) -> ChecklistItem:
    sentences = [
        sentence.format(**facts)
        for sentence in entry.get("computed", ())
        if all(name in facts for _, name, _, _ in Formatter().parse(sentence) if name)
    ]
    text, status = " ".join(sentences), "computed"
    if texts.get(number):
        text, status = texts[number].strip(), "given"
    elif not text:
        text, status = TODO, "todo"
    concern = concerns.get(entry.get("concern", ""), "")
    return ChecklistItem(number, entry.get("domain", ""), entry["item"], text, status, concern)


def _concerns(
    result: EvaluationResult, facts: Mapping[str, Any], subgroups: pd.DataFrame | None
) -> dict[str, str]:
    """Say what may worry a reader, by the name of the check; only checks that found something."""
    found = {}
    per_parameter = facts.get("per_parameter")
    if per_parameter is not None and float(per_parameter) < FEW_EVENTS:
        found["few_events"] = f"{per_parameter} events a parameter"
    if "too few" in facts.get("size_judgement", ""):
        found["few_events"] = "fewer people than Riley's criteria ask for"
    if not result.tested.all():
        found["untested"] = "some rows were never tested"
    missing = [word for word in ("calibration", "n_thresholds") if word not in facts]
    if missing:
        words = {"calibration": "no calibration curve", "n_thresholds": "no decision curve"}
        found["not_measured"] = " and ".join(words[word] for word in missing) + " was handed over"
    if result.groups is None and not result.external:
        found["rows_as_units"] = "rows were split one by one, without groups"
    slope = result.metrics.get("calibration_slope")
    shift = result.metrics.get("calibration_intercept")
    if (slope and _excludes(slope.low, slope.high, 1)) or (
        shift and _excludes(shift.low, shift.high, 0)
    ):
        found["miscalibrated"] = "the interval of slope or intercept excludes the ideal"
    if subgroups is None:
        found["no_subgroups"] = "no subgroup was handed over"
    if facts.get("leakage", "none found.") != "none found.":
        found["leakage"] = "a possible leak was found"
    return found


def _excludes(low: float, high: float, ideal: float) -> bool:
    return bool(np.isfinite(low) and (low > ideal or high < ideal))
