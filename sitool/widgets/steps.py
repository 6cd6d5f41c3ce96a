"""The buttons that drive a study, the phases of the running round, and what was said last.

Clicks become commands for the engine's process; no button waits for one. What this
leaves out: the curriculum, and rulings on samples.
"""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.front.desk import Look
from sitool.front.moves import (
    FORKS,
    MANY_ROUNDS,
    REVIEW_OFF,
    REVIEW_ON,
    back_words,
    end_of_step,
    forked_words,
    next_phase,
)
from sitool.front.wording import phases_of, resting_words
from sitool.html.markup import Markup, join, lines, tag
from sitool.records import Phase
from sitool.store import round_label
from sitool.study.pieces import FAINT, paragraph
from sitool.widgets.part import Part
from sitool.widgets.view import View

OPENING = "Opening the study …"
BUSY = "The round is under way: Stop ends it and keeps what is done."
CARRIED_OUT = "What was clicked before is being carried out."
STARTING = "▸ The engine is starting …"
FAR = (("a round", "round"), ("to the next phase", "phase"), (f"{MANY_ROUNDS} rounds", "many"))
AT_REST = {
    "step": "Step goes on from there.",
    "go on": "Step goes on; Undo leaves it.",
    "": "",
}
ABOUT = {
    "step": "Run rounds in the engine's process; the notebook stays free.",
    "stop": "Stop the round that runs; what is done is kept, and Step goes on from there.",
    "undo": "Step back to the round before; nothing is lost.",
    "fork": "Let the next round start from the round that is looked at.",
    "redo": "Open a twin of the round that is looked at: the same samples, selected again under"
    " today's rulings; Step trains on them.",
}
"""What a button does, by its name."""


def refusals(look: Look | None, shown: int | None) -> Mapping[str, str]:
    """Say of each button why it cannot be pressed now; "" if it can."""
    if look is None:
        return dict.fromkeys(ABOUT, OPENING)
    busy = BUSY if look.working else ""
    return {
        "step": busy,
        "stop": "" if look.working else "Nothing is running.",
        "undo": busy or _no_undo(look),
        "fork": busy or _unfinished(look, shown),
        "redo": busy or _unfinished(look, shown) or _base(shown),
    }


def _no_undo(look: Look) -> str:
    head, open_round = look.summary.head, look.summary.open
    inside = open_round is not None and look.summary.round(open_round).round.parent is not None
    if inside or (head is not None and look.summary.round(head).round.parent is not None):
        return ""
    return "There is nothing to undo: no round has been taken yet."


def _unfinished(look: Look, shown: int | None) -> str:
    if shown is None:
        return "There is no round yet: Step measures the base."
    finished = look.summary.round(shown).round.finished
    return "" if finished else f"{round_label(shown)} is not finished: Step goes on with it."


def _base(shown: int | None) -> str:
    return "" if shown else "The base is only evaluated: there is nothing to select again."


