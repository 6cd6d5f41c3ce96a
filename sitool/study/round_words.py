"""Rounds in plain words: a figure with its interval, a round in a line.

The command line, scripts and notebooks say them alike. What this leaves out: tables and
colours.
"""

from sitool.metrics import Accuracy
from sitool.store import Metric
from sitool.summary import RoundSummary


def short(value: float | None) -> str:
    """Write a share the way the app does: `.37`, `1.0`; nothing as a dot.

    >>> short(0.374), short(1.0), short(None)
    ('.37', '1.0', '·')
    """
    if value is None:
        return "·"
    text = f"{value:.2f}"
    return "1.0" if text == "1.00" else text.replace("0.", ".", 1) if abs(value) < 1 else text


def with_interval(figure: Metric | Accuracy | None) -> str:
    """Write a figure with its interval and its n.

    >>> with_interval(Accuracy(0.5, 0.31, 0.69, 24))
    '.50 (.31 to .69, n=24)'
    """
    if figure is None:
        return "not measured"
    return f"{short(figure.value)} ({short(figure.low)} to {short(figure.high)}, n={figure.n})"


def accuracy_line(round_: RoundSummary) -> str:
    """Say a round's outcome in one line."""
    words = [round_.round.label]
    if round_.round.parent is not None:
        words.append(f"accepted {round_.accepted:,} of {round_.sampled:,}")
    words.append(f"accuracy {with_interval(round_.overall)}")
    words.append(f"{round_.round.seconds:.1f} s")
    return "  ".join(words)
