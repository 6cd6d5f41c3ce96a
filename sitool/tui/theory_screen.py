"""The Theory screen: turn what the theory is about, and see what is guaranteed and what happens.

Curves are made in a thread. While one scene is made the knobs may go on turning: then the newest
setting is made next, and those between are left out. What this leaves out: the numbers
(`sitool.front.workbench`), and the words on each bound (`theory_pages.py`).
"""

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from sitool.errors import SitoolError
from sitool.front.findings.theory import KNOBS, Loaded, caught_scene, load, own_study, words_on
from sitool.front.workbench import KINDS, Knobs, Scene, knobs_of, scene_plot
from sitool.overlay import Overlay
from sitool.plots import Plot
from sitool.tui.aside import in_thread
from sitool.tui.chart import Chart
from sitool.tui.charts import TabLine, number_keys
from sitool.tui.compare import BREAKPOINTS, Asked
from sitool.tui.footer import KeyFooter
from sitool.tui.help import show_help
from sitool.tui.knob import Knob
from sitool.tui.theory_pages import PagesScreen

S5 = 4
"""The place of the page on the shared skill, whose course the chart draws."""
HARDEST = 999


class LiveChart(Chart):
    """A chart that follows a knob at once."""

    redraw_seconds: ClassVar[float] = 0.0
    DEFAULT_CSS = "LiveChart { height: 1fr; width: 1fr; min-height: 3; }"


