"""The colours of every picture, chosen for contrast on white and for colour-blind readers.

Contrast ratios on white (WCAG 2.2) stand behind each name. ``RAISES`` and ``LOWERS`` differ by a
colour distance of at least 85 for protan, deutan and tritan readers, but hardly in grey print: a
word, an arrow or a side of an axis must always say the direction as well.
"""

__all__ = [
    "GRID_MAJOR",
    "GRID_MINOR",
    "INK",
    "LOWERS",
    "MUTED",
    "PAPER",
    "RAISES",
    "REFERENCE",
    "RULE",
    "TRACE",
    "WARNING_FILL",
    "WARNING_TEXT",
]

INK = "#1B1F24"  # 16.6
MUTED = "#57606A"  # 6.4
RAISES = "#B34700"  # 5.5
LOWERS = "#005A9C"  # 7.1
WARNING_TEXT = "#7A4100"  # 7.5 on WARNING_FILL
WARNING_FILL = "#FFF4E5"
REFERENCE = "#6E7781"  # 4.6
RULE = "#8C959F"  # 3.0

PAPER = "#FFF7F5"
GRID_MINOR = "#F5C9C9"
GRID_MAJOR = "#E08A8A"
TRACE = "#111111"  # 17.9 on PAPER
