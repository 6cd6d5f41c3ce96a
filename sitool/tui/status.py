"""The lines that say what is going on: the header, the phases of the running round, the signal."""

from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from textual.widget import Widget

from sitool.front.desk import Look
from sitool.front.wording import acceptance, accepted_words, phases_of, resting_words, share_words
from sitool.progress import Progress
from sitool.summary import Advice, RoundSummary, advise
from sitool.visible import one_line

LONGEST_NAME = 40
"""Cells for the name of a study or a base."""
RUNNING = "The round is under way; p stops it and keeps what is done."
KEYS_OF_MOVES = {
    "step": " Press s.",
    "easier": " Press [ for easier.",
    "look": " Compare with c, or fork with f.",
}
KEYS_AT_REST = {
    "step": "Press s to go on from there.",
    "go on": "Press s to go on, . for one phase, u to leave it.",
    "": "",
}


class HeaderLine(Widget):
    """One line: which study, task and base this is, and what the open round waits for."""

    DEFAULT_CSS = "HeaderLine { height: 1; background: $panel; padding: 0 1; }"
    reviewing = False
    """Whether rounds pause before training."""

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None
        self._shown: int | None = None

    def look(self, look: Look, shown: int | None) -> None:
        """Draw it."""
        self._look, self._shown = look, shown
        self.refresh()

    def render(self) -> Text:
        """Write as much as there is room for; what does not change goes first."""
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("sitool ", style="bold")
        if self._look is None:
            return text
        s = self._look.summary.settings
        name = one_line(self._look.summary.folder.rstrip("/").rpartition("/")[2], LONGEST_NAME)
        text.append(f" {name} ", style="reverse")
        base = one_line(s.model.base.rstrip("/").rpartition("/")[2], LONGEST_NAME)
        now = self._standing(self._look.summary.head)
        room = self.size.width - text.cell_len - cell_len(now)
        parts = (s.task.name, base, f"seed {s.seed}")
        wholes = (f"  {' · '.join(parts[:count])}" for count in (3, 2, 1))
        text.append(next((whole for whole in wholes if cell_len(whole) <= room), ""))
        text.append(now)
        return text

    def _standing(self, head: int | None) -> str:
        """Say which round the next one starts from, and which one is looked at."""
        words = "" if head is None else f"   head r{head:04d}"
        if self.reviewing:
            words += "   review: on"
        if self._shown is not None and self._shown != head:
            words += f"   looking at r{self._shown:04d}"
        return words


class PhaseBar(Widget):
    """The phases of the running round with progress, rate and an honest time to go."""

    BORDER_TITLE = "Phases"
    help_text: ClassVar[str] = (
        "A round draws problems, samples answers, verifies them, selects which count, trains the"
        " adapter on those, and evaluates. The time to go takes this phase at its present speed"
        " and the later ones as long as they took in the round before; there is none before that"
        " is known. p stops at once: what is committed is kept, and s goes on from there."
    )
    DEFAULT_CSS = """
    PhaseBar { height: 2; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="phases")
        self._look: Look | None = None
        self._progress: Progress | None = None

    def look(self, look: Look, shown: int | None) -> None:
        """Draw what the study says."""
        self._look = look
        self.refresh()

    def follow(self, progress: Progress) -> None:
        """Draw how far the running round is."""
        self._progress = progress
        self.refresh()

    def render(self) -> Group | Text:
        """Draw the phases, and below them the progress or what to do."""
        if self._look is None:
            return Text("Opening the study …")
        progress = self._progress
        if self._look.working and progress is not None and progress.in_phase:
            line = Table.grid(padding=(0, 2, 0, 0), expand=True)
            line.add_column(no_wrap=True)
            line.add_column(ratio=1)
            line.add_row(progress.line(), self._bar(progress))
            return Group(self._working(progress), line)
        return Group(*self._resting(self._look))

    def _working(self, progress: Progress) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for phase in phases_of(self._look, progress.round):
            sign = "✓ " if phase in progress.done_phases else "· "
            here = phase is progress.phase
            text.append(f"{'▸ ' if here else sign}{phase}  ", style="bold" if here else "dim")
        return text

    def _bar(self, progress: Progress) -> ProgressBar:
        accent = self.app.theme_variables.get("accent", "default")
        return ProgressBar(
            total=max(progress.total, 1), completed=progress.done, complete_style=accent
        )

    def _resting(self, look: Look) -> tuple[Text, ...]:
        words, waits = resting_words(look)
        style = "" if waits or look.working else "dim"
        return Text(words, style=style), Text(KEYS_AT_REST[waits], style="bold")


class SignalPanel(Widget):
    """Whether the shown round's samples have anything to teach, and what to do."""

    BORDER_TITLE = "Signal"
    help_text: ClassVar[str] = (
        "Only problems that the model sometimes gets right and sometimes wrong tell good answers"
        " from bad ones. ✗ all wrong: nothing to learn from; ✓ all right: nothing new; ± mixed:"
        " the signal; ? no answer could be read. Below, by level: the share of samples that were"
        " right, and how many the selection kept (it may leave out duplicates, and keep only a few"
        " of a problem). A level whose share is near 0 costs samples and gives none back."
        " (A filter keeps each sample with the chance that it is right, so k samples of a problem"
        " with success s give k·s accepted ones on average.)"
    )
    DEFAULT_CSS = """
    SignalPanel { border: round $panel-lighten-2; width: 46; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="signal")
        self._content: Group | Text = Text("")

    def look(self, look: Look, shown: int | None) -> None:
        """Draw the shown round's shares, acceptance and the advice."""
        parts: list[Text | Table] = [
            Text(RUNNING) if look.working else advice_text(advise(look.summary))
        ]
        if shown is not None:
            here = look.summary.round(shown)
            self.border_title = f"Signal of {here.round.label}"
            parts += [Text(), *_shares(here.shares), *_accepted(here, look), *_by_level(here)]
        self._content = Group(*parts)
        self.refresh()

    def render(self) -> Group | Text:
        """Draw it."""
        return self._content


def advice_text(advice: Advice) -> Text:
    """Write the advice with the key that follows it."""
    return Text.assemble(advice.text, (KEYS_OF_MOVES.get(advice.move, ""), "bold"))


def _shares(shares: Mapping[str, float]) -> list[Text | Table]:
    parts = share_words(shares)
    if not parts:
        return []
    return [Text("problems  " + "  ".join(parts[:2])), Text(" " * 10 + "  ".join(parts[2:]))]


def _accepted(here: RoundSummary, look: Look) -> list[Text | Table]:
    words = accepted_words(here, look.summary)
    return [Text(words, style="" if here.sampled else "dim")] if words else []


def _by_level(here: RoundSummary) -> list[Text | Table]:
    """Draw a bar for each level: how many of its samples were right; first what was drawn most."""
    table = Table.grid(padding=(0, 1))
    for level, share, words in acceptance(here):
        bar = "█" * round(10 * share) or ("▏" if share else "")
        table.add_row(f"L{level}", Text(bar.ljust(10, "·")), words)
    return [table] if table.row_count else []
