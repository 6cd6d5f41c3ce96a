"""The tree of rounds: what came from what, where the head is, what is under way."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from sitool.front.desk import Look
from sitool.study.lineage import Line, mark_of, overall_words, tree_lines
from sitool.summary import Summary


def line_text(line: Line, summary: Summary) -> Text:
    """Write a round in one line: name, where it stands, accuracy, overruled samples."""
    r = line.round
    text = Text(line.stem, style="dim", no_wrap=True)
    text.append(r.round.label, style="bold" if r.round.id == summary.head else "")
    text.append(mark_of(r, summary))
    text.append(overall_words(r))
    return text


class RoundTree(Widget):
    """All rounds of the study; the one under the cursor is shown everywhere else."""

    BORDER_TITLE = "Rounds"
    help_text: ClassVar[str] = (
        "Every round of the study, each below the one it started from. ● is the head, from which"
        " the next step starts; ▸ is under way; ✗ was stepped back from before it was finished;"
        " ✎ counts samples that a person has overruled. The number is greedy accuracy over all"
        " levels, on problems that training never draws. Move to a round to look at it; f forks"
        " from it, u goes back a round."
    )
    DEFAULT_CSS = """
    RoundTree { border: round $panel-lighten-2; width: 26; }
    RoundTree:focus-within { border: round $accent; }
    RoundTree OptionList, RoundTree OptionList:focus {
        border: none; padding: 0; background: transparent; height: 1fr;
    }
    """

    class Shown(Message):
        """Another round is to be looked at."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__(id="rounds")
        self._numbers: list[int] = []
        self._texts: list[Text] = []
        self._shown: int | None = None

    def compose(self) -> ComposeResult:
        """Hold a list of rounds."""
        yield OptionList()

    def look(self, look: Look, shown: int | None) -> None:
        """Draw the tree, with the cursor on the shown round."""
        lines = tree_lines(look.summary)
        texts = [line_text(line, look.summary) for line in lines]
        options = self.query_one(OptionList)
        numbers = [line.round.round.id for line in lines]
        if numbers != self._numbers:
            options.clear_options()
            options.add_options([Option(text) for text in texts])
        else:
            for place, text in enumerate(texts):
                if text != self._texts[place]:
                    options.replace_option_prompt_at_index(place, text)
        self._numbers, self._texts = numbers, texts
        # A cursor that a person has just moved stays, even if we were not told of it yet.
        if shown in numbers and (shown != self._shown or options.highlighted is None):
            options.highlighted = numbers.index(shown)
        self._shown = shown

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the round under the cursor, unless we put the cursor there ourselves."""
        event.stop()
        late = event.option_index != event.option_list.highlighted
        if not late and self._numbers[event.option_index] != self._shown:
            self.post_message(self.Shown(self._numbers[event.option_index]))
