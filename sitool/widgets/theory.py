"""The laboratory under knobs, beside the study's own rounds.

Scenes and pictures are made in the thread that follows the study; while one is made the
knobs may go on turning, and then the newest setting is made next. What this leaves out:
the numbers (`sitool/front/workbench.py`).
"""

import threading
from dataclasses import fields, replace
from functools import partial
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.findings.kept import shown_round
from sitool.front.findings.theory import KNOBS, Loaded, caught_scene, load, own_study, words_on
from sitool.front.workbench import KINDS, Knobs, Scene, knobs_of, scene_plot
from sitool.html.markup import Markup, join
from sitool.overlay import Overlay
from sitool.plots import Plot
from sitool.study.pieces import drawing, faint, lead, paragraph
from sitool.widgets.chart import LiveChart
from sitool.widgets.finding import STILL_SECONDS, draw
from sitool.widgets.part import Part
from sitool.widgets.view import View

SIMULATING = "Simulating …"
LABEL, WIDTH = "11em", "24em"
"""Of a knob's words, and of the whole knob."""
READ = (
    "Skill at the start: a level of L steps is solved with its L-th power. The line 'sitool bound'"
    " is sitool's own guarantee (S5, easy to hard), and no theorem of a paper: it holds for one"
    " shared skill and a verifier that never errs, and compares guarantees, not outcomes."
)
MADE_LINE = "from sitool.front.workbench import Knobs, make_scene; scene = make_scene({knobs})"


def written(knobs: Knobs) -> str:
    """Write knobs as the code that makes them.

    >>> written(Knobs(initial=0.5))
    'Knobs(initial=0.5)'
    """
    plain = Knobs()
    given = [
        f"{field.name}={getattr(knobs, field.name)!r}"
        for field in fields(Knobs)
        if getattr(knobs, field.name) != getattr(plain, field.name)
    ]
    return f"Knobs({', '.join(given)})"


