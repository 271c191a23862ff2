"""How the model was made and tested: the TRIPOD+AI list and where the report comes from."""

from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import cardiorisk
from cardiorisk.evaluation.checklist import Checklist, load_items
from cardiorisk.explain.report.inputs import ReportInputs, data_hash
from cardiorisk.explain.report.summary import (
    MAX_LISTED,
    CohortSummary,
    MethodItem,
    Outcome,
    PerformanceSummary,
    Provenance,
)
from cardiorisk.explain.report.wording import per_100

__all__ = ["describe_methods", "describe_provenance"]

# Those that can change a figure of the report; one that is not installed is left out.
PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "numba", "xgboost", "lightgbm", "neurokit2")


def describe_methods(
    title: str,
    outcome: Outcome,
    inputs: ReportInputs,
    cohort: CohortSummary,
    performance: PerformanceSummary,
    n_bootstraps: int,
    given: Mapping[int, str] | None = None,
    filled: Checklist | None = None,
) -> tuple[MethodItem, ...]:
    """Fill the 27 items from the report and from what the user says.

    Parameters
    ----------
    given : mapping of int to str, optional
        Item number to text; stands before what the report can say itself.
    filled : Checklist, optional
        What the evaluation can say of items on which the report has nothing.

    Raises
    ------
    ValueError
        A number is not from 1 to 27.
    """
    given = given or {}
    table = load_items("tripod_ai")
    unknown = [number for number in given if str(number) not in table]
    if unknown:
        raise ValueError(f"Got TRIPOD+AI items {unknown}, but they are numbered 1 to {len(table)}.")
    fields = _fields(title, outcome, inputs, cohort, performance, n_bootstraps)
    computed = {
        item.number: item.text
        for item in (filled.tripod_ai if filled else ())
        if item.status == "computed"
    }
    return tuple(
        MethodItem(
            int(number),
            entry["item"],
            (
                given.get(int(number))
                or entry.get("auto", "").format(**fields)
                or computed.get(number, "")
            ).strip(),
        )
        for number, entry in table.items()
    )


def _fields(
    title: str,
    outcome: Outcome,
    inputs: ReportInputs,
    cohort: CohortSummary,
    performance: PerformanceSummary,
    n_bootstraps: int,
) -> dict[str, Any]:
    steps = [type(step).__name__ for _, step in getattr(inputs.model, "steps", ())]
    coded = [v.variable.label for v in cohort.variables if v.variable.zero_is_missing]
    return {
        "title": title,
        "statement": outcome.statement,
        "protocol": performance.protocol,
        "preparation": f"Pipeline: {', '.join(steps)}." if steps else "",
        "n_predictors": len(cohort.variables),
        "n_listed": min(len(cohort.variables), MAX_LISTED),
        "defined": sum(bool(v.variable.definition) for v in cohort.variables),
        "n": cohort.n,
        "events": cohort.n_events,
        "per_column": round(cohort.n_events / max(len(cohort.variables), 1)),
        "zeros": f"Zeros of {', '.join(coded)} count as missing." if coded else "",
        "model": _model_name(inputs.model),
        "n_bootstraps": n_bootstraps,
        "pct": per_100(cohort.prevalence),
        "aim": per_100(1 - performance.alpha),
        "sites": "Leave-one-site-out results stand in the performance section."
        if performance.left_out_sites is not None
        else ("No other hospital was tested." if not cohort.simulated else "Simulated records."),
    }


def describe_provenance(inputs: ReportInputs, random_state: int, day: date | None) -> Provenance:
    """Name version, date, seed, data and model."""
    parameters = inputs.model.get_params(deep=True)
    shown = {k: v for k, v in parameters.items() if not hasattr(v, "get_params") and k != "steps"}
    return Provenance(
        version=cardiorisk.__version__,
        date=date.today() if day is None else day,
        random_state=random_state,
        data_hash=data_hash(inputs),
        model=_model_name(inputs.model),
        parameters=tuple((name, _short(value)) for name, value in sorted(shown.items())),
        packages=tuple(_installed()),
    )


def _installed() -> Iterator[tuple[str, str]]:
    """Name and version of each package that is there."""
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _model_name(model: Any) -> str:
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    name = type(last).__name__
    backend = getattr(last, "backend", None)
    return f"{name}({backend})" if isinstance(backend, str) else name


def _short(value: Any) -> str:
    """Write a setting; a long one (such as a schema) by its kind and size only."""
    text = repr(value)
    if len(text) <= 80:
        return text
    size = f" of {len(value)}" if hasattr(value, "__len__") else ""
    return f"{type(value).__name__}{size}"
