"""Elementwise steps on differences in float32 on a CPU, each one pass over memory.

They compute what `difference` does, from the same formulas. A chain of torch's operations
reads and writes its numbers a dozen times; these loops do it once, on a processor's vectors,
and take bfloat16 in and out as the products leave and want it. Everything here runs on the
thread that calls it, without Python's lock.

bfloat16 is passed as the int16 that has its bits: numba has no such type.

Each function says how far its float32 results lie from the exact ones, at most, as measured
against float64 over all of its range (`tests/test_fused.py` holds them to it; "relative" is to
the exact result). What is stored as bfloat16 is rounded to that, by up to 2^-9, once more.
What is not a number stays none: of two numbers `min` and `max` give the first where either is
not one, which is why limits come second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from varscore.engines.incremental.kernels.compiled import kept

_f, _i = np.float32, np.int32
# No reassociation: sums keep their order. Division does not raise, which would stop vectors.
_OPTIONS: dict[str, Any] = {
    "fastmath": {"contract", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}
_inline = njit(inline="always", **_OPTIONS)


def _loop(function: Callable[..., None]) -> Callable[..., None]:
    return kept(function, **_OPTIONS)


_ZERO, _HALF, _ONE, _TWO = _f(0), _f(0.5), _f(1), _f(2)
_LOG2_E = _f(1 / math.log(2))
# ln 2 in two parts, the first with trailing zeros, so that k * _LN2_HIGH is exact.
_LN2_HIGH = _f(0.693359375)
_LN2_LOW = _f(math.log(2) - 0.693359375)
_ROUNDER = _f(1.5 * 2**23)  # adding it rounds to an integer, which its low bits then hold
_LARGEST_EXPONENT = _f(87)
_INVERSE_FACTORIALS = tuple(_f(1 / math.factorial(n)) for n in range(12))
_F2, _F3, _F4, _F5, _F6, _F7 = _INVERSE_FACTORIALS[2:8]
_F8, _F9, _F10, _F11 = _INVERSE_FACTORIALS[8:12]
_MANTISSA, _EXPONENT_OF_ONE = _i(0x7FFFFF), _i(127 << 23)
_SQRT_HALF_BITS = _i(np.float32(math.sqrt(0.5)).view(np.int32))
# log(1 + x) = x - x^2 / 2 + x^3 p(x) for sqrt(1/2) < 1 + x < sqrt(2): Cephes' coefficients.
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (
    _f(c)
    for c in (
        3.3333331174e-1,
        -2.4999993993e-1,
        2.0000714765e-1,
        -1.6668057665e-1,
        1.4249322787e-1,
        -1.2420140846e-1,
        1.1676998740e-1,
        -1.1514610310e-1,
        7.0376836292e-2,
    )
)
# tanh(x) / x for |x| < 1/2, its series
_T1, _T2, _T3, _T4, _T5 = (
    _f(c) for c in (-1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925)
)


def _load(x):
    """Return a float32 or bfloat16 number as float32; there is compiled code of it only."""
    raise NotImplementedError


@overload(_load, inline="always")
def _load_as_float32(x):
    if isinstance(x, types.Float):
        return lambda x: x
    return lambda x: _i(_i(x) << _i(16)).view(np.float32)


def _magnitude(x):
    """Return the bits of |x| as a float32, ordered as the numbers are; compiled code only."""
    raise NotImplementedError


@overload(_magnitude, inline="always")
def _magnitude_bits(x):
    if isinstance(x, types.Float):
        return lambda x: _i(np.float32(x).view(np.int32) & _i(0x7FFFFFFF))
    return lambda x: _i(_i(x) & _i(0x7FFF)) << _i(16)


def _store(x, target):
    """Return a float32 number as an array's elements are; there is compiled code of it only."""
    raise NotImplementedError


@overload(_store, inline="always")
def _store_as(x, target):
    if isinstance(target.dtype, types.Float):
        return lambda x, target: x

    def rounded(x, target):  # to the nearest, ties to even
        bits = np.float32(x).view(np.int32)
        up = _i(_i(0x7FFF) + _i(_i(bits >> _i(16)) & _i(1)))
        # What is no number is cut: rounding could carry all over its bits, into a number's.
        return np.int16(_i(bits + _i(up * _i(x == x))) >> _i(16))

    return rounded


