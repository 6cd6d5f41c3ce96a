"""How differences between rounds and gaps of judges are written, with their intervals."""

from sitool.metrics import Accuracy

NOTHING = "·"


def share(value: float) -> str:
    """Write a share as the tables do.

    >>> share(0.374), share(1.0)
    ('.37', '1.00')
    """
    return f"{value:.2f}".removeprefix("0")


def mark(gap: Accuracy) -> str:
    """Say with a sign whether a gap is surely above 0, surely below it, or neither.

    >>> mark(Accuracy(0.1, 0.05, 0.2, 64)), mark(Accuracy(0.1, -0.05, 0.2, 64))
    ('▲', '±')
    """
    return "▲" if gap.low > 0 else "▼" if gap.high < 0 else "±"


def verdict(difference: Accuracy) -> str:
    """Say in words what a difference comes to; the interval decides.

    >>> verdict(Accuracy(0.1, -0.1, 0.3, 64)), verdict(Accuracy(0.4, 0.3, 0.5, 64))
    ('± noise', '▲ better')
    """
    if difference.low > 0:
        return "▲ better"
    return "▼ worse" if difference.high < 0 else "± noise"


def with_interval(difference: Accuracy) -> str:
    """Write a difference with its interval.

    >>> with_interval(Accuracy(0.1, -0.05, 0.3, 64))
    '+.10 (-.05 to +.30)'
    """
    value, low, high = (
        f"{number:+.2f}".replace("0.", ".", 1) if abs(number) < 0.995 else f"{number:+.1f}"
        for number in (difference.value, difference.low, difference.high)
    )
    return f"{value} ({low} to {high})"
