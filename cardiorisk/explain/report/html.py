"""From the summary to one HTML document."""

from functools import cache
from importlib.resources import files
from typing import Any

from cardiorisk._optional import require
from cardiorisk.explain.report import wording
from cardiorisk.explain.report.pages import patient_page
from cardiorisk.explain.report.summary import ReportSummary
from cardiorisk.explain.report.svg.performance import (
    calibration_picture,
    decision_picture,
    distribution_picture,
)
from cardiorisk.explain.report.svg.reasons import importance_picture, shape_picture
from cardiorisk.explain.report.tables import (
    decision_rows,
    group_rows,
    left_out_rows,
    measure_rows,
    shape_rows,
)
from cardiorisk.explain.report.wording import per_100, say

__all__ = ["to_html"]

N_SHAPES = 6


def to_html(summary: ReportSummary) -> str:
    """Write a report as one self-contained document: no script, no request.

    Parameters
    ----------
    summary : ReportSummary

    Returns
    -------
    html : str
        Every text of the data is escaped; only our own drawings are inserted as they are.
    """
    return str(_environment().get_template("report.html").render(_context(summary)))


@cache
def _environment() -> Any:
    jinja2 = require("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cardiorisk.explain.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        format=format,
        say=wording.say,
        per_100=wording.per_100,
        per_1000=wording.per_1000,
        points=wording.points,
        plain_number=wording.plain_number,
        interval_words=wording.interval_words,
        group_table=_group_table,
    )
    return environment


def _markup(svg: str) -> Any:
    return require("markupsafe").Markup(svg)


def _group_table(rows: Any, heading: str) -> Any:
    return _markup(_environment().get_template("groups.html").render(rows=rows, heading=heading))


def _context(summary: ReportSummary) -> dict[str, Any]:
    performance, cohort = summary.performance, summary.cohort
    largest = max((abs(r.points) for p in summary.patients for r in p.reasons), default=1.0)
    style = (files("cardiorisk.explain.report") / "templates" / "style.css").read_text("utf-8")
    return {
        "report": summary,
        "style": _markup(style),
        "outcome": summary.outcome,
        "cohort": cohort,
        "performance": performance,
        "reasons": summary.reasons,
        "source": summary.provenance,
        **_front_words(summary),
        **_performance_words(summary),
        "pictures": _pictures(summary),
        "missing_variables": [v for v in cohort.variables if v.n_missing],
        "measures": measure_rows(performance),
        "decision_rows": decision_rows(performance.decision),
        "subgroups": group_rows(performance.subgroups),
        "left_out": left_out_rows(performance.left_out_sites),
        "n_undrawn": summary.reasons.n_features - len(summary.reasons.features),
        "shapes": [
            {
                "feature": feature,
                "svg": _markup(shape_picture(feature, f"shape{place}")),
                "rows": shape_rows(feature),
            }
            for place, feature in enumerate(summary.reasons.features[:N_SHAPES])
        ],
        "pages": {p.key: patient_page(p, summary.outcome, largest) for p in summary.patients},
    }


def _pictures(summary: ReportSummary) -> dict[str, Any]:
    performance = summary.performance
    counts = (performance.n_events, performance.n - performance.n_events)
    drawings = {
        "calibration": calibration_picture(performance.calibration, "cal"),
        "distribution": distribution_picture(
            performance.histogram, performance.median_risk, counts, "dist"
        ),
        "decision": decision_picture(performance.decision, performance.claim, "dca"),
        "importance": importance_picture(summary.reasons.features, "imp"),
    }
    return {name: _markup(svg) for name, svg in drawings.items()}


def _front_words(summary: ReportSummary) -> dict[str, Any]:
    cohort, outcome = summary.cohort, summary.outcome
    population = outcome.population or say("front.population_unknown")
    kind = "front.prognosis" if outcome.horizon else "front.state"
    fields = {"statement": outcome.statement, "horizon": outcome.horizon, "population": population}
    counts = {"n": cohort.n, "events": cohort.n_events, "pct": per_100(cohort.prevalence)}
    if cohort.n_groups is None:
        sentence = say("front.cohort", name=outcome.name, **counts)
    else:
        sentence = say("front.cohort_groups", name=outcome.name, groups=cohort.n_groups, **counts)
    sites = summary.performance.left_out_sites
    missing = summary.n_not_reported
    return {
        "population": population,
        "statement": say(kind, **fields),
        "cohort_sentence": sentence,
        "testing_reach": say("front.internal")
        if sites is None
        else say("front.external", n=len(sites)),
        "not_for": _not_for(summary),
        "reported": say("front.not_reported", count=missing)
        if missing
        else say("front.all_reported"),
    }


def _not_for(summary: ReportSummary) -> list[str]:
    lines = []
    for variable in summary.cohort.variables:
        if variable.variable.name == "age" and variable.seen is not None:
            low, high = (wording.plain_number(value) for value in variable.seen)
            lines.append(say("front.not_outside", name="Age", lo=low, hi=high))
    zeros = [
        note.fields["name"] for note in summary.cohort.notes if note.key.startswith("warn.zero")
    ]
    lines += [say("front.not_missing", name=name[:1].lower() + name[1:]) for name in zeros]
    return [
        *lines,
        say("front.not_population"),
        say("front.not_treatment"),
        *summary.outcome.not_for,
    ]


def _performance_words(summary: ReportSummary) -> dict[str, Any]:
    performance = summary.performance
    auroc, curve = performance.metrics["auroc"], performance.calibration
    observed = performance.n_events / performance.n
    expected = per_100(observed / performance.metrics["observed_expected_ratio"].estimate)
    limits = {"auroc": f"{auroc.estimate:.2f}", "lo": f"{auroc.low:.2f}", "hi": f"{auroc.high:.2f}"}
    return {
        "auroc": auroc,
        "expected": expected,
        "everyone": performance.coverage.iloc[0],
        "auroc_sentence": say("performance.auroc", n=per_100(auroc.estimate), **limits),
        "calibration_sentence": say(
            "performance.calibration",
            expected=expected,
            observed=per_100(observed),
            ici=per_100(curve.ici.estimate),
        ),
        "decision_sentence": _decision_sentence(summary),
    }


def _decision_sentence(summary: ReportSummary) -> str:
    low, high = summary.performance.claim
    if high <= low:
        return say("performance.decision_none")
    table = summary.performance.decision.table
    gains = table.loc[table["threshold"].between(low, high), "gain"]
    return say(
        "performance.decision",
        lo=per_100(low),
        hi=per_100(high),
        gain_lo=wording.per_1000(gains.min()),
        gain_hi=wording.per_1000(gains.max()),
    )