@_inline
def _exp(x):
    """For any x, taken for -87 or 87 beyond these; relative error 8e-8."""
    x = min(max(x, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
    rounder = np.float32(x * _LOG2_E + _ROUNDER)
    k = rounder - _ROUNDER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = _F5 + r * (_F6 + r * _F7)
    p = _ONE + r * (_ONE + r * (_F2 + r * (_F3 + r * (_F4 + r * p))))
    scale = _i(_i(rounder.view(np.int32) << _i(23)) + _EXPONENT_OF_ONE).view(np.float32)
    return p * scale


@_inline
def _expm1(x):
    """For |x| <= 1; relative error 1.5e-7."""
    p = _F7 + x * (_F8 + x * (_F9 + x * (_F10 + x * _F11)))
    return x * (_ONE + x * (_F2 + x * (_F3 + x * (_F4 + x * (_F5 + x * (_F6 + x * p))))))


@_inline
def _log1p(x):
    """For x > -1; relative error 2e-7. No number for one that is not finite."""
    u = np.float32(_ONE + x)
    bits = _i(u.view(np.int32) - _SQRT_HALF_BITS)
    k = _i(bits >> _i(23))
    m = _i(_i(bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float32) - _ONE
    # Where 1 + x needs no scaling, x itself has the digits that 1 + x has lost.
    f = x if k == _i(0) else m
    p = _L4 + f * (_L5 + f * (_L6 + f * (_L7 + f * _L8)))
    p = _L0 + f * (_L1 + f * (_L2 + f * (_L3 + f * p)))
    square = f * f
    n = np.float32(k)
    # The bits of what is no number would make one: x - x is 0, or keeps it from that.
    return f + (square * (f * p - _HALF) + n * _LN2_LOW) + n * _LN2_HIGH + (x - x)


@_inline
def _half_tanh(x):
    """tanh(x / 2), for any x; relative error 1e-6."""
    e = _exp(-abs(x))
    large = (_ONE - e) / (_ONE + e)
    y = _HALF * x
    square = y * y
    p = _T1 + square * (_T2 + square * (_T3 + square * (_T4 + square * _T5)))
    small = y + y * square * p
    return small if abs(y) < _HALF else (large if x > _ZERO else -large)


@_inline
def _activation_difference(ref, gate, diff, linear, cubic):
    """As `difference.GatedActivation.difference`; error 5e-7 of |diff| (1 + |ref|)."""
    alt = ref + diff
    square = alt * alt
    gate_alt = _ONE / (_ONE + _exp(-(alt * (linear + cubic * square))))
    step = diff * (linear + cubic * (square + ref * (alt + ref)))
    both = gate + gate_alt - _TWO * gate * gate_alt
    return gate_alt * diff + ref * both * _half_tanh(step)


@_inline
def _activate_row(ref, gate, diff, linear, cubic, steps, out):
    """Write the difference after an activation of one bin; all of shape (C,).

    Where the gate's argument takes a step s, the gate rises from g by
    g (1 - g) (e^s - 1) / (1 + g (e^s - 1)): the cheaper form, as long as all steps are small.
    Error 5e-7 of |diff| (1 + |ref|) in either form.
    """
    largest = _i(0)  # of integers, which are compared on vectors
    for i in range(len(out)):
        r, d = ref[i], _load(diff[i])
        alt = r + d
        step = d * (linear + cubic * (alt * alt + r * (alt + r)))
        steps[i] = step
        largest = max(largest, _magnitude(step))
    if largest < _EXPONENT_OF_ONE:
        for i in range(len(out)):
            r, g, d = ref[i], gate[i], _load(diff[i])
            part = g * _expm1(steps[i])
            rise = (_ONE - g) * part / (_ONE + part)
            out[i] = _store(d * g + (r + d) * rise, out)
    else:
        for i in range(len(out)):
            value = _activation_difference(ref[i], gate[i], _load(diff[i]), linear, cubic)
            out[i] = _store(value, out)


@_inline
def _softplus(x):
    """For x > -87; relative error 3e-7."""
    return max(x, _ZERO) + _log1p(_exp(-abs(x)))


@_loop
def activation(x, linear, cubic, out):
    """Write what the activation gives; error 2e-7 of |x|, or of 1 if that is more.

    Parameters
    ----------
    x : ndarray, shape (n,), float32
    linear, cubic : float32
        Coefficients of the gate.
    out : ndarray, shape (n,), float32
    """
    for i in range(len(x)):
        v = x[i]
        out[i] = v / (_ONE + _exp(-(v * (linear + cubic * (v * v)))))


@_loop
def gate_and_activate(x, linear, cubic, gate, out):
    """Write the gate of a reference, and what the activation gives.

    Absolute error of the gate, which lies between 0 and 1, 1.2e-7; of the activation 2e-7 of
    |x|, or of 1 if that is more.

    Parameters
    ----------
    x : ndarray, shape (n, C), float32
    linear, cubic : float32
        Coefficients of the gate.
    gate, out : ndarray, shape (n, C), float32
    """
    rows, channels = x.shape
    for n in range(rows):
        v, g, o = x[n], gate[n], out[n]
        for i in range(channels):
            g[i] = _ONE / (_ONE + _exp(-(v[i] * (linear + cubic * (v[i] * v[i])))))
            o[i] = v[i] * g[i]


@_loop
def combine(x, index, factors, out):
    """Write sums of some rows, each with factors of its own.

    Each addition rounds once, by 6e-8 of the sum so far, and each factor by as much.

    Parameters
    ----------
    x : ndarray, shape (n, C), float32
    index : ndarray, shape (G, J), int64
        Rows of x; -1 for one of zeros.
    factors : ndarray, shape (K, J), float32
    out : ndarray, shape (K, G, C), float32
    """
    sums, groups, channels = out.shape
    for g in range(groups):
        for k in range(sums):
            o = out[k, g]
            for i in range(channels):
                o[i] = _ZERO
            for j in range(index.shape[1]):
                factor = factors[k, j]
                if index[g, j] >= 0 and factor != _ZERO:
                    row = x[index[g, j]]
                    for i in range(channels):
                        o[i] += factor * row[i]


@_loop
def combine_into(out, index, factors, parts, bias):
    """Write sums of some parts, each with factors of its own, to the rows that they belong to.

    It rounds as `combine` does.

    Parameters
    ----------
    out : ndarray, shape (n, C), float32
    index : ndarray, shape (G, M), int64
        The row of each sum; -1 for none.
    factors : ndarray, shape (M, K), float32
    parts : tuple of K ndarray, shape (G, C), float32
    bias : ndarray, shape (C,), float32
    """
    groups, sums = index.shape
    for g in range(groups):
        for m in range(sums):
            if index[g, m] >= 0:
                o = out[index[g, m]]
                for i in range(len(bias)):
                    o[i] = bias[i]
                for k in range(len(parts)):
                    factor = factors[m, k]
                    if factor != _ZERO:
                        part = parts[k][g]
                        for i in range(len(bias)):
                            o[i] += factor * part[i]


@_loop
def activate(ref, gate, starts, diff, linear, cubic, out):
    """Write the difference after an activation; error 5e-7 of |diff| (1 + |ref|).

    Parameters
    ----------
    ref, gate : ndarray, shape (n, C), float32
        The reference along a segment, and its gate.
    starts : ndarray, shape (B,), int64
        Where in it each variant's bins begin.
    diff : ndarray, shape (B, W, C), float32 or bfloat16
    linear, cubic : float32
        Coefficients of the gate.
    out : ndarray, shape (B, W, C), float32 or bfloat16
    """
    count, width, channels = diff.shape
    steps = np.empty(channels, np.float32)
    for b in range(count):
        for w in range(width):
            r, g = ref[starts[b] + w], gate[starts[b] + w]
            _activate_row(r, g, diff[b, w], linear, cubic, steps, out[b, w])


@_loop
def activate_taps(ref, gate, starts, taps, first, dilation, linear, cubic, out):
    """Add a dilated convolution's taps up, and write the difference after the activation.

    It rounds as `activate` does, the sum as plain additions in float32 do.

    Parameters
    ----------
    ref, gate, starts, linear, cubic
        As for `activate`.
    taps : ndarray, shape (B, V, K, C), float32 or bfloat16
        What each of V input bins gives to K output bins.
    first, dilation : int
        Output bin w takes tap k of input bin first + w + k * dilation, if there is one.
    out : ndarray, shape (B, W, C), float32 or bfloat16
    """
    count, width, channels = out.shape
    inputs, kernel = taps.shape[1], taps.shape[2]
    total, steps = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for b in range(count):
        for w in range(width):
            for i in range(channels):
                total[i] = _ZERO
            for k in range(kernel):
                v = first + w + k * dilation
                if 0 <= v < inputs:
                    t = taps[b, v, k]
                    for i in range(channels):
                        total[i] += _load(t[i])
            r, g = ref[starts[b] + w], gate[starts[b] + w]
            _activate_row(r, g, total, linear, cubic, steps, out[b, w])


@_loop
def add_and_activate(ref, gate, starts, new, old, first, linear, cubic, total, out):
    """Add a residual branch to the difference it came from, and activate the sum.

    It rounds as `activate` does, the sum once.

    Parameters
    ----------
    ref, gate, starts, linear, cubic
        As for `activate`.
    new : ndarray, shape (B, W, C), float32 or bfloat16
        What the branch gives.
    old : ndarray, shape (B, V, C), float32
        What the block was given.
    first : int
        Bin w of `new` is bin first + w of `old`, if there is one.
    total : ndarray, shape (B, W, C), float32
        Where the sum is written.
    out : ndarray, shape (B, W, C), float32 or bfloat16
        Where the difference after the activation is written.
    """
    count, width, channels = new.shape
    inputs, steps = old.shape[1], np.empty(channels, np.float32)
    for b in range(count):
        for w in range(width):
            n, t, v = new[b, w], total[b, w], first + w
            if 0 <= v < inputs:
                before = old[b, v]
                for i in range(channels):
                    t[i] = _load(n[i]) + before[i]
            else:
                for i in range(channels):
                    t[i] = _load(n[i])
            r, g = ref[starts[b] + w], gate[starts[b] + w]
            _activate_row(r, g, t, linear, cubic, steps, out[b, w])


@_loop
def softplus_difference(ref, slope, starts, diff, out):
    """Write what a difference of logits makes of softplus; relative error 2e-6.

    It is 6e-7 where the difference is less than 1; measured for logits from -20 to 20.

    Parameters
    ----------
    ref, slope : ndarray, shape (n, T), float32
        The reference's logits along a segment, and the slope of softplus there: no number
        where the logits are infinite or none.
    starts : ndarray, shape (B,), int64
    diff : ndarray, shape (B, W, T), float32 or bfloat16
    out : ndarray, shape (B, W, T), float32
    """
    count, width, tracks = diff.shape
    for b in range(count):
        for w in range(width):
            r, s = ref[starts[b] + w], slope[starts[b] + w]
            d, o = diff[b, w], out[b, w]
            largest = _i(0)
            for i in range(tracks):
                largest = max(largest, _magnitude(d[i]))
            if largest < _EXPONENT_OF_ONE:
                for i in range(tracks):
                    o[i] = _log1p(_expm1(_load(d[i])) * s[i])
            else:
                for i in range(tracks):
                    x = _load(d[i])
                    inside = min(max(x, -_ONE), _ONE)
                    small = _log1p(_expm1(inside) * s[i])
                    plain = _softplus(r[i] + x) - _softplus(r[i])
                    o[i] = small if abs(x) < _ONE else plain


@_loop
def look_up(letters, taps, base, table, out):
    """Write sums of rows of some tables, which letters in a row choose.

    Each addition rounds once, by 6e-8 of the sum so far.

    Parameters
    ----------
    letters : ndarray, shape (R, n), int64
        Each from 0 on, and less than `base`.
    taps : tuple of int
        How many letters choose a row of each table.
    base : int
    table : ndarray, shape (sum of base ** taps, C), float32
        The tables, one after the other; the last letter's rows lie beside each other.
    out : ndarray, shape (R, n - sum of taps + 1, C), float32
    """
    rows, width, channels = out.shape
    for r in range(rows):
        for n in range(width):
            o, place, first = out[r, n], n, 0
            for g in range(len(taps)):
                row = 0
                for _ in range(taps[g]):
                    row = row * base + letters[r, place]
                    place += 1
                t = table[first + row]
                first += base ** taps[g]
                if g == 0:
                    for i in range(channels):
                        o[i] = t[i]
                else:
                    for i in range(channels):
                        o[i] += t[i]
