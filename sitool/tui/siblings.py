"""All samples of one problem in one round, equal answers together."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from sitool.records import Sample
from sitool.store import SampleLine, Store, round_label
from sitool.study.sample_words import reason_of, sign_of
from sitool.tui.desk import Desk
from sitool.tui.footer import KeyFooter
from sitool.tui.sample_screen import SampleScreen
from sitool.visible import one_line

MOST = 1024
"""Samples that are listed."""
TEXT_WIDTH = 60
MUTED = "$foreground-muted"


def answer_groups(lines: Sequence[SampleLine]) -> list[tuple[str | None, list[SampleLine]]]:
    """Put equal answers together: right ones first, then the most frequent; unread ones last."""
    groups: dict[str | None, list[SampleLine]] = {}
    for line in lines:
        groups.setdefault(line.answer, []).append(line)
    return sorted(
        groups.items(),
        key=lambda item: (item[0] is None, not item[1][0].passed, -len(item[1])),
    )


def group_title(answer: str | None, lines: Sequence[SampleLine], total: int) -> Content:
    """Say an answer, whether it is right, and how many gave it."""
    sign = sign_of(lines[0])[0]
    style = {"✓": "$success bold", "✗": "$warning bold"}.get(sign, "bold")
    words = "no answer could be read" if answer is None else one_line(answer, TEXT_WIDTH)
    return Content.assemble((f"{sign} {words}", style), f"   {len(lines)} of {total}")


def sample_option(line: SampleLine) -> Content:
    """Write one sample in a line."""
    logprob = f"{'-':>7}" if line.logprob is None else f"{line.logprob:7.2f}"
    weight = "" if line.weight is None else f"weight {line.weight:.2f}"
    return Content.assemble(
        f"  {sign_of(line):<3}",
        f"{one_line(line.completion, TEXT_WIDTH):<14} ",
        f"log p {logprob}  {weight:<12} {one_line(reason_of(line), 200)}",
    )


class SampleOptions(OptionList):
    """The samples, with their key named in the footer."""

    BINDINGS: ClassVar = [Binding("enter", "select", "Inspect")]


class SiblingsScreen(SampleScreen):
    """All samples of one problem, as one round drew them.

    Args:
        folder: The study.
        problem_id: The problem.
        round_id: The round.
        desk: Carries rulings out; None only shows.
    """

    main = OptionList
    help_text: ClassVar[str] = (
        "All samples of one problem in one round, equal answers together with their count: right"
        " ones (✓) first, then the most frequent. Mixed problems, some right and some wrong, are"
        " those that a selection can learn from: of all-right and all-wrong ones it keeps"
        " everything or nothing. Enter shows a sample in full; a, x, Delete and z rule on it."
    )
    BINDINGS: ClassVar = [
        Binding("a", "rule('accept')", "Accept"),
        Binding("x", "rule('reject')", "Reject"),
        Binding("delete,backspace", "rule('clear')", "Clear", key_display="del"),
        Binding("n", "note", "Note", show=False),
        Binding("z", "take_back", "Undo"),
        Binding("question_mark", "help", "Help", key_display="?", show=False),
        Binding("escape,q,v", "dismiss", "Close", key_display="esc"),
    ]
    DEFAULT_CSS = """
    SiblingsScreen #problem { height: auto; max-height: 8; margin-bottom: 1; }
    SiblingsScreen OptionList {
        height: 1fr; border: none; padding: 0; background: transparent;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    SiblingsScreen OptionList:focus { border: none; }
    SiblingsScreen OptionList > .option-list--option-disabled { color: $text; }
    """

    def __init__(
        self, folder: Path, problem_id: int, round_id: int, desk: Desk | None = None
    ) -> None:
        super().__init__(folder, desk)
        self._problem_id, self._round = problem_id, round_id
        self._lines: dict[int, SampleLine] = {}
        self._total = 0

    def compose(self) -> ComposeResult:
        """Hold the problem and the list."""
        with Vertical():
            yield Static(id="problem")
            yield SampleOptions()
        yield KeyFooter(show_command_palette=False)

    def say_unread(self, why: Content) -> None:
        """Say why there is nothing to show."""
        self.query_one("#problem", Static).update(why)

    def read_samples(self, store: Store) -> None:
        """Read the samples, as many as are listed."""
        ids = store.samples.siblings(self._problem_id, self._round)
        self._lines = {line.id: line for line in store.samples.lines(ids[:MOST])}
        self._total = len(ids)

    def draw(self) -> None:
        """Write the problem above, and list the samples."""
        lines = list(self._lines.values())
        self._head(lines)
        options = self.query_one(OptionList)
        chosen = options.highlighted
        options.clear_options()
        for answer, group in answer_groups(lines):
            options.add_option(Option(group_title(answer, group, len(lines)), disabled=True))
            options.add_options([Option(sample_option(s), id=str(s.id)) for s in group])
        if lines:
            options.highlighted = 1 if chosen is None else chosen

    def _head(self, lines: Sequence[SampleLine]) -> None:
        frame, problem = self.query_one(Vertical), self.query_one("#problem", Static)
        if not lines:
            frame.border_title = f"No samples in {round_label(self._round)}"
            problem.update("This round drew no samples of this problem. Escape goes back.")
            return
        first = lines[0]
        passed = sum(line.passed is True for line in lines)
        more = f" (the first {len(lines):,} of {self._total:,})" if self._total > len(lines) else ""
        frame.border_title = (
            f"{len(lines)} samples of one problem · {round_label(self._round)}"
            f" · level {first.level} · {passed} of {len(lines)} right{more}"
        )
        problem.update(
            Content.assemble(
                one_line(first.prompt, 900),
                ("\na right answer: ", MUTED),
                one_line(first.truth, 200),
            )
        )

    @property
    def current(self) -> SampleLine | None:
        """The sample under the cursor."""
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return None
        option = options.get_option_at_index(options.highlighted)
        return self._lines.get(int(option.id or 0))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Show a sample in full."""
        event.stop()
        self.action_inspect()

    def action_inspect(self) -> None:
        """Show the sample under the cursor in full, its siblings before and after it."""
        from sitool.tui.inspector import InspectorScreen

        if self.current is not None:
            self.app.push_screen(InspectorScreen(self._folder, self.current.id, self._desk))

    def ruled_sample(self) -> Sample | None:
        """Return the sample under the cursor."""
        if self.current is None or self._store is None:
            return None
        return self._store.samples.sample(self.current.id)
