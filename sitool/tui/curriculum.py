"""The curriculum panel: a weight for each level, beside what was measured there.

Weights are moved by keys or by clicking on the bars, and apply to the next round.
"""

from collections.abc import Callable
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from sitool.config import CurriculumSettings
from sitool.front.desk import Look
from sitool.front.mixture import NO_LEVEL, RULES, band_words, rule_words, success_by_level, weighed

EIGHTHS = " ▁▂▃▄▅▆▇█"
BAR_ROWS = 3
GUTTER = 9
STEP = 0.05
WEIGHT = Binding.Group("Weight", compact=True)


class CurriculumPanel(Widget, can_focus=True):
    """What the next round draws, level by level."""

    BORDER_TITLE = "Curriculum"
    help_text: ClassVar[str] = (
        "Bars: the share of the next round's problems that comes from each level. Below them,"
        " how often the shown round's model (or, while it is under way, that of the round"
        " before) solves a held-out problem of that level (pass@1 of sampled answers); ▕ ▏ marks"
        " levels inside the target band. [ and ] move the whole mixture a level. With this panel"
        " in focus: left and right choose a level, up and down change its weight (the rule"
        " becomes manual), t takes another rule. Changes apply to the next round and are"
        " recorded on it. Why a band: a level of success s gives accepted samples in proportion"
        " to s, and the model learns most where s·ln(1/s) is large, at s = 1/e = .37 (sitool's"
        " own bound for levels that share a skill)."
    )
    BINDINGS: ClassVar = [
        Binding("left", "choose(-1)", "Level", show=False),
        Binding("right", "choose(1)", "Level", show=False),
        Binding("up", "weigh(1)", "More", key_display="↑", group=WEIGHT),
        Binding("down", "weigh(-1)", "Less", key_display="↓", group=WEIGHT),
        Binding("t", "rule", "Rule"),
    ]
    DEFAULT_CSS = """
    CurriculumPanel { border: round $panel-lighten-2; height: 10; padding: 0 1; }
    CurriculumPanel:focus { border: round $accent; }
    """

    class Changed(Message):
        """The curriculum of the next round is to be changed.

        Attributes:
            changes: Settings of the curriculum group, by name.
        """

        def __init__(self, changes: dict[str, object]) -> None:
            super().__init__()
            self.changes = changes

    def __init__(self) -> None:
        super().__init__(id="curriculum")
        self._settings = CurriculumSettings()
        self._weights: dict[int, float] = {}
        self._problems: dict[int, int] = {}
        self._success: dict[int, float] = {}
        self._sentence = ""
        self._level = 1

    def look(self, look: Look, shown: int | None) -> None:
        """Draw the next round's weights, and the success of the shown round or its parent."""
        self._settings = look.summary.settings.curriculum
        plan = look.plan
        self._weights = dict(plan.weights) if plan else {}
        self._problems = dict(plan.problems) if plan else {}
        self._sentence = plan.sentence if plan else "Step once: the base is measured first."
        self._success = success_by_level(look.summary, shown)
        self.border_title = f"Curriculum of the next round: {rule_words(self._settings)}"
        self.refresh()

    @property
    def levels(self) -> list[int]:
        """The levels that are drawn as columns."""
        return sorted(set(self._weights) | set(self._success))

    def render(self) -> Group | Text:
        """Draw the bars, the numbers, and the sentence that says why."""
        if not self.levels:
            return Text(self._sentence)
        width = self._column_width()
        text = Text(no_wrap=True, overflow="ellipsis")
        for row in range(BAR_ROWS):
            text.append(f"{'weight' if row == BAR_ROWS - 1 else '':<{GUTTER}}", style="dim")
            text.append_text(self._bars(row, width))
            text.append("\n")
        text.append_text(self._numbers("level", width, str))
        text.append_text(self._numbers("success", width, self._success_text))
        text.append_text(self._numbers("draws", width, self._draws_text))
        text.right_crop(1)
        return Group(text, Text(self._sentence))

    def _column_width(self) -> int:
        return max(5, min(9, (self.size.width - GUTTER) // max(len(self.levels), 1)))

    def _bars(self, row: int, width: int) -> Text:
        """Draw one row of all bars, the topmost first."""
        text = Text()
        top = max(self._weights.values(), default=0.0) or 1.0
        for level in self.levels:
            filled = self._weights.get(level, 0.0) / top * BAR_ROWS * 8
            here = round(min(max(filled - (BAR_ROWS - 1 - row) * 8, 0), 8))
            block = EIGHTHS[here] * (width - 2)
            text.append(f"{block}  ")
        return text

    def _style(self, level: int) -> str:
        return "reverse" if self.has_focus and level == self._level else ""

    def _numbers(self, name: str, width: int, write: Callable[[int], str]) -> Text:
        text = Text(f"{name:<{GUTTER}}", style="dim")
        for level in self.levels:
            text.append(
                f"{write(level):<{width - 1}}", style=f"not dim {self._style(level)}".strip()
            )
            text.append(" ")
        text.append("\n")
        return text

    def _success_text(self, level: int) -> str:
        return band_words(self._settings, self._success.get(level))

    def _draws_text(self, level: int) -> str:
        count = self._problems.get(level, 0)
        return f" {count:,}" if count else " ·"

    def action_choose(self, places: int) -> None:
        """Choose a level to weigh."""
        if self.levels:
            place = self.levels.index(self._level) if self._level in self.levels else 0
            self._level = self.levels[min(max(place + places, 0), len(self.levels) - 1)]
            self.refresh()

    def action_weigh(self, steps: int) -> None:
        """Change the chosen level's weight; the rule becomes manual."""
        self._weigh(self._level, self._weights.get(self._level, 0.0) + steps * STEP)

    def _weigh(self, level: int, weight: float) -> None:
        if not self._weights:
            self.app.notify("The base is not measured yet: press s first.", severity="warning")
            return
        changes = weighed(self._weights, level, weight)
        if changes is None:
            self.app.notify(NO_LEVEL)
            return
        self._weights = changes["weights"]
        self.refresh()
        self.post_message(self.Changed(changes))

    def action_rule(self) -> None:
        """Take the next rule."""
        place = RULES.index(self._settings.rule)
        self.post_message(self.Changed({"rule": RULES[(place + 1) % len(RULES)]}))

    def on_click(self, event: events.Click) -> None:
        """Set a level's weight to the height that was clicked."""
        place = (event.x - 2 - GUTTER) // self._column_width()
        row = event.y - 1
        if not 0 <= place < len(self.levels) or event.x < 2 + GUTTER:
            return
        self._level = self.levels[place]
        self.refresh()
        if 0 <= row < BAR_ROWS:
            top = max(self._weights.values(), default=0.0) or 1.0
            self._weigh(self._level, top * (BAR_ROWS - row) / BAR_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Raise the weight of the level under the mouse."""
        self._scroll(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Lower it."""
        self._scroll(event, -1)

    def _scroll(self, event: events.MouseEvent, steps: int) -> None:
        place = (event.x - 2 - GUTTER) // self._column_width()
        if 0 <= place < len(self.levels):
            event.stop()
            self._level = self.levels[place]
            self.action_weigh(steps)
