"""The bar in which a filter of samples is typed.

What it leaves out: what the words mean (`sitool/study/filter_line.py`).
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from sitool.study.filter_line import FilterError, Query, known_words, parse_query


class WordSuggester(Suggester):
    """Completes the word that is being typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=True, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the line with its last word completed."""
        last = value.rpartition(" ")[2]
        offers = (word for word in known_words() if last and word.startswith(last))
        found = next(offers, None)
        return None if found is None else value + found[len(last) :]


class FilterBar(Widget):
    """One line to type a filter in; what is wrong with it stands below."""

    BINDINGS: ClassVar = [Binding("escape", "clear", "Clear filter")]
    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; }
    FilterBar.-open { display: block; }
    FilterBar Input { border: none; height: 1; padding: 0 1; background: $boost; }
    FilterBar Input:focus { border: none; background-tint: $accent 15%; }
    FilterBar Static { height: auto; padding: 0 1; color: $text-warning; display: none; }
    FilterBar.-wrong Static { display: block; }
    """

    class Asked(Message):
        """Other samples are asked for."""

        def __init__(self, query: Query) -> None:
            super().__init__()
            self.query = query

    class Left(Message):
        """The bar was left; the table is to have the keys again."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: Query | None = None

    def compose(self) -> ComposeResult:
        """Hold the line and what is wrong with it."""
        yield Input(
            placeholder="accepted rejected level:5-7 score:0-.5 role:greedy, or text to find",
            suggester=WordSuggester(),
            select_on_focus=False,
        )
        yield Static(markup=False)

    def open(self, words: str = "") -> None:
        """Let a filter be typed."""
        self.add_class("-open")
        self._asked = None
        line = self.query_one(Input)
        line.value = words
        line.cursor_position = len(words)
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed; half a word is no mistake yet."""
        event.stop()
        last = event.value.rpartition(" ")[2]
        begun = any(word.startswith(last) and word != last for word in known_words() if last)
        if self.has_class("-open") and not begun:
            self._ask(event.value, forgive=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the table, unless there is a mistake."""
        event.stop()
        if self._ask(event.value, forgive=False):
            self._leave()

    def action_clear(self) -> None:
        """Show all samples again."""
        self.query_one(Input).value = ""
        self._ask("", forgive=False)
        self._leave()

    def _leave(self) -> None:
        self.remove_class("-open")
        self.post_message(self.Left())

    def _ask(self, words: str, *, forgive: bool) -> bool:
        try:
            query = parse_query(words)
        except FilterError as error:
            if not forgive or words.endswith(" "):
                self._say(error)
            return False
        self.remove_class("-wrong")
        if query != self._asked:
            self._asked = query
            self.post_message(self.Asked(query))
        return True

    def _say(self, error: FilterError) -> None:
        self.query_one(Static).update(f"{error.message} {error.hint}")
        self.add_class("-wrong")
