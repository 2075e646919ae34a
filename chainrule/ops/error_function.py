"""The error function, which NumPy lacks, and its relatives:  erf x = 2/√π ∫₀ˣ exp(-t²) dt.

float64, |x| < ½:   x R(x²);  beyond:  1 - exp(-x²) R(|x|), with two rational functions R.
float32:            x R(x²) on the whole line, cut off where erf x rounds to ±1.
Its complement erfc x = exp(-x²) R(x) has a continued fraction instead of R beyond 4
(Abramowitz & Stegun 1964, 7.1.14); its inverse is found by Halley's iteration.

Source: W. J. Cody 1969, "Rational Chebyshev approximations for the error function",
Mathematics of Computation 23, tables II and III. The float32 coefficients were fitted to the
least largest relative error (2e-8) by iteratively reweighted least squares (Lawson 1961).
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.zeta_kernels import BLOCK, in_double

# Coefficients from the highest power down to the constant.
NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
TAIL = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3,
     2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
     3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
SINGLE = (
    (2.05072567e-6, 2.84889869e-4, 3.76455697e-3, 5.27455888e-2, 1.90377679e-1, 1.12837915),
    (3.80986731e-5, 1.16233533e-3, 1.49670809e-2, 1.14097822e-1, 5.02050568e-1, 1.0),
)  # fmt: skip
SINGLE_END = 3.925  # from here on erf x = 1 in float32
FAR = 4.0  # from here on the continued fraction
LEVELS = 30  # of it


def erf(x: np.ndarray) -> np.ndarray:
    """The error function of every element, in the element type float32 or float64.

    Notes: the largest relative errors seen are 4e-16 in float64 and 3e-7 in float32.
    """
    single = x.dtype == np.float32
    y = np.empty(x.shape, x.dtype)
    source, target = np.ravel(x), y.reshape(-1)
    for start in range(0, x.size, BLOCK):
        part = slice(start, start + BLOCK)
        target[part] = _single(source[part]) if single else _double(source[part])
    return y


def _single(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, -SINGLE_END, SINGLE_END)
    y = _quotient(SINGLE, x * x)
    y *= x
    return np.clip(y, -1, 1, out=y)


def _double(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    near = np.minimum(size, 0.5)
    far = np.clip(size, 0.5, 6.0)
    tail = np.exp(-far * far) * _quotient(TAIL, far)
    y = np.where(size < 0.5, near * _quotient(NEAR, near * near), 1 - tail)
    return np.copysign(y, x)


def _quotient(pair: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    """Numerator over denominator, each by Horner's rule."""
    above, below = [_polynomial(coefficients, x) for coefficients in pair]
    return np.divide(above, below, out=above)


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    y = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        y += coefficient
        y *= x
    y += coefficients[-1]
    return y


@in_double
def erfcx(x: np.ndarray) -> np.ndarray:
    """The scaled complement  exp(x²) erfc x,  which does not underflow."""
    size = np.abs(x)
    y = _scaled(size)
    near = size < 0.5
    inner = np.exp(size * size) * (1 - erf(x))
    return np.where(near, inner, np.where(x < 0, 2 * np.exp(size * size) - y, y))


@in_double
def erfc(x: np.ndarray) -> np.ndarray:
    """The complement  1 - erf x,  with its own precision in the tail.

    Notes: the largest relative error seen is 2e-15, down to 1e-300.
    """
    size = np.abs(x)
    tail = _square_exp(size) * _scaled(size)
    return np.where(size < 0.5, 1 - erf(x), np.where(x < 0, 2 - tail, tail))


def _scaled(x: np.ndarray) -> np.ndarray:
    """exp(x²) erfc x  for x ≥ ½; below that what it is at ½."""
    x = np.maximum(x, 0.5)
    fraction = far = np.maximum(x, FAR)
    for k in range(LEVELS, 0, -1):
        fraction = far + k / 2 / fraction
    beyond = 1 / (math.sqrt(math.pi) * fraction)
    return np.where(x < FAR, _quotient(TAIL, np.minimum(x, FAR)), beyond)


def _square_exp(x: np.ndarray) -> np.ndarray:
    """exp(-x²); the square is taken of a number of few bits, which is exact, and the rest."""
    x = np.minimum(x, 30)
    rough = np.rint(x * 16) / 16
    return np.exp(-rough * rough) * np.exp(-(x - rough) * (x + rough))


@in_double
def erfinv(x: np.ndarray) -> np.ndarray:
    """The number whose error function is x; ±inf at ±1, nan beyond."""
    size = np.abs(x)
    y = np.piecewise(size, [size < 0.5], [_inverse, lambda size: erfcinv(1 - size)])
    return np.copysign(y, x)


def _inverse(x: np.ndarray) -> np.ndarray:
    """erfinv between 0 and ½: Winitzki's guess, and Halley's steps, to three times the bits."""
    y = _guess(-np.log1p(-x * x))
    for _ in range(2):
        step = (erf(y) - x) * (math.sqrt(math.pi) / 2) * np.exp(y * y)
        y = y - step / (1 + y * step)
    return y


@in_double
def erfcinv(y: np.ndarray) -> np.ndarray:
    """The number x ≥ 0 whose complement erfc x is y, for y from 0 to 1; nan beyond.

    Notes: Newton's steps compare the logarithms of y and erfc x, so that they reach into the
    tail, where ln erfc x is nearly a parabola.
    """
    inside = (y > 0) & (y <= 1)
    p = np.where(inside, y, 0.5)
    x = _guess(-np.log(p) - np.log(2 - p))
    for _ in range(3):
        x = x + np.log(erfc(x) / p) * (math.sqrt(math.pi) / 2) * erfcx(x)
    return np.where(inside, x, np.where(y == 0, np.inf, np.nan))


def _guess(logarithm: np.ndarray) -> np.ndarray:
    """erfinv x from  -ln(1 - x²),  to three digits. Source: Winitzki 2008"""
    a = 0.147
    middle = 2 / (math.pi * a) - logarithm / 2
    return np.sqrt(np.maximum(np.sqrt(middle * middle + logarithm / a) - middle, 0))


@in_double
def ndtri(p: np.ndarray) -> np.ndarray:
    """The quantile of the standard normal distribution: x with Φ(x) = p."""
    central = np.abs(p - 0.5) < 0.25
    return math.sqrt(2) * np.piecewise(p, [central], [lambda p: erfinv(2 * p - 1), _tail])


def _tail(p: np.ndarray) -> np.ndarray:
    return np.copysign(erfcinv(2 * np.minimum(p, 1 - p)), p - 0.5)


@in_double
def log_ndtr(x: np.ndarray) -> np.ndarray:
    """ln Φ(x), the logarithm of the normal distribution function, exact far down its tail."""
    z = x / math.sqrt(2)
    below = np.log(erfcx(np.where(x < -1, -z, 1.0)) / 2) - np.where(x < -1, x, 0.0) ** 2 / 2
    return np.where(x < -1, below, np.log1p(-erfc(z) / 2))
