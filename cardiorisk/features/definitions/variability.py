"""Wider heart-rate variability and complexity indices."""

from cardiorisk.features.definitions.sources import SHORT_VARIABILITY, VARIABILITY
from cardiorisk.records import Variable

__all__ = ["HRV"]

# Name in lower case, words, unit, and the least length of the record in s.
_INDICES = (
    ("sdsd", "standard deviation of successive differences", "ms", 10),
    ("cvsd", "RMSSD over mean RR", "", 10),
    ("madnn", "median absolute deviation of RR", "ms", 10),
    ("mcvnn", "median absolute deviation over median RR", "", 10),
    ("iqrnn", "interquartile range of RR", "ms", 10),
    ("pnn20", "share of successive differences above 20 ms", "%", 10),
    ("sdnn", "standard deviation of RR", "ms", 300),
    ("hti", "triangular index", "", 300),
    ("tinn", "base of the triangle over the RR histogram", "ms", 300),
    ("hf", "power from 0.15 to 0.4 Hz", "", 60),
    ("vhf", "power from 0.4 to 0.5 Hz", "", 60),
    ("lf", "power from 0.04 to 0.15 Hz", "", 120),
    ("lfhf", "LF over HF", "", 120),
    ("lfn", "LF over total power", "", 120),
    ("hfn", "HF over total power", "", 120),
    ("vlf", "power from 0.0033 to 0.04 Hz", "", 300),
    ("tp", "total power", "", 300),
    ("csi", "cardiac sympathetic index", "", 10),
    ("cvi", "cardiac vagal index", "", 10),
    ("s", "area of the Poincare ellipse", "ms^2", 10),
    ("gi", "Guzik's asymmetry index", "%", 60),
    ("si", "slope asymmetry index", "%", 60),
    ("ai", "area asymmetry index", "%", 60),
    ("pi", "Porta's asymmetry index", "%", 60),
    ("pip", "share of inflection points", "", 60),
    ("ials", "inverse mean length of accelerating or decelerating segments", "", 60),
    ("pss", "share of short segments", "", 60),
    ("pas", "share of RR in alternating segments", "", 60),
    ("dfa_alpha1", "short-term exponent of detrended fluctuation analysis", "", 300),
    ("apen", "approximate entropy", "", 300),
    ("sampen", "sample entropy", "", 300),
    ("shanen", "Shannon entropy", "bit", 300),
    ("fuzzyen", "fuzzy entropy", "", 300),
    ("hfd", "Higuchi's fractal dimension", "", 300),
    ("kfd", "Katz's fractal dimension", "", 300),
    ("lzc", "Lempel-Ziv complexity", "", 300),
)

HRV = tuple(
    Variable(
        f"hrv_{name}",
        f"heart-rate variability: {words}",
        unit,
        definition=f"{words[0].upper()}{words[1:]}, as NeuroKit2 defines HRV_{name}; NaN for a "
        f"record below {least} s or 8 beats. All beats count, ectopic ones too.",
        source=f"{VARIABILITY}; lengths after {SHORT_VARIABILITY}",
    )
    for name, words, unit, least in _INDICES
)
