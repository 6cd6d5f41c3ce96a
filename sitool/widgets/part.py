"""What every part of a notebook has: the view that it shares, and a still picture of itself.

A widget alone shows nothing where no kernel runs: on a code host, in an exported
page, in an editor without widgets. So each part puts a still beside its live view.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.html.markup import Markup, join, plain
from sitool.widgets.view import View, view_of


class Part(ipywidgets.VBox):
    """A part of a panel, or a panel.

    Args:
        study: The study, or a view of it.
        children: What the part is made of.

    Attributes:
        filling: Whether the part sets its own widgets now.
    """

    filling = False

    def __init__(self, study: Study | View, children: tuple[ipywidgets.Widget, ...] = ()) -> None:
        self.view = study if isinstance(study, View) else view_of(study)
        self._watched: list[tuple[Callable[[Any], None], tuple[str, ...]]] = []
        self.closed = False
        self.view.hold(self)
        super().__init__(children)

    def watch(self, draw: Callable[[Any], None], *traits: str) -> None:
        """Call `draw` with each change of these traits of the view, until the part is closed."""
        self.view.observe(draw, traits)
        self._watched.append((draw, traits))

    @contextlib.contextmanager
    def fill(self) -> Iterator[None]:
        """Set widgets' values; what these then tell of is no choice of a person."""
        self.filling = True
        try:
            yield
        finally:
            self.filling = False

    def still(self) -> Mapping[str, Any]:
        """Return what a page without a kernel shows, by mime type; text/html and text/plain."""
        page = join([self.page()])
        return {"text/html": str(page), "text/plain": plain(page)}

    def page(self) -> Markup:
        """Return the still as HTML that needs no style sheet."""
        raise NotImplementedError

    def close(self) -> None:
        """Take the part off the page, and no longer watch the view."""
        if self.closed:
            return
        self.closed = True
        for draw, traits in self._watched:
            with contextlib.suppress(ValueError):
                self.view.unobserve(draw, traits)
        self._watched.clear()
        super().close()
        self.view.let_go(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        self.view.settle()
        live = super()._repr_mimebundle_(**kwargs)
        return {**live, **self.still()} if live else dict(self.still())
