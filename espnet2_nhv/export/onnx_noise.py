""":func:`espnet2_nhv.export.noise.white_noise` as ONNX nodes."""

import math

import numpy as np

from espnet2_nhv.export.noise import MASK, MULTIPLIERS, ROW_STEP, SHIFTS
from espnet2_nhv.export.onnx_builder import Builder


def add_white_noise(b: Builder, seed: str, batch: str, frame: str, n_frames: str, hop_length: int, name: str) -> None:
    """Add nodes that compute `name` ``(batch, n_frames * hop_length)``; the others are int64 without dimensions."""
    half = (hop_length + 1) // 2
    rows = b.op("Mul", b.counting(b.constant(0), batch), b.constant(ROW_STEP))
    key = _hash32(b, _bits(b, b.op("Add", seed, rows)))
    key = b.op("Unsqueeze", key, b.constant([1, 2]))
    frames = b.op("Mul", b.counting(frame, n_frames), b.constant(half))
    counter = b.op("Add", b.op("Unsqueeze", frames, b.constant([1])), b.constant(np.arange(half)))
    bits = _hash32(b, b.op("BitwiseXor", _bits(b, counter), key))

    scale = b.constant(2.0**-16, np.float32)
    upper = b.cast(b.op("BitShift", bits, b.constant(16, np.uint64), direction="RIGHT"), np.float32)
    uniform = b.op("Mul", b.op("Add", upper, b.constant(0.5, np.float32)), scale)
    radius = b.op("Sqrt", b.op("Mul", b.op("Log", uniform), b.constant(-2.0, np.float32)))
    lower = b.cast(b.op("BitwiseAnd", bits, b.constant(0xFFFF, np.uint64)), np.float32)
    angle = b.op("Mul", lower, b.constant(2 * math.pi * 2.0**-16, np.float32))
    pair = [b.op("Mul", radius, b.op(kind, angle)) for kind in ("Cos", "Sin")]
    both = b.op("Concat", *pair, axis=2)
    if hop_length % 2:
        both = b.op("Slice", both, b.constant([0]), b.constant([hop_length]), b.constant([2]))
    b.op("Flatten", both, axis=1, name=name)


def _bits(b: Builder, x: str) -> str:
    """The lower 32 bits, in uint64: of the types of 64 bits, the one that ONNX can shift."""
    return b.op("BitwiseAnd", b.cast(x, np.uint64), b.constant(MASK, np.uint64))


def _hash32(b: Builder, x: str) -> str:
    def fold(x, shift):
        return b.op("BitwiseXor", x, b.op("BitShift", x, b.constant(shift, np.uint64), direction="RIGHT"))

    def multiply(x, factor):  # in int64, the one that ONNX Runtime can multiply
        return _bits(b, b.op("Mul", b.cast(x, np.int64), b.constant(factor)))

    x = multiply(fold(x, SHIFTS[0]), MULTIPLIERS[0])
    x = multiply(fold(x, SHIFTS[1]), MULTIPLIERS[1])
    return fold(x, SHIFTS[2])
