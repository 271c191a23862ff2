"""What the text of an ECG report says of a wide QRS: present, uncertain, denied, or nothing."""

import re

__all__ = ["STATEMENTS", "wide_qrs_statement"]

STATEMENTS = ("present", "uncertain", "denied", "not mentioned")
"""From the strongest: what a report says is the strongest that any of its clauses says."""

# What takes QRS to 120 ms or more: complete blocks, delay, ventricular rhythms and pacing
# (Surawicz et al. 2009, doi:10.1161/CIRCULATIONAHA.108.191095).
_WIDE = re.compile(
    r"""
    \b(?:complete\s+)?(?:left|right|bifascicular|bilateral)?\s*bundle[\s-]*branch[\s-]*block\b
    | \b[lr]bbb\b
    | \bintra-?ventricular\s+(?:conduction\s+)?(?:delay|defect|block|disturbance)\b
    | \bivcd\b
    | \b(?:wide|prolonged|broad)[\s-]+qrs\b
    | \bqrs\s+(?:widening|prolongation|is\s+(?:wide|broad|prolonged))
    | \b(?:bi)?ventricular(?:ly)?[\s-]+(?:\w+[\s-]+)?pac(?:ed|ing|emaker)\b
    | \b(?:a-?v|atrioventricular|dual)(?:\s+(?:sequential|chamber|dual))*
      [\s-]+pac(?:ed|ing|emaker)\b
    | \bpac(?:ed|ing)\s+ventricular(?:ly)?\b
    | \b(?:accelerated\s+)?idioventricular\b
    | \bventricular\s+(?:tachycardia|escape\s+rhythm|rhythm)\b
    | \b(?:pre-?excitation|wolff[\s-]parkinson[\s-]white|wpw)\b
    """,
    re.VERBOSE,
)
_INCOMPLETE = re.compile(
    r"\b(?:incomplete|partial)\s+(?:left\s+|right\s+)?(?:bundle[\s-]*branch[\s-]*block|[lr]bbb)"
)

# After NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029): words that are no denial, words
# of doubt and denial before a finding, and behind it.
_NO_DENIAL = re.compile(
    r"\b(?:no|not|without)\s+(?:any\s+)?(?:significant(?:ly)?\s+|further\s+|longer\s+new\s+)?"
    r"(?:change[ds]?|progression|difference)\b(?:\s+(?:in|of|from|since|with))?|\bnot\s+only\b|"
    r"\b(?:not|never)\s+(?:previously\s+\w+|\w+\s+(?:before|previously|earlier))\b"
)
_PACED = re.compile(
    r"(?<!atrial[ -])\b(?:electronic\s+)?pac(?:ed|emaker|ing)\s+rhythm\b"
)  # of which chamber?
_DOUBT_BEFORE = re.compile(
    r"\b(?:possibl[ey]|probabl[ey]|suspect(?:ed)?|consider|question(?:able)?|borderline|minor|"
    r"suggest(?:s|ive|ing)?|(?:cannot|can\s*not|can't|not)\s+(?:be\s+)?(?:rule[d]?\s+out|exclude[d]?)|"
    r"rule\s+out|r/o|may\s+(?:be|represent|have)|might\s+be|could\s+be|versus|vs)\b|\?"
)
_DOUBT_AFTER = re.compile(
    r"\b(?:is\s+|are\s+)?(?:possible|probable|suspected|likely|questionable|"
    r"(?:cannot|can\s*not|can't)\s+be\s+(?:ruled\s+out|excluded)|(?:should|must)\s+be\s+considered|"
    r"not\s+(?:ruled\s+out|excluded))\b|\?"
)
_DENIAL_BEFORE = re.compile(
    r"\b(?:no|not|without|absence\s+of|absent|negative\s+for|free\s+of|denies|neither|nor|never|"
    r"resolution\s+of|resolved|loss\s+of|instead\s+of|replac(?:es|ed|ing))\b"
)
_DENIAL_AFTER = re.compile(
    r"\b(?:(?:is|are|was|were|has|have)\s+)?(?:no\s+longer|not|now\s+absent|absent|resolved|"
    r"disappeared|gone|been\s+replaced|ruled\s+out|excluded)\b"
)
_CLAUSES = re.compile(r"[.;:!\n]+|,?\s+\b(?:but|however|although|except|with\s+now)\b|\s+-{1,2}\s+")


def wide_qrs_statement(report: str) -> str:
    """Read one report.

    Parameters
    ----------
    report : str
        One or several lines, in English.

    Returns
    -------
    statement : {"present", "uncertain", "denied", "not mentioned"}

    Notes
    -----
    A finding is denied or doubted by words of its own clause, before or behind it. Incomplete
    bundle branch block, fascicular block and atrial pacing leave QRS below 120 ms and are no
    mention; ventricular tachycardia, pacing and pre-excitation are one. A paced rhythm of which
    the chamber is not told is uncertain.
    """
    said = {_clause_statement(clause) for clause in _CLAUSES.split(report.lower())}
    return next(statement for statement in STATEMENTS if statement in said | {"not mentioned"})


def _clause_statement(clause: str) -> str:
    clause = _NO_DENIAL.sub(" ", _INCOMPLETE.sub(" ", clause))
    found = list(_WIDE.finditer(clause))
    if not found:
        return "uncertain" if _PACED.search(clause) else "not mentioned"
    before, after = clause[: found[0].start()], clause[found[-1].end() :]
    if _DOUBT_BEFORE.search(before) or _DOUBT_AFTER.search(after):
        return "uncertain"
    if _DENIAL_BEFORE.search(before) or _DENIAL_AFTER.search(after):
        return "denied"
    return "present"
