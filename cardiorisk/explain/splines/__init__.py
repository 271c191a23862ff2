"""What a Kolmogorov-Arnold layer learned of each input: curves, pictures and formulas."""

from cardiorisk.explain.splines.curves import Spline, SplineCurves, spline_curves
from cardiorisk.explain.splines.formulas import suggest_formulas
from cardiorisk.explain.splines.plots import plot_splines

__all__ = ["Spline", "SplineCurves", "plot_splines", "spline_curves", "suggest_formulas"]
