"""Sizes on which the memory of convolutions and the loop that is compiled for it agree."""

__all__ = ["OUTPUTS", "PAD", "TOGETHER", "WHOLE"]

PAD = 16  # zeros before a row and at least after it, more than any kernel reaches
TOGETHER = 4  # neighbouring samples that share multiplications
WHOLE = 16 * TOGETHER  # samples are computed in multiples of this, some vector registers
OUTPUTS = 4  # channels that are computed together
