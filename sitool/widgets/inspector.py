"""One sample in full, in a notebook: what the model wrote, what was made of it, what people say.

What it says is the app's (`sitool/front/inspection.py`); every ruling goes through the view, which
keeps the line of code that does the same.
"""

import threading
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front import inspection
from sitool.front.inspection import BANDS, PARTS, Spans
from sitool.front.rulings import (
    Ruling,
    edit_of,
    late_words,
    taking_back,
    why_idle,
    why_no_edit,
    why_not,
)
from sitool.front.tokens import TokenReader
from sitool.html.markup import Markup, join, tag
from sitool.models.pieces import read_pieces
from sitool.records import Action, Sample
from sitool.store import SampleLine, Store, round_label
from sitool.study.pieces import faint, paragraph
from sitool.study.sample_words import sign_of
from sitool.visible import one_line
from sitool.widgets.part import Part
from sitool.widgets.view import View

MOST_SIBLINGS = 256
"""Samples of the same problem that are listed."""
NOTHING = "Choose a sample in the table, or set `view.sample`, to see all of it."
WAYS = "Accept, reject, edit or note it below."
WITHOUT_A_SAMPLE = "none"
ABOUT = {
    "Accept": "Let it count in training.",
    "Reject": "Keep it out of training.",
    "Clear": "Let the verifiers decide again.",
    "Edit": "Train on a completion of your own in its place.",
    "Save the edit": "Train on what stands here.",
    "Note": "Write the reason down beside it; it changes nothing else.",
    "Take back": "Undo the last decision about it.",
}
"""What a button does, by its name."""
STYLE = (Path(__file__).with_name("inspector.css")).read_text(encoding="utf-8")
MEANINGS = {tone: words for _, tone, words in BANDS}


