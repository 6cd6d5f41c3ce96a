"""What a click on a chart picks: selection parameters, and how what is picked stands out.

A live view listens to them as signals; `sitool/vega/__init__.py` says how.
"""

from collections.abc import Iterable
from typing import Any

MARKS = "marks"
"""The name of the view whose marks can be clicked."""
PICKED = "picked"
"""The line that is chosen in the legend."""
FADED = 0.08

Spec = dict[str, Any]


def picks(names: Iterable[str], *, legend: bool) -> list[Spec]:
    """Make the parameters of a chart.

    Args:
        names: Fields of the rows, such as `level`.
        legend: Whether a line can be chosen in the legend.
    """
    fields = {name: name for name in names} | ({PICKED: "line"} if legend else {})
    return [
        {"name": name, "select": {"type": "point", "fields": [field]}, "views": [MARKS]}
        | ({"bind": "legend"} if name == PICKED else {})
        for name, field in fields.items()
    ]


def faded(names: Iterable[str], opacity: float) -> Spec:
    """Fade what is not picked while something is."""
    listed = [{"param": name} for name in names]
    if not listed:
        return {"value": opacity}
    return {"condition": {"test": {"and": listed}, "value": opacity}, "value": FADED}


def raised(names: Iterable[str], picked: Any, other: Any) -> Spec:
    """Give what is picked another value than the rest; the rest's while nothing is."""
    listed = [{"param": name, "empty": False} for name in names]
    if not listed:
        return {"value": other}
    return {"condition": {"test": {"and": listed}, "value": picked}, "value": other}
