"""The loops of a convolution. Imports numba, so that it is itself imported late.

The filters of :mod:`cardiorisk.features._minimal_filters` turn a convolution into one matrix
product a point. A tile of it, ``OUTPUTS`` channels of ``VECTORS * LANES`` sums, stays in vector
registers while all channels are added to it: per value that is read from memory, a processor then
does several multiplications. Compilers do not find this by themselves, so tiles are written in the
intermediate language of LLVM, which numba compiles for the processor at hand.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable

from cardiorisk._compiled import compiled
from cardiorisk.features._convolution_layout import OUTPUTS, PAD, TOGETHER
from cardiorisk.features._minimal_filters import minimal_filter
from cardiorisk.features._vector_code import (
    LANES,
    NUMBER,
    VECTOR,
    Vectors,
    all_channels,
    fused,
    later,
    spread,
    weighted,
)

__all__ = ["adder"]

VECTORS = 5 if LANES == 16 else 3  # with the values and weights as many as there are registers
POSITIONS = VECTORS * LANES  # of TOGETHER samples each, that are computed at once


def _split(_: Any, to: Any, step: Any, of: Any) -> Any:
    """Part samples: each first of TOGETHER neighbours into one row, each second into the next."""

    def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:
        to, step, of = given
        samples = Vectors(builder, of).load(NUMBER(0), TOGETHER)
        for phase in range(TOGETHER):
            places = [phase + TOGETHER * lane for lane in range(LANES)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), places)
            part = builder.shuffle_vector(samples, samples, mask)
            Vectors(builder, to).store(part, later(builder, NUMBER(0), phase, step))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


def _evaluate(_: Any, to: Any, step: Any, of: Any, of_step: Any, width: Any) -> Any:
    """Turn a vector of samples in parted rows into values at the points, a row each."""
    signature = types.void(types.intp, types.intp, types.intp, types.intp, width)

    def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:
        to, step, of, of_step, _ = given
        matrix = minimal_filter(width.literal_value).samples
        rows = Vectors(builder, of)
        places = (divmod(number, TOGETHER) for number in range(len(matrix)))
        samples = [
            rows.load(later(builder, NUMBER(position), phase, of_step))
            for position, phase in places
        ]
        values = [weighted(builder, samples, matrix[0])]
        for row in matrix[1:-1:2]:  # p, and -p after it
            even = weighted(builder, samples[::2], row[::2])
            odd = weighted(builder, samples[1::2], row[1::2])
            values += [builder.fadd(even, odd), builder.fsub(even, odd)]
        values.append(weighted(builder, samples, matrix[-1]))
        for point, value in enumerate(values):
            Vectors(builder, to).store(value, later(builder, NUMBER(0), point, step))
        return context.get_dummy_value()

    return signature, generate


def _multiply(
    _: Any, to: Any, step: Any, of: Any, of_step: Any, weight: Any, n_channels: Any, vectors: Any
) -> Any:
    """Write a tile of a matrix product: all channels of some vectors, for OUTPUTS rows."""
    signature = types.void(*(types.intp,) * 6, vectors)
    parts = range(vectors.literal_value)
    tile = [(output, part) for output in range(OUTPUTS) for part in parts]

    def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:
        to, step, of, of_step, weight, n_channels, _ = given

        def add_channel(channel: Any, sums: Sequence[Any]) -> Sequence[Any]:
            row = builder.mul(channel, of_step)
            first = builder.mul(channel, NUMBER(OUTPUTS))
            values = [Vectors(builder, of).load(later(builder, row, part, LANES)) for part in parts]
            weights = [
                Vectors(builder, weight).load_spread(later(builder, first, output))
                for output in range(OUTPUTS)
            ]
            return [
                fused(builder, total, values[part], weights[output])
                for total, (output, part) in zip(sums, tile, strict=True)
            ]

        nothing = [ir.Constant(VECTOR, [0.0] * LANES)] * len(tile)
        sums = all_channels(builder, n_channels, nothing, add_channel)
        for total, (output, part) in zip(sums, tile, strict=True):
            place = later(builder, NUMBER(part * LANES), output, step)
            Vectors(builder, to).store(total, place)
        return context.get_dummy_value()

    return signature, generate


def _interpolate(
    _: Any, to: Any, of: Any, of_step: Any, lowest: Any, shift: Any, width: Any
) -> Any:
    """Add what products at the points mean for samples; at least ``lowest``, then shifted."""
    signature = types.void(*(types.intp,) * 3, types.float32, types.float32, width)

    def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:
        to, of, of_step, lowest, shift, _ = given
        matrix = minimal_filter(width.literal_value).back
        products = [
            Vectors(builder, of).load(later(builder, NUMBER(0), point, of_step))
            for point in range(matrix.shape[1])
        ]
        pairs = list(zip(products[1:-1:2], products[2:-1:2], strict=True))
        sums = [builder.fadd(one, other) for one, other in pairs]
        differences = [builder.fsub(one, other) for one, other in pairs]
        results = []
        for power, row in enumerate(matrix):
            of_pairs = differences if power % 2 else sums
            terms = [products[0], *of_pairs, products[-1]]
            results.append(weighted(builder, terms, [row[0], *row[1:-1:2], row[-1]]))
        total = builder.fadd(
            Vectors(builder, to).load(NUMBER(0), TOGETHER), _merged(builder, results)
        )
        floor, more = (spread(builder, value, TOGETHER) for value in (lowest, shift))
        above = builder.fcmp_ordered(">", total, floor)
        total = builder.fadd(builder.select(above, total, floor), more)
        Vectors(builder, to).store(total, NUMBER(0))
        return context.get_dummy_value()

    return signature, generate


def _merged(builder: Any, parts: Sequence[Any]) -> Any:
    """Join TOGETHER vectors, one that holds each first of as many neighbours and so on."""
    while len(parts) > 1:
        size = 2 * parts[0].type.count
        mask = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size)))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [builder.shuffle_vector(one, other, mask) for one, other in pairs]
    (joined,) = parts
    order = [lane + LANES * part for lane in range(LANES) for part in range(TOGETHER)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return builder.shuffle_vector(joined, joined, mask)


split, evaluate, multiply, interpolate = (
    intrinsic(prefer_literal=True)(code) for code in (_split, _evaluate, _multiply, _interpolate)
)


@register_jitable
def part(row: Any, first: Any, n_positions: Any, ahead: Any, parted: Any) -> None:
    """Part a row from ``first`` on into TOGETHER rows, a few positions more than asked for."""
    to, step = parted.ctypes.data, parted.shape[1]
    of = row.ctypes.data + 4 * first
    for position in range(0, n_positions, LANES):
        split(to + 4 * position, step, of + 4 * TOGETHER * position)
    for position in range(n_positions, n_positions + ahead):
        for phase in range(TOGETHER):
            parted[phase, position] = row[first + TOGETHER * position + phase]


@register_jitable
def multiply_all(plane: Any, weight: Any, n_positions: Any, product: Any) -> None:
    """Multiply the values at one point, (n_channels, POSITIONS), with all outputs' weights."""
    n_channels = plane.shape[0]
    for group in range(weight.shape[0]):
        of, by = plane.ctypes.data, weight[group].ctypes.data
        to = product[group * OUTPUTS].ctypes.data
        if n_positions == POSITIONS:
            multiply(to, POSITIONS, of, POSITIONS, by, n_channels, VECTORS)
        else:
            for place in range(0, 4 * n_positions, 4 * LANES):
                multiply(to + place, POSITIONS, of + place, POSITIONS, by, n_channels, 1)


