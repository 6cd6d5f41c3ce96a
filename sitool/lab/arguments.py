"""What every function of the laboratory asks of its arguments, as one sentence when it is not so.

Each check returns the argument as an array of float64, so that formulas hold
for one number and for many at once.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitool.errors import LabError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def numbers(name: str, value: ArrayLike) -> Floats:
    """Return the argument as float64.

    Raises:
        LabError: There is something that is no number, such as NaN.
    """
    array = np.asarray(value, dtype=np.float64)
    require(~np.isnan(array), array, f"{name} must be a number")
    return array


def positive(name: str, value: ArrayLike) -> Floats:
    """Return the argument, which must be above 0.

    Raises:
        LabError: Something is 0 or less.
    """
    array = numbers(name, value)
    require(array > 0, array, f"{name} must be above 0")
    return array


def at_least(name: str, value: ArrayLike, least: float) -> Floats:
    """Return the argument, which must not be below `least`.

    Raises:
        LabError: Something is below.
    """
    array = numbers(name, value)
    require(array >= least, array, f"{name} must be at least {least:g}")
    return array


def share(name: str, value: ArrayLike) -> Floats:
    """Return the argument, which must lie in [0, 1].

    Raises:
        LabError: Something lies outside.
    """
    array = numbers(name, value)
    require((array >= 0) & (array <= 1), array, f"{name} must lie between 0 and 1")
    return array


def chance(name: str, value: ArrayLike) -> Floats:
    """Return the argument, which must lie in (0, 1]: formulas divide by it, or take its log.

    Raises:
        LabError: Something lies outside.
    """
    array = numbers(name, value)
    require((array > 0) & (array <= 1), array, f"{name} must be above 0 and at most 1")
    return array


def whole(name: str, value: ArrayLike, least: int = 1) -> Floats:
    """Return the argument, which must be whole and not below `least`.

    Raises:
        LabError: Something has a fraction, or is below.
    """
    array = numbers(name, value)
    good = (array >= least) & (array == np.floor(array))
    require(good, array, f"{name} must be a whole number from {least} up")
    return array


def shaped(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return the argument spread out to `shape`, by numpy's rules of broadcasting.

    Raises:
        LabError: It does not fit that shape.
    """
    array = numbers(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError as error:
        raise LabError(
            f"{name} has the shape {array.shape}, which does not fit {shape}.",
            "try: the shape [prompts, responses] of the policy",
        ) from error


def require(good: Mask | np.bool_, array: Floats, rule: str) -> None:
    """Raise an error that shows the first value that breaks the rule.

    Raises:
        LabError: Not all are good.
    """
    if not np.all(good):
        offending = array[~np.asarray(good)].flat[0]
        raise LabError(f"{rule}, but there is {offending:g}.", "try: mend that number")
