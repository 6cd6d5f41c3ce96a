"""The charts of the study screen: five plots of the shown round and its branch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from sitool.front.desk import Look
from sitool.plots import KINDS, Plot, loss_plot, name_of, plot_of, why_no_losses
from sitool.summary import Summary
from sitool.tui.chart import Chart

SHORT_NAMES = {"accepted": "Kept"}


class TabLine(Widget):
    """One line of names; the chosen one stands out. A click chooses.

    Args:
        words: What to write for each name, from many words to few: the first that fit are taken.
        chosen: One of the names.
    """

    DEFAULT_CSS = "TabLine { height: 1; width: 1fr; }"

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, words: Sequence[Mapping[str, str]], chosen: str) -> None:
        super().__init__()
        self._words, self._chosen = words, chosen
        self._places: list[tuple[int, int, str]] = []

    def offer(self, words: Sequence[Mapping[str, str]], chosen: str) -> None:
        """Show other words, or another choice."""
        self._words, self._chosen = words, chosen
        self.refresh()

    def render(self) -> Text:
        """Draw as many words as there is room for."""
        width = self.size.width
        fitting = (w for w in self._words if sum(map(len, w.values())) + len(w) - 1 <= width)
        self._places, text = [], Text(no_wrap=True)
        for name, word in next(fitting, self._words[-1]).items():
            self._places.append((len(text), len(text) + len(word), name))
            text.append(word, style="reverse bold" if name == self._chosen else "")
            text.append(" ")
        return text

    def on_click(self, event: events.Click) -> None:
        """Choose the name under the pointer."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))


def chart_words(chosen: str, kinds: Mapping[str, str] = KINDS) -> list[dict[str, str]]:
    """Name the charts by number and word, from many words to few."""
    full = {kind: f" {i} {name} " for i, (kind, name) in enumerate(kinds.items(), 1)}
    short = {
        kind: f"{i} {SHORT_NAMES.get(kind, name)}"
        for i, (kind, name) in enumerate(kinds.items(), 1)
    }
    least = {
        kind: words if kind == chosen else words.partition(" ")[0] for kind, words in short.items()
    }
    return [full, short, least]


def number_keys(action: str, kinds: Mapping[str, str] = KINDS) -> Iterator[Binding]:
    """Yield a key for each chart, by its number, that calls an action with its name."""
    for number, (kind, words) in enumerate(kinds.items(), 1):
        yield Binding(str(number), f"{action}({kind!r})", words, show=False)


class Charts(Widget):
    """A chart of several, chosen by a number key or with the mouse; whoever inherits has the plots.

    Attributes:
        kinds: The charts there are: name -> what its tab says.
        kind: Which one is drawn, a key of `kinds`.
    """

    kinds: ClassVar[Mapping[str, str]] = KINDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(str(i), f"show_chart({i})", f"Chart {i}", show=False) for i in range(1, 6)
    ]
    kind: reactive[str] = reactive("accuracy", init=False)

    def compose(self) -> ComposeResult:
        """Hold the names of the charts, and one of them."""
        yield TabLine(chart_words(self.kind, self.kinds), self.kind)
        yield Chart()

    @property
    def plot(self) -> Plot:
        """The chart as it is now; `sitool.vega.svg_of` writes it as SVG."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the chart as it is now."""
        if self.is_mounted:
            self.query_one(Chart).show(self.plot)

    def on_mount(self) -> None:
        """Draw what came before."""
        self.draw()

    def watch_kind(self, kind: str) -> None:
        """Draw another chart."""
        if self.is_mounted:
            self.query_one(TabLine).offer(chart_words(kind, self.kinds), kind)
            self.draw()

    def action_show_chart(self, number: int) -> None:
        """Show one of the charts, counted from 1; nothing if there are not so many."""
        if number <= len(self.kinds):
            self.kind = list(self.kinds)[number - 1]

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Show the chart whose name was clicked."""
        event.stop()
        self.kind = event.name
        self.query_one(Chart).focus()


class ChartPanel(Charts):
    """The charts of the shown round and the branch that leads to it."""

    BORDER_TITLE = "Charts"
    help_text: ClassVar[str] = (
        "How the branch came to the shown round. Accuracy: the share of held-out problems that"
        " the model's most likely answer solves, with Wilson's 95 % interval. Accepted: samples"
        " that counted in training. pass@k: the chance that at least one of k samples passes,"
        " 1 - C(n-c, k) / C(n, k) for c passed of n (Chen et al. 2021). Entropy: of a problem's"
        " answers, -sum p ln p; it falls as the model settles on one answer, right or wrong."
        " Loss: of training, in nats per completion token (of pairs: squared, a pair)."
        " 1 to 5 choose. " + Chart.keys_in_words
    )
    DEFAULT_CSS = """
    ChartPanel { border: round $panel-lighten-2; width: 1fr; height: 1fr; padding: 0 1; }
    ChartPanel:focus-within { border: round $accent; }
    """

    def __init__(self) -> None:
        super().__init__(id="charts")
        self._summary: Summary | None = None
        self._shown: int | None = None
        self._live: tuple[Sequence[int], Sequence[float]] = ((), ())

    @property
    def plot(self) -> Plot:
        """The chart as it is now; `sitool.vega.svg_of` writes it as SVG."""
        if self._summary is None:
            return Plot(self.kind, KINDS[self.kind], empty="Opening the study …")
        if self.kind == "loss" and self._shown is not None:
            return self._losses(self._summary, self._shown)
        return plot_of(self._summary, self.kind, self._shown)

    def _losses(self, summary: Summary, shown: int) -> Plot:
        """Draw the shown round's losses, and over them those of the round that trains now."""
        here = summary.round(shown)
        losses = {name_of(here): list(here.losses)}
        steps: dict[str, Sequence[float]] = {}
        if summary.open is not None and self._live[0]:
            name = f"r{summary.open}"
            losses[name], steps[name] = list(self._live[1]), self._live[0]
        return loss_plot(losses, why_no_losses(here), steps)

    def look(self, look: Look, shown: int | None) -> None:
        """Draw what the study says."""
        before = self._summary
        seen = before is not None and (before.rounds, self._shown) == (look.summary.rounds, shown)
        if look.summary.open is None:
            self._live = ((), ())
        self._summary, self._shown = look.summary, shown
        if not seen:
            self.draw()

    def losses(self, steps: Sequence[int], losses: Sequence[float]) -> None:
        """Take the losses of the round that trains now, as far as it is."""
        self._live = (tuple(steps), tuple(losses))
        if self.kind == "loss":
            self.draw()
