"""The line of keys below a screen. Leaves out which keys there are: that is each screen's."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

Shown = list[tuple[Binding, bool, str]]
"""What is seen of some keys: each with whether it can be pressed, and why not."""


class KeyFooter(Footer):
    """Textual's footer, made anew only where other keys are to be seen.

    Textual makes all keys anew whenever the focus may have moved, and gives each its look
    several times. That was two thirds of the styles worked out as the study screen opens.
    """

    def __init__(self, *, show_command_palette: bool = True, compact: bool = False) -> None:
        super().__init__(show_command_palette=show_command_palette, compact=compact)
        self._seen: Shown | None = None

    def compose(self) -> ComposeResult:
        """Make the keys with the look that they are to have."""
        self._seen = self._to_be_seen()
        for part in super().compose():
            if isinstance(part, FooterKey):
                # The palette's key does not follow the footer: it is always compact.
                compact = self.compact or part.has_class("-command-palette")
                part.set_reactive(FooterKey.compact, compact)
                part.set_class(compact, "-compact", update=False)
            yield part

    async def recompose(self) -> None:
        """Make the keys anew, unless they are those that are there."""
        # It is asked for late: the screen may be gone by now.
        if self.is_attached and (self._seen is None or self._seen != self._to_be_seen()):
            await super().recompose()

    def _to_be_seen(self) -> Shown | None:
        if not self._bindings_ready:
            return None
        palette = self.app.COMMAND_PALETTE_BINDING
        return [
            (binding, enabled, tooltip)
            for key, (_, binding, enabled, tooltip) in self.screen.active_bindings.items()
            if binding.show or key == palette
        ]
