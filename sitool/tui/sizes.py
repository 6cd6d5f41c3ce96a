"""What has to be done when a widget was given another size."""

from collections.abc import Callable

from textual.screen import Screen
from textual.widget import Widget


def on_new_size(widget: Widget, then: Callable[[], None]) -> None:
    """Call something after each layout that gave a widget another size; call it when mounted.

    The toolkit's own event of it, `Resize`, is left out now and then: it goes by what a layout
    changes in the map of places, and whoever asks for a place just before the layout has the
    map made anew already.
    """
    last = None

    def look(_: Screen[object]) -> None:
        nonlocal last
        if widget.size != last:
            last = widget.size
            widget.call_next(then)

    widget.screen.screen_layout_refresh_signal.subscribe(widget, look, immediate=True)