class Inspector(Part):
    """One sample in full: the one that is chosen in the table of samples.

    Prompt and completion, each token marked by how likely it was; the answer that was read
    beside the truth; every verifier's score and why; weight and rule; what people said; and
    the same problem's other samples, each a choice away.

    Args:
        study: The study, or a view of it.
        sample: The id of the sample to begin with.
    """

    def __init__(self, study: Study | View, sample: int | None = None) -> None:
        self._text = ipywidgets.HTML()
        self._others = ipywidgets.Dropdown(
            description="Same problem", options=[(WITHOUT_A_SAMPLE, None)],
            layout={"width": "calc(100% - 4px)"}, style={"description_width": "initial"},
        )  # fmt: skip
        self._reason = ipywidgets.Text(
            placeholder="why, or a note", description="Reason", layout={"flex": "1 1 200px"}
        )
        self._edited = ipywidgets.Textarea(
            description="Instead", layout={"width": "calc(100% - 4px)", "height": "80px"}
        )
        self._editing = ipywidgets.VBox(
            (self._edited, self._button("Save the edit", self._save, "success")),
            layout={"display": "none"},
        )
        self._said = ipywidgets.HTML()
        self.buttons = self._make_buttons()
        row = ipywidgets.HBox(
            (*self.buttons.values(), self._reason), layout={"flex_flow": "row wrap"}
        )
        super().__init__(study, (self._text, row, self._editing, self._said, self._others))
        self.add_class("sitool-inspector")
        self._lock = threading.RLock()
        self._store = Store(self.view.folder)
        self._tokens = TokenReader(self._fetch_soon)
        self._seen: object = None
        self._sample: Sample | None = None
        self._siblings: list[SampleLine] = []
        if sample is not None:
            self.view.sample = sample
        self._others.observe(self._choose, "value")
        self.watch(self._draw, "sample", "look")
        self._draw()

    def close(self) -> None:
        """Take it off the page, and close what was opened."""
        super().close()
        self._store.close()

    @property
    def sample(self) -> Sample | None:
        """The sample that is shown."""
        return self._sample

    def page(self) -> Markup:
        """Return the sample in full."""
        return join([Markup(self._text.value)])

    # What is shown.

    def _draw(self, change: Any = None) -> None:
        with self._lock:
            number = self.view.sample
            try:
                # Our own connection's: the desk's does not count what the desk itself writes.
                stamp = (number, self._store.version)
                if stamp == self._seen:
                    return
                self._seen = stamp
                self._read(number)
            except SitoolError as error:
                self._sample = None
                self._text.value = paragraph(str(error))
                return
            self._show()

    def _read(self, number: int | None) -> None:
        """Read the sample, and those of its problem in its round."""
        before, self._sample, self._siblings = self._sample, None, []
        if number is not None:
            self._sample = sample = self._store.samples.sample(number)
            self._siblings = inspection.read_siblings(self._store, sample, MOST_SIBLINGS)
        if before is None or self._sample is None or before.id != self._sample.id:
            self._editing.layout.display, self._said.value = "none", ""

    def _show(self) -> None:
        sample = self._sample
        why = NOTHING if sample is None else why_not(sample.role)
        for name, button in self.buttons.items():
            button.disabled, button.tooltip = bool(why), why or ABOUT[name]
        if sample is None:
            self._text.value = faint(NOTHING)
            self._offer([(WITHOUT_A_SAMPLE, None)], None)
            return
        self._text.value = self._markup(sample)
        self._said.value = faint(why) if why else self._said.value
        self._offer([(_choice(line), line.id) for line in self._siblings], sample.id)

    def _offer(self, options: list[tuple[str, int | None]], chosen: int | None) -> None:
        """List the problem's samples; that the list chooses one is no choice of a person."""
        with self.fill():
            if list(self._others.options) != options:
                self._others.options = options
            self._others.value = chosen

    def _markup(self, sample: Sample) -> Markup:
        pieces = self._tokens.read(self._store, sample)
        spans = inspection.completion_spans(sample, pieces, special=True)
        legend = inspection.legend_spans(sample)
        texts = [
            pre(inspection.lines_of(sample.problem.prompt)),
            join([pre(spans), pre(legend)]),
            pre(inspection.answer_spans(sample)),
            pre(inspection.scores_spans(sample)),
            pre(inspection.selection_spans(sample)),
            pre(inspection.likelihood_spans(sample)),
            pre(inspection.decisions_spans(sample, WAYS)),
            pre(inspection.others_spans(sample, self._siblings)),
        ]
        title = (
            f"Sample {sample.id} of {round_label(sample.round)}"
            f" · level {sample.problem.level} · {sample.role}"
        )
        parts = [
            tag("section", tag("h4", name), text) for name, text in zip(PARTS, texts, strict=True)
        ]
        return join([
            Markup(f"<style>{STYLE}</style>"),
            tag("div", tag("h3", title), tag("div", parts, class_="parts"), class_="sitool-sample"),
        ])  # fmt: skip

    def _fetch_soon(self, base: str) -> None:
        threading.Thread(target=self._fetch, args=(base,), daemon=True).start()

    def _fetch(self, base: str) -> None:
        """Read a tokenizer, which may take a second, and draw the tokens."""
        pieces = read_pieces(base)
        with self._lock:
            self._tokens.learn(base, pieces)
            if pieces is not None and not self.closed:
                self._show()

    def _choose(self, change: Any) -> None:
        if not self.filling and self._others.value is not None:
            self.view.sample = self._others.value

    # What is said of it.

    def _make_buttons(self) -> dict[str, Any]:
        work: dict[str, tuple[Callable[[], None], str]] = {
            "Accept": (lambda: self._rule(Action.ACCEPT), "success"),
            "Reject": (lambda: self._rule(Action.REJECT), "warning"),
            "Clear": (lambda: self._rule(Action.CLEAR), ""),
            "Edit": (self._edit, ""),
            "Note": (self._note, ""),
            "Take back": (self._take_back, ""),
        }
        return {name: self._button(name, press, style) for name, (press, style) in work.items()}

    def _button(self, name: str, work: Callable[[], None], style: str) -> Any:
        button = ipywidgets.Button(
            description=name, button_style=style, tooltip=ABOUT[name], layout={"width": "auto"}
        )
        button.on_click(lambda _: work())
        return button

    def _rule(self, action: Action) -> None:
        if self._sample is None:
            return
        idle = why_idle(self._sample.ruling, action, "Take back undoes that")
        if idle:
            self._say(idle)
        else:
            self._pass_on(Ruling(self._sample.id, action, self._reason.value.strip()))

    def _note(self) -> None:
        if self._sample is None:
            return
        words = self._reason.value.strip()
        if words:
            self._pass_on(Ruling(self._sample.id, Action.NOTE, words))
        else:
            self._say("Write the note into the line for the reason first.")

    def _edit(self) -> None:
        """Show, or hide, where a completion of one's own is written."""
        if self._sample is None:
            return
        text = edit_of(self._sample)
        if why_no_edit(text):
            self._say(why_no_edit(text))
            return
        self._edited.value = text
        hidden = self._editing.layout.display == "none"
        self._editing.layout.display = "" if hidden else "none"

    def _save(self) -> None:
        if self._sample is None:
            return
        reason = self._reason.value.strip()
        self._pass_on(Ruling(self._sample.id, Action.EDIT, reason, self._edited.value))
        self._editing.layout.display = "none"

    def _take_back(self) -> None:
        if self._sample is None:
            return
        undo = taking_back(self._sample)
        if undo is None:
            self._say("Nothing was decided about this sample that could be taken back.")
        else:
            self._pass_on(undo)

    def _pass_on(self, ruling: Ruling) -> None:
        self.view.do(ruling.code, ruling.carry_out)
        self._reason.value = ""
        late = "" if self._sample is None else self._late(ruling, self._sample.round)
        self._said.value = join([tag("code", ruling.code), faint(late)])

    def _late(self, ruling: Ruling, number: int) -> str:
        """Say what a ruling on a round that has trained already can still do."""
        rounds = () if self.view.look is None else self.view.look.summary.rounds
        finished = any(r.round.id == number and r.round.finished for r in rounds)
        return late_words(ruling.action, round_label(number)) if finished else ""

    def _say(self, words: str) -> None:
        self._said.value = faint(words)


def pre(spans: Spans) -> Markup:
    """Write spans as preformatted text; each tone is a class, and told to whoever asks.

    >>> pre([("a<b", "wrong")])
    '<pre><span class="wrong">a&lt;b</span></pre>'
    """
    return Markup(f"<pre>{''.join(_written(text, tone) for text, tone in spans)}</pre>")


def _written(text: str, tone: str) -> str:
    words = escape(text, quote=True)
    if not tone:
        return words
    meaning = f' title="{escape(MEANINGS[tone])}"' if tone in MEANINGS else ""
    return f'<span class="{tone}"{meaning}>{words}</span>'


def _choice(line: SampleLine) -> str:
    """Name a sample of the same problem in one line."""
    answer = "no answer" if line.answer is None else one_line(line.answer, 40)
    return f"{sign_of(line)} {round_label(line.round)} {line.role} · {answer} · sample {line.id}"
