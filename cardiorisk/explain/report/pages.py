"""The words and drawings of one patient page."""

import math
from typing import Any

from cardiorisk._optional import require
from cardiorisk.explain.ecg_layout import is_simulated, paper_layout
from cardiorisk.explain.report.likeness import likeness_words
from cardiorisk.explain.report.summary import (
    PatientSummary,
    PerformanceSummary,
    Reason,
    ReportSummary,
)
from cardiorisk.explain.report.svg.ecg_paper import ECGPicture, draw_ecg
from cardiorisk.explain.report.svg.icons import icon_array
from cardiorisk.explain.report.svg.reasons import effect_bar
from cardiorisk.explain.report.wording import NOT_RECORDED, per_100, points, risk_words, say
from cardiorisk.records import ECGRecord

__all__ = ["ecg_footer", "patient_page"]

N_SENTENCES = 3
FINEST_UV = 10.0


def patient_page(patient: PatientSummary, report: ReportSummary, largest: float) -> dict[str, Any]:
    """Compose what the template prints for one person.

    Parameters
    ----------
    patient : PatientSummary
    report : ReportSummary
        Outcome, measured coverage and kind of records.
    largest : float
        Length of the longest bar of the report, in points, so that pages can be compared.
    """
    markup, outcome = require("markupsafe").Markup, report.outcome
    page = {
        "icons": markup(icon_array(patient.risk, outcome.name, f"icons-{patient.key}")),
        "headline": _headline(patient.risk),
        "meaning": say("risk.meaning", words=_about(patient.risk), name=outcome.name),
        "range": _range_words(patient, report.cohort.simulated),
        "coverage": _coverage_words(report.performance),
        "reasons": _reason_words(patient),
        "bars": [(r, markup(effect_bar(r.points, largest))) for r in patient.reasons],
        "others_bar": markup(effect_bar(patient.others, largest)),
        "stability": "",
        "ecg": None,
    }
    if not math.isnan(patient.stability):
        same = round(patient.stability * patient.n_refits)
        page["stability"] = say("reason.stability", same=same, count=patient.n_refits)
    if patient.ecg is not None:
        picture = _draw(patient, patient.ecg)
        page["ecg"] = {"svg": markup(picture.svg)}
        page["ecg_words"] = _ecg_words(picture)
        page["ecg_warnings"] = _ecg_warnings(patient, patient.ecg)
    page["likeness"] = likeness_words(patient)
    return page


def ecg_footer(record: ECGRecord) -> str:
    """Write filter and sampling rate as the record states them; a filter is never assumed.

    Examples
    --------
    >>> import numpy as np
    >>> ecg_footer(ECGRecord(np.zeros((1, 10)), 500.0, ("I",), metadata={"filter": "0.05-150 Hz"}))
    'fs 500  0.05-150 Hz'
    """
    stated = record.metadata.get("filter")
    words = say("ecg.filter_unknown") if stated is None else str(stated)
    footer = f"fs {record.sampling_rate:g}  {words}"
    return f"{footer}  SIMULATED" if is_simulated(record.metadata) else footer


def _headline(risk: float) -> str:
    if risk < 0.01:
        return say("risk.low")
    return say("risk.high") if risk > 0.99 else say("risk.headline", n=per_100(risk))


def _about(risk: float) -> str:
    words = risk_words(risk)
    return say("risk.about", n=words) if words.isdigit() else words


def _range_words(patient: PatientSummary, simulated: bool) -> str:
    if math.isnan(patient.low):
        return say("risk.no_range")
    low, high = risk_words(patient.low), risk_words(patient.high)
    key = "risk.range_same" if low == high else "risk.range"
    words = say(key, lo=low, hi=high, count=patient.n_refits)
    return words if simulated else f"{words} {say('risk.range_hospitals')}"


def _coverage_words(performance: PerformanceSummary) -> str:
    """Put the coverage measured in each class beside the aim."""
    table = performance.coverage
    measured = table[table["kind"] == "class"].set_index("level")["covered"]
    return say(
        "conformal.meaning",
        aim=per_100(1 - performance.alpha),
        events=per_100(measured["with the outcome"]),
        others=per_100(measured["without the outcome"]),
    )


def _reason_words(patient: PatientSummary) -> str:
    told = [r for r in patient.reasons[:N_SENTENCES] if points(r.points)]
    base = per_100(patient.base / 100)
    if not told:
        return say("reason.summary_flat", base=base)
    return say("reason.summary", base=base, sentences="; ".join(_sentence(r) for r in told))


def _sentence(reason: Reason) -> str:
    whole = points(reason.points)
    key = "sentence_missing_" if reason.value == NOT_RECORDED else "sentence_"
    key += "up" if whole > 0 else "down"
    name = reason.variable.label
    fields = {"name": name, "pts": abs(whole), "count": abs(whole)}
    shape = "reason.named_bracket" if name.endswith(")") else "reason.named"
    return say(f"reason.{key}", named=say(shape, name=name, value=reason.value), **fields)


def _draw(patient: PatientSummary, record: ECGRecord) -> ECGPicture:
    known = not math.isnan(patient.heart_rate)
    rate = say("ecg.rate", n=round(patient.heart_rate)) if known else say("ecg.no_rate")
    leads = f"{len(record.lead_names)} leads"
    title = say("ecg.alt", rate=rate, leads=leads, gain=f"{paper_layout(record).gain:g}")
    footer = ecg_footer(record)
    return draw_ecg(record, f"ecg-{patient.key}", title, f"{footer}. No interpretation.", footer)


def _ecg_words(picture: ECGPicture) -> str:
    if picture.tolerance_uv <= FINEST_UV:
        words = say("ecg.fine")
    else:
        words = say("ecg.very_coarse", uv=round(picture.tolerance_uv))
    lines = [picture.words + ".", say("ecg.print"), words]
    if picture.gain < 10:
        lines.append(say("ecg.half_gain"))
    if picture.clipped:
        lines.append(say("ecg.clipped", names=", ".join(picture.clipped)))
    return " ".join(lines)


def _ecg_warnings(patient: PatientSummary, record: ECGRecord) -> list[str]:
    simulated = [say("ecg.simulated")] if is_simulated(record.metadata) else []
    return simulated + list(patient.ecg_notes)