class Theory(Part):
    """Knobs, what is simulated and guaranteed under them, and the study's own points.

    Args:
        study: The study, or a view of it.
        awake: Whether to begin now, or only once it is seen.
    """

    def __init__(self, study: Study | View, *, awake: bool = True) -> None:
        self.knobs = Knobs()
        self.scene: Scene | None = None
        self._found: Overlay | None = None
        self._problem, self._line = "", ""
        self._awake = False
        self._making: Knobs | None = None
        self._made = threading.Event()
        self.turners = {name: self._turner(name) for name in KNOBS}
        self.kind = ipywidgets.ToggleButtons(
            options=[(words, kind) for kind, words in KINDS.items()],
            style={"button_width": "auto"},
            tooltip="Which chart is drawn.",
        )
        self.level = ipywidgets.IntSlider(
            min=1,
            max=5,
            value=5,
            description="level that is shown",
            continuous_update=False,
            style={"description_width": LABEL},
            layout={"width": WIDTH},
        )
        self.load = _button("From this study", "Set the knobs from the branch that is looked at.")
        self.defaults = _button("Defaults", "Set every knob as it was without a study.")
        self.chart, self.reading = LiveChart(), ipywidgets.HTML()
        self.chart.say("Theory", SIMULATING)
        super().__init__(study, self._laid_out())
        self.kind.observe(self._redraw, "value")
        self.level.observe(self._redraw, "value")
        self.load.on_click(lambda _: self.press_load())
        self.defaults.on_click(lambda _: self.turn(Knobs()))
        if awake:
            self.wake()

    def _laid_out(self) -> tuple[ipywidgets.Widget, ...]:
        buttons = ipywidgets.HBox((self.load, self.defaults))
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        knobs = ipywidgets.HBox((*self.turners.values(), self.level), layout=wrap)
        note = ipywidgets.HTML(str(faint(READ)))
        return buttons, knobs, self.reading, self.kind, self.chart, note

    def _turner(self, name: str) -> ipywidgets.Widget:
        words, values = KNOBS[name]
        shared: dict[str, Any] = {
            "options": values, "value": getattr(self.knobs, name), "description": words,
            "style": {"description_width": LABEL}, "layout": {"width": WIDTH},
        }  # fmt: skip
        if name in ("rule", "learner"):
            turner = ipywidgets.Dropdown(**shared)
        else:
            turner = ipywidgets.SelectionSlider(**shared, continuous_update=False)
        turner.observe(partial(self._take_knob, name), "value")
        return turner

    # What a person does.

    def wake(self) -> None:
        """Begin with the study's branch, or with the defaults where it has none."""
        if not self._awake:
            self._awake = True
            self._load()

    def press_load(self) -> None:
        """Set the knobs from the branch that is looked at."""
        tip = self._tip
        line = "study.theory()" if tip is None else f"study.theory({tip})"
        self.view.do(line, lambda study: load(study, tip), partial(self._loaded, line))

    @property
    def _tip(self) -> int | None:
        """The round at the end of the branch that is looked at."""
        look = self.view.look
        return None if look is None else shown_round(look.summary, self.view.shown)

    def _load(self) -> None:
        self.view.ask(lambda study: load(study, self._tip), partial(self._loaded, ""))

    def _loaded(self, line: str, loaded: Loaded) -> None:
        if isinstance(loaded, SitoolError):
            self.view.forget(line)
            self._problem = f"This study: {loaded.message} {loaded.hint}".strip()
            self._make(self.knobs)
            return
        self._problem, self._found = "", loaded[0]
        self._put(knobs_of(*loaded))
        self._make(self.knobs)

    def turn(self, knobs: Knobs) -> None:
        """Go to another setting of the knobs, and keep the line that does the same."""
        self._put(knobs)
        self.view.forget(self._line)
        self._line = MADE_LINE.format(knobs=written(knobs))
        self.view.note(self._line)
        self._make(knobs)

    def _take_knob(self, name: str, change: Any) -> None:
        """Follow a knob; another spread gives up the study's own levels."""
        if self.filling:
            return
        changes: dict[str, Any] = {name: change["new"]}
        if name == "spread":
            changes["own_lengths"] = ()
        self.turn(replace(self.knobs, **changes))

    def _put(self, knobs: Knobs) -> None:
        """Set every knob, and offer the study's own value beside the others."""
        self.knobs = knobs
        with self.fill():
            for name, turner in self.turners.items():
                value, values = getattr(knobs, name), KNOBS[name][1]
                if name not in ("rule", "learner"):
                    values = tuple(sorted({*values, value}))
                with turner.hold_sync():
                    if tuple(turner.options) != tuple(values):
                        turner.options = values
                    turner.value = value
            count = len(knobs.lengths)
            if self.level.max != count:
                self.level.max = self.level.value = count

    # Making scenes, the newest wish first.

    def _make(self, knobs: Knobs) -> None:
        if self._making is None:
            self._making = knobs
            self.view.ask(lambda _: caught_scene(knobs), self._take)

    def _take(self, made: Scene | SitoolError) -> None:
        asked, self._making = self._making, None
        if isinstance(made, SitoolError):
            self._made.set()
            self.reading.value = str(paragraph(f"{made.message} {made.hint}".strip()))
        else:
            self.scene = made
            self._redraw(None)
        if asked != self.knobs:
            self._make(self.knobs)

    def _redraw(self, change: Any) -> None:
        """Draw the chart, and say what it comes to."""
        if self.scene is None or self.filling:
            return
        words = words_on(self.scene, str(self.kind.value), self._level, self._found)
        self.reading.value = str(_paragraphs(f"{words}\n{self._problem}"))
        draw(self.chart, self.plot)
        self._made.set()

    @property
    def _level(self) -> int:
        most = 1 if self.scene is None else len(self.scene.knobs.lengths)
        return min(int(self.level.value), most)

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        kind = str(self.kind.value)
        if self.scene is None:
            return Plot(kind, KINDS[kind], empty=SIMULATING)
        found = self._found if kind == "next" else own_study(self.scene, self._found)
        return scene_plot(self.scene, kind, self._level, found)

    def page(self) -> Markup:
        """Show the chart and what it comes to, as soon as they are made."""
        self._made.wait(STILL_SECONDS)
        return join([lead("Theory"), Markup(self.reading.value), drawing(self.plot)])


def _paragraphs(words: str) -> Markup:
    return join(paragraph(line) for line in words.split("\n") if line)


def _button(words: str, about: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=words, tooltip=about, layout={"width": "auto"})
