"""One sample in full: what the model wrote, what was made of it, and what a person says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from sitool.front.inspection import PARTS, read_siblings
from sitool.front.rulings import Ruling, edit_of, why_no_edit
from sitool.front.tokens import TokenReader
from sitool.models.pieces import Pieces, read_pieces
from sitool.records import Action, Sample
from sitool.store import SampleLine, Store, round_label
from sitool.tui.desk import Desk
from sitool.tui.edit import EditScreen
from sitool.tui.footer import KeyFooter
from sitool.tui.inspector_text import Ways, part_texts
from sitool.tui.sample_screen import SampleScreen
from sitool.tui.siblings import SiblingsScreen
from sitool.visible import safe_lines

MOST_SIBLINGS = 512
"""Samples of the same problem that are looked at."""
Step = Callable[[int, int], int | None]


class InspectorScreen(SampleScreen):
    """One sample in full.

    Args:
        folder: The study.
        sample_id: Which sample.
        desk: Carries rulings out; None only shows.
        step: Returns the sample so many places further in a table, such as
            `SamplesPanel.neighbour`; None if there is no table.
    """

    main = VerticalScroll
    help_text: ClassVar[str] = (
        "Everything about one sample. Each token is marked by the probability that the model gave"
        " it at temperature 1; t shows the numbers, i the special tokens. log p is the natural"
        " logarithm of the completion's probability given the prompt: the sum over its tokens, the"
        " end token included. What people said never overwrites a score: it is written beside it,"
        " and the last ruling holds when the training set is made. a accepts, x rejects, e writes"
        " a completion of your own in its place, Delete lets the verifiers decide again, n writes"
        " a note, z takes the last decision back. → and ← go through the table, k and K through"
        " the samples of the same problem in all rounds, v shows those of this round together."
    )
    BINDINGS: ClassVar = [
        Binding("a", "rule('accept')", "Accept"),
        Binding("x", "rule('reject')", "Reject"),
        Binding("delete,backspace", "rule('clear')", "Clear", key_display="del", show=False),
        Binding("e", "edit", "Edit"),
        Binding("n", "note", "Note", show=False),
        Binding("z", "take_back", "Undo"),
        Binding("right,j", "step(1)", "Next", key_display="→"),
        Binding("left,J", "step(-1)", "Previous", key_display="←", show=False),
        Binding("k", "sibling(1)", "Same"),
        Binding("K", "sibling(-1)", "Same problem, back", show=False),
        Binding("v", "siblings", "All of it", show=False),
        Binding("t", "table", "Tokens"),
        Binding("i", "special", "Special", show=False),
        Binding("question_mark", "help", "Help", key_display="?", show=False),
        Binding("escape,q,enter", "dismiss", "Close", key_display="esc"),
    ]
    DEFAULT_CSS = """
    InspectorScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    InspectorScreen .name { color: $accent; text-style: bold; }
    InspectorScreen .part { padding: 0 0 1 2; }
    """

    class Fetched(Message):
        """A base's tokenizer was read; None if it has none that we can read."""

        def __init__(self, base: str, pieces: Pieces | None) -> None:
            super().__init__()
            self.base = base
            self.pieces = pieces

    def __init__(
        self, folder: Path, sample_id: int, desk: Desk | None = None, step: Step | None = None
    ) -> None:
        super().__init__(folder, desk)
        self._step = step
        self._wanted = sample_id
        self._sample: Sample | None = None
        self._siblings: list[SampleLine] = []
        self._tokens = TokenReader(self._fetch)
        self._ways = Ways()

    def compose(self) -> ComposeResult:
        """Hold the parts, one below the other."""
        with Vertical(id="inspected"), VerticalScroll():
            for name in PARTS:
                yield Static(name, classes="name", markup=False)
                yield Static(classes="part", markup=False)
        yield KeyFooter(show_command_palette=False)

    def say_unread(self, why: Content) -> None:
        """Say why there is nothing to show."""
        self.query(".part").first(Static).update(why)

    @property
    def sample(self) -> Sample | None:
        """The sample that is shown."""
        return self._sample

    def read_samples(self, store: Store) -> None:
        """Read the sample, and those of the same problem around it."""
        self._sample = sample = store.samples.sample(self._wanted)
        self._siblings = read_siblings(store, sample, MOST_SIBLINGS)

    def draw(self) -> None:
        """Fill the parts."""
        sample, store = self._sample, self._store
        if sample is None or store is None:
            return
        pieces = self._tokens.read(store, sample)
        texts = part_texts(sample, pieces, self._siblings, self._ways)
        for part, text in zip(self.query(".part").results(Static), texts, strict=True):
            part.update(text)
        here = [s.id for s in self._siblings if (s.round, s.role) == (sample.round, sample.role)]
        self.query_one("#inspected").border_title = (
            f"Sample {sample.id:,} of {round_label(sample.round)} · level {sample.problem.level}"
            f" · {sample.role} · {here.index(sample.id) + 1} of {len(here)} of its problem"
        )

    # Tokens.

    @work(thread=True)
    def _fetch(self, base: str) -> None:
        """Read a tokenizer, which may take a second."""
        self.post_message(self.Fetched(base, read_pieces(base)))

    def on_inspector_screen_fetched(self, event: Fetched) -> None:
        """Draw the tokens."""
        event.stop()
        self._tokens.learn(event.base, event.pieces)
        self.draw()

    def action_table(self) -> None:
        """Show each token's numbers, or the text again."""
        self._ways = replace(self._ways, table=not self._ways.table)
        self.draw()

    def action_special(self) -> None:
        """Show special tokens, or hide them."""
        self._ways = replace(self._ways, special=not self._ways.special)
        self.draw()

    # Other samples.

    def _go_to(self, sample_id: int | None, nothing: str) -> None:
        if sample_id is None:
            self.notify(nothing)
            return
        self._wanted = sample_id
        self._look_again()
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_step(self, places: int) -> None:
        """Go to the next or the previous sample of the table."""
        if self._step is None or self._sample is None:
            self.notify("There is no table to go through here; k goes through this problem.")
            return
        end = "This is the last sample of the table." if places > 0 else "This is the first one."
        self._go_to(self._step(self._sample.id, places), end)

    def action_sibling(self, places: int) -> None:
        """Go to the next or the previous sample of the same problem, in any round."""
        if self._sample is None:
            return
        ids = [line.id for line in self._siblings]
        place = ids.index(self._sample.id) + places
        found = ids[place] if 0 <= place < len(ids) else None
        self._go_to(found, f"No {'later' if places > 0 else 'earlier'} sample of this problem.")

    def action_siblings(self) -> None:
        """Show all samples of this problem side by side."""
        if self._sample is not None:
            self.app.push_screen(
                SiblingsScreen(
                    self._folder, self._sample.problem_id, self._sample.round, self._desk
                )
            )

    # Rulings.

    def ruled_sample(self) -> Sample | None:
        """Return the sample that is shown."""
        return self._sample

    def action_edit(self) -> None:
        """Ask for a completion to train on in this one's place."""
        sample = self._rulable()
        if sample is None:
            return
        text = edit_of(sample)
        if why_no_edit(text):
            self.notify(why_no_edit(text))
            return

        def write(written: str | None) -> None:
            if written == safe_lines(text):
                self.notify("Nothing was changed.")
            elif written is not None:
                self.send(Ruling(sample.id, Action.EDIT, text=written))

        self.app.push_screen(EditScreen(sample.problem.prompt, text), write)
