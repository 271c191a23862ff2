"""Sizes on which the memory of convolutions and the loop that is compiled for it agree."""

__all__ = ["OUTPUTS", "PAD", "WHOLE"]

PAD = 16  # zeros on both sides of a row, more than any kernel reaches
WHOLE = 16  # samples are computed in multiples of this, a vector register or two
OUTPUTS = 4  # are computed together
