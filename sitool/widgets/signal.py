"""Whether the shown round's samples have anything to teach, and a button for what to do."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.front.desk import Look
from sitool.front.findings.figures import with_interval
from sitool.front.moves import NOTHING_CHANGED, end_of_step, moved, notch_words
from sitool.front.wording import SHARES, acceptance, accepted_words, share_words
from sitool.html.markup import Markup, join, tag
from sitool.store import round_label
from sitool.study.pieces import (
    BLUE,
    GREY,
    ORANGE,
    bar,
    faint,
    fitted,
    lead,
    paragraph,
    parts,
    sheet,
)
from sitool.summary import Comparison, RoundSummary, advise
from sitool.widgets.part import Part
from sitool.widgets.steps import CARRIED_OUT, step_to
from sitool.widgets.view import View

RUNNING = "The round is under way; Stop ends it and keeps what is done."
COLOURS = {"all_wrong": ORANGE, "mixed": BLUE, "all_right": GREY, "unparsed": "transparent"}
AS_IT_IS = "white-space:pre"
ANSWERS: Mapping[str, str] = {
    "step": "Step",
    "easier": "Make it easier",
    "look": "Compare with the base",
}
"""The button that follows an advice, by its move."""


class Signal(Part):
    """What the shown round's samples teach, and one sentence of advice that can be followed.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        self.advice = ipywidgets.HTML()
        self.follow = ipywidgets.Button(
            description=ANSWERS["step"], disabled=True, layout={"width": "auto"}
        )
        self.shares = ipywidgets.HTML()
        title = ipywidgets.HTML(tag("b", "Advice"))
        super().__init__(study, (title, self.advice, self.follow, self.shares))
        self.follow.on_click(lambda _: self.press())
        self.watch(self._draw, "look", "shown", "waiting")
        self._draw(None)

    def press(self) -> None:
        """Do what the advice says."""
        if self.view.look is None:
            return
        summary = self.view.look.summary
        match advise(summary).move:
            case "easier":
                turn(self.view, "easier")
            case "look" if summary.head is not None:
                head = summary.head
                self.view.do(
                    f"study.compare(0, {head})",
                    lambda study: study.compare(0, head),
                    lambda found: self.view.say(compared_words(found)),
                )
            case _:
                step_to(self.view, end_of_step(self.view.standing))

    def _draw(self, change: Any) -> None:
        look = self.view.look
        if look is None:
            return
        found = advise(look.summary)
        self.advice.value = str(paragraph(RUNNING if look.working else found.text))
        self.follow.description = ANSWERS[found.move]
        why = RUNNING if look.working else CARRIED_OUT if self.view.waiting else ""
        self.follow.disabled, self.follow.tooltip = bool(why), why or found.text
        self.shares.value = str(self._shares(look))

    def _shares(self, look: Look) -> Markup:
        shown = self.view.shown
        if shown is None:
            return join([])
        return fitted(*_signal(look.summary.round(shown), look))

    def page(self) -> Markup:
        """Show the advice and the shares."""
        look = self.view.look
        if look is None:
            return faint(self.view.said)
        return join([paragraph(advise(look.summary).text), self._shares(look)])


def _signal(here: RoundSummary, look: Look) -> list[Markup | None]:
    shares = here.shares
    known = [(name, words) for name, _, words in SHARES if name in shares]
    drawn = [(shares[name], COLOURS[name], f"{shares[name]:.0%} {words}") for name, words in known]
    words = accepted_words(here, look.summary)
    rows = [
        (f"level {level}", bar(share, f"{share:.0%} right"), tag("span", words, style=AS_IT_IS))
        for level, share, words in acceptance(here)
    ]
    return [
        lead(f"Signal of {here.round.label}"),
        parts(drawn) if drawn else None,
        paragraph("problems  ", [_whole(part) for part in share_words(shares)]) if drawn else None,
        paragraph(words) if words else None,
        sheet((), rows, numbers_from=3) if rows else None,
    ]


def _whole(words: str) -> Markup:
    """Write words that no line breaks apart, with room after them."""
    return join([tag("span", words, style="white-space:nowrap"), "  "])


def turn(view: View, word: str) -> None:
    """Move the next round's mixture a level `easier` or `harder`."""
    line = f"study.curriculum.{word}()"

    def move(study: Study) -> Mapping[int, float] | None:
        notch: Callable[[], Mapping[int, float]] = getattr(study.curriculum, word)
        return moved(study, notch)

    view.do(line, move, partial(_say_notch, view, line, word))


def _say_notch(view: View, line: str, word: str, weights: Mapping[int, float] | None) -> None:
    if weights is None:
        view.forget(line)
        view.say(NOTHING_CHANGED.format(word=word), failed=True)
        return
    view.say(notch_words(word, weights))


def compared_words(found: Comparison) -> str:
    """Say how far a round is from the base, on the same problems."""
    first, second = found.first.round.id, found.second.round.id
    words = f"{round_label(second)} against {round_label(first)} on the same problems:"
    all_levels = found.difference.get(0)
    if all_levels is not None:
        words += f" {with_interval(all_levels)},"
    return f"{words} {len(found.gained)} newly solved, {len(found.lost)} lost."