def adder(width: int) -> Callable[..., None]:
    """Compile the convolution for a width; see :func:`cardiorisk.features._convolution.convolved`.

    ``one`` and ``other`` are (n_leads, n_channels, PAD + n_samples + PAD or more), ``other`` maybe
    without channels; ``weight`` is (n_points, n_outputs / OUTPUTS, n_channels, OUTPUTS).
    ``out`` holds what is added to, unless ``fresh``: then that is ``bias``. Inside it becomes at
    least ``lowest`` and then more by ``shift``, (n_leads, n_outputs); beyond, zero.
    """
    _, samples, back = minimal_filter(width)
    reach = width // 2
    ahead = (len(samples) - 1) // TOGETHER  # positions that those before them see, too

    def add(
        one: Any, other: Any, weight: Any, bias: Any, fresh: Any, out: Any, n_samples: Any,
        lowest: Any, shift: Any,
    ) -> None:  # fmt: skip
        # numba keeps machine code by the date of this file and what is captured: the matrices, too.
        n_points, together = len(samples), len(back)
        n_outputs, n_channels, n_first = out.shape[1], weight.shape[2], one.shape[1]
        parted = np.empty((together, POSITIONS + LANES), np.float32)
        planes = np.empty((n_points, n_channels, POSITIONS), np.float32)
        products = np.empty((n_points, n_outputs, POSITIONS), np.float32)
        part_step, plane_step, product_step = (
            parted.shape[1], n_channels * POSITIONS, n_outputs * POSITIONS,
        )  # fmt: skip
        stop = (n_samples + together * LANES - 1) // (together * LANES) * LANES
        for lead in range(one.shape[0]):
            for start in range(0, stop, POSITIONS):
                n_here, place = min(stop - start, POSITIONS), PAD + together * start
                for channel in range(n_channels):
                    from_first = channel < n_first
                    row = one[lead, channel] if from_first else other[lead, channel - n_first]
                    part(row, place - reach, n_here, ahead, parted)
                    to, of = planes[0, channel].ctypes.data, parted.ctypes.data
                    for at in range(0, 4 * n_here, 4 * LANES):
                        evaluate(to + at, plane_step, of + at, part_step, width)
                for point in range(n_points):
                    multiply_all(planes[point], weight[point], n_here, products[point])
                for output in range(n_outputs):
                    row, more = out[lead, output, place:], shift[lead, output]
                    if fresh:
                        row[: together * n_here] = bias[output]
                    to, of = row.ctypes.data, products[0, output].ctypes.data
                    for at in range(0, 4 * n_here, 4 * LANES):
                        interpolate(to + together * at, of + at, product_step, lowest, more, width)
            out[lead, :, PAD + n_samples :] = 0

    return compiled(add)
