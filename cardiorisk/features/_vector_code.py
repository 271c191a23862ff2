"""Words of LLVM's intermediate language for vectors of float32. Imports llvmlite, hence late."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import binding, ir

__all__ = ["LANES", "NUMBER", "Vectors", "all_channels", "fused", "later", "spread", "weighted"]

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8

NUMBER, SINGLE = ir.IntType(64), ir.FloatType()
VECTOR = ir.VectorType(SINGLE, LANES)
INDEX = ir.IntType(32)
FUSED = ("contract",)  # a product and its sum may be one instruction


def later(builder: Any, place: Any, more: int, step: Any = 1) -> Any:
    """Place so many steps later; all in floats."""
    if isinstance(step, int):
        return builder.add(place, NUMBER(more * step))
    return builder.add(place, builder.mul(step, NUMBER(more)))


class Vectors:
    """Memory from an address on, read and written in vectors, places in floats."""

    def __init__(self, builder: Any, address: Any) -> None:
        self.builder, self.address = builder, address

    def _pointer(self, place: Any, kind: Any) -> Any:
        address = self.builder.add(self.address, self.builder.mul(place, NUMBER(4)))
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(self, place: Any, vectors: int = 1) -> Any:
        kind = ir.VectorType(SINGLE, vectors * LANES)
        return self.builder.load(self._pointer(place, kind), align=4)

    def load_spread(self, place: Any) -> Any:
        """Fill a vector with one value of memory."""
        return spread(self.builder, self.builder.load(self._pointer(place, SINGLE), align=4))

    def store(self, value: Any, place: Any) -> None:
        self.builder.store(value, self._pointer(place, value.type), align=4)


def spread(builder: Any, value: Any, vectors: int = 1) -> Any:
    """Fill a vector, or one as long as some of them, with one value."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, INDEX(0))
    places = ir.Constant(ir.VectorType(INDEX, vectors * LANES), [0] * (vectors * LANES))
    return builder.shuffle_vector(first, first, places)


def fused(builder: Any, total: Any, one: Any, other: Any) -> Any:
    """Add a product to a sum."""
    return builder.fadd(total, builder.fmul(one, other, flags=FUSED), flags=FUSED)


def weighted(builder: Any, values: Sequence[Any], weights: Sequence[float]) -> Any:
    """Sum values with constant weights, not all of them 0."""
    terms = [pair for pair in zip(values, weights, strict=True) if pair[1]]
    terms.sort(key=lambda pair: pair[1] != 1)  # one that needs no multiplication first
    total = None
    for value, weight in terms:
        factor = ir.Constant(value.type, [float(weight)] * value.type.count)
        if total is None:
            total = value if weight == 1 else builder.fmul(value, factor)
        elif abs(weight) == 1:
            total = (builder.fadd if weight > 0 else builder.fsub)(total, value)
        else:
            total = fused(builder, total, value, factor)
    return total


def all_channels(
    builder: Any,
    n_channels: Any,
    sums: Sequence[Any],
    body: Callable[[Any, Sequence[Any]], Sequence[Any]],
) -> Sequence[Any]:
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
