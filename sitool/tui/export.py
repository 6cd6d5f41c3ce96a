"""Takes things out of the app: the shown chart, the filtered samples, a screenshot."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from sitool.client import Study
from sitool.drafts import replaced_file
from sitool.errors import SitoolError, StudyError
from sitool.plots import Plot
from sitool.store import SampleFilter, round_label
from sitool.study import export
from sitool.tui.desk import Desk
from sitool.tui.dialogs import Dialog
from sitool.vega import svg_of

KINDS = (
    ("chart", "the shown chart, as SVG", ".svg"),
    ("jsonl", "the filtered samples, as JSON lines", ".jsonl"),
    ("csv", "the filtered samples, as CSV", ".csv"),
    ("screen", "a screenshot, as SVG", ".svg"),
)


def without_web_fonts(svg: str) -> str:
    """Take out of an SVG what would fetch a font; the reader's own monospace font will do."""
    return re.sub(r"@font-face\s*{.*?}|<!--.*?-->", "", svg, flags=re.DOTALL)


class ExportScreen(Dialog[None]):
    """Asks what to write and where, and writes it.

    Args:
        folder: The study; files are proposed there.
        plot: The shown chart.
        where: The filter of the shown samples.
    """

    BINDINGS: ClassVar = [Binding("escape", "dismiss", "Cancel")]
    DEFAULT_CSS = """
    ExportScreen > Vertical { width: 76; }
    ExportScreen OptionList { height: auto; margin: 1 0; }
    """

    def __init__(
        self,
        folder: Path,
        shown: int | None,
        plot: Plot,
        where: SampleFilter | None,
        desk: Desk,
    ) -> None:
        super().__init__()
        self._folder, self._shown, self._plot = folder, shown, plot
        self._where, self._desk = where, desk

    def compose(self) -> ComposeResult:
        """Show what can be written, and the file's name."""
        with Vertical():
            yield Label("Write to a file")
            yield OptionList(*(Option(words, id=kind) for kind, words, _ in KINDS))
            yield Input(placeholder="file")
            yield Label(
                Text("Enter writes; Tab goes to the name of the file; Escape leaves.", style="dim")
            )

    def on_mount(self) -> None:
        """Begin with the chart."""
        self.query_one(OptionList).highlighted = 0

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Propose a name."""
        self.query_one(Input).value = str(self._proposed(event.option_index))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Write it to the proposed file."""
        self._write()

    def _proposed(self, place: int) -> Path:
        kind, _, suffix = KINDS[place]
        label = "base" if self._shown is None else round_label(self._shown)
        word = self._plot.kind if kind == "chart" else "screen" if kind == "screen" else "samples"
        return self._folder / f"{word}-{label}{suffix}"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write it to the file that was typed."""
        self._write()

    def _write(self) -> None:
        """Write it; whatever goes wrong is said and nothing else changes."""
        place = self.query_one(OptionList).highlighted or 0
        kind, file = KINDS[place][0], Path(self.query_one(Input).value).expanduser()
        self.dismiss()
        app = self.app

        def say(written: str) -> None:
            app.notify(f"Wrote {written} to {file}.")

        if kind == "screen":
            self.call_later(self._screenshot, file, say)
            return
        self._desk.ask(self._writer(kind, file), say)

    def _screenshot(self, file: Path, say: Callable[[str], None]) -> None:
        """Take it after this question has gone from the screen."""
        try:
            with replaced_file(file) as draft:
                picture = without_web_fonts(self.app.export_screenshot())
                draft.write_text(picture, encoding="utf-8")
        except SitoolError as error:
            self.app.notify(str(error), severity="error", timeout=12)
        else:
            say("a screenshot")

    def _writer(self, kind: str, file: Path) -> Callable[[Study], str]:
        def write(study: Study) -> str:
            if kind == "chart":
                with replaced_file(file) as draft:
                    draft.write_text(svg_of(self._plot), encoding="utf-8")
                return "the chart"
            if self._where is None:
                raise StudyError("There are no samples to write yet.", "try: s, for a round")
            count = export.export_samples(study.samples(self._where), file)
            return f"{count:,} samples"

        return write