class TheoryScreen(Screen[None]):
    """The laboratory under knobs, alone or beside a study.

    Args:
        desk: Holds the study; None where there is none.
        tip: The round whose branch is looked at; None is the head.
    """

    TITLE = "Theory"
    BORDER_TITLE = "Theory"
    AUTO_FOCUS = "#knob-initial"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("s", "load", "This study"),
        Binding("b", "pages(0)", "Bounds"),
        Binding("a", f"pages({S5})", "Assumptions"),
        Binding("left_square_bracket", "level(-1)", "Easier level", key_display="[", show=False),
        Binding("right_square_bracket", "level(1)", "Harder level", key_display="]", show=False),
        Binding("d", "defaults", "Defaults"),
        Binding("question_mark", "help", "Help", key_display="?"),
        *number_keys("kind", KINDS),
    ]
    help_text: ClassVar[str] = (
        "Skill at the start: a level of L steps is solved with its L-th power. Steps of the hardest"
        " level: how far the easiest (1 step) and the hardest are apart. Prompts a round: the"
        " budget. Schedule: which levels are drawn. Then the verifier's errors. Learner: shared"
        " (one skill, all levels teach it), chain (level k needs skills 1 to k), tabular (nothing"
        " is shared).\n\nArrow keys, the wheel or the mouse turn a knob; up and down go to the"
        " next. s sets the knobs from the study that you came from: the skill fitted to its base,"
        " its levels, budget and schedule; its own points are drawn as 'this study'. [ and ] choose"
        " the level. b and a open the pages of the bounds, with what they assume.\n\nThe line"
        " 'sitool bound' is sitool's own guarantee (S5, easy to hard), and no theorem of a paper:"
        " it holds for one shared skill and a verifier that never errs, and compares guarantees,"
        " not outcomes. 1 to 5 choose the chart; Next round is what"
        " one simulated round says of this study's next one, from the skill that fits now. "
        + Chart.keys_in_words
    )
    DEFAULT_CSS = """
    TheoryScreen #title { height: 1; background: $panel; padding: 0 1; }
    TheoryScreen #main { height: 1fr; layout: horizontal; }
    TheoryScreen #left { width: 50; height: 1fr; }
    TheoryScreen #knobs { height: auto; border: round $panel-lighten-2; padding: 0 1; }
    TheoryScreen #knobs:focus-within { border: round $accent; }
    TheoryScreen #reading {
        height: 1fr; border: round $panel-lighten-2; padding: 0 1; overflow-y: auto;
    }
    TheoryScreen #right {
        width: 1fr; height: 1fr; border: round $panel-lighten-2; padding: 0 1;
    }
    TheoryScreen #right:focus-within { border: round $accent; }
    TheoryScreen.-narrow #main { layout: vertical; }
    TheoryScreen.-narrow #left { width: 1fr; height: auto; }
    TheoryScreen.-narrow #knobs { border: none; }
    TheoryScreen.-narrow #reading { height: 3; border: none; }
    TheoryScreen.-narrow #right { border: none; }
    """

    def __init__(self, desk: Asked | None = None, tip: int | None = None) -> None:
        super().__init__()
        self._desk, self._tip = desk, tip
        self.knobs = Knobs()
        self.scene: Scene | None = None
        self._making: Knobs | None = None
        self._found: Overlay | None = None
        self._kind = "success"
        self._level = HARDEST
        self._problem = self._unread = ""

    def compose(self) -> ComposeResult:
        """Lay out knobs, what they come to, and the chart."""
        yield Static(
            Text.assemble(("sitool ", "bold"), (" Theory ", "reverse"), self._source),
            id="title",
        )
        with Horizontal(id="main"):
            with Vertical(id="left"):
                with Vertical(id="knobs"):
                    for name, (words, values) in KNOBS.items():
                        yield Knob(name, words, values, getattr(self.knobs, name))
                yield Static("Simulating …", id="reading", markup=False)
            with Vertical(id="right"):
                yield TabLine(kind_words(), self._kind)
                yield LiveChart()
        yield KeyFooter(show_command_palette=False)

    @property
    def _source(self) -> str:
        if self._desk is None:
            return "  alone: T on a study brings its points"
        return "  s: from this study"

    def on_mount(self) -> None:
        """Begin with the study, if there is one, or with the defaults."""
        self.query_one("#knobs").border_title = "Knobs"
        self.query_one("#reading").border_title = "What it comes to"
        self.query_one("#right").border_title = "Charts"
        self.turn(self.knobs)
        if self._desk is not None:
            self.action_load()

    # Making scenes, the newest wish first.

    def turn(self, knobs: Knobs) -> None:
        """Go to another setting of the knobs."""
        self.knobs = knobs
        for name in KNOBS:
            self.query_one(f"#knob-{name}", Knob).put(getattr(knobs, name))
        self._make()

    def _make(self) -> None:
        if self._making is None:
            self._making = self.knobs
            in_thread(self, partial(caught_scene, self.knobs), self._take)

    def _take(self, made: Scene | SitoolError) -> None:
        """Draw what was made, and make the newest setting if it is another by now."""
        asked, self._making = self._making, None
        if not self.is_attached:
            return
        if isinstance(made, SitoolError):
            self._problem = f"{made.message} {made.hint}".strip()
        else:
            self.scene, self._problem = made, ""
        self._draw()
        if asked != self.knobs:
            self._make()

    @property
    def settled(self) -> bool:
        """Whether what is drawn is what the knobs say."""
        return self._making is None

    @property
    def level(self) -> int:
        """The place of the level that is shown, from 1."""
        most = len(self.knobs.lengths if self.scene is None else self.scene.knobs.lengths)
        return min(self._level, most)

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        if self.scene is None:
            return Plot(self._kind, KINDS[self._kind], empty=self._problem or "Simulating …")
        found = self._found if self._kind == "next" else own_study(self.scene, self._found)
        return scene_plot(self.scene, self._kind, self.level, found)

    def _draw(self) -> None:
        self.query_one(LiveChart).show(self.plot)
        self.query_one(TabLine).offer(kind_words(), self._kind)
        words = self._problem
        if not words and self.scene is not None:
            words = words_on(self.scene, self._kind, self.level, self._found)
        if self._unread:
            words += f"\nThis study: {self._unread}"
        self.query_one("#reading", Static).update(words)

    # What a person does.

    def on_knob_turned(self, event: Knob.Turned) -> None:
        """Follow a knob; another spread gives up the study's own levels."""
        changes: dict[str, Any] = {event.name: event.value}
        if event.name == "spread":
            changes["own_lengths"] = ()
        self.knobs = replace(self.knobs, **changes)
        self._make()

    def action_load(self) -> None:
        """Set the knobs from the study."""
        if self._desk is None:
            self.notify("There is no study here: open one, and press T there.")
            return
        self._desk.ask(partial(load, tip=self._tip), self._loaded)

    def _loaded(self, loaded: Loaded) -> None:
        if not self.is_attached:
            return
        if isinstance(loaded, SitoolError):
            self._unread = f"{loaded.message} {loaded.hint}".strip()
            self._draw()
            return
        self._found, self._unread = loaded[0], ""
        self._level = HARDEST
        self.turn(knobs_of(*loaded))

    def action_defaults(self) -> None:
        """Set every knob as it was without a study."""
        self.turn(Knobs())

    def action_level(self, places: int) -> None:
        """Show an easier or a harder level."""
        self._level = max(self.level + places, 1)
        self._draw()

    def action_kind(self, kind: str) -> None:
        """Show another chart."""
        self._kind = kind
        self._draw()

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Show the chart whose name was clicked."""
        self.action_kind(event.name)

    def action_pages(self, page: int) -> None:
        """Read about the bounds."""
        self.app.push_screen(PagesScreen(self.knobs, page), self._try)

    def _try(self, knobs: Knobs | None) -> None:
        if knobs is not None:
            self.turn(knobs)

    def action_help(self) -> None:
        """Explain this screen."""
        show_help(self)


def kind_words() -> list[dict[str, str]]:
    """Name the charts by number and word, from many words to few."""
    full = {kind: f" {i} {name} " for i, (kind, name) in enumerate(KINDS.items(), 1)}
    return [full, {kind: words.strip() for kind, words in full.items()}]
