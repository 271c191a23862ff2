"""The words of the first page: what is estimated, in whom, for what, and what is doubtful."""

from typing import Any

from cardiorisk.explain.report.summary import ReportSummary
from cardiorisk.explain.report.wording import per_100, plain_number, risk_words, say

__all__ = ["PERFECT_AUROC", "front_words"]

PERFECT_AUROC = 0.995  # printed as 1.00


def front_words(summary: ReportSummary) -> dict[str, Any]:
    """Compose what the template of the first page prints."""
    outcome, missing = summary.outcome, summary.n_not_reported
    population = outcome.population or say("front.population_unknown")
    kind = "front.prognosis" if outcome.horizon else "front.state"
    fields = {"statement": outcome.statement, "horizon": outcome.horizon, "population": population}
    return {
        "population": population,
        "statement": say(kind, **fields),
        "cohort_sentence": _cohort_sentence(summary),
        "testing_reach": _testing_reach(summary),
        "person": say("front.person_simulated" if summary.cohort.simulated else "front.person"),
        "people_fact": say(
            "fact.records" if summary.cohort.simulated else "fact.people",
            events=summary.performance.n_events,
        ),
        "coverage_fact": _coverage_fact(summary),
        "not_for": _not_for(summary),
        "doubts": _doubts(summary),
        "reported": say("front.not_reported", count=missing)
        if missing
        else say("front.all_reported"),
    }


def _cohort_sentence(summary: ReportSummary) -> str:
    cohort, name = summary.cohort, summary.outcome.name
    counts = {"n": cohort.n, "events": cohort.n_events, "pct": per_100(cohort.prevalence)}
    if cohort.simulated:
        return say("front.cohort_simulated", name=name, **counts)
    if cohort.n_groups is None:
        return say("front.cohort", name=name, **counts)
    return say("front.cohort_groups", name=name, groups=cohort.n_groups, **counts)


def _testing_reach(summary: ReportSummary) -> str:
    if summary.cohort.simulated:
        return say("front.simulated")
    sites = summary.performance.left_out_sites
    return say("front.internal") if sites is None else say("front.external", n=len(sites))


def _coverage_fact(summary: ReportSummary) -> str:
    performance = summary.performance
    everyone = performance.coverage.iloc[0]
    key = "fact.coverage_empty" if everyone["empty"] > 0 else "fact.coverage"
    return say(
        key,
        aim=per_100(1 - performance.alpha),
        both=per_100(everyone["cannot_tell"]),
        empty=risk_words(everyone["empty"]),
    )


def _not_for(summary: ReportSummary) -> list[str]:
    lines = []
    for variable in summary.cohort.variables:
        if variable.variable.name == "age" and variable.seen is not None:
            low, high = (plain_number(value) for value in variable.seen)
            lines.append(say("front.not_outside", name="Age", lo=low, hi=high))
    zeros = [note.fields for note in summary.cohort.notes if note.key.startswith("warn.zero")]
    if zeros:
        names = " or ".join(fields["name"][:1].lower() + fields["name"][1:] for fields in zeros)
        key = "front.not_zero" if zeros[0]["as_missing"] else "front.not_missing"
        lines.append(say(key, names=names))
    people = "front.not_people" if summary.cohort.simulated else "front.not_population"
    return [*lines, say(people), say("front.not_treatment"), *summary.outcome.not_for]


def _doubts(summary: ReportSummary) -> list[str]:
    lines = [say(note.key, **note.fields) for note in summary.cohort.notes]
    if summary.performance.metrics["auroc"].estimate >= PERFECT_AUROC:
        lines.insert(0, say("warn.perfect"))
    return lines
