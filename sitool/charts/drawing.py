"""From a plot to an altair chart."""

from typing import TYPE_CHECKING, Any

from sitool.errors import MissingDependencyError
from sitool.vega import Drawable, Spec, spec_of, themed

if TYPE_CHECKING:
    from sitool.charts.figures import Figure


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
    try:
        import altair  # noqa: F401 - `figures` cannot be read without it
    except ImportError as error:
        raise MissingDependencyError("A chart for a notebook", "altair", "notebook") from error
    from sitool.charts.figures import Figure

    figure: Figure = Figure.from_dict(spec)
    return figure
