"""From a plot to an altair chart."""

from typing import TYPE_CHECKING, Any

from sitool.errors import MissingDependencyError
from sitool.vega import Drawable, Spec, spec_of, themed

if TYPE_CHECKING:
    from sitool.charts.figures import Board, Figure


def draw(plot: Drawable | Spec, theme: str = "light") -> "Figure":
    """Draw a plot, or a Vega-Lite spec with layers, such as those of `sitool.theory`.

    Args:
        theme: `light` or `dark`.

    Raises:
        StudyError: There is nothing to draw.
        UnknownNameError: There is no such theme.
        MissingDependencyError: altair is not installed.
    """
    spec: dict[str, Any] = themed(plot if isinstance(plot, dict) else spec_of(plot), theme)
    figure: Figure = _figures().Figure.of(spec)
    return figure


def beside(*charts: "Figure", columns: int = 2) -> "Board":
    """Put charts beside each other; what a click picks in one stands out in all.

    Two can be written `first | second`, or `first & second` for one above the other.

    Args:
        columns: After so many a new row begins.

    Raises:
        MissingDependencyError: altair is not installed.
    """
    board: Board = _figures().beside(*charts, columns=columns)
    return board


def _figures() -> Any:
    """Import what needs altair."""
    try:
        import altair  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("A chart for a notebook", "altair", "notebook") from error
    from sitool.charts import figures

    return figures
