"""A part that reports on one round: asked for in the study's thread, kept as long as it holds.

Figures are found in the thread that follows the study, so that no cell waits.
What this leaves out: which figures (`gap.py`, `sharpening.py`).
"""

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar

import ipywidgets

from sitool.client import Study
from sitool.front.desk import Look
from sitool.front.findings.kept import shown_round
from sitool.html.markup import Child, Markup, join, tag
from sitool.plots import Plot
from sitool.study.pieces import drawing, faint
from sitool.vega import small_print, spec_of
from sitool.widgets.chart import LiveChart
from sitool.widgets.part import Part
from sitool.widgets.steps import BUSY, CARRIED_OUT
from sitool.widgets.view import View

WORKING_IT_OUT = "Working it out …"
NO_ROUND = "There is no finished round yet: Step measures the base."
STILL_SECONDS = 20.0
"""For how long a still waits for its report, at most."""


def draw(chart: LiveChart, plot: Plot) -> None:
    """Draw a plot, or say why there is nothing to draw."""
    if plot.empty:
        chart.say(plot.title, plot.empty)
        return
    with chart.hold_sync():
        chart.title, chart.note = plot.title, small_print(plot)
        chart.show(spec_of(plot))


class Finding(Part):
    """Reports on the round that is looked at, or on the head if that one is not finished.

    Args:
        study: The study, or a view of it.
        awake: Whether to ask for the report now, or only once it is seen.
    """

    title: ClassVar[str] = ""
    kinds: ClassVar[Mapping[str, str]] = {}
    """The charts: name -> words."""

    def __init__(self, study: Study | View, *, awake: bool = True) -> None:
        self.heading, self.sentence, self.tables = (ipywidgets.HTML() for _ in range(3))
        self.chart = LiveChart()
        self.kind = ipywidgets.ToggleButtons(
            options=[(words, name) for name, words in self.kinds.items()],
            style={"button_width": "auto"},
            tooltip="Which chart is drawn.",
        )
        self.measure = ipywidgets.Button(
            description="Measure", disabled=True, layout={"width": "auto", "flex": "0 0 auto"}
        )
        self.answer: Any = None
        self._awake = False
        self._asked: Hashable = None
        self._answered = threading.Event()
        super().__init__(study)
        self.children = self.laid_out()
        self.kind.observe(self._redraw, "value")
        self.measure.on_click(lambda _: self.press_measure())
        self.watch(self._follow, "look", "shown", "waiting")
        self.watch(self._ask_again, "scored")
        if awake:
            self.wake()

    def laid_out(self) -> tuple[ipywidgets.Widget, ...]:
        """Return the children, from top to bottom."""
        raise NotImplementedError

    # Asking.

    def wake(self) -> None:
        """Ask for what is shown, now that it is seen; from now on it follows the study."""
        self._awake = True
        self._follow(None)

    def rest(self) -> None:
        """Ask for nothing more until it is seen again."""
        self._awake = False

    @property
    def number(self) -> int | None:
        """The round that is reported on."""
        look = self.view.look
        return None if look is None else shown_round(look.summary, self.view.shown)

    def question(self, number: int) -> Hashable:
        """Return what is asked about a round, so that nothing is asked twice."""
        raise NotImplementedError

    def work(self, number: int) -> Callable[[Study], Any]:
        """Return what answers the question; it runs in the thread that follows the study."""
        raise NotImplementedError

    def line(self, number: int) -> str:
        """Return the line of code that asks the same."""
        raise NotImplementedError

    def take(self) -> None:
        """Draw the answer."""
        raise NotImplementedError

    def plot(self) -> Plot:
        """Return the chart as it is now."""
        raise NotImplementedError

    def clicked(self) -> None:
        """Ask anew after a click, and keep the line that asks the same."""
        number = self.number
        if number is not None and self._awake:
            line = self.line(number)
            self.view.do(line, self._wanted(number), lambda found: self._keep(line, found))

    def _follow(self, change: Any) -> None:
        look = self.view.look
        if look is None or not self._awake:
            return
        number = self.number
        why = self._why_not_measured(look)
        self.measure.disabled, self.measure.tooltip = bool(why), why or self.about_measuring()
        if number is None:
            self.chart.say(self.title, NO_ROUND)
            self._answered.set()
        elif self.question(number) != self._asked:
            self.view.ask(self._wanted(number), lambda found: self._keep("", found))

    def _why_not_measured(self, look: Look) -> str:
        """Say why the button cannot be pressed now; "" if it can."""
        if look.working:
            return BUSY
        if self.view.waiting:
            return CARRIED_OUT
        return NO_ROUND if self.number is None else ""

    def _ask_again(self, change: Any) -> None:
        self._asked = None
        self._follow(None)

    def _wanted(self, number: int) -> Callable[[Study], tuple[Hashable, Any]]:
        """Return what finds the answer, or remembers it."""
        question, work, known = self.question(number), self.work(number), self.view.findings
        self._asked = question
        if self.answer is None:
            self.chart.say(self.title, WORKING_IT_OUT)

        def find(study: Study) -> tuple[Hashable, Any]:
            answer = known.get(question)
            return question, work(study) if answer is None else answer

        return find

    def _keep(self, line: str, found: tuple[Hashable, Any]) -> None:
        question, answer = found
        self.view.findings.keep(question, answer)
        if line and answer.report is None:
            self.view.forget(line)
        if question == self._asked:
            self.answer = answer
            self.take()
            self._redraw(None)
            self._answered.set()

    # Drawing.

    def _redraw(self, change: Any) -> None:
        """Draw the chart of what is known."""
        if self.answer is not None:
            draw(self.chart, self.plot())

    # Scores that are still missing.

    def about_measuring(self) -> str:
        """Say what the button does."""
        raise NotImplementedError

    def press_measure(self) -> None:
        """Let the engine score the round's held-out samples; only scores are added."""
        raise NotImplementedError

    def have_scored(self, verifier: str) -> None:
        """Ask the engine to let a verifier score the round."""
        number = self.number
        if number is not None:
            body = {"round": number, "verifiers": [verifier], "training": False}
            self.view.do(
                f'study.measure({number}, ["{verifier}"])',
                lambda study: study.ask("measure", body),
            )

    # Stills.

    def page(self) -> Markup:
        """Show the report with its first chart, as soon as it is known."""
        self._answered.wait(STILL_SECONDS)
        if self.answer is None:
            return join([tag("b", self.title), faint(self.view.said or NO_ROUND)])
        return join([*self.said(), drawing(self.plot())])

    def said(self) -> list[Child]:
        """Return heading, sentence and tables, as they are now."""
        shown = (self.heading, self.sentence, self.tables)
        return [Markup(widget.value) for widget in shown]
