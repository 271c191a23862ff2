"""The loops of a convolution. Imports numba, so that it is itself imported late.

A tile of sums, ``OUTPUTS`` channels of ``VECTORS * LANES`` samples, stays in vector registers while
all taps of all channels are added to it: per value that is read from memory, a processor then does
several multiplications. Compilers do not find this by themselves, so the tile is written in the
intermediate language of LLVM, which numba compiles for the processor at hand.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from cardiorisk._compiled import compiled
from cardiorisk.features._convolution_layout import OUTPUTS, PAD

__all__ = ["adder"]

VECTORS = 3
LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8

NUMBER, SINGLE = ir.IntType(64), ir.FloatType()
VECTOR = ir.VectorType(SINGLE, LANES)
FUSED = ("contract",)  # a product and its sum may be one instruction
PLACES = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)


def _pointer(builder: Any, start: Any, items: Any, kind: Any = VECTOR) -> Any:
    """Address of what lies so many floats after the start."""
    address = builder.add(start, builder.mul(items, NUMBER(4)))
    return builder.inttoptr(address, kind.as_pointer())


def _after(builder: Any, items: Any, more: int) -> Any:
    return builder.add(items, NUMBER(more))


def _spread(builder: Any, value: Any) -> Any:
    """Fill a vector with one value."""
    unknown = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(unknown, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, unknown, PLACES)


def _all_channels(builder: Any, n_channels: Any, sums: Sequence[Any], body: Any) -> Sequence[Any]:
    """Loop over channels, one at least; ``body`` maps a channel and sums to new sums."""
    before, loop = builder.block, builder.append_basic_block("channel")
    after = builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    channel = builder.phi(NUMBER)
    channel.add_incoming(NUMBER(0), before)
    carried = [builder.phi(VECTOR) for _ in sums]
    new = body(channel, carried)
    following = builder.add(channel, NUMBER(1))
    channel.add_incoming(following, loop)
    for phi, old, one in zip(carried, sums, new, strict=True):
        phi.add_incoming(old, before)
        phi.add_incoming(one, loop)
    builder.cbranch(builder.icmp_signed("<", following, n_channels), loop, after)
    builder.position_at_end(after)
    return new


def _add_tile(
    _: Any, out: Any, out_step: Any, rows: Any, row_step: Any, weight: Any, n_channels: Any,
    lowest: Any, width: Any, vectors: Any,
) -> Any:  # fmt: skip
    """Add all taps of all channels to a tile in memory, at least ``lowest`` in the end.

    ``out``, ``rows`` and ``weight`` are addresses, steps are floats from one row to the next;
    ``width`` and ``vectors`` must be constants.
    """
    addresses_and_steps = (types.intp,) * 6
    signature = types.void(*addresses_and_steps, types.float32, width, vectors)
    parts = range(vectors.literal_value)
    tile = [(output, part) for output in range(OUTPUTS) for part in parts]

    def generate(context: Any, builder: Any, _: Any, given: Any) -> Any:
        out, out_step, rows, row_step, weight, n_channels, lowest, *_ = given
        steps = [builder.mul(out_step, NUMBER(output)) for output in range(OUTPUTS)]
        places = [
            _pointer(builder, out, _after(builder, steps[output], part * LANES))
            for output, part in tile
        ]

        def add_taps(channel: Any, sums: Sequence[Any]) -> Sequence[Any]:
            row = builder.mul(channel, row_step)
            first = builder.mul(channel, NUMBER(width.literal_value * OUTPUTS))
            for tap in range(width.literal_value):
                samples = (_after(builder, row, tap + part * LANES) for part in parts)
                values = [builder.load(_pointer(builder, rows, at), align=4) for at in samples]
                taps = (_after(builder, first, tap * OUTPUTS + one) for one in range(OUTPUTS))
                weights = [builder.load(_pointer(builder, weight, at, SINGLE)) for at in taps]
                factors = [_spread(builder, one) for one in weights]
                products = [
                    builder.fmul(values[part], factors[output], flags=FUSED)
                    for output, part in tile
                ]
                pairs = zip(sums, products, strict=True)
                sums = [builder.fadd(old, new, flags=FUSED) for old, new in pairs]
            return sums

        begun = [builder.load(place, align=4) for place in places]
        sums = _all_channels(builder, n_channels, begun, add_taps)
        floor = _spread(builder, lowest)
        for place, total in zip(places, sums, strict=True):
            above = builder.fcmp_ordered(">", total, floor)
            builder.store(builder.select(above, total, floor), place, align=4)
        return context.get_dummy_value()

    return signature, generate


add_tile: Any = intrinsic(prefer_literal=True)(_add_tile)


def adder(width: int) -> Callable[..., None]:
    """Compile the convolution for a width; see :func:`cardiorisk.features._convolution.convolved`.

    ``rows`` and ``out`` are (n_leads, n_channels, PAD + n_samples + PAD or more), ``weight``
    (n_outputs / OUTPUTS, n_channels, width, OUTPUTS), of which the channels from ``first`` on are
    used. ``out`` holds what is added to, unless ``fresh``: then that is ``bias``. It becomes at
    least ``lowest`` inside, and zero beyond.
    """
    reach, long = width // 2, VECTORS * LANES

    def add(
        rows: Any, weight: Any, first: Any, bias: Any, fresh: Any, out: Any, n_samples: Any,
        lowest: Any,
    ) -> None:  # fmt: skip
        n_channels, row_step, out_step = rows.shape[1], rows.shape[2], out.shape[2]
        end = PAD + (n_samples + LANES - 1) // LANES * LANES
        for lead in range(rows.shape[0]):
            source = rows[lead].ctypes.data - 4 * reach
            for group in range(weight.shape[0]):
                by = weight[group, first].ctypes.data
                output = group * OUTPUTS
                if fresh:
                    for one in range(output, output + OUTPUTS):
                        out[lead, one, PAD:end] = bias[one]
                target = out[lead, output].ctypes.data
                place = PAD
                while place < end:
                    to, of = target + 4 * place, source + 4 * place
                    if place + long <= end:
                        add_tile(to, out_step, of, row_step, by, n_channels, lowest, width, VECTORS)
                        place += long
                    else:
                        add_tile(to, out_step, of, row_step, by, n_channels, lowest, width, 1)
                        place += LANES
                out[lead, output : output + OUTPUTS, PAD + n_samples :] = 0

    return compiled(add)