class Steps(Part):
    """Buttons to step, stop, go back and fork, above the phases of the running round.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        self._buttons = {
            name: _button(name, press)
            for name, press in (
                ("step", self.step), ("stop", self.stop), ("undo", self.undo),
                ("fork", self.fork), ("redo", self.redo),
            )
        }  # fmt: skip
        self.far = ipywidgets.Dropdown(
            options=FAR, value="round", layout={"width": "9em"}, tooltip="How far Step goes."
        )
        self.review = ipywidgets.ToggleButton(
            description="Pause to review", tooltip=REVIEW_OFF, layout={"width": "auto"}
        )
        self.fork_with = ipywidgets.Dropdown(
            options=[(words, assignment) for assignment, words in FORKS],
            value="",
            layout={"width": "16.5em"},
            tooltip="What the fork changes; changes that wait for the next round are left behind.",
        )
        self.phases, self.going = ipywidgets.HTML(), ipywidgets.HTML()
        self.bar = ipywidgets.IntProgress(
            layout={"width": "16em", "height": "1.2em", "display": "none"}
        )
        self.said = ipywidgets.HTML()
        super().__init__(study, self._laid_out())
        self.review.observe(self._review, "value")
        self.watch(self._draw, "look", "shown", "waiting", "beat", "said", "failed")
        self._draw(None)

    def _laid_out(self) -> tuple[ipywidgets.Widget, ...]:
        b = self._buttons
        wrap = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
        driving = (b["step"], self.far, self.review, b["stop"])
        going_back = (b["undo"], b["redo"], b["fork"], self.fork_with)
        row = ipywidgets.HBox((*driving, *going_back), layout=wrap)
        # As high without the bar as with it, so that nothing below moves when a round begins.
        still = ipywidgets.Layout(flex_flow="row wrap", align_items="center", min_height="32px")
        going = ipywidgets.HBox((self.bar, self.going), layout=still)
        return row, self.phases, going, self.said

    # What a person does.

    def step(self) -> None:
        """Go as far as the menu says; in review a round pauses before it trains."""
        far = self.far.value
        if far == "many":
            _run(self.view, f"study.run({MANY_ROUNDS})", MANY_ROUNDS, None)
        elif far == "phase":
            step_to(self.view, next_phase(self.view.standing))
        else:
            step_to(self.view, end_of_step(self.view.standing))

    def stop(self) -> None:
        """Stop the running round."""
        self.view.do("study.stop()", Study.stop)

    def undo(self) -> None:
        """Step back to the round before."""
        self.view.standing.following = True
        say = self.view.say
        self.view.do("study.undo()", Study.undo, lambda r: say(back_words(r.number, "Fork")))

    def fork(self) -> None:
        """Let the next round start from the one that is looked at."""
        number, assignment = self.view.shown, self.fork_with.value
        if number is None:
            return
        changes = [assignment] if assignment else []
        line = f"study.fork({', '.join([str(number), *map(repr, changes)])})"
        self.view.standing.following = True
        say = self.view.say
        self.view.do(
            line.replace("'", '"'),
            lambda study: study.fork(number, *changes),
            lambda r: say(forked_words(r.number, "Step")),
        )

    def redo(self) -> None:
        """Open a twin of the round that is looked at."""
        number, say = self.view.shown, self.view.say
        if number is None:
            return
        self.view.standing.following = True
        self.view.do(
            f"study.redo({number})",
            lambda study: study.redo(number),
            lambda r: say(f"{round_label(r.number)} has the samples of {round_label(number)}."),
        )

    def _review(self, change: Any) -> None:
        reviewing = bool(self.review.value)
        if reviewing != self.view.standing.reviewing:
            self.view.standing.reviewing = reviewing
            self.view.say(REVIEW_ON if reviewing else REVIEW_OFF)

    # What is drawn.

    def _draw(self, change: Any) -> None:
        look = self.view.look
        why = refusals(look, self.view.shown)
        for name, button in self._buttons.items():
            late = CARRIED_OUT if self.view.waiting and name != "stop" else ""
            reason = why[name] or late
            button.disabled = bool(reason)
            button.tooltip = reason or ABOUT[name]
        self.review.value = self.view.standing.reviewing
        self.review.tooltip = REVIEW_ON if self.review.value else REVIEW_OFF
        self._draw_phases(look)
        sign = "✗ " if self.view.failed else ""
        words = lines(f"{sign}{self.view.said}")
        style = "line-height:1.4;min-height:1.4em;white-space:pre-line"
        self.said.value = str(tag("div", words, role="status", style=style))

    def _draw_phases(self, look: Look | None) -> None:
        progress = self.view.progress
        running = look is not None and look.working and progress.at_work and progress.total > 0
        self.bar.layout.display = None if running else "none"
        if running:
            self.bar.max, self.bar.value = max(progress.total, 1), progress.done
        self.phases.value = str(self._phase_line(look))
        self.going.value = progress.line() if running else ""

    def _phase_line(self, look: Look | None) -> Markup:
        progress = self.view.progress
        if look is None:
            return join([self.view.said or OPENING])
        if look.working and progress.in_phase:
            signs = [self._phase(phase) for phase in phases_of(look, progress.round)]
            return join(signs)
        if self.view.waiting and look.engine is None:
            return join([STARTING])
        words, waits = resting_words(look)
        return join([words, " ", tag("b", AT_REST[waits])])

    def _phase(self, phase: Phase) -> Markup:
        if phase is self.view.progress.phase:
            return tag("b", f"▸ {phase} ", style="margin-right:.6em")
        sign = "✓" if phase in self.view.progress.done_phases else "·"
        return tag("span", f"{sign} {phase} ", style=f"margin-right:.6em;{FAINT}")

    def page(self) -> Markup:
        """Say how the study stands."""
        look = self.view.look
        if look is None:
            return paragraph(self.view.said or OPENING)
        return join([paragraph(self._phase_line(look)), paragraph(self.view.said)])


def step_to(view: View, to: Phase | None) -> None:
    """Run a round, or go on with the open one, up to a phase or to its end."""
    _run(view, "study.step()" if to is None else f'study.step(to="{to}")', 1, to)


def _run(view: View, line: str, rounds: int, to: Phase | None) -> None:
    body = {"rounds": rounds, "to": None if to is None else to.value}
    view.standing.following = True
    view.do(line, lambda study: study.ask("step", body))


def _button(name: str, press: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(
        description=name.capitalize(),
        button_style="primary" if name == "step" else "",
        layout={"width": "4.8em"},
        disabled=True,
        tooltip=OPENING,
    )
    button.on_click(lambda _: press())
    return button
