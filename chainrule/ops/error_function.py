"""The error function, which NumPy lacks:  erf x = 2/√π ∫₀ˣ exp(-t²) dt.

float64, |x| < ½:   x R(x²);  beyond:  1 - exp(-x²) R(|x|), with two rational functions R.
float32:            x R(x²) on the whole line, cut off where erf x rounds to ±1.

Source: W. J. Cody 1969, "Rational Chebyshev approximations for the error function",
Mathematics of Computation 23, tables II and III. The float32 coefficients were fitted to the
least largest relative error (2e-8) by iteratively reweighted least squares (Lawson 1961).
"""

from __future__ import annotations

import numpy as np

BLOCK = 8192  # elements computed at a time, so that all steps stay in the fastest cache

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
