"""A chart on the screen: zoom, pan, and a redraw at most a few times a second.

What this leaves out: what is drawn (`sitool.plots`) and how (`drawing.py`).
"""

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from sitool.plots import Plot
from sitool.tui.axes import View, fitted, whole
from sitool.tui.drawing import SMALLEST, draw, readable, unsettled

REDRAW_SECONDS = 0.3
ZOOM = 0.7
STEP = 0.2
"""How far an arrow key moves, as a share of what is seen."""
RAMP = ("primary", "success", "warning", "error")
PAIR = ("primary", "warning")


class Chart(Widget, can_focus=True):
    """Draws one `Plot`, and follows it as it grows unless somebody zoomed in."""

    redraw_seconds: ClassVar[float] = REDRAW_SECONDS
    keys_in_words: ClassVar[str] = (
        "+ and - zoom, the arrow keys move what is seen, 0 shows everything again; l shades the"
        " 95 % interval of the next line. Zoomed out, new points keep coming into view."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(1)", "Zoom in", show=False),
        Binding("minus,underscore", "zoom(-1)", "Zoom out", show=False),
        Binding("0", "whole", "Whole chart", show=False),
        Binding("left", "pan(-1, 0)", "Move left", show=False),
        Binding("right", "pan(1, 0)", "Move right", show=False),
        Binding("up", "pan(0, 1)", "Move up", show=False),
        Binding("down", "pan(0, -1)", "Move down", show=False),
        Binding("l", "next_line", "Next line's interval", show=False),
    ]
    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; min-height: 3; }
    Chart:focus { background-tint: $foreground 4%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._plot = Plot("", "", empty="Nothing to draw yet.")
        self._view: View | None = None
        self._focus: int | None = None
        self._strips: list[Strip] = []
        self._drawn_at = 0.0
        self._due: Timer | None = None
        self._stale = True

    @property
    def plot(self) -> Plot:
        """What is drawn."""
        return self._plot

    @property
    def view(self) -> View | None:
        """The part that is seen; None is the whole."""
        return self._view

    def show(self, plot: Plot) -> None:
        """Draw another plot, or the same one grown: soon, if the last time was just now."""
        another = plot.kind != self._plot.kind or plot.shown != self._plot.shown
        if another or plot.empty:
            self._view = self._focus = None
        self._plot = plot
        wait = self.redraw_seconds - (time.monotonic() - self._drawn_at)
        if another or wait <= 0 or not self.is_attached:
            self._redraw()
        elif self._due is None:
            self._due = self.set_timer(wait, self._redraw)

    def _redraw(self) -> None:
        if self._due is not None:
            self._due.stop()  # What it was to draw is drawn now.
            self._due = None
        self._stale = True
        self.refresh()

    def notify_style_update(self) -> None:
        """Take over the colours of another theme."""
        super().notify_style_update()
        self._stale = True

    def render_line(self, y: int) -> Strip:
        """Return one row; the first one asked for after a change draws all of them."""
        width, height = self.size
        if self._stale or len(self._strips) != height or self._strips[0].cell_length != width:
            self._strips = self._draw(width, height)
            self._stale, self._drawn_at = False, time.monotonic()
        return self._strips[y].apply_style(self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        if self._plot.empty or width < SMALLEST[0] or height < SMALLEST[1]:
            return self._say(self._plot.empty or "Too small here: a larger window.", width, height)
        raster = draw(self._plot, width, height, self._view or whole(self._plot), self._focus)
        return raster.strips(self._styles(len(readable(self._plot, width, height).lines)))

    def _say(self, words: str, width: int, height: int) -> list[Strip]:
        """Write the title and a sentence in the place of a chart."""
        text = Text()
        if self._plot.title and height > 4:
            text.append(f"{self._plot.title}\n\n", style="bold")
        text.append(words)
        lines = text.wrap(self.app.console, max(width, 1))[:height]
        strips = [Strip(line.render(self.app.console)).adjust_cell_length(width) for line in lines]
        return strips + [Strip.blank(width)] * (height - len(strips))

    def _styles(self, lines: int) -> Sequence[Style]:
        background, ink = self.background_colors[1], self.colors[3]
        found = [ink, ink, background.blend(ink, 0.55)]
        for i in range(lines):
            colour = self._line_colour(i, lines)
            found += [colour, background.blend(colour, 0.65)]
        styles = [Style(color=colour.rich_color) for colour in found]
        styles[1] += Style(bold=True)
        return styles

    def _line_colour(self, index: int, count: int) -> Color:
        """Return a line's colour: blue and orange for two, and a ramp for more."""
        names = PAIR if count <= 2 else RAMP
        variables = self.app.theme_variables
        stops = [Color.parse(variables.get(f"text-{n}") or variables[n]) for n in names]
        if count <= 2:
            return stops[index]
        place = index / (count - 1) * (len(stops) - 1)
        first = min(int(place), len(stops) - 2)
        return stops[first].blend(stops[first + 1], place - first)

    def action_zoom(self, direction: int) -> None:
        """Zoom in or out around the round that is shown, or the middle."""
        if not self._plot.empty:
            view = self._view or whole(self._plot)
            x, y = (view.left + view.right) / 2, (view.bottom + view.top) / 2
            shown = self._plot.shown
            if shown is not None and view.left < shown < view.right:
                x = shown
            self._zoom(direction, x, y)

    def _zoom(self, direction: int, x: float, y: float) -> None:
        most = whole(self._plot)
        by = ZOOM if direction > 0 else 1 / ZOOM
        view = (self._view or most).zoomed(by, x, y, upright=self._plot.limits is not None)
        if view.right - view.left >= most.right - most.left:
            self._set_view(None)
        else:
            self._set_view(view)

    def _set_view(self, view: View | None) -> None:
        if view is not None and self._plot.limits is None:
            bottom, top = fitted(self._plot, view.left, view.right)
            view = View(view.left, view.right, bottom, top)
        self._view = view
        self._redraw()

    def action_pan(self, across: int, up: int) -> None:
        """Move what is seen; the edges of the plot stay in reach."""
        if self._plot.empty:
            return
        if self._view is None:
            self.app.notify("Everything is in view already; zoom in with + first.")
            return
        most, view = whole(self._plot), self._view.moved(across * STEP, up * STEP)
        inside = view.left < most.right and view.right > most.left
        if inside and view.bottom < most.top and view.top > most.bottom:
            self._set_view(view)

    def action_whole(self) -> None:
        """Show everything again, and follow what comes."""
        self._focus = None
        self._set_view(None)

    def action_next_line(self) -> None:
        """Shade the interval of the next line."""
        lines = [line for line in self._plot.lines if line.low is not None]
        if len(lines) < 2 or self._plot.empty:
            self.app.notify("l shades one interval of several, and here is one line or none.")
            return
        shown = readable(self._plot, *self.size)
        before = unsettled(shown) if self._focus is None else self._focus
        self._focus = (before + 1) % len(shown.lines)
        self._redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in around the pointer."""
        self._zoom_at(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out around the pointer."""
        self._zoom_at(event, -1)

    def _zoom_at(self, event: events.MouseEvent, direction: int) -> None:
        if self._plot.empty:
            return
        event.stop()
        view = self._view or whole(self._plot)
        across = event.x / max(self.size.width - 1, 1)
        up = 1 - event.y / max(self.size.height - 1, 1)
        x = view.left + across * (view.right - view.left)
        self._zoom(direction, x, view.bottom + up * (view.top - view.bottom))
