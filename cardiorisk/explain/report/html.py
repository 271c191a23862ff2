"""From the summary to one HTML document."""

from functools import cache
from importlib.resources import files
from typing import Any

from cardiorisk._optional import require
from cardiorisk.explain.report import wording
from cardiorisk.explain.report.front_page import front_words
from cardiorisk.explain.report.pages import patient_page
from cardiorisk.explain.report.performance_page import performance_words
from cardiorisk.explain.report.summary import ReportSummary
from cardiorisk.explain.report.svg.performance import (
    calibration_picture,
    decision_picture,
    distribution_picture,
)
from cardiorisk.explain.report.svg.reasons import (
    importance_picture,
    points_picture,
    shape_picture,
)
from cardiorisk.explain.report.tables import (
    decision_rows,
    group_rows,
    left_out_rows,
    measure_rows,
    shape_rows,
)

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
    listed = [cohort.variables[place] for place in summary.listed_columns]
    style = (files("cardiorisk.explain.report") / "templates" / "style.css").read_text("utf-8")
    return {
        "report": summary,
        "style": _markup(style),
        "outcome": summary.outcome,
        "cohort": cohort,
        "performance": performance,
        "reasons": summary.reasons,
        "source": summary.provenance,
        **front_words(summary),
        **performance_words(summary),
        "pictures": _pictures(summary),
        "listed": listed,
        "n_unlisted": len(cohort.variables) - len(listed),
        "missing_variables": [v for v in listed if v.n_missing],
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
        "pages": {p.key: patient_page(p, summary, largest) for p in summary.patients},
    }


def _pictures(summary: ReportSummary) -> dict[str, Any]:
    performance = summary.performance
    counts = (performance.n_events, performance.n - performance.n_events)
    draw_importance = importance_picture if summary.reasons.by_drop else points_picture
    drawings = {
        "calibration": calibration_picture(performance.calibration, "cal"),
        "distribution": distribution_picture(
            performance.histogram, performance.median_risk, counts, "dist"
        ),
        "decision": decision_picture(performance.decision, performance.claim, "dca"),
        "importance": draw_importance(summary.reasons.features, "imp"),
    }
    return {name: _markup(svg) for name, svg in drawings.items()}
