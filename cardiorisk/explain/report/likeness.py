"""The words and drawings of what an ECG resembles."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.explain.report.prototypes import PrototypeMatch
from cardiorisk.explain.report.summary import PatientSummary
from cardiorisk.explain.report.svg.prototype_match import draw_match
from cardiorisk.explain.report.wording import risk_words, say

__all__ = ["likeness_words"]


def likeness_words(patient: PatientSummary) -> dict[str, Any] | None:
    """Compose what the template prints about prototypes; None where there are none.

    Parameters
    ----------
    patient : PatientSummary
    """
    if not patient.matches:
        return None
    first = patient.matches[0]
    chance = f"{risk_words(first.probability)} in 100"
    return {
        "estimate": say("likeness.estimate", label=first.label, n=chance),
        "trained_on": first.trained_on,
        "matches": [_match(patient.key, place, m) for place, m in enumerate(patient.matches)],
    }


def _match(key: str, place: int, match: PrototypeMatch) -> tuple[str, Any, str]:
    """Sentence, drawing (None without a training record) and name of one match."""
    way = "for" if match.contribution > 0 else "against"
    words = say(
        f"likeness.{way}",
        place=_place(match.source, match.branch),
        name=match.prototype_class,
        degree=say("likeness.more" if match.similarity >= match.average else "likeness.less"),
        similarity=f"{match.similarity:.2f}",
        average=f"{match.average:.2f}",
        label=match.label,
        logit=f"{match.contribution:+.2f}",
        here=_place(match.match, match.branch),
    )
    label = f"Match {place + 1} of patient {key}, scrollable"
    if match.source_record is None:
        return words, None, label
    places = {
        "source": _place(match.source, match.branch),
        "here": _place(match.match, match.branch),
    }
    svg = draw_match(
        match,
        f"match-{key}-{place}",
        say("likeness.alt", lead=match.lead),
        say("likeness.desc", **places),
        [say("likeness.source_row", name=match.prototype_class), say("likeness.own_row")],
    )
    return words, require("markupsafe").Markup(svg), label


def _place(window: tuple[float, float], branch: str) -> str:
    if branch != "morphology":
        return say("likeness.whole")
    return say("likeness.window", start=f"{window[0]:.1f}", stop=f"{window[1]:.1f}")
