"""How a page writes figures: shares, intervals, differences, times."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sitool.html.markup import Markup, join, tag
from sitool.metrics import Accuracy
from sitool.store import Metric

NOTHING = "·"


def share(value: float | None) -> str:
    """Write a share in two digits.

    >>> share(0.374), share(None)
    ('0.37', '·')
    """
    return NOTHING if value is None else f"{value:.2f}"


def figure(found: Metric | Accuracy | None) -> Markup:
    """Write a figure with its interval and its n.

    >>> figure(Accuracy(0.5, 0.31, 0.69, 24))
    '0.50 <small>0.31 to 0.69, n=24</small>'
    """
    if found is None:
        return join([NOTHING])
    if found.low is None or found.high is None:
        return join([share(found.value)])
    n = "" if found.n is None else f", n={found.n:,}"
    ends = f"{share(found.low)} to {share(found.high)}{n}"
    return join([share(found.value), " ", tag("small", ends)])


def difference(found: Accuracy | None) -> Markup:
    """Write a difference with its interval; ▲ and ▼ where it is surely not 0.

    >>> difference(Accuracy(0.05, 0.03, 0.07, 64))
    '▲ +0.050 <small>+0.030 to +0.070, n=64</small>'
    """
    if found is None:
        return join([NOTHING])
    mark = "▲ " if found.low > 0 else "▼ " if found.high < 0 else ""
    ends = f"{found.low:+.3f} to {found.high:+.3f}, n={found.n:,}"
    return join([f"{mark}{found.value:+.3f}", " ", tag("small", ends)])


def moment(seconds: float) -> str:
    """Write a time in UTC.

    >>> moment(0)
    '1970-01-01 00:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Write how long something took.

    >>> duration(4.25), duration(600), duration(9000)
    ('4.2 s', '10.0 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str]) -> str:
    """Join names in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
